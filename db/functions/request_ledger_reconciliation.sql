-- Compares the business rows of an account with its ledger, after a date of its calendar; one that is
-- under way goes on. Answers its id. Safe to repeat.
create or replace function request_ledger_reconciliation(p_account text, p_date date) returns text
language plpgsql as $$
declare
  v_row ledger_reconciliations;
begin
  insert into ledger_reconciliations (id, account_id, business_date, run, requested_at)
  select new_id('lrc'), p_account, p_date, coalesce(max(run), 0) + 1, business_now(p_account)
  from ledger_reconciliations where account_id = p_account and business_date = p_date
  on conflict do nothing returning * into v_row;
  if not found then
    select * into strict v_row from ledger_reconciliations where account_id = p_account
      order by ended_at is null desc, created_at desc limit 1;
    return v_row.id;
  end if;
  insert into outbox (account_id, verb, workflow, subject, priority)
  values (p_account, 'start', 'reconcileLedger', jsonb_build_object('ledger_reconciliation_id',
    v_row.id, 'business_date', v_row.business_date, 'run', v_row.run), 5);
  return v_row.id;
end $$;
