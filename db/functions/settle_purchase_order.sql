-- Ends a purchase order's period: the same act for the closer, an early close and a late order.
-- The caller holds the customer's lock.
create or replace function settle_purchase_order(p_account text, p_po text, p_at timestamptz) returns void
language sql volatile as $$
  update purchase_orders po
  set state = 'settling', closed_at = p_at,
    period_end = greatest(po.period_start, least(po.period_end, p_at)),
    settle_until = p_at + a.settle_window_seconds * interval '1 second'
  from accounts a
  where po.account_id = p_account and po.id = p_po and po.state = 'open' and a.id = p_account
$$;
