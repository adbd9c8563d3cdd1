-- Counts requests of a key in its second and of its account in the hour and the day: as many as there
-- is room for are admitted, the others are refused and count nowhere. Exact over all processes: the two
-- rows are locked, always in this order, before the clock is read. A clock that steps back stays in
-- the window that has begun.
-- Up to twice the second's limit is served late, and so counts in the next second as well. Up to
-- twice the hour's is served late if the hour before stayed within it. The day's limit is hard.
create or replace function count_requests(
  p_key text, p_class text, p_second integer, p_account text, p_hour integer, p_day integer,
  p_number integer, out admitted integer, out refused_by text,
  out second_count integer, out hour_count integer, out day_count integer,
  out second_start timestamptz, out hour_start timestamptz, out day_start timestamptz,
  out counted_at timestamptz
) language plpgsql as $$
declare
  v_second rate_limits;
  v_plan plan_windows;
  v_start timestamptz;
  v_hour_max integer;
begin
  -- The sweeper deletes counters that are long over, so each row is made and locked in one step.
  insert into rate_limits as r (key_id, class, window_start, count)
    values (p_key, p_class, date_trunc('second', clock_timestamp()), 0)
    on conflict (key_id, class) do update set count = r.count returning * into strict v_second;
  insert into plan_windows as p (account_id, hour_start, hour_count, previous_hour_count, day_start,
      day_count)
    values (p_account, date_trunc('hour', clock_timestamp(), 'UTC'), 0, 0,
      date_trunc('day', clock_timestamp(), 'UTC'), 0)
    on conflict (account_id) do update set hour_count = p.hour_count returning * into strict v_plan;
  counted_at := clock_timestamp();

  v_start := date_trunc('second', counted_at);
  if v_second.window_start - v_start not between interval '0' and interval '1 second' then
    v_second.count := case when v_second.window_start = v_start - interval '1 second'
      then greatest(least(v_second.count, 2 * p_second) - p_second, 0) else 0 end;
    v_second.window_start := v_start;
  end if;
  v_start := date_trunc('hour', counted_at, 'UTC');
  if v_plan.hour_start - v_start not between interval '0' and interval '1 hour' then
    v_plan.previous_hour_count := case when v_plan.hour_start = v_start - interval '1 hour'
      then v_plan.hour_count else 0 end;
    v_plan.hour_start := v_start;
    v_plan.hour_count := 0;
  end if;
  v_start := date_trunc('day', counted_at, 'UTC');
  if v_plan.day_start - v_start not between interval '0' and interval '1 day' then
    v_plan.day_start := v_start;
    v_plan.day_count := 0;
  end if;

  v_hour_max := case when v_plan.previous_hour_count <= p_hour then 2 else 1 end * p_hour;
  -- Without a limit the difference is null, which `least` leaves out.
  admitted := greatest(0, least(p_number, 2 * p_second - v_second.count,
    v_hour_max - v_plan.hour_count, p_day - v_plan.day_count));
  if admitted > 0 then
    v_second.count := v_second.count + admitted;
    v_plan.hour_count := v_plan.hour_count + admitted;
    v_plan.day_count := v_plan.day_count + admitted;
    update rate_limits set window_start = v_second.window_start, count = v_second.count
      where key_id = p_key and class = p_class;
    update plan_windows p set hour_start = v_plan.hour_start, hour_count = v_plan.hour_count,
        previous_hour_count = v_plan.previous_hour_count, day_start = v_plan.day_start,
        day_count = v_plan.day_count
      where p.account_id = p_account;
  end if;
  -- The window that ends last is named: until then every request is refused.
  if admitted < p_number then
    refused_by := case when v_plan.day_count >= p_day then 'day'
      when v_plan.hour_count >= v_hour_max then 'hour' else 'second' end;
  end if;
  second_count := v_second.count;
  hour_count := v_plan.hour_count;
  day_count := v_plan.day_count;
  second_start := v_second.window_start;
  hour_start := v_plan.hour_start;
  day_start := v_plan.day_start;
end $$;
