-- What was paid of an invoice: every journal about it that moved what is owed, apart from its issue
-- and its credit notes.
create or replace function invoice_paid(p_account text, p_invoice text) returns bigint
language sql stable as $$
  select coalesce(- sum(e.amount_minor), 0)::bigint
  from journals j
  join entries e on e.journal_id = j.id
  join ledger_accounts a on a.id = e.ledger_account_id and a.kind = 'receivable'
  where j.account_id = p_account and j.source_id > p_invoice and j.source_id < p_invoice || '0'
    and j.kind in ('payment_received', 'cash_allocated', 'allocation_reversed', 'prepayment_applied',
      'payment_reversed')
$$;
