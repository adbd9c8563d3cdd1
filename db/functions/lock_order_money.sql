-- Locks the payments of an order, after the order itself; answers what is captured and stays.
create or replace function lock_order_money(p_account text, p_transaction text) returns bigint
language sql volatile as $$
  select coalesce(sum(captured_minor - refunded_minor - refund_held_minor - disputed_minor), 0)::bigint from (
    select * from payment_intents where account_id = p_account and transaction_id = p_transaction
    order by id for no key update) locked
$$;
