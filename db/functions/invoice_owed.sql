-- What is still owed on an invoice: the receivable entries of every journal that is about it.
create or replace function invoice_owed(p_account text, p_invoice text) returns bigint
language sql stable as $$
  select coalesce(sum(e.amount_minor), 0)::bigint
  from journals j
  join entries e on e.journal_id = j.id
  join ledger_accounts a on a.id = e.ledger_account_id and a.kind = 'receivable'
  where j.account_id = p_account and j.source_id >= p_invoice and j.source_id < p_invoice || '0'
$$;
