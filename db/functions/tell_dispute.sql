-- The provider told of a dispute of a payment: its story looks. The caller holds the payment's lock.
-- Safe to repeat. Answers the dispute's id.
create or replace function tell_dispute(p_account text, p_payment text, p_provider_id text, p_reason text)
returns text
language plpgsql as $$
declare
  v_dispute disputes;
begin
  insert into disputes (id, account_id, payment_id, provider_id, refresh_wanted_at)
  values (new_id('dp'), p_account, p_payment, p_provider_id, clock_timestamp())
  on conflict (account_id, provider_id) do nothing returning * into v_dispute;
  if found then
    perform start_dispute(v_dispute);
    return v_dispute.id;
  end if;
  update disputes set refresh_wanted_at = clock_timestamp()
    where account_id = p_account and provider_id = p_provider_id returning * into v_dispute;
  perform wake_dispute(p_account, v_dispute.id, p_reason);
  return v_dispute.id;
end $$;
