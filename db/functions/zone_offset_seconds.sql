create or replace function zone_offset_seconds(p_at timestamptz, p_zone text) returns integer
language sql stable as $$
  select extract(epoch from (p_at at time zone p_zone) - (p_at at time zone 'UTC'))::integer
$$;
