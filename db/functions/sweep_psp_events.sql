-- Events whose payment is known by now. Bounded per call.
create or replace function sweep_psp_events(p_limit integer) returns integer
language sql volatile as $$
  select count(route_psp_event(provider, id))::integer from (
    select provider, id from psp_events
    where state = 'parked' and next_try_at < clock_timestamp()
    order by next_try_at limit p_limit for update skip locked) due
$$;
