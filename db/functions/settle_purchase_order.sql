-- Ends a purchase order's period: the same act for the closer, an early close and a late order.
-- The caller holds the customer's lock. Never before its last order: a clock that went back, or that
-- reads the same microsecond twice, would leave that order outside the period it belongs to.
create or replace function settle_purchase_order(p_account text, p_po text, p_at timestamptz) returns void
language sql volatile as $$
  update purchase_orders po
  set state = 'settling', closed_at = ending.at,
    period_end = greatest(po.period_start, least(po.period_end, ending.at)),
    settle_until = ending.at + a.settle_window_seconds * interval '1 second'
  from accounts a, (select greatest(p_at, (
      select max(t.accepted_at) + interval '1 microsecond' from transactions t
      where t.account_id = p_account and t.purchase_order_id = p_po)) as at) ending
  where po.account_id = p_account and po.id = p_po and po.state = 'open' and a.id = p_account
$$;
