import { expect, test } from 'vitest'
import { PLANS, requestLimits } from '../../domain/plan.ts'

const nothingAgreed = { perSecond: null, perHour: null, perDay: null }

test('the windows are those of the published reference', () => {
  expect(
    (['free', 'starter', 'professional'] as const).map((plan) => {
      const { perHour, perDay } = requestLimits(plan, 'read', nothingAgreed)
      return [plan, perHour, perDay]
    }),
  ).toEqual([
    ['free', 100, 1_000],
    ['starter', 1_000, 10_000],
    ['professional', 5_000, 100_000],
  ])
})

test('data is read ten times a second on every plan that is sold', () => {
  for (const plan of ['free', 'starter', 'professional', 'enterprise'] as const) {
    expect(requestLimits(plan, 'read', nothingAgreed).perSecond).toBe(10)
  }
})

test('what was agreed goes before the plan, each figure by itself', () => {
  expect(requestLimits('free', 'write', { ...nothingAgreed, perHour: 7 })).toEqual({
    perSecond: 100,
    perHour: 7,
    perDay: 1_000,
  })
  expect(requestLimits('enterprise', 'read', { ...nothingAgreed, perSecond: 3 })).toEqual({
    perSecond: 3,
    perHour: null,
    perDay: null,
  })
})

test('only Enterprise has what the reference gives to Enterprise only', () => {
  const sold = (['free', 'starter', 'professional', 'enterprise'] as const).filter(
    (plan) => PLANS[plan].features.length > 0,
  )
  expect(sold).toEqual(['enterprise'])
  expect(PLANS.enterprise.features).toEqual(['crypto_payments', 'address_allow_list'])
})
