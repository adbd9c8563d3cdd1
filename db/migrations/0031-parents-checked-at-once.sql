-- What an order writes is checked against its parents once per statement, not once per row and key: an
-- order of three lines and five units had eighteen such checks, and its acceptance paid more for them
-- than for anything else. That a parent exists, and in the same account, is certain when it is written;
-- that it stays so is certain because such a row is never deleted and its keys never change, which the
-- triggers below keep. Neither takes a lock on the parent.

create function keys_kept() returns trigger
language plpgsql as $$
begin
  raise exception 'a row of % stays, and so do its keys', tg_table_name using errcode = 'check_violation';
end $$;
create trigger purchase_orders_kept before delete or update of id, account_id, customer_id, currency
  on purchase_orders
  for each row execute function keys_kept();
create trigger transactions_kept
  before delete or update of id, account_id, customer_id, purchase_order_id on transactions
  for each row execute function keys_kept();
create trigger lines_kept
  before delete or update of id, account_id, transaction_id, product_id, variant_id on lines
  for each row execute function keys_kept();
create trigger units_kept
  before delete or update of id, account_id, purchase_order_id, transaction_id, line_id, product_id, variant_id
  on units for each row execute function keys_kept();
create trigger products_kept before delete or update of id, account_id on products
  for each row execute function keys_kept();
create trigger variants_kept before delete or update of id, account_id, product_id on variants
  for each row execute function keys_kept();

create function transactions_belong() returns trigger
language plpgsql as $$
begin
  if exists (
    select 1 from entered e
    left join lateral (select account_id, customer_id, currency from purchase_orders po
      where po.id = e.purchase_order_id limit 1) po on true
    where (e.account_id, e.customer_id, e.currency)
      is distinct from (po.account_id, po.customer_id, po.currency))
  then
    raise exception 'an order has no purchase order of its customer and currency'
      using errcode = 'foreign_key_violation';
  end if;
  return null;
end $$;
create trigger transactions_belong after insert on transactions
  referencing new table as entered for each statement execute function transactions_belong();

create function lines_belong() returns trigger
language plpgsql as $$
begin
  if exists (
    select 1 from entered l
    left join lateral (select account_id from transactions t where t.id = l.transaction_id limit 1) t on true
    left join lateral (select account_id from products p where p.id = l.product_id limit 1) p on true
    left join lateral (select account_id, product_id from variants v where v.id = l.variant_id limit 1) v on true
    where l.account_id is distinct from t.account_id or l.account_id is distinct from p.account_id
      or l.variant_id is not null
        and (l.account_id, l.product_id) is distinct from (v.account_id, v.product_id))
  then
    raise exception 'a line has no order, product or variant of its account'
      using errcode = 'foreign_key_violation';
  end if;
  return null;
end $$;
create trigger lines_belong after insert on lines
  referencing new table as entered for each statement execute function lines_belong();

create function units_belong() returns trigger
language plpgsql as $$
begin
  if exists (
    select 1 from (select distinct account_id, purchase_order_id, transaction_id, line_id from entered) u
    left join lateral (select account_id, transaction_id from lines l where l.id = u.line_id limit 1) l on true
    left join lateral (select account_id, purchase_order_id from transactions t
      where t.id = u.transaction_id limit 1) t on true
    where (u.account_id, u.transaction_id) is distinct from (l.account_id, l.transaction_id)
      or (u.account_id, u.purchase_order_id) is distinct from (t.account_id, t.purchase_order_id))
  then
    raise exception 'a unit has no line or purchase order of its order'
      using errcode = 'foreign_key_violation';
  end if;
  return null;
end $$;
create trigger units_belong after insert on units
  referencing new table as entered for each statement execute function units_belong();

alter table units
  drop constraint units_account_id_transaction_id_line_id_fkey,
  drop constraint units_account_id_purchase_order_id_transaction_id_fkey,
  drop constraint units_replaces_unit_id_key;
create unique index units_replaces on units (replaces_unit_id) where replaces_unit_id is not null;
alter table lines
  drop constraint lines_account_id_transaction_id_fkey,
  drop constraint lines_account_id_product_id_fkey,
  drop constraint lines_account_id_product_id_variant_id_fkey,
  -- Only those keys needed them: (transaction_id, position) finds the lines of an order.
  drop constraint lines_account_id_id_key,
  drop constraint lines_account_id_transaction_id_id_key;
alter table transactions
  drop constraint transactions_account_id_customer_id_purchase_order_id_fkey,
  drop constraint transactions_account_id_purchase_order_id_id_key;
