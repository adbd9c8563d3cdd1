-- Closes a purchase order when its period is over, or at once when `p_early`. Safe to repeat:
-- a closed one stays as it is.
create or replace function close_purchase_order(p_account text, p_po text, p_early boolean) returns void
language plpgsql as $$
declare
  v_po purchase_orders;
  v_now timestamptz;
begin
  perform 1 from customers c join purchase_orders po
      on po.account_id = c.account_id and po.customer_id = c.id
    where po.account_id = p_account and po.id = p_po for no key update of c;
  v_now := business_now(p_account);
  select * into v_po from purchase_orders where account_id = p_account and id = p_po;
  if v_po.state = 'open' and (p_early or v_now >= v_po.period_end) then
    perform settle_purchase_order(p_account, p_po, v_now);
  end if;
end $$;
