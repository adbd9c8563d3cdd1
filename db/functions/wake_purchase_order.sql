-- A wake-up for a purchase order's workflow, by the ids its workflow id is made of. Whoever has
-- something to do does not wait: a test clock stops until it is done.
create or replace function wake_purchase_order(p_po purchase_orders, p_reason text) returns void
language sql volatile as $$
  delete from waits where story_id = p_po.id;
  insert into outbox (account_id, verb, workflow, subject, signal)
  values (p_po.account_id, 'signal', 'runPurchaseOrderDay', jsonb_build_object(
      'purchase_order_id', p_po.id, 'customer_id', p_po.customer_id, 'currency', p_po.currency,
      'business_date', p_po.business_date, 'sequence', p_po.sequence),
    jsonb_build_object('name', 'wokenUp', 'input', jsonb_build_object('reason', p_reason)))
$$;
