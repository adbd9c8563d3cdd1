-- What was billed and is given up is credited in the same commit, whoever gives it up. Repeating is
-- harmless: what was credited has nothing left.
create or replace function units_credited() returns trigger
language plpgsql as $$
declare
  v_lost record;
  v_answer jsonb;
begin
  for v_lost in
    select account_id, transaction_id, min(position) as first_position,
      jsonb_agg(jsonb_build_object('unit_id', id)) as units
    from units_after
    where state in ('failed', 'cancelled') and invoice_line_id is not null
      and credited_minor < price_minor
    group by account_id, transaction_id order by transaction_id
  loop
    v_answer := request_credit_note(jsonb_build_object('account_id', v_lost.account_id,
      'key', 'undelivered/' || v_lost.transaction_id || '/' || v_lost.first_position,
      'reason', 'Not delivered', 'units', v_lost.units));
    if v_answer ->> 'outcome' <> 'done' then
      raise exception 'units of % cannot be credited: %', v_lost.transaction_id, v_answer
        using errcode = 'check_violation';
    end if;
  end loop;
  return null;
end $$;
create or replace trigger units_credited after update on units
  referencing new table as units_after
  for each statement execute function units_credited();
