-- Keeps for an order what `pool_covers` has just found and locked.
create or replace function reserve_codes(p_account text, p_transaction text, p_now timestamptz) returns void
language plpgsql as $$
declare
  v_want record;
  v_outlive timestamptz := code_outlives(p_account, p_now);
begin
  for v_want in
    select product_id, variant_id, count(*)::integer as n from units
    where account_id = p_account and transaction_id = p_transaction
    group by product_id, variant_id order by product_id, variant_id
  loop
    update codes set reserved_for = p_transaction where id in (
      select id from codes where account_id = p_account and product_id = v_want.product_id
        and variant_id = v_want.variant_id and unit_id is null and quarantined_at is null
        and reserved_for is null and coalesce(expires_at, 'infinity') > v_outlive
      order by coalesce(expires_at, 'infinity'), id limit v_want.n for update skip locked);
  end loop;
end $$;
