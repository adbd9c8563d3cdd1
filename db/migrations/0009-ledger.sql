-- The double-entry ledger: what is owed, and why, append-only and balanced (docs/decisions, the
-- ledger). Every amount of money that an answer, a page or a document states must agree with it.

-- The kinds of ledger accounts. `domain/ledger.ts` says the same; a test compares.
create table ledger_account_kinds (
  kind text primary key,
  -- A memo account holds a promise beside the books, against an offset of its own.
  class text not null check (class in ('asset', 'liability', 'revenue', 'expense', 'memo')),
  description text not null,
  created_at timestamptz not null default clock_timestamp()
);
insert into ledger_account_kinds (kind, class, description) values
  ('held', 'memo', 'Ordered on credit, neither billed nor given up'),
  ('held_offset', 'memo', 'The other side of held'),
  ('authorised', 'memo', 'Reserved by the payment provider, not captured'),
  ('authorised_offset', 'memo', 'The other side of authorised'),
  ('unbilled', 'asset', 'Delivered and not billed, without tax'),
  ('receivable', 'asset', 'Billed and not paid'),
  ('cash', 'asset', 'Received in the bank'),
  ('psp_clearing', 'asset', 'What the payment provider owes us'),
  ('disputed', 'asset', 'Taken back by the payment provider until a dispute is decided'),
  ('prepayments', 'liability', 'Captured before it was billed'),
  ('unallocated_cash', 'liability', 'Money of a customer that pays no invoice yet'),
  ('tax_payable', 'liability', 'Tax on invoices, owed to the state'),
  ('revenue', 'revenue', 'Delivered, without tax'),
  ('psp_fees', 'expense', 'Fees of the payment provider'),
  ('dispute_losses', 'expense', 'Lost disputes');

-- Which account each measure of a journal debits and which it credits. Each row moves one amount from
-- one account to another, so every journal is balanced whatever its amounts are.
create table posting_rules (
  journal text not null,
  measure text not null,
  debit text not null references ledger_account_kinds (kind),
  credit text not null references ledger_account_kinds (kind),
  created_at timestamptz not null default clock_timestamp(),
  primary key (journal, measure),
  check (debit <> credit)
);
insert into posting_rules (journal, measure, debit, credit) values
  ('order_accepted', 'amount', 'held', 'held_offset'),
  ('units_given_up', 'amount', 'held_offset', 'held'),
  ('units_allocated', 'amount', 'unbilled', 'revenue'),
  ('units_reversed', 'amount', 'revenue', 'unbilled'),
  ('units_reversed', 'held', 'held_offset', 'held'),
  ('invoice_issued', 'net', 'receivable', 'unbilled'),
  ('invoice_issued', 'tax', 'receivable', 'tax_payable'),
  ('invoice_issued', 'held', 'held_offset', 'held'),
  ('prepayment_applied', 'amount', 'prepayments', 'receivable'),
  ('credit_note_issued', 'net', 'revenue', 'receivable'),
  ('credit_note_issued', 'tax', 'tax_payable', 'receivable'),
  ('credit_note_issued', 'excess', 'receivable', 'unallocated_cash'),
  ('payment_received', 'allocated', 'cash', 'receivable'),
  ('payment_received', 'unallocated', 'cash', 'unallocated_cash'),
  ('cash_allocated', 'amount', 'unallocated_cash', 'receivable'),
  ('payment_authorised', 'amount', 'authorised', 'authorised_offset'),
  ('authorisation_released', 'amount', 'authorised_offset', 'authorised'),
  ('payment_captured', 'amount', 'psp_clearing', 'prepayments'),
  ('payment_captured', 'authorised', 'authorised_offset', 'authorised'),
  ('psp_fee_charged', 'amount', 'psp_fees', 'psp_clearing'),
  ('psp_paid_out', 'amount', 'cash', 'psp_clearing'),
  ('refund_succeeded', 'prepaid', 'prepayments', 'psp_clearing'),
  ('refund_succeeded', 'credited', 'unallocated_cash', 'psp_clearing'),
  ('dispute_opened', 'amount', 'disputed', 'psp_clearing'),
  ('dispute_opened', 'fee', 'psp_fees', 'psp_clearing'),
  ('dispute_won', 'amount', 'psp_clearing', 'disputed'),
  ('dispute_won', 'fee', 'psp_clearing', 'psp_fees'),
  ('dispute_lost', 'amount', 'dispute_losses', 'disputed');

