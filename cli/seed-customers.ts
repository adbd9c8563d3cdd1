/** Who buys in the sandbox: three resellers in three time zones; the companies do not exist. */
export type SeedCustomer = {
  name: string
  email: string
  firstName: string
  lastName: string
  company: string
  phone: string
  tags: string[]
  taxId: string | null
  timeZone: string
  address: { street: string; city: string; state?: string; zip: string; country: string }
}

/** The first is the reseller that the printed customer key is bound to. */
export const SEED_CUSTOMERS: readonly SeedCustomer[] = [
  {
    name: 'reseller',
    email: 'orders@hollinvale.example',
    firstName: 'Dana',
    lastName: 'Whitlock',
    company: 'Hollin & Vale Prepaid LLC',
    phone: '+1 212 555 0142',
    tags: ['reseller', 'north-america'],
    taxId: null,
    timeZone: 'America/New_York',
    address: {
      street: '218 Coppersmith Street, Floor 4',
      city: 'New York',
      state: 'NY',
      zip: '10013',
      country: 'US',
    },
  },
  {
    name: 'santiago',
    email: 'compras@codigosandinos.example',
    firstName: 'Catalina',
    lastName: 'Riquelme Soto',
    company: 'Códigos Andinos SpA',
    phone: '+56 2 2555 0187',
    tags: ['reseller', 'south-america'],
    taxId: '76.555.014-2',
    timeZone: 'America/Santiago',
    address: {
      street: 'Avenida Los Coihues 1450, oficina 702',
      city: 'Santiago',
      zip: '7500000',
      country: 'CL',
    },
  },
  {
    name: 'athens',
    email: 'parangelies@iliotropio.example',
    firstName: 'Ελένη',
    lastName: 'Παπαδημητρίου',
    company: 'Ηλιοτρόπιο Ψηφιακά Α.Ε.',
    phone: '+30 21 0555 0163',
    tags: ['reseller', 'europe'],
    taxId: 'EL099955501',
    timeZone: 'Europe/Athens',
    address: { street: 'Οδός Κυδωνιών 17', city: 'Αθήνα', zip: '105 54', country: 'GR' },
  },
]
