import { inflateSync } from 'node:zlib'

type PdfObject = { dictionary: string; stream: Buffer | undefined }

export type Piece = { text: string; x: number; y: number }

/** As much of a PDF as the tests look at. */
export type ReadPdf = {
  /** The dictionaries of all objects, one after the other. */
  dictionaries: string
  /** The texts of each page, one per piece that was set at one place. */
  pages: string[][]
  /** The same with their places, in points from the lower left corner of the page. */
  places: Piece[][]
  /** Embedded files by name. */
  files: Record<string, string>
  metadata: string
}

/** Reads a PDF that pdfkit wrote: plain cross-reference table, Flate streams, Identity-H fonts. */
export function readPdf(bytes: Uint8Array): ReadPdf {
  const objects = readObjects(Buffer.from(bytes))
  const all = [...objects.values()]
  const fonts = new Map<string, Map<string, string>>()
  for (const { dictionary } of all) {
    for (const [, name = '', id = ''] of dictionary.matchAll(/\/(F\d+) (\d+) 0 R/g)) {
      const unicode = /\/ToUnicode (\d+) 0 R/.exec(objects.get(id)?.dictionary ?? '')?.[1] ?? ''
      fonts.set(name, readToUnicode(textOf(objects.get(unicode))))
    }
  }
  const root = all.find(({ dictionary }) => /\/Type \/Pages\b/.test(dictionary))?.dictionary ?? ''
  const kids = [...(/\/Kids \[([^\]]*)\]/.exec(root)?.[1] ?? '').matchAll(/(\d+) 0 R/g)]
  const places = kids.map(([, id = '']) => {
    const contents = /\/Contents (\d+) 0 R/.exec(objects.get(id)?.dictionary ?? '')?.[1] ?? ''
    return readPieces(textOf(objects.get(contents)), fonts)
  })
  const pages = places.map((pieces) => pieces.map((piece) => piece.text))
  const files: Record<string, string> = {}
  for (const { dictionary } of all) {
    const file = /\/F \(([^)]*)\)[\s\S]*\/F (\d+) 0 R/.exec(dictionary)
    if (file) files[file[1] ?? ''] = textOf(objects.get(file[2] ?? ''))
  }
  const metadata = textOf(all.find(({ dictionary }) => dictionary.includes('/Type /Metadata')))
  return {
    dictionaries: all.map((each) => each.dictionary).join('\n'),
    pages,
    places,
    files,
    metadata,
  }
}

function textOf(object: PdfObject | undefined): string {
  return object?.stream?.toString('utf8') ?? ''
}

function readObjects(file: Buffer): Map<string, PdfObject> {
  const text = file.toString('latin1')
  const table = text.slice(Number(/startxref\s+(\d+)\s+%%EOF\s*$/.exec(text)?.[1]))
  const offsets = [...table.matchAll(/^(\d{10}) \d{5} n/gm)].map(([, offset]) => Number(offset))
  return new Map(
    offsets.map((offset): [string, PdfObject] => {
      const head = /^(\d+) 0 obj\n/.exec(text.slice(offset, offset + 20))
      const start = offset + (head?.[0].length ?? 0)
      const end = text.indexOf('\nendobj', start)
      const streamAt = text.indexOf('\nstream\n', start)
      const hasStream = streamAt >= 0 && streamAt < end
      const dictionary = text.slice(start, hasStream ? streamAt : end)
      if (!hasStream) return [head?.[1] ?? '', { dictionary, stream: undefined }]
      const length = Number(/\/Length (\d+)/.exec(dictionary)?.[1])
      const raw = file.subarray(streamAt + 8, streamAt + 8 + length)
      const stream = dictionary.includes('/FlateDecode') ? inflateSync(raw) : raw
      return [head?.[1] ?? '', { dictionary, stream }]
    }),
  )
}

/** Glyph (four hexadecimal digits) to text. */
function readToUnicode(cmap: string): Map<string, string> {
  const glyphs = new Map<string, string>()
  for (const [, first = '', list = ''] of cmap.matchAll(/<(\w{4})> <\w{4}> \[([^\]]*)\]/g)) {
    ;[...list.matchAll(/<([^>]*)>/g)].forEach(([, units = ''], index) => {
      const glyph = (Number.parseInt(first, 16) + index).toString(16).padStart(4, '0')
      const codes = units.split(' ').map((unit) => Number.parseInt(unit, 16))
      glyphs.set(glyph, String.fromCharCode(...codes))
    })
  }
  return glyphs
}

function readPieces(content: string, fonts: Map<string, Map<string, string>>): Piece[] {
  return [...content.matchAll(/BT\n([\s\S]*?)\nET/g)].map(([, block = '']) => {
    const glyphs = fonts.get(/\/(F\d+) /.exec(block)?.[1] ?? '')
    const strings = [...block.matchAll(/<([0-9a-f]+)>/g)].map(([, hex = '']) => hex)
    const text = strings
      .flatMap((hex) => hex.match(/.{4}/g) ?? [])
      .map((code) => (code === '0000' ? '(missing glyph)' : (glyphs?.get(code) ?? '?')))
      .join('')
    const place = /1 0 0 1 (\S+) (\S+) Tm/.exec(block)
    return { text, x: Number(place?.[1]), y: Number(place?.[2]) }
  })
}
