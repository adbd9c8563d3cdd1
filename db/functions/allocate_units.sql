-- Gives codes of the own pool to units that have none: one statement for all products, so that what
-- was delivered together is one journal. Safe to run twice: it looks for units without a code, and a
-- code is taken only while it has no unit. Units and codes are paired as lists: a join by their places
-- would be planned for a few and meet ten thousand.
create or replace function allocate_units(p_account text, p_transaction text, p_now timestamptz)
returns integer
language plpgsql as $$
declare
  v_outlive timestamptz := code_outlives(p_account, p_now);
  v_total integer;
begin
  with want as (
    select product_id, variant_id, array_agg(id order by position) as unit_ids
    from units
    where account_id = p_account and transaction_id = p_transaction
      and state in ('queued', 'backordered') and cancel_requested_at is null
    group by product_id, variant_id
  ), pair as materialized (
    select pair.unit_id, pair.code_id
    from want
    cross join lateral (
      select array_agg(id order by good_until, id) as code_ids from (
        select id, coalesce(expires_at, 'infinity') as good_until from codes
        where account_id = p_account and product_id = want.product_id
          and variant_id = want.variant_id and unit_id is null and quarantined_at is null
          and (reserved_for is null or reserved_for = p_transaction)
          and coalesce(expires_at, 'infinity') > v_outlive
        order by coalesce(expires_at, 'infinity'), id limit cardinality(want.unit_ids)
        for update skip locked
      ) free
    ) pool
    cross join lateral unnest(want.unit_ids[:cardinality(pool.code_ids)], pool.code_ids)
      as pair (unit_id, code_id)
  ), given as (
    update codes set unit_id = pair.unit_id, allocated_at = p_now, reserved_for = null
    from pair where codes.account_id = p_account and codes.id = pair.code_id
  )
  update units set state = 'allocated', allocated_at = p_now, reason = null
  from pair where units.account_id = p_account and units.id = pair.unit_id;
  get diagnostics v_total = row_count;
  return v_total;
end $$;
