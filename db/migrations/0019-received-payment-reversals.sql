-- Money that had come in for an invoice and went back: a returned debit, a cheque that bounced, a
-- payment recorded by mistake. The payment stays as it was; its reversal is a posting of its own.

insert into event_types (type, additive) values ('invoice.reopened', true);
insert into posting_rules (journal, measure, debit, credit) values
  ('payment_reversed', 'reopened', 'receivable', 'cash'),
  ('payment_reversed', 'unallocated', 'unallocated_cash', 'cash');

create table received_payment_reversals (
  id text primary key,
  account_id text not null,
  received_payment_id text not null,
  -- What its invoice owes again; the rest is taken from the customer's unallocated cash.
  reopened_minor bigint not null check (reopened_minor >= 0),
  reason text not null check (length(reason) between 1 and 500),
  -- The value date, as the bank says it.
  reversed_on date not null,
  -- Business time.
  recorded_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (account_id, received_payment_id),
  foreign key (account_id, received_payment_id) references received_payments (account_id, id)
);
create trigger received_payment_reversals_immutable before update or delete
  on received_payment_reversals for each row execute function rows_immutable();
