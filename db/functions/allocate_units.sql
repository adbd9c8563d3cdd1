-- Gives codes of the own pool to units that have none: one statement for all products, so that what
-- was delivered together is one journal. Safe to run twice: it looks for units without a code, and a
-- code is taken only while it has no unit.
create or replace function allocate_units(p_account text, p_transaction text, p_now timestamptz)
returns integer
language plpgsql as $$
declare
  v_outlive timestamptz := code_outlives(p_account, p_now);
  v_total integer;
begin
  with need as materialized (
    select id, product_id, variant_id,
      row_number() over (partition by product_id, variant_id order by position) as n
    from units
    where account_id = p_account and transaction_id = p_transaction
      and state in ('queued', 'backordered') and cancel_requested_at is null
  ), pool as (
    select want.product_id, want.variant_id, free.id,
      row_number() over (partition by want.product_id, want.variant_id
        order by free.good_until, free.id) as n
    from (select product_id, variant_id, count(*) as n from need group by product_id, variant_id) want
    cross join lateral (
      select id, coalesce(expires_at, 'infinity') as good_until from codes
      where account_id = p_account and product_id = want.product_id
        and variant_id = want.variant_id and unit_id is null and quarantined_at is null
        and (reserved_for is null or reserved_for = p_transaction)
        and coalesce(expires_at, 'infinity') > v_outlive
      order by coalesce(expires_at, 'infinity'), id limit want.n for update skip locked
    ) free
  ), pair as materialized (
    select need.id as unit_id, pool.id as code_id
    from need join pool using (product_id, variant_id, n)
  ), given as (
    update codes set unit_id = pair.unit_id, allocated_at = p_now, reserved_for = null
    from pair where codes.account_id = p_account and codes.id = pair.code_id
  )
  update units set state = 'allocated', allocated_at = p_now, reason = null
  from pair where units.account_id = p_account and units.id = pair.unit_id;
  get diagnostics v_total = row_count;
  return v_total;
end $$;