-- One per kind, currency and customer, so that no order touches a row of somebody else's; what the
-- account has is the sum over its customers. Without a customer: what concerns the account only.
create table ledger_accounts (
  id text primary key,
  account_id text not null references accounts (id),
  customer_id text,
  -- The customer, or the account itself.
  owner_id text not null generated always as (coalesce(customer_id, account_id)) stored,
  currency text not null references currencies (code),
  kind text not null references ledger_account_kinds (kind),
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, owner_id, currency, kind),
  foreign key (account_id, customer_id) references customers (account_id, id)
);

create trigger ledger_accounts_immutable before update or delete on ledger_accounts
  for each row execute function rows_immutable();

create table journals (
  id text primary key,
  -- No foreign key, for the same reason as in idempotency_keys.
  account_id text not null,
  customer_id text,
  currency text not null,
  -- What happened, and to what: posting the same again is the same journal. Ids of parts go on after
  -- a slash (`txn_…/7`, `inv_…/cn_…`), so that what is about an object is one range of the index
  -- (0 comes after /).
  kind text not null,
  source_id text collate "C" not null,
  -- Business time.
  occurred_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, source_id, kind)
);
create trigger journals_immutable before update or delete on journals
  for each row execute function rows_immutable();

create table entries (
  journal_id text not null,
  ledger_account_id text not null,
  account_id text not null,
  currency text not null,
  -- A debit is positive, a credit negative.
  amount_minor bigint not null check (amount_minor <> 0),
  created_at timestamptz not null default clock_timestamp(),
  -- No foreign keys: entries_balanced looks at both parents at once, and locks none of them.
  primary key (journal_id, ledger_account_id)
);
create index entries_ledger_account on entries (ledger_account_id, journal_id) include (amount_minor);
create trigger entries_immutable before update or delete on entries
  for each row execute function rows_immutable();

-- At the commit: a journal's entries add up to zero in every currency, and belong with the journal and
-- their ledger accounts to one account (and customer) and currency. Neither parent is ever deleted.
create function entries_balanced() returns trigger
language plpgsql as $$
declare
  v_total bigint;
  v_strays integer;
begin
  select sum(e.amount_minor), count(*) filter (where (e.account_id, e.currency) is distinct from
      (j.account_id, j.currency) or (e.account_id, e.currency, j.customer_id) is distinct from
      (a.account_id, a.currency, a.customer_id))
    into v_total, v_strays
    from entries e
    left join journals j on j.id = e.journal_id
    left join ledger_accounts a on a.id = e.ledger_account_id
    where e.journal_id = new.journal_id;
  if v_strays > 0 then
    raise exception 'journal % has an entry of another account', new.journal_id
      using errcode = 'foreign_key_violation';
  elsif v_total <> 0 then
    raise exception 'journal % is not balanced', new.journal_id using errcode = 'check_violation';
  end if;
  return null;
end $$;
create constraint trigger entries_balanced after insert on entries
  deferrable initially deferred for each row execute function entries_balanced();

-- The customer's own row holds the balances that a decision needs at once: the credit limit and the
-- money that may be allocated. Only post_journal changes them; reconciliation compares.
alter table customer_balances
  add column unallocated_minor bigint not null default 0 check (unallocated_minor >= 0);
comment on column customer_balances.held_minor is 'Balance of the customer''s held account.';
comment on column customer_balances.invoiced_minor is 'Balance of the customer''s receivable account.';
comment on column customer_balances.unallocated_minor is 'Balance of the customer''s unallocated_cash account.';
