-- The nightly schedule: asks for the report of each account whose last day is over and was never
-- reported, and that ever posted anything. Bounded per call; the next call goes on. Safe to repeat.
create or replace function open_ledger_reconciliations(p_limit integer) returns integer
language sql volatile as $$
  select count(request_ledger_reconciliation(due.id, due.day))::integer from (
    select a.id, local.yesterday as day from accounts a
    cross join lateral (
      select (business_now(a.id) at time zone a.time_zone)::date - 1 as yesterday) local
    where exists (select 1 from journals j where j.account_id = a.id)
      and not exists (select 1 from ledger_reconciliations r where r.account_id = a.id
        and (r.business_date >= local.yesterday or r.ended_at is null))
    order by a.id limit p_limit) due
$$;
