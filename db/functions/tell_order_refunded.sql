-- Tells that everything which was captured for an order went back. The caller holds the order's lock.
create or replace function tell_order_refunded(p_account text, p_transaction text) returns void
language plpgsql as $$
declare
  v_txn transactions;
  v_money jsonb := order_money(p_account, p_transaction);
begin
  if v_money is null or (v_money ->> 'captured')::bigint = 0 or v_money -> 'captured' <> v_money -> 'refunded' then
    return;
  end if;
  update transactions set event_sequence = event_sequence + 1
    where account_id = p_account and id = p_transaction returning * into v_txn;
  perform emit_event(p_account, new_id('evt'), 'order.refunded', p_transaction, v_txn.event_sequence,
    v_txn.customer_id, jsonb_build_object('units', order_state(p_account, p_transaction), 'money', v_money,
      'purchase_order_state', (select state from purchase_orders
        where account_id = p_account and id = v_txn.purchase_order_id)), business_now(p_account));
end $$;
