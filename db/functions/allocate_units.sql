-- Gives codes of the own pool to units that have none. Safe to run twice: it looks for units
-- without a code, and a code is taken only while it has no unit.
create or replace function allocate_units(p_account text, p_transaction text, p_now timestamptz)
returns integer
language plpgsql as $$
declare
  v_want record;
  v_outlive timestamptz;
  v_got integer;
  v_total integer := 0;
begin
  for v_want in
    select product_id, variant_id, count(*)::integer as n from units
    where account_id = p_account and transaction_id = p_transaction
      and state in ('queued', 'backordered') and cancel_requested_at is null
    group by product_id, variant_id order by product_id, variant_id
  loop
    v_outlive := coalesce(v_outlive, code_outlives(p_account, p_now));
    with pool as (
      select id, row_number() over (order by good_until, id) as n from (
        select id, coalesce(expires_at, 'infinity') as good_until from codes
        where account_id = p_account and product_id = v_want.product_id
          and variant_id = v_want.variant_id and unit_id is null and quarantined_at is null
          and (reserved_for is null or reserved_for = p_transaction)
          and coalesce(expires_at, 'infinity') > v_outlive
        order by coalesce(expires_at, 'infinity'), id limit v_want.n for update skip locked) free
    ), need as (
      select id, row_number() over (order by position) as n from units
      where account_id = p_account and transaction_id = p_transaction
        and product_id = v_want.product_id and variant_id = v_want.variant_id
        and state in ('queued', 'backordered') and cancel_requested_at is null
    ), pair as (
      select need.id as unit_id, pool.id as code_id from need join pool using (n)
    ), given as (
      update codes set unit_id = pair.unit_id, allocated_at = p_now, reserved_for = null
      from pair where codes.id = pair.code_id returning 1
    )
    update units set state = 'allocated', allocated_at = p_now, reason = null
    from pair where units.id = pair.unit_id;
    get diagnostics v_got = row_count;
    v_total := v_total + v_got;
  end loop;
  return v_total;
end $$;
