-- What the lines of an order cost now, in their order. Prices are the server's: a submitted price must
-- agree, unless the key may override it. `problem` says why a line cannot be sold. What a line names is
-- looked up by its key, whatever the sizes of the tables were when the plan was made: hence the limits.
create or replace function price_lines(
  p_account text, p_items jsonb, p_currency text, p_price_override boolean
) returns table ("position" integer, product_id text, variant_id text, sku text, name text,
  tax_class text, fulfillment_type text, quantity integer, currency text, unit_price_minor bigint,
  problem jsonb)
language sql stable as $$
  select j.position, j.product_id, j.variant_id, j.sku, j.name, j.tax_class, j.fulfillment_type,
    j.quantity, j.currency,
    case when j.problem is null then j.unit_price::bigint end,
    case when j.problem is not null then jsonb_build_object('reason', j.problem[1],
      'field', 'items.' || j.position - 1 || '.' || j.problem[2], 'message', j.problem[3]) end
  from (
    select p.*, case
      when p.product_id is null or p.status = 'archived'
        then array['product_unavailable', p.named_by, 'No such product']
      when p.status <> 'active'
        then array['product_unavailable', p.named_by, 'This product is not for sale: its status is ' || p.status]
      when p.variant_id is not null and p.found_variant is null
        then array['product_unavailable', 'variant_id', 'No such variant of this product']
      when p.fulfillment_type = 'physical'
        then array['physical_unavailable', p.named_by, 'Physical goods cannot be ordered yet: shipping is not built']
      when p_currency is not null and p.currency <> p_currency
        then array['mixed_currency', p.named_by, 'This product is sold in ' || p.currency]
      when p.unit_price <> trunc(p.unit_price) or p.unit_price > 100000000000
        then array['invalid_amount', 'price', 'Not an amount of ' || p.currency]
      when p.price is not null and p.unit_price <> p.price * p.factor
        then array['price_mismatch', 'price', 'The price is '
          || round(p.price_minor / p.factor, p.digits) || ' ' || p.currency]
      end as problem
    from (
      select f.*, case when f.price is not null and p_price_override
        then f.price * f.factor else f.price_minor end as unit_price
      from (
        select i.position::integer, i.quantity, i.price, pr.id as product_id,
          coalesce(i.variant_id, s.variant_id) as variant_id, v.id as found_variant,
          coalesce(v.sku, pr.sku) as sku, pr.name, pr.status, pr.tax_class, pr.fulfillment_type,
          pr.currency, cu.exponent::integer as digits, 10::numeric ^ cu.exponent as factor,
          coalesce(v.price_minor, pr.price_minor) as price_minor,
          case when i.sku is null then 'product_id' else 'sku' end as named_by
        from rows from (jsonb_to_recordset(p_items) as
          (product_id text, sku text, variant_id text, quantity integer, price numeric))
          with ordinality as i (product_id, sku, variant_id, quantity, price, position)
        left join lateral (select * from skus s
          where s.account_id = p_account and s.sku = i.sku limit 1) s on true
        left join lateral (select * from products pr
          where pr.account_id = p_account and pr.id = coalesce(i.product_id, s.product_id) limit 1) pr on true
        left join lateral (select * from variants v where v.account_id = p_account and v.product_id = pr.id
          and v.id = coalesce(i.variant_id, s.variant_id) and v.removed_at is null limit 1) v on true
        left join lateral (select * from currencies cu where cu.code = pr.currency limit 1) cu on true
      ) f
    ) p
  ) j
$$;
