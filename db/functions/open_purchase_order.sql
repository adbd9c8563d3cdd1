-- Finds the open purchase order for an instant, or settles the one that is over and opens the next.
-- `p_zone` and `p_cut_off` are what is set now. The caller holds the customer's lock and read the
-- clock after it.
create or replace function open_purchase_order(
  p_account text, p_customer text, p_currency text, p_zone text, p_cut_off time, p_now timestamptz
) returns purchase_orders
language plpgsql as $$
declare
  v_po purchase_orders;
  v_last purchase_orders;
  v_period record;
  v_calendar record;
  v_date date;
  v_end timestamptz;
  v_start timestamptz;
begin
  select * into v_po from purchase_orders
    where account_id = p_account and customer_id = p_customer and currency = p_currency and state = 'open';
  if found and p_now < v_po.period_end then
    return v_po;
  end if;
  if found then
    perform settle_purchase_order(p_account, v_po.id, p_now);
  end if;
  select * into v_last from purchase_orders
    where account_id = p_account and customer_id = p_customer and currency = p_currency
    order by period_end desc, business_date desc, sequence desc limit 1;
  select * into v_period from calendar_period(p_account, p_customer, p_zone, p_cut_off, p_now);
  -- A clock that stepped back never reopens a day that ended.
  v_date := greatest(v_period.business_date, v_last.business_date);
  select * into v_calendar from calendar_on(p_account, p_customer, v_date);
  v_start := greatest(v_period.period_start, v_last.period_end);
  v_end := greatest(v_start, case when v_date = v_period.business_date then v_period.period_end
    else calendar_day_end(p_account, p_customer, v_date) end);
  insert into purchase_orders (id, account_id, customer_id, currency, business_date, sequence,
    time_zone, cut_off, period_start, period_end, scheduled_end, offset_start_seconds,
    offset_end_seconds, opened_at, bill_on)
  values (new_id('po'), p_account, p_customer, p_currency, v_date,
    case when v_last.business_date = v_date then v_last.sequence + 1 else 1 end,
    v_calendar.time_zone, v_calendar.cut_off, v_start, v_end, v_end,
    zone_offset_seconds(v_start, v_calendar.time_zone),
    zone_offset_seconds(v_end, v_calendar.time_zone),
    greatest(p_now, v_start),
    (select coalesce(c.bill_on, a.bill_on) from customers c join accounts a on a.id = c.account_id
      where c.account_id = p_account and c.id = p_customer))
  returning * into v_po;
  insert into outbox (account_id, verb, workflow, subject, priority)
  values (p_account, 'start', 'runPurchaseOrderDay', jsonb_build_object(
    'purchase_order_id', v_po.id, 'customer_id', p_customer, 'currency', p_currency,
    'business_date', v_po.business_date, 'sequence', v_po.sequence), 4);
  return v_po;
end $$;
