-- A refusal as an answer of accept_orders: why, and what there is to say about it.
create or replace function refused(p_reason text, p_more jsonb default '{}') returns jsonb
language sql immutable as $$
  select jsonb_build_object('outcome', 'refused', 'reason', p_reason) || p_more
$$;
