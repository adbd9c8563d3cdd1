-- A refusal for more than may be owed; amounts in minor units.
create or replace function refused_credit(p_currency text, p_limit bigint, p_used bigint, p_total bigint)
returns jsonb
language sql immutable as $$
  select refused('credit_exceeded', jsonb_build_object('currency', p_currency, 'limit_minor', p_limit,
    'used_minor', p_used, 'total_minor', p_total))
$$;
