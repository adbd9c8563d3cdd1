-- Transaction 1 of an attempt. Answers one of
--   {outcome: ended, …}    the delivery is over, or ends here because its endpoint is
--   {outcome: waiting, …}  not before due_at (business time); nothing was used up
--   {outcome: send, …}     attempt `number` is claimed, or was claimed by somebody who then died
-- and for `send` everything that the request is made of. Safe to run any number of times.
-- Nobody else gets a place for `p_slack_ms` after this one: so late the sender may be.
create or replace function claim_attempt(
  p_account text, p_delivery text, p_slack_ms integer default 0
) returns jsonb
language plpgsql as $$
declare
  v_delivery deliveries;
  v_webhook webhooks;
  v_last attempts;
  v_event events;
  v_now timestamptz;
  v_reason text;
  v_place record;
  v_wait interval;
  v_claimed boolean;
  v_next integer;
begin
  select * into v_delivery from deliveries
    where account_id = p_account and id = p_delivery for update;
  if not found then
    raise exception 'no delivery % in %', p_delivery, p_account using errcode = 'no_data_found';
  end if;
  v_now := greatest(business_now(p_account), v_delivery.created_at);
  select * into v_last from attempts where account_id = p_account and delivery_id = p_delivery
    order by number desc limit 1;
  if v_delivery.state = 'pending' then
    -- One claimer at a time per endpoint, so that its limits hold.
    select * into v_webhook from webhooks
      where account_id = p_account and id = v_delivery.webhook_id for no key update;
    v_reason := case
      when v_webhook.deleted_at is not null then 'endpoint_deleted'
      when v_webhook.disabled_at is not null then v_webhook.disabled_reason
      when not v_webhook.active then 'endpoint_inactive' end;
    if v_reason is not null then
      update deliveries set state = 'cancelled', reason = v_reason, ended_at = v_now,
          sending_since = null, throttled_until = null
        where account_id = p_account and id = p_delivery returning * into v_delivery;
    end if;
  end if;
  if v_delivery.state <> 'pending' then
    -- Whoever claimed the last attempt died before its outcome was known, and nobody asks again.
    update attempts set state = 'failed', finished_at = v_now, error = 'interrupted'
      where account_id = p_account and delivery_id = p_delivery and state = 'sending';
    delete from waits where story_id = p_delivery;
    return delivery_progress(v_delivery, v_last) || jsonb_build_object('outcome', 'ended');
  end if;

  v_claimed := v_last.state is not distinct from 'sending';
  if not v_claimed and v_now < v_delivery.next_attempt_at then
    return delivery_progress(v_delivery, v_last) || jsonb_build_object('outcome', 'waiting',
      'why', 'schedule', 'next', v_delivery.attempt_count + 1,
      'due_at', v_delivery.next_attempt_at);
  end if;
  v_next := v_delivery.attempt_count + case when v_claimed then 0 else 1 end;
  -- Also who was claimed before takes a place anew: its sender died, or was late for the one it had.
  if clock_timestamp() < v_delivery.throttled_until then
    return delivery_progress(v_delivery, v_last) || jsonb_build_object('outcome', 'waiting',
      'why', 'endpoint_limit', 'next', v_next, 'due_at', v_now + (v_delivery.throttled_until - clock_timestamp()));
  end if;
  select * into v_place from take_place(v_webhook, v_delivery);
  if v_place.send_at is null then
    update deliveries set throttled_until = v_place.hold_until, sending_since = null
      where account_id = p_account and id = p_delivery;
    return delivery_progress(v_delivery, v_last) || jsonb_build_object('outcome', 'waiting',
      'why', 'endpoint_limit', 'next', v_next, 'due_at', v_now + (v_place.hold_until - clock_timestamp()));
  end if;
  if p_slack_ms > 0 then
    update webhooks set next_place_at = next_place_at + p_slack_ms * interval '1 millisecond'
      where account_id = p_account and id = v_webhook.id;
  end if;
  v_wait := greatest(v_place.send_at - clock_timestamp(), interval '0');
  update deliveries set attempt_count = v_next,
      sending_since = clock_timestamp() + v_wait, throttled_until = null
    where account_id = p_account and id = p_delivery returning * into v_delivery;
  if not v_claimed then
    insert into attempts (id, account_id, delivery_id, number, started_at)
      values (new_id('att'), p_account, p_delivery, v_delivery.attempt_count, v_now + v_wait);
  end if;
  -- Whoever acts does not wait: a test clock stops here until the outcome is known.
  delete from waits where story_id = p_delivery;

  select * into v_event from events where account_id = p_account and id = v_delivery.event_id;
  return delivery_progress(v_delivery, v_last) || jsonb_build_object(
    'outcome', 'send',
    'number', v_delivery.attempt_count,
    -- Both counted from when this statement arrived: the sender's clock knows nothing of ours.
    'place', case when v_webhook.per_second_max is not null then jsonb_build_object(
      'due_ms', 1000 * extract(epoch from v_place.send_at - statement_timestamp()),
      'answered_ms', 1000 * extract(epoch from clock_timestamp() - statement_timestamp())) end,
    'url', v_webhook.url,
    'event', jsonb_build_object('id', v_event.id, 'type', v_event.type,
      'object_id', v_event.object_id, 'sequence', v_event.sequence,
      'customer_id', v_event.customer_id, 'facts', v_event.facts,
      'occurred_at', v_event.occurred_at),
    'transaction', case when v_event.object_id like 'txn\_%'
      then transaction_facts(p_account, v_event.object_id) end,
    'signs_with', v_webhook.rotation_signs_with,
    'secrets', (select jsonb_agg(jsonb_build_object('id', s.id,
        'sealed', encode(s.sealed, 'base64'), 'key_version', s.key_version,
        'current', s.expires_at is null) order by s.created_at, s.id)
      from webhook_secrets s where s.account_id = p_account and s.webhook_id = v_webhook.id
        and (s.expires_at is null or s.expires_at > clock_timestamp())));
end $$;
