-- Whether the own pool can serve every line now. The first look passes locked codes by, the second
-- waits for them, so that "out of stock" is never said because of somebody who then lets go.
create or replace function pool_covers(p_account text, p_lines jsonb, p_now timestamptz)
returns boolean
language plpgsql as $$
declare
  v_outlive constant timestamptz := code_outlives(p_account, p_now);
  v_want record;
  v_got integer;
begin
  for v_want in
    select l.product_id, coalesce(l.variant_id, '') as variant_id, sum(l.quantity)::integer as n
    from jsonb_to_recordset(p_lines) as l (product_id text, variant_id text, quantity integer)
    group by 1, 2 order by 1, 2
  loop
    select count(*) into v_got from (
      select id from codes where account_id = p_account and product_id = v_want.product_id
        and variant_id = v_want.variant_id and unit_id is null and quarantined_at is null
        and reserved_for is null
        and coalesce(expires_at, 'infinity') > v_outlive
      order by coalesce(expires_at, 'infinity'), id limit v_want.n for update skip locked) free;
    if v_got < v_want.n then
      select count(*) into v_got from (
        select id from codes where account_id = p_account and product_id = v_want.product_id
          and variant_id = v_want.variant_id and unit_id is null and quarantined_at is null
          and reserved_for is null
          and coalesce(expires_at, 'infinity') > v_outlive
        order by coalesce(expires_at, 'infinity'), id limit v_want.n for update) free;
    end if;
    if v_got < v_want.n then
      return false;
    end if;
  end loop;
  return true;
end $$;
