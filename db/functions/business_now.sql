-- Business time of an account. The only source of business dates, deadlines and cut-offs.
create or replace function business_now(p_account text) returns timestamptz
language sql volatile as $$
  select clock_timestamp()
    + coalesce((select offset_ms from test_clocks where account_id = p_account), 0)
      * interval '1 millisecond'
$$;
