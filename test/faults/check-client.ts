import { isDeepStrictEqual } from 'node:util'
import type { Operation } from './history.ts'
import type { Violation } from './invariants.ts'
import type { Told } from './merchant.ts'
import { fieldsOf, listOf } from './json.ts'

/** What the client's own history shows: I2, I3, I7, I8, I10, I14, I17, and answers that never come. */
export function checkHistory(told: Told): Violation[] {
  const { operations } = told.client
  return [
    ...checkKeys(operations),
    ...checkCodeLists(operations),
    ...checkInvoices(operations),
    ...checkRefusals(operations),
  ]
}

/** I3, I2: answers with 2xx under one key are equal and name one object; other bodies are refused. */
function checkKeys(operations: Operation[]): Violation[] {
  const violations: Violation[] = []
  const keyed = operations.filter(({ key }) => key !== null)
  for (const [key, members] of Map.groupBy(keyed, (operation) => String(operation.key))) {
    const [first] = members
    const same = members.filter(({ body }) => isDeepStrictEqual(body, first?.body))
    const answers = same.flatMap(({ tries }) => tries.filter(({ outcome }) => outcome === 'ok'))
    const differs = answers.some(
      ({ status, body }) =>
        status !== answers[0]?.status || !isDeepStrictEqual(body, answers[0]?.body),
    )
    if (differs) {
      const rows = answers.map(({ status, body, replayed }) => ({ status, body, replayed }))
      violations.push({ invariant: 'I3', what: `answers under one key differ: ${key}`, rows })
    }
    const ids = new Set(answers.map(({ body }) => fieldsOf(body)['id']))
    if (ids.size > 1) {
      violations.push({ invariant: 'I2', what: `one key made several: ${key}`, rows: [...ids] })
    }
    const others = members.filter((operation) => !same.includes(operation))
    const accepted = others.filter(({ tries }) => tries.some(({ outcome }) => outcome === 'ok'))
    if (accepted.length > 0) {
      const what = `another body was accepted under a used key: ${key}`
      violations.push({ invariant: 'I3', what, rows: accepted.map(({ name }) => name) })
    }
  }
  return violations
}

/** I8: the counts add up. I10: codes only come, and stay. I7: one code is never of two units. */
function checkCodeLists(operations: Operation[]): Violation[] {
  const violations: Violation[] = []
  const unitOfCode = new Map<string, string>()
  const lists = operations.filter(({ path }) => path.endsWith('/codes'))
  for (const [path, members] of Map.groupBy(lists, (operation) => operation.path)) {
    const shown = new Map<string, unknown>()
    for (const { body } of members.flatMap(({ tries }) => tries.filter(isOk))) {
      const list = fieldsOf(body)
      const count = (name: string) => Number(list[name])
      const parts = count('delivered') + count('remaining') + count('failed') + count('cancelled')
      if (count('requested') !== parts) {
        violations.push({ invariant: 'I8', what: `counts do not add up: ${path}`, rows: [list] })
      }
      const units = new Map<string, unknown>()
      for (const each of listOf(list['codes'])) {
        const unit = fieldsOf(each)
        const { state, reason: _, ...shownCode } = unit
        if (HAS_CODE.has(state)) units.set(String(unit['unit_id']), shownCode)
      }
      for (const [unitId, code] of shown) {
        if (isDeepStrictEqual(units.get(unitId), code)) continue
        violations.push({
          invariant: 'I10',
          what: `a code shown before changed: ${path}`,
          rows: [unitId],
        })
      }
      for (const [unitId, code] of units) {
        shown.set(unitId, code)
        const text = JSON.stringify([fieldsOf(code)['code'], fieldsOf(code)['url']])
        const owner = unitOfCode.get(text) ?? unitId
        unitOfCode.set(text, owner)
        if (owner === unitId) continue
        violations.push({ invariant: 'I7', what: 'one code for two units', rows: [owner, unitId] })
      }
    }
  }
  return violations
}

/** In these states of a unit its code is shown: a reversed one was delivered before. */
const HAS_CODE = new Set<unknown>(['available', 'reversed'])

/** I17: an invoice reads the same each time. I14: it is the sum of its lines. */
function checkInvoices(operations: Operation[]): Violation[] {
  const violations: Violation[] = []
  const reads = operations.filter(({ path }) => /^\/v2\/invoices\/inv_\w+$/.test(path))
  for (const [path, members] of Map.groupBy(reads, (operation) => operation.path)) {
    const bodies = members.flatMap(({ tries }) =>
      tries.filter(isOk).map(({ body }) => withoutState(body)),
    )
    const later = bodies.filter((body) => !isDeepStrictEqual(body, bodies[0]))
    if (later.length > 0) {
      violations.push({ invariant: 'I17', what: `an invoice changed: ${path}`, rows: later })
    }
    const wrong = bodies.filter((body) => {
      const lines = listOf(body['lines']).map(fieldsOf)
      const sum = lines.reduce((total, line) => total + Number(line['net_minor']), 0)
      return sum !== Number(body['subtotal_minor'])
    })
    if (wrong.length > 0) {
      violations.push({ invariant: 'I14', what: `an invoice is not its sum: ${path}`, rows: wrong })
    }
  }
  return violations
}

/** A fault is answered 503, or not at all; never as if the request or the program were wrong. */
function checkRefusals(operations: Operation[]): Violation[] {
  return operations.flatMap(({ name, tries }) => {
    const wrong = tries.filter(({ status }) => status !== null && status >= 500 && status !== 503)
    if (wrong.length === 0) return []
    const rows = wrong.map(({ status, body }) => ({ status, body }))
    return [{ invariant: 'I1', what: `${name}: a fault was answered other than by 503`, rows }]
  })
}

const isOk = ({ outcome }: { outcome: string }): boolean => outcome === 'ok'

/** What may change on an invoice: whether it was sent, and what was paid and credited since. */
const CHANGING = ['status', 'sent_at', 'documents', 'overdue', 'amount_paid', 'amount_credited']

function withoutState(body: unknown): Record<string, unknown> {
  const isFrozen = (name: string) => !CHANGING.includes(name.replace(/_minor$/, ''))
  return Object.fromEntries(Object.entries(fieldsOf(body)).filter(([name]) => isFrozen(name)))
}
