-- Makes sure that units which were delivered after the first invoice are billed at the next cut-off.
-- The caller holds a lock of the purchase order that billing conflicts with. Safe to repeat.
create or replace function schedule_invoice_run(p_account text, p_po text, p_now timestamptz) returns void
language plpgsql as $$
declare
  v_po purchase_orders;
  v_zone text;
  v_cut_off time;
  v_run integer;
begin
  select * into v_po from purchase_orders where account_id = p_account and id = p_po;
  if v_po.state not in ('invoiced', 'settled')
    or not exists (select 1 from units where account_id = p_account and purchase_order_id = p_po
      and invoice_line_id is null and state = 'allocated' and replaces_unit_id is null)
    or exists (select 1 from invoice_runs where purchase_order_id = p_po and billed_at is null)
  then
    return;
  end if;
  select coalesce(c.time_zone, a.time_zone), coalesce(c.cut_off, a.cut_off) into v_zone, v_cut_off
    from customers c join accounts a on a.id = c.account_id
    where c.account_id = p_account and c.id = v_po.customer_id;
  select coalesce(max(run), 1) + 1 into v_run from invoice_runs where purchase_order_id = p_po;
  insert into invoice_runs (id, account_id, customer_id, purchase_order_id, run, due_at)
  values (p_po || '/' || v_run, p_account, v_po.customer_id, p_po, v_run,
    (calendar_period(p_account, v_po.customer_id, v_zone, v_cut_off, p_now)).period_end);
  insert into outbox (account_id, verb, workflow, subject, priority)
  values (p_account, 'start', 'issueInvoice', jsonb_build_object('invoice_run_id', p_po || '/' || v_run,
    'purchase_order_id', p_po, 'run', v_run, 'customer_id', v_po.customer_id), 4);
end $$;
