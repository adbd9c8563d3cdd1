import type { InvoiceSnapshot } from '../domain/invoice.ts'
import { renderCii } from './cii.ts'
import { normObstacles } from './norm.ts'

const FILE_NAME = 'factur-x.xml'
const NAMESPACE = 'urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#'

/**
 * Makes a PDF/A-3 the hybrid invoice of Factur-X 1.0 and ZUGFeRD 2 (profile EN 16931): the CII XML
 * as an associated file, and the metadata by which a program finds it. An invoice that the norm
 * cannot express stays a PDF without XML.
 */
export function attachFacturX(
  document: PDFKit.PDFDocument,
  invoice: InvoiceSnapshot,
  modifiedDate: Date,
): void {
  if (normObstacles(invoice).length > 0) return
  const attachment = {
    name: FILE_NAME,
    type: 'text/xml',
    description: `Invoice ${invoice.number} as Cross Industry Invoice (EN 16931)`,
    relationship: 'Alternative',
    modifiedDate,
  }
  document.file(Buffer.from(renderCii(invoice), 'utf8'), attachment)
  document.appendXML(extensionSchema())
  document.appendXML(`
    <rdf:Description rdf:about="" xmlns:fx="${NAMESPACE}">
      <fx:DocumentType>INVOICE</fx:DocumentType>
      <fx:DocumentFileName>${FILE_NAME}</fx:DocumentFileName>
      <fx:Version>1.0</fx:Version>
      <fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>
    </rdf:Description>`)
}

/** PDF/A allows metadata of other schemas only when the file itself describes them. */
function extensionSchema(): string {
  const properties = [
    ['DocumentFileName', 'The name of the embedded XML document'],
    ['DocumentType', 'The type of the hybrid document in capital letters, such as INVOICE'],
    ['Version', 'The version of the standard of the embedded XML document'],
    ['ConformanceLevel', 'The profile of the embedded XML document'],
  ]
  const items = properties.map(
    ([name, description]) => `
              <rdf:li rdf:parseType="Resource">
                <pdfaProperty:name>${name}</pdfaProperty:name>
                <pdfaProperty:valueType>Text</pdfaProperty:valueType>
                <pdfaProperty:category>external</pdfaProperty:category>
                <pdfaProperty:description>${description}</pdfaProperty:description>
              </rdf:li>`,
  )
  return `
    <rdf:Description rdf:about=""
      xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
      xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
      xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
      <pdfaExtension:schemas>
        <rdf:Bag>
          <rdf:li rdf:parseType="Resource">
            <pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>
            <pdfaSchema:namespaceURI>${NAMESPACE}</pdfaSchema:namespaceURI>
            <pdfaSchema:prefix>fx</pdfaSchema:prefix>
            <pdfaSchema:property>
            <rdf:Seq>${items.join('')}
            </rdf:Seq>
            </pdfaSchema:property>
          </rdf:li>
        </rdf:Bag>
      </pdfaExtension:schemas>
    </rdf:Description>`
}
