-- Orders that are paid by card: they wait for their money, and what is not owed goes back unasked.

alter table transactions
  -- The provider's name for what the payer pays with, when the order itself names one.
  add column payment_token text,
  -- Until when the money must have come; null on credit.
  add column pay_by timestamptz,
  -- What the units cost with tax, once that is decided: the sum of their gross_minor.
  add column due_minor bigint check (due_minor >= 0),
  add column paid_at timestamptz,
  -- Of a cancellation by request: why, and whether what was captured goes back.
  add column cancel_reason text,
  add column cancel_note text,
  add column cancel_refunds boolean not null default true,
  add check ((payment_method = 'credit') = (pay_by is null)),
  add check (pay_by is not null or (due_minor is null and paid_at is null and payment_token is null));
-- Price and share of the tax of a unit that is not on credit.
alter table units add column gross_minor bigint check (gross_minor >= price_minor);

-- Codes that wait for the money of an order that takes no backorder: nobody else gets them.
alter table codes
  add column reserved_for text,
  add foreign key (account_id, reserved_for) references transactions (account_id, id),
  add check (reserved_for is null or unit_id is null);
create index codes_reserved on codes (reserved_for) where reserved_for is not null;

-- What of an invoice the payments of an order had paid when it was issued.
create table invoice_prepayments (
  account_id text not null,
  invoice_id text not null,
  transaction_id text not null,
  amount_minor bigint not null check (amount_minor > 0),
  created_at timestamptz not null default clock_timestamp(),
  primary key (invoice_id, transaction_id),
  foreign key (account_id, invoice_id) references invoices (account_id, id),
  foreign key (account_id, transaction_id) references transactions (account_id, id)
);
create index invoice_prepayments_transaction on invoice_prepayments (transaction_id);
create trigger invoice_prepayments_immutable before update or delete on invoice_prepayments
  for each row execute function rows_immutable();

-- What a refund's credit note left to the customer had been prepaid, and has gone back.
insert into posting_rules (journal, measure, debit, credit) values
  ('credit_note_refunded', 'amount', 'unallocated_cash', 'prepayments');
