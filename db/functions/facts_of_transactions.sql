-- The immutable rows of orders as one object each: what the acceptance of each was, whatever happened
-- since. The n-th account is the owner of the n-th transaction.
create or replace function facts_of_transactions(p_accounts text[], p_transactions text[])
returns table (n bigint, facts jsonb)
language sql stable as $$
  select asked.n, jsonb_build_object(
    'id', t.id, 'account_id', t.account_id, 'customer_id', t.customer_id, 'position', t.position,
    'client_reference', t.client_reference, 'currency', t.currency, 'total_minor', t.total_minor,
    'unit_count', t.unit_count, 'payment_method', t.payment_method,
    'allow_backorder', t.allow_backorder, 'deadline_at', t.deadline_at, 'pay_by', t.pay_by,
    'shipping_address', t.shipping_address, 'billing_address', t.billing_address,
    'shipping_method', t.shipping_method, 'metadata', t.metadata, 'accepted_at', t.accepted_at,
    'created_at', t.created_at,
    'purchase_order', jsonb_build_object('id', po.id, 'business_date', po.business_date,
      'sequence', po.sequence, 'currency', po.currency, 'scheduled_end', po.scheduled_end),
    'lines', (select jsonb_agg(jsonb_build_object('id', l.id, 'product_id', l.product_id,
        'variant_id', l.variant_id, 'sku', l.sku, 'name', l.name, 'quantity', l.quantity,
        'fulfillment_type', l.fulfillment_type, 'unit_price_minor', l.unit_price_minor,
        'total_minor', l.total_minor) order by l.position)
      from lines l where l.transaction_id = t.id and (l.account_id = t.account_id) is true))
  from unnest(p_accounts, p_transactions) with ordinality as asked (account_id, transaction_id, n)
  cross join lateral (select * from transactions t
    where t.id = asked.transaction_id and (t.account_id = asked.account_id) is true limit 1) t
  cross join lateral (select * from purchase_orders po
    where po.id = t.purchase_order_id and (po.account_id = t.account_id) is true limit 1) po
$$;
