-- Finds whose a provider's event is, and lets that story look. Safe to repeat: waking only says
-- "ask the provider", and asking twice changes nothing. Answers the state that the event is in.
create or replace function route_psp_event(p_provider text, p_event text) returns text
language plpgsql as $$
declare
  v_event psp_events;
  v_payment payment_intents;
begin
  select * into v_event from psp_events where provider = p_provider and id = p_event for update;
  if not found or v_event.state <> 'parked' then
    return v_event.state;
  end if;
  if v_event.payment_provider_id is not null then
    -- `route_parked_events` waits until it is seen whether this one is parked.
    perform pg_advisory_xact_lock_shared(hashtextextended(v_event.payment_provider_id, 0));
  end if;
  -- A test account's events come from the sandbox only, a live one's from Stripe only.
  select p.* into v_payment from payment_intents p join accounts a on a.id = p.account_id
    where a.mode = case p_provider when 'sandbox' then 'test' else 'live' end
      and (v_event.provider_account is null
        or v_event.provider_account = coalesce(a.provider_reference, 'acct_' || substr(a.id, 5)))
      and (p.id = coalesce(v_event.payment_id, (select r.payment_id from refunds r where r.id = v_event.refund_id))
        or p.provider_id = v_event.payment_provider_id)
    order by p.id = v_event.payment_id desc limit 1 for no key update of p;
  if not found then
    update psp_events set tries = tries + 1,
      next_try_at = case when tries < 12 then
        clock_timestamp() + least(60 * 2 ^ tries, 21600) * interval '1 second' end
      where provider = p_provider and id = p_event;
    return 'parked';
  end if;
  update psp_events set state = 'matched', matched_account_id = v_payment.account_id,
      payment_id = v_payment.id, next_try_at = null
    where provider = p_provider and id = p_event;
  if v_event.dispute_provider_id is not null then
    perform tell_dispute(v_payment.account_id, v_payment.id, v_event.dispute_provider_id, v_event.type);
    return 'matched';
  end if;
  if v_event.refund_id is not null then
    update refunds set refresh_wanted_at = clock_timestamp()
      where account_id = v_payment.account_id and id = v_event.refund_id;
    if found then
      perform wake_refund(v_payment.account_id, v_event.refund_id, v_event.type);
    end if;
    return 'matched';
  end if;
  update payment_intents set refresh_wanted_at = clock_timestamp()
    where account_id = v_payment.account_id and id = v_payment.id;
  perform wake_payment(v_payment.account_id, v_payment.id, v_event.type);
  return 'matched';
end $$;
