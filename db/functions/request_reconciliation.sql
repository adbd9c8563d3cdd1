-- Compares a day of an account with the provider, again if it was compared before; one that is under
-- way goes on. Answers its id. Safe to repeat.
create or replace function request_reconciliation(p_account text, p_date date) returns text
language plpgsql as $$
declare
  v_row payment_reconciliations;
begin
  insert into payment_reconciliations as r (id, account_id, business_date)
  values (new_id('rcn'), p_account, p_date)
  on conflict (account_id, business_date) do update
    set run = r.run + 1, ended_at = null, requested_at = clock_timestamp()
    where r.ended_at is not null
  returning * into v_row;
  if not found then
    select * into v_row from payment_reconciliations
      where account_id = p_account and business_date = p_date;
    return v_row.id;
  end if;
  insert into outbox (account_id, verb, workflow, subject, priority)
  values (p_account, 'start', 'reconcilePayments', jsonb_build_object('reconciliation_id', v_row.id,
    'business_date', v_row.business_date, 'run', v_row.run), 5);
  return v_row.id;
end $$;
