-- The instant that a code must outlive to be given out now.
create or replace function code_outlives(p_account text, p_now timestamptz) returns timestamptz
language sql stable as $$
  select p_now + code_validity_seconds_min * interval '1 second' from accounts where id = p_account
$$;
