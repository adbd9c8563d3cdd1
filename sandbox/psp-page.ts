import { html } from 'hono/html'
import { formatDecimal } from '../domain/money.ts'
import type { Intent } from './psp-objects.ts'

/** The page of a bank or a wallet that a payer must pass: 3-D Secure in the sandbox. */
export function authenticationPage(intent: Intent, done: boolean) {
  const currency = intent.currency.toUpperCase()
  const amount = `${formatDecimal(BigInt(intent.amount), currency)} ${currency}`
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Confirm your payment · sandbox</title>
        <style>
          body {
            font:
              16px/1.5 system-ui,
              sans-serif;
            margin: 0;
            background: #f4f5f7;
            color: #1c2330;
          }
          main {
            max-width: 26rem;
            margin: 12vh auto;
            padding: 2rem;
            background: #fff;
            border-radius: 12px;
            box-shadow: 0 4px 24px #0001;
          }
          h1 {
            font-size: 1.25rem;
            margin: 0 0 0.5rem;
          }
          .amount {
            font-size: 1.1rem;
            font-weight: 600;
          }
          form {
            display: flex;
            gap: 0.75rem;
            margin-top: 1.5rem;
          }
          button {
            flex: 1;
            padding: 0.7rem;
            border: 1px solid #c9ced8;
            border-radius: 8px;
            background: #fff;
            font: inherit;
            cursor: pointer;
          }
          button[value='pass'] {
            background: #1c5bd9;
            border-color: #1c5bd9;
            color: #fff;
          }
          .note {
            color: #5b6473;
            font-size: 0.875rem;
          }
        </style>
      </head>
      <body>
        <main>
          <p class="note">Sandbox bank · no real money moves</p>
          ${
            done
              ? html`<h1>Thank you</h1>
                  <p>This payment is <strong>${intent.status.replaceAll('_', ' ')}</strong>.</p>
                  <p class="note">You may close this page.</p>`
              : html`<h1>Confirm your payment</h1>
                  <p class="amount">${amount}</p>
                  <p class="note">Payment ${intent.id}</p>
                  <form method="post">
                    <button name="answer" value="pass">Confirm</button>
                    <button name="answer" value="fail">Turn down</button>
                  </form>`
          }
        </main>
      </body>
    </html>`
}
