/**
 * English country names for addresses. Our own table and not `Intl`, whose names change with the
 * runtime: the same snapshot must give the same bytes for ever. A name, once here, never changes.
 */
const NAMES = new Map(
  [
    'AE United Arab Emirates|AR Argentina|AT Austria|AU Australia|BA Bosnia and Herzegovina',
    'BE Belgium|BG Bulgaria|BH Bahrain|BR Brazil|CA Canada|CH Switzerland|CL Chile|CN China',
    'CO Colombia|CY Cyprus|CZ Czechia|DE Germany|DK Denmark|EE Estonia|EG Egypt|ES Spain|FI Finland',
    'FR France|GB United Kingdom|GE Georgia|GR Greece|HK Hong Kong|HR Croatia|HU Hungary|ID Indonesia',
    'IE Ireland|IL Israel|IN India|IQ Iraq|IS Iceland|IT Italy|JO Jordan|JP Japan|KE Kenya',
    'KR South Korea|KW Kuwait|KZ Kazakhstan|LB Lebanon|LI Liechtenstein|LT Lithuania|LU Luxembourg',
    'LV Latvia|MA Morocco|MD Moldova|ME Montenegro|MK North Macedonia|MT Malta|MX Mexico|MY Malaysia',
    'NG Nigeria|NL Netherlands|NO Norway|NZ New Zealand|OM Oman|PE Peru|PH Philippines|PK Pakistan',
    'PL Poland|PT Portugal|QA Qatar|RO Romania|RS Serbia|RU Russia|SA Saudi Arabia|SE Sweden',
    'SG Singapore|SI Slovenia|SK Slovakia|TH Thailand|TN Tunisia|TR Türkiye|TW Taiwan|UA Ukraine',
    'US United States|VN Vietnam|ZA South Africa',
  ]
    .join('|')
    .split('|')
    .map((entry) => [entry.slice(0, 2), entry.slice(3)]),
)

/** The English name of an ISO 3166 country, or its code where the table has none. */
export function countryName(code: string): string {
  return NAMES.get(code) ?? code
}
