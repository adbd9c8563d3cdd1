-- Time zones and cut-offs that change: what is set holds from the next business date that has not
-- begun; the dates before keep the calendar that they had. So no day that was announced moves.

-- What held on the business dates before `held_until`, and is not set any more. A customer's row may
-- leave either to its account, as the customer itself may.
create table former_calendars (
  account_id text not null references accounts (id),
  -- Null: the account's own, which customers inherit.
  customer_id text,
  held_until date not null,
  time_zone text,
  cut_off time,
  created_at timestamptz not null default clock_timestamp(),
  unique nulls not distinct (account_id, customer_id, held_until),
  foreign key (account_id, customer_id) references customers (account_id, id),
  check (customer_id is not null or num_nulls(time_zone, cut_off) = 0)
);
create trigger former_calendars_immutable before update or delete on former_calendars
  for each row execute function rows_immutable();

-- Whether a unit is billed once it is delivered or once it is ordered. A purchase order keeps what held
-- when it was opened; a customer's null is what its account says.
alter table accounts add column bill_on text not null default 'allocation'
  check (bill_on in ('allocation', 'acceptance'));
alter table customers add column bill_on text check (bill_on in ('allocation', 'acceptance'));
alter table purchase_orders add column bill_on text not null default 'allocation'
  check (bill_on in ('allocation', 'acceptance'));

create index purchase_orders_business_date on purchase_orders (account_id, business_date, id);

-- The date of the last document of a series. The next one is never dated before it: not by a clock
-- that stepped back, nor by a seller who moved west.
alter table counters add column issued_on date;

-- Purchase orders that are billed on acceptance: an invoice may charge a unit that has no code yet.
-- Until it is delivered its price is owed to the customer; what never comes is credited.

insert into ledger_account_kinds (kind, class, description) values
  ('deferred_revenue', 'liability', 'Billed and not delivered, without tax');
insert into posting_rules (journal, measure, debit, credit) values
  ('units_allocated', 'billed', 'deferred_revenue', 'revenue'),
  ('invoice_issued', 'undelivered', 'receivable', 'deferred_revenue'),
  ('credit_note_issued', 'undelivered', 'deferred_revenue', 'receivable');

alter table units drop constraint units_check1,
  -- What may still come is cancelled first, which credits it.
  add constraint units_credited_when check (credited_minor = 0
    or state in ('allocated', 'reversed', 'failed', 'cancelled'));
