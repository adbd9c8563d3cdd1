import { expect, test } from 'vitest'
import { PAID_METHODS, refuseMethod } from '../../domain/payment-method.ts'

const use = { plan: 'starter', currency: 'USD', manual: false }

test('every method of the published list can be paid with, and credit is none of them', () => {
  expect(PAID_METHODS).toEqual([
    'card',
    'apple_pay',
    'google_pay',
    'paypal',
    'ach',
    'wire',
    'affirm',
    'klarna',
    'bitcoin',
    'ethereum',
  ])
})

test('crypto is for enterprises only', () => {
  const refused = PAID_METHODS.filter((name) => refuseMethod(name, use) === 'enterprise_only')
  expect(refused).toEqual(['bitcoin', 'ethereum'])
  const enterprise = { ...use, plan: 'enterprise' }
  expect(PAID_METHODS.filter((name) => refuseMethod(name, enterprise) !== null)).toEqual([])
})

test('dollars only, and money that cannot be held first', () => {
  expect(refuseMethod('ach', { ...use, currency: 'EUR' })).toBe('currency')
  expect(refuseMethod('affirm', { ...use, currency: 'EUR' })).toBe('currency')
  expect(refuseMethod('wire', { ...use, manual: true })).toBe('manual_capture')
  expect(refuseMethod('card', { ...use, manual: true, currency: 'JPY' })).toBeNull()
})
