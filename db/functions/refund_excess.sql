-- Gives back what was captured for an order and is owed for none of its units: those that failed or were
-- cancelled, and what was paid twice. What a dispute took is with the payer already; while it is open
-- its payment is left alone, and how it ends is the reason to look again. The caller holds the order's
-- and its payments' locks. Safe to repeat: what is on its way back is no excess any more.
create or replace function refund_excess(p_txn transactions) returns void
language plpgsql as $$
declare
  v_live bigint;
  v_forgone bigint;
  v_failed boolean;
  v_captured bigint;
  v_excess bigint;
  v_payment payment_intents;
  v_amount bigint;
begin
  select coalesce(sum(gross_minor) filter (where state not in ('failed', 'cancelled')), 0),
      coalesce(sum(gross_minor) filter (where state = 'cancelled' and reason = 'cancelled_by_request'
        and not p_txn.cancel_refunds), 0),
      bool_or(state = 'failed')
    into v_live, v_forgone, v_failed
    from units where account_id = p_txn.account_id and transaction_id = p_txn.id;
  select coalesce(sum(captured_minor - disputed_minor), 0) into v_captured from payment_intents
    where account_id = p_txn.account_id and transaction_id = p_txn.id;
  select v_captured - v_live - v_forgone - coalesce(sum(r.amount_minor), 0) into v_excess
    from refunds r join payment_intents p on p.account_id = r.account_id and p.id = r.payment_id
    where p.account_id = p_txn.account_id and p.transaction_id = p_txn.id and r.state <> 'failed';
  for v_payment in
    select * from payment_intents p where account_id = p_txn.account_id and transaction_id = p_txn.id
      and captured_minor > refunded_minor + refund_held_minor + disputed_minor
      and not exists (select 1 from disputes d where d.account_id = p.account_id and d.payment_id = p.id
        and d.state in ('needs_response', 'under_review') and d.ended_at is null)
    order by created_at desc, id desc
  loop
    exit when v_excess <= 0;
    v_amount := least(v_excess,
      v_payment.captured_minor - v_payment.refunded_minor - v_payment.refund_held_minor
        - v_payment.disputed_minor);
    perform insert_refund(p_txn.account_id, v_payment.id, jsonb_build_object('amount_minor', v_amount,
      'cause', case when v_failed then 'units_failed' when v_live = 0 then 'order_cancelled'
        when exists (select 1 from units where account_id = p_txn.account_id
          and transaction_id = p_txn.id and state = 'cancelled') then 'order_cancelled'
        else 'late_money' end));
    v_excess := v_excess - v_amount;
  end loop;
end $$;
