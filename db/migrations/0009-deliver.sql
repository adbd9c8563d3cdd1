-- Delivering webhooks: SQL counts the attempts, so that no kill and no reset can make a seventh.

-- Transaction 1 of an attempt. Answers one of
--   {outcome: ended, …}    the delivery is over, or ends here because its endpoint is
--   {outcome: waiting, …}  not before due_at (business time); nothing was used up
--   {outcome: send, …}     attempt `number` is claimed, or was claimed by somebody who then died
-- and for `send` everything that the request is made of. Safe to run any number of times.
create function claim_attempt(p_account text, p_delivery text) returns jsonb
language plpgsql as $$
declare
  v_delivery deliveries;
  v_webhook webhooks;
  v_last attempts;
  v_event events;
  v_now timestamptz;
  v_reason text;
  v_place record;
  v_wait interval := interval '0';
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

  if v_last.state is distinct from 'sending' then
    if v_now < v_delivery.next_attempt_at then
      return delivery_progress(v_delivery, v_last) || jsonb_build_object('outcome', 'waiting',
        'why', 'schedule', 'due_at', v_delivery.next_attempt_at);
    end if;
    if clock_timestamp() < v_delivery.throttled_until then
      return delivery_progress(v_delivery, v_last) || jsonb_build_object('outcome', 'waiting',
        'why', 'endpoint_limit', 'due_at', v_now + (v_delivery.throttled_until - clock_timestamp()));
    end if;
    select * into v_place from take_place(v_webhook, v_delivery);
    if v_place.send_at is null then
      update deliveries set throttled_until = v_place.hold_until
        where account_id = p_account and id = p_delivery;
      return delivery_progress(v_delivery, v_last) || jsonb_build_object('outcome', 'waiting',
        'why', 'endpoint_limit', 'due_at', v_now + (v_place.hold_until - clock_timestamp()));
    end if;
    v_wait := greatest(v_place.send_at - clock_timestamp(), interval '0');
    update deliveries set attempt_count = attempt_count + 1
      where account_id = p_account and id = p_delivery returning * into v_delivery;
    insert into attempts (id, account_id, delivery_id, number, started_at)
      values (new_id('att'), p_account, p_delivery, v_delivery.attempt_count, v_now + v_wait);
  end if;
  update deliveries set sending_since = clock_timestamp() + v_wait, throttled_until = null
    where account_id = p_account and id = p_delivery;
  -- Whoever acts does not wait: a test clock stops here until the outcome is known.
  delete from waits where story_id = p_delivery;

  select * into v_event from events where account_id = p_account and id = v_delivery.event_id;
  return delivery_progress(v_delivery, v_last) || jsonb_build_object(
    'outcome', 'send',
    'number', v_delivery.attempt_count,
    'send_in_ms', ceil(extract(epoch from v_wait) * 1000),
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

-- What the workflow and the operator hear of a delivery after every step.
create function delivery_progress(p_delivery deliveries, p_last attempts) returns jsonb
language sql stable as $$
  select jsonb_build_object('state', p_delivery.state, 'reason', p_delivery.reason,
    'attempts', p_delivery.attempt_count, 'webhook_id', p_delivery.webhook_id,
    'last_status', p_last.status_code, 'last_error', p_last.error)
$$;

-- A place in an endpoint's stream of attempts: `send_at` when it may be sent, or `hold_until` when
-- its limits say to come back later (both real time). The caller holds the endpoint's row.
create function take_place(
  p_webhook webhooks, p_delivery deliveries, out send_at timestamptz, out hold_until timestamptz
) language plpgsql as $$
declare
  v_clock timestamptz := clock_timestamp();
  v_sending integer;
  v_seconds numeric;
  v_queued integer;
  v_interval interval;
  v_patience interval;
begin
  select count(*), coalesce(avg(extract(epoch from v_clock - sending_since)), 0)
    into v_sending, v_seconds
    from deliveries where webhook_id = p_webhook.id
      -- Whoever is older than any exchange can be was sent by a process that died.
      and sending_since > v_clock - interval '30 seconds';
  if v_sending >= p_webhook.in_flight_max then
    -- A request that has run for s seconds takes about 2 s; those who wait pass in_flight_max at once.
    select count(*) into v_queued from deliveries
      where webhook_id = p_webhook.id and throttled_until > v_clock and id <> p_delivery.id;
    hold_until := v_clock + interval '1 second'
      * greatest(0.25, 2 * v_seconds * (v_queued + 1) / p_webhook.in_flight_max);
    return;
  end if;
  send_at := v_clock;
  if p_webhook.per_second_max is null then
    return;
  end if;

  -- Places are handed out one interval apart. Who finds one soon waits for it where it is; everybody
  -- else gets a turn in the queue, comes back then, and has more patience.
  v_interval := interval '1 second' / p_webhook.per_second_max;
  v_patience := case when p_delivery.throttled_until is null then interval '0.5 seconds'
    else interval '3 seconds' end;
  send_at := greatest(v_clock, p_webhook.next_place_at);
  if send_at <= v_clock + v_patience
    and (p_delivery.throttled_until is not null or coalesce(p_webhook.queue_ends_at, v_clock) <= v_clock)
  then
    update webhooks set next_place_at = take_place.send_at + v_interval where id = p_webhook.id;
  else
    hold_until := greatest(send_at, p_webhook.queue_ends_at);
    send_at := null;
    update webhooks set queue_ends_at = take_place.hold_until + v_interval where id = p_webhook.id;
  end if;
end $$;

-- Transaction 2 of an attempt: writes its outcome where there is none yet, and ends the delivery or
-- sets the next due instant, `p_delay_seconds` after now. `p_end` is the state that this outcome
-- ends the delivery in, or null. Safe to repeat: the first outcome of a number stays.
create function record_attempt(
  p_account text, p_delivery text, p_number integer, p_attempt jsonb,
  p_end text, p_reason text, p_delay_seconds integer
) returns jsonb
language plpgsql as $$
declare
  v_delivery deliveries;
  v_webhook webhooks;
  v_last attempts;
  v_now timestamptz;
begin
  select * into v_delivery from deliveries
    where account_id = p_account and id = p_delivery for update;
  if not found then
    raise exception 'no delivery % in %', p_delivery, p_account using errcode = 'no_data_found';
  end if;
  -- Orders this against an advance of the test clock: the due instant is computed after it.
  perform 1 from test_clocks where account_id = p_account for share;
  v_now := greatest(business_now(p_account), v_delivery.created_at);

  update attempts set state = p_attempt ->> 'state', finished_at = v_now,
      duration_ms = (p_attempt ->> 'duration_ms')::integer,
      request_headers = p_attempt -> 'request_headers',
      status_code = (p_attempt ->> 'status_code')::integer,
      response_headers = nullif(p_attempt -> 'response_headers', 'null'),
      response_body = p_attempt ->> 'response_body',
      error = p_attempt ->> 'error', retry_after = p_attempt ->> 'retry_after'
    where account_id = p_account and delivery_id = p_delivery and number = p_number
      and state = 'sending';
  if found and v_delivery.state = 'pending' then
    update deliveries set sending_since = null, state = coalesce(p_end, 'pending'), reason = p_reason,
        ended_at = case when p_end is not null then v_now end,
        -- Whole milliseconds, rounded up: what timers and test clocks count in is never too early.
        next_attempt_at = case when p_end is null then date_trunc('milliseconds',
          v_now + p_delay_seconds * interval '1 second' + interval '999 microseconds')
          else next_attempt_at end
      where account_id = p_account and id = p_delivery returning * into v_delivery;
    update webhooks set
        failing_since = case when p_end = 'delivered' then null
          else coalesce(failing_since, v_now) end,
        exhausted_count = case p_end when 'delivered' then 0
          when 'failed' then exhausted_count + 1 else exhausted_count end
      where account_id = p_account and id = v_delivery.webhook_id
        -- Most outcomes change nothing here, and then the endpoint's row is left alone.
        and case p_end when 'delivered' then failing_since is not null
          when 'failed' then true else failing_since is null end;
  end if;
  select * into v_last from attempts where account_id = p_account and delivery_id = p_delivery
    order by number desc limit 1;
  select * into v_webhook from webhooks where account_id = p_account and id = v_delivery.webhook_id;
  return delivery_progress(v_delivery, v_last) || jsonb_build_object(
    'due_at', v_delivery.next_attempt_at,
    'endpoint', jsonb_build_object('active', v_webhook.active and v_webhook.deleted_at is null,
      'exhausted_count', v_webhook.exhausted_count,
      'failing_seconds', floor(extract(epoch from v_now - v_webhook.failing_since))));
end $$;

-- "Look at SQL again" for every open delivery of an endpoint that was deleted or switched off.
create function wake_deliveries(p_account text, p_webhook text, p_reason text) returns void
language sql volatile as $$
  insert into outbox (account_id, verb, workflow, subject, signal)
  select p_account, 'signal', 'deliverWebhook', jsonb_build_object('delivery_id', id),
    jsonb_build_object('name', 'wokenUp', 'input', jsonb_build_object('reason', p_reason))
  from deliveries where account_id = p_account and webhook_id = p_webhook and state = 'pending'
$$;
