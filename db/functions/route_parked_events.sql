-- Events that came before the provider's name of their payment was known. Waits for those that are
-- being stored at this moment: they may not have seen the name. The caller holds no lock of the
-- payment. Safe to repeat.
create or replace function route_parked_events(p_account text, p_payment text) returns integer
language plpgsql as $$
declare
  v_name text;
begin
  select provider_id into v_name from payment_intents where account_id = p_account and id = p_payment;
  if v_name is null then
    return 0;
  end if;
  perform pg_advisory_xact_lock(hashtextextended(v_name, 0));
  return (select count(route_psp_event(provider, id)) from (
    select provider, id from psp_events
    where state = 'parked' and payment_provider_id = v_name for update skip locked) early);
end $$;
