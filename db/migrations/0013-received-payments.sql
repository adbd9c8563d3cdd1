-- Money that came in for an invoice, outside the payment provider: what finance saw in the bank.

insert into event_types (type, additive) values ('invoice.paid', true);

create table received_payments (
  id text primary key,
  account_id text not null,
  customer_id text not null,
  invoice_id text not null,
  currency text not null references currencies (code),
  amount_minor bigint not null check (amount_minor > 0),
  -- What it paid of this invoice at that moment; the rest is the customer's unallocated cash.
  allocated_minor bigint not null check (allocated_minor between 0 and amount_minor),
  method text not null check (method in ('bank_transfer', 'cheque', 'cash', 'other')),
  -- The bank's: the same one for the same invoice is the same payment, for ever.
  reference text not null check (length(reference) between 1 and 140),
  -- The value date, as the bank says it.
  received_on date not null,
  -- Business time.
  recorded_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (account_id, invoice_id, reference),
  foreign key (account_id, customer_id, invoice_id) references invoices (account_id, customer_id, id)
);
create index received_payments_created on received_payments (account_id, created_at, id);
create trigger received_payments_immutable before update or delete on received_payments
  for each row execute function rows_immutable();
