-- A place in an endpoint's stream of attempts: `send_at` when it may be sent, or `hold_until` when
-- its limits say to come back later (both real time). The caller holds the endpoint's row.
create or replace function take_place(
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
