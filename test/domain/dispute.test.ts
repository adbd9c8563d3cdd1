import { expect, test } from 'vitest'
import { default as fc } from 'fast-check'
import {
  EVIDENCE_CHARACTERS_MAX,
  nextDisputeQuestion,
  planDispute,
  REMINDER_HOURS,
} from '../../domain/dispute.ts'
import { assembleEvidence, type EvidenceFacts } from '../../domain/dispute-evidence.ts'

const HOUR_MS = 3_600_000
const START_MS = Date.parse('2026-11-22T10:00:00Z')

test('whatever the deadline, each reminder is sent once and in time, and nothing spins', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 30 * 24 }),
      fc.integer({ min: 0, max: 59 }),
      (hours, minutes) => {
        const evidenceDueAt = new Date(START_MS + hours * HOUR_MS + minutes * 60_000)
        let now = new Date(START_MS)
        let askAt = nextDisputeQuestion(evidenceDueAt, now)
        let remindersSent = 0
        const remindedAt: Date[] = []
        for (let steps = 0; now <= evidenceDueAt; steps++) {
          if (steps > 100) throw new Error('it spins')
          const plan = planDispute(
            { state: 'needs_response', evidenceDueAt, remindersSent, askAt },
            now,
          )
          if (plan.act === 'ask') {
            askAt = nextDisputeQuestion(evidenceDueAt, now)
          } else if (plan.act === 'remind') {
            remindersSent = plan.remindersSent
            remindedAt.push(now)
          } else {
            now = plan.until
          }
        }
        const wanted = REMINDER_HOURS.map((each) =>
          Math.max(evidenceDueAt.getTime() - each * HOUR_MS, START_MS),
        )
        expect(remindedAt.map((at) => at.getTime())).toEqual([...new Set(wanted)])
      },
    ),
  )
})

const facts = (messages: number): EvidenceFacts => ({
  payment: {
    id: 'pi_1',
    captured_minor: 1_234,
    currency: 'USD',
    method: 'card',
    card: { brand: 'visa', last4: '4242' },
    created_at: '2026-11-22T10:00:00Z',
  },
  order: {
    id: 'txn_1',
    accepted_at: '2026-11-22T10:00:00Z',
    currency: 'USD',
    total_minor: 1_234,
    billing_address: { city: 'Berlin' },
    lines: [{ sku: 'GIFT', name: 'Gift card', quantity: 2, total_minor: 1_234 }],
  },
  customer: { id: 'cust_1', name: 'ACME', email: 'a@example.com' },
  delivered: [{ sku: 'GIFT', quantity: 2, at: '2026-11-22T10:00:01Z' }],
  fetched: [],
  messages: Array.from({ length: messages }, (_, index) => ({
    at: `2026-11-22T10:00:0${index % 10}Z`,
    what: 'event order.fulfilled',
    to: 'https://shop.example/hook',
    state: 'delivered',
  })),
})

test('the evidence of an order says what was paid, and leaves out what there is nothing to say of', () => {
  const texts = assembleEvidence(facts(0))
  expect(texts.transaction_details).toContain('Total 12.34 USD')
  expect(texts.transaction_details).toContain('visa ending 4242')
  expect(texts.shipping_proof).toBe('2026-11-22T10:00:01Z delivered 2 × GIFT')
  expect(texts.communication_logs).toBeUndefined()
})

test('whatever there is to tell, a text ends within its limit and says what is left out', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000 }), (messages) => {
      const { communication_logs: text = '' } = assembleEvidence(facts(messages))
      expect(text.length).toBeLessThanOrEqual(EVIDENCE_CHARACTERS_MAX)
      const left = Number(/and (\d+) more$/.exec(text)?.[1] ?? 0)
      const told = text.split('\n').filter((line) => line.startsWith('2026')).length
      expect(told + left).toBe(messages)
    }),
  )
})
