-- Rows that have had their time.
create or replace function sweep_leftovers() returns void
language plpgsql as $$
begin
  delete from idempotency_keys where expires_at < clock_timestamp();
  delete from rate_limits where window_start < clock_timestamp() - interval '2 days';
  perform create_month_partition('attempts', (clock_timestamp() + interval '1 month')::date);
end $$;
