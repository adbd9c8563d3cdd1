-- The daily schedule: asks for the days of the last week that are over and were never compared, of
-- accounts that took payments by then. Bounded per call; the next call goes on. Safe to repeat.
create or replace function open_reconciliations(p_limit integer) returns integer
language sql volatile as $$
  select count(request_reconciliation(due.account_id, due.day))::integer from (
    select a.id as account_id, day::date as day
    from accounts a
    cross join lateral (select (business_now(a.id) at time zone a.time_zone)::date as today) local
    cross join lateral generate_series(local.today - 7, local.today - 1, interval '1 day') day
    where exists (select 1 from payment_intents p where p.account_id = a.id
        and p.created_at < (day::date + 1)::timestamp at time zone a.time_zone)
      and not exists (select 1 from payment_reconciliations r
        where r.account_id = a.id and r.business_date = day::date)
    order by day, a.id limit p_limit) due
$$;
