-- Writes an event, one delivery per endpoint that wants it, and the command to start each.
create or replace function emit_event(
  p_account text, p_event text, p_type text, p_object text, p_sequence integer,
  p_customer text, p_facts jsonb, p_at timestamptz
) returns void
language sql volatile as $$
  select emit_events(array[p_account], array[p_event], array[p_type], array[p_object],
    array[p_sequence], array[p_customer], array[p_facts], array[p_at])
$$;
