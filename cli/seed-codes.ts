import { createHash } from 'node:crypto'
import type { CodeSecret } from '../secrets/vault.ts'
import type { CodeForm } from './seed-catalogue.ts'

// No letters or digits that are mistaken for one another.
const LETTERS = 'ABCDEFGHJKMNPQRSTVWXYZ23456789'
const CODE_LETTERS = 16

/** The nth sandbox code of a SKU, the same in every sandbox: it is worth nothing anywhere. */
export function sandboxSecret(form: CodeForm, sku: string, n: number): CodeSecret {
  const bytes = createHash('sha256').update(`bark sandbox code ${sku} ${n}`).digest()
  const letters = Array.from(bytes.subarray(0, CODE_LETTERS), (byte) => LETTERS[byte % 30]).join('')
  const code = letters.replaceAll(/(.{4})(?=.)/g, '$1-')
  const number = (from: number, digits: number) =>
    String(bytes.readUInt32BE(from) % 10 ** digits).padStart(digits, '0')
  if (form === 'url') {
    return { code: null, pin: null, serial: null, url: `https://redeem.bark.example/${letters}` }
  }
  if (form === 'code') return { code, pin: null, serial: null, url: null }
  return { code, pin: number(16, 4), serial: `BK${number(20, 8)}`, url: null }
}
