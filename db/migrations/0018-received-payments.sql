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

-- What was paid of an invoice: every journal about it that lessened what is owed, credit notes apart.
create function invoice_paid(p_account text, p_invoice text) returns bigint
language sql stable as $$
  select coalesce(- sum(e.amount_minor), 0)::bigint
  from journals j
  join entries e on e.journal_id = j.id
  join ledger_accounts a on a.id = e.ledger_account_id and a.kind = 'receivable'
  where j.account_id = p_account and j.source_id > p_invoice and j.source_id < p_invoice || '0'
    and j.kind in ('payment_received', 'cash_allocated', 'prepayment_applied')
$$;

-- A purchase order is settled when nothing of it is open or unbilled and its invoices are paid or
-- void. Said by the last of them, whatever paid or voided it.
create function invoices_settled() returns trigger
language plpgsql as $$
begin
  update purchase_orders po set state = 'settled'
  where po.account_id = new.account_id and po.id = new.purchase_order_id and po.state = 'invoiced'
    and not exists (select 1 from transactions t where t.account_id = po.account_id
      and t.purchase_order_id = po.id and t.ended_at is null)
    and not exists (select 1 from units u where u.account_id = po.account_id
      and u.purchase_order_id = po.id and u.state = 'allocated' and u.invoice_line_id is null)
    and not exists (select 1 from invoices i where i.account_id = po.account_id
      and i.purchase_order_id = po.id and i.state = 'open');
  return null;
end $$;
create trigger invoices_settled after update of state on invoices
  for each row when (new.state in ('paid', 'void')) execute function invoices_settled();
