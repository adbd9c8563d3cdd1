-- A place in an endpoint's stream of attempts: `send_at` when it may be sent, or `hold_until` when
-- its limits say to come back later (both real time). The caller holds the endpoint's row.
create or replace function take_place(
  p_webhook webhooks, p_delivery deliveries, out send_at timestamptz, out hold_until timestamptz
) language plpgsql as $$
declare
  v_clock timestamptz := clock_timestamp();
  -- Attempts that are on their way or have a place soon, and how long the former have run so far.
  v_taken integer;
  v_seconds numeric;
  -- Places are handed out one interval apart, from the next free one on.
  v_interval interval := coalesce(interval '1 second' / p_webhook.per_second_max, interval '0');
  v_place timestamptz := greatest(v_clock, p_webhook.next_place_at);
  -- Had its place, and died or was too late: not sent to the end of the queue for that.
  v_had_place boolean := p_delivery.sending_since is not null;
  v_has_queued boolean := v_had_place or p_delivery.throttled_until is not null;
  v_patience interval := case when v_had_place then interval '5 seconds'
    when v_has_queued then interval '3 seconds' else interval '0.5 seconds' end;
begin
  select count(*), coalesce(avg(extract(epoch from v_clock - sending_since))
      filter (where sending_since < v_clock), 0)
    into v_taken, v_seconds
    from deliveries where webhook_id = p_webhook.id and id <> p_delivery.id
      -- Whoever is older than any exchange can be was sent by a process that died.
      and sending_since > v_clock - interval '30 seconds';

  -- Who finds a place soon waits for it where it is, but nobody overtakes the queue.
  if v_taken < p_webhook.in_flight_max and (p_webhook.per_second_max is null
    or v_place <= v_clock + v_patience
      and (v_has_queued or coalesce(p_webhook.queue_ends_at <= v_clock, true)))
  then
    send_at := v_place;
    if p_webhook.per_second_max is not null then
      update webhooks set next_place_at = v_place + v_interval where id = p_webhook.id;
    end if;
    return;
  end if;

  -- Everybody else comes back in turn: not faster than the rate, nor than requests end. One that has
  -- run for s seconds takes about 2 s, and in_flight_max of them end in that time.
  hold_until := greatest(v_clock + interval '0.25 seconds', v_place, p_webhook.queue_ends_at);
  update webhooks set queue_ends_at = take_place.hold_until + greatest(v_interval,
      case when v_taken >= p_webhook.in_flight_max
        then interval '1 second' * 2 * v_seconds / p_webhook.in_flight_max end)
    where id = p_webhook.id;
end $$;
