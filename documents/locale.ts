/**
 * How a customer's country writes numbers and dates. Our own table, and not `Intl`, whose data change
 * with the runtime: the same snapshot must give the same bytes for ever. Each row says what the common
 * locale data (CLDR 48) say; a row, once here, never changes. The scripts are those of our fonts.
 */

type Numbers = {
  group: string
  decimal: string
  /** The fewest digits before the decimal sign that are grouped at all: Poland writes 1234,50. */
  groupedDigitsMin: 4 | 5
  /** India has groups of two before the last three. */
  indian?: true
}

export type Locale = Numbers & {
  /** A day in letters or digits; `MMMM` is the English name of the month, as our labels are English. */
  date: string
  /** The same in digits alone, for a column of times. */
  shortDate: string
}

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

const NO_BREAK_SPACE = '\u00a0'

const numbers = (group: string, decimal: string, groupedDigitsMin: 4 | 5 = 4): Numbers => ({
  group,
  decimal,
  groupedDigitsMin,
})
const COMMA = numbers(',', '.')
const POINT = numbers('.', ',')
const POINT_FROM_FIVE = numbers('.', ',', 5)
const SPACE = numbers(NO_BREAK_SPACE, ',')
const SPACE_FROM_FIVE = numbers(NO_BREAK_SPACE, ',', 5)
const APOSTROPHE = numbers("'", '.')
const APOSTROPHE_COMMA = numbers("'", ',')
const INDIAN: Numbers = { ...COMMA, indian: true }

/** Numbers, the pattern of a day, and the locales that write both so. */
const ROWS: [Numbers, string, string][] = [
  [POINT, 'dd.MM.yyyy', 'de da is ro tr lb'],
  [POINT, 'dd.MM.yyyy.', 'sr'],
  [POINT, 'dd. MM. yyyy.', 'hr bs'],
  [POINT, 'dd.MM.yyyy г.', 'mk'],
  [POINT, 'dd/MM/yyyy', 'el pt nl-BE fr-LU es-AR es-CO ca gl'],
  [POINT, 'dd-MM-yyyy', 'nl es-CL'],
  [POINT_FROM_FIVE, 'dd/MM/yyyy', 'es it'],
  [POINT_FROM_FIVE, 'dd. MM. yyyy', 'sl'],
  [SPACE, 'dd.MM.yyyy', 'de-AT nb nn no fi sv-FI uk ru kk'],
  [SPACE, 'dd. MM. yyyy', 'cs sk'],
  [SPACE, 'dd/MM/yyyy', 'fr'],
  [SPACE, 'yyyy-MM-dd', 'sv lt fr-CA'],
  [SPACE_FROM_FIVE, 'dd.MM.yyyy', 'pl et lv be sq'],
  [SPACE_FROM_FIVE, 'dd.MM.yyyy г.', 'bg'],
  [SPACE_FROM_FIVE, 'yyyy. MM. dd.', 'hu'],
  [SPACE_FROM_FIVE, 'dd/MM/yyyy', 'pt-PT'],
  [APOSTROPHE, 'dd.MM.yyyy', 'de-CH de-LI'],
  [APOSTROPHE_COMMA, 'dd.MM.yyyy', 'fr-CH'],
  [{ ...APOSTROPHE, groupedDigitsMin: 5 }, 'dd.MM.yyyy', 'it-CH'],
  [COMMA, 'dd/MM/yyyy', 'es-MX es-PE es-US ga mt'],
]

const ENGLISH: Locale = { ...COMMA, date: 'd MMMM yyyy', shortDate: 'yyyy-MM-dd' }

const LOCALES: ReadonlyMap<string, Locale> = new Map([
  ['en', ENGLISH],
  ['en-US', { ...ENGLISH, date: 'MMMM d, yyyy' }],
  ['en-IN', { ...ENGLISH, ...INDIAN }],
  ...ROWS.flatMap(([style, pattern, tags]) => {
    const date = pattern.replaceAll(' ', NO_BREAK_SPACE)
    return tags
      .split(' ')
      .map((tag): [string, Locale] => [tag, { ...style, date, shortDate: date }])
  }),
])

/** Every locale that is in the table. */
export const LOCALE_TAGS: readonly string[] = [...LOCALES.keys()]

/**
 * How a BCP 47 tag is written in: as its whole, or else as its language; nothing for a language that
 * is not in the table.
 */
export function findLocale(tag: string): Locale | undefined {
  return LOCALES.get(tag) ?? LOCALES.get(tag.split('-')[0] ?? '')
}

/** The same for a document; one whose language is not known is written as in English. */
export function localeOf(tag: string): Locale {
  return findLocale(tag) ?? ENGLISH
}

/** A decimal with a point, such as "-1234.50", as the locale writes it. */
export function writeDecimal(decimal: string, locale: Locale): string {
  const [whole = '', fraction] = decimal.split('.')
  const digits = whole.replace('-', '').length
  const places = locale.indian === true ? /\B(?=(\d{2})*(\d{3})$)/g : /\B(?=(\d{3})+$)/g
  const grouped = digits < locale.groupedDigitsMin ? whole : whole.replaceAll(places, locale.group)
  return fraction === undefined ? grouped : grouped + locale.decimal + fraction
}

/** A calendar day, YYYY-MM-DD, in one of the locale's patterns. */
export function writeDate(date: string, pattern: string): string {
  const [year = '', month = '', day = ''] = date.split('-')
  const parts: Readonly<Record<string, string>> = {
    yyyy: year,
    MMMM: MONTHS[Number(month) - 1] ?? '',
    MM: month,
    dd: day,
    d: String(Number(day)),
  }
  return pattern.replaceAll(/yyyy|MMMM|MM|dd|d/g, (part) => parts[part] ?? part)
}
