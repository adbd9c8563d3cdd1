-- The safety net below the workflows: finds stories that nobody carries on, and tidies up.

-- Closes purchase orders that are overdue, and starts and wakes the workflows of stories that
-- neither wait for a later instant nor have a command under way. Both commands are harmless to a
-- workflow that is at work. Bounded per call; the next call goes on.
create function sweep_stories(p_grace interval, p_limit integer)
returns table (workflow text, story_id text)
language plpgsql as $$
declare
  v_po record;
begin
  for v_po in
    select po.account_id, po.id from purchase_orders po
    where po.state = 'open' and po.period_end < business_now(po.account_id) - p_grace
    order by po.period_end limit p_limit
  loop
    perform close_purchase_order(v_po.account_id, v_po.id, false);
  end loop;
  return query
  with story as (
    select t.account_id, 'fulfillTransaction' as workflow, t.id, t.created_at, 2 as priority,
      jsonb_build_object('transaction_id', t.id, 'customer_id', t.customer_id,
        'customer_name', coalesce(c.company, c.id), 'purchase_order_id', t.purchase_order_id,
        'lines', (select count(*) from lines l where l.transaction_id = t.id),
        'units', t.unit_count, 'total_minor', t.total_minor, 'currency', t.currency) as subject
    from transactions t
    join customers c on c.account_id = t.account_id and c.id = t.customer_id
    where t.ended_at is null
    union all
    select po.account_id, 'runPurchaseOrderDay', po.id, po.created_at, 4,
      jsonb_build_object('purchase_order_id', po.id, 'customer_id', po.customer_id,
        'currency', po.currency, 'business_date', po.business_date, 'sequence', po.sequence)
    from purchase_orders po where po.ended_at is null
    union all
    select d.account_id, 'deliverWebhook', d.id, d.created_at, 4,
      jsonb_build_object('delivery_id', d.id, 'webhook_id', d.webhook_id, 'event_type', e.type)
    from deliveries d join events e on e.account_id = d.account_id and e.id = d.event_id
    where d.state = 'pending'
  ), stray as (
    select story.* from story
    where story.created_at < clock_timestamp() - p_grace
      and not exists (select 1 from waits w where w.story_id = story.id
        and (w.needs_person or w.due_at > business_now(story.account_id) - p_grace))
      and not exists (select 1 from outbox o where o.account_id = story.account_id
        and o.workflow = story.workflow and o.subject @> jsonb_build_object(
          case story.workflow when 'fulfillTransaction' then 'transaction_id'
            when 'runPurchaseOrderDay' then 'purchase_order_id' else 'delivery_id' end, story.id))
    order by story.created_at limit p_limit
  ), started as (
    insert into outbox (account_id, verb, workflow, subject, priority)
    select s.account_id, 'start', s.workflow, s.subject, s.priority from stray s
  ), woken as (
    insert into outbox (account_id, verb, workflow, subject, signal)
    select s.account_id, 'signal', s.workflow, s.subject,
      jsonb_build_object('name', 'wokenUp', 'input', jsonb_build_object('reason', 'swept'))
    from stray s
  )
  select s.workflow, s.id from stray s;
end $$;

-- Rows that have had their time.
create function sweep_leftovers() returns void
language plpgsql as $$
begin
  delete from idempotency_keys where expires_at < clock_timestamp();
  delete from rate_limits where window_start < clock_timestamp() - interval '2 days';
  perform create_month_partition('attempts', (clock_timestamp() + interval '1 month')::date);
end $$;
