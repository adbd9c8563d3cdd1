/** A piece of XML that is already escaped: made by `element` only, so that raw text cannot slip in. */
export type XmlElement = { xml: string }

type Attributes = Record<string, string>
type Content = string | (XmlElement | undefined)[]

/**
 * One element with a text or with children; children that are `undefined` are left out, so that an
 * optional element is one expression at its place.
 */
export function element(name: string, content: Content, attributes: Attributes = {}): XmlElement {
  const attributeText = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escapeXml(value)}"`)
    .join('')
  const inner =
    typeof content === 'string'
      ? escapeXml(content)
      : content.map((child) => child?.xml ?? '').join('')
  return { xml: `<${name}${attributeText}>${inner}</${name}>` }
}

/** An element that exists only when its text does. */
export function optionalElement(
  name: string,
  text: string | undefined,
  attributes: Attributes = {},
): XmlElement | undefined {
  return text ? element(name, text, attributes) : undefined
}

/** A whole document in UTF-8. */
export function xmlDocument(root: XmlElement): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${root.xml}\n`
}

/**
 * Text for XML 1.0, in an element or in an attribute. Characters that XML cannot hold at all (NUL
 * and other controls, lone surrogates) become U+FFFD, the replacement character.
 */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\r', '&#13;')
}
