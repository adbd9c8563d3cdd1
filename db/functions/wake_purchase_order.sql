-- A wake-up for a purchase order's workflow, by the ids its workflow id is made of.
create or replace function wake_purchase_order(p_po purchase_orders, p_reason text) returns void
language sql volatile as $$
  select wake_story(p_po.account_id, 'runPurchaseOrderDay', p_po.id, jsonb_build_object(
      'purchase_order_id', p_po.id, 'customer_id', p_po.customer_id, 'currency', p_po.currency,
      'business_date', p_po.business_date, 'sequence', p_po.sequence), p_reason, 3)
$$;
