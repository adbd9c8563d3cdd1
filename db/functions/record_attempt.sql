-- Transaction 2 of an attempt: writes its outcome where there is none yet, and ends the delivery or
-- sets the next due instant, `p_delay_seconds` after now. `p_end` is the state that this outcome
-- ends the delivery in, or null. Safe to repeat: the first outcome of a number stays.
create or replace function record_attempt(
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
