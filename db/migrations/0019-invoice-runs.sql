-- Supplementary invoices.

-- Later runs of a purchase order whose first invoice was issued: 2 and up, one waiting at a time.
create table invoice_runs (
  -- `po_X/2`, the story.
  id text primary key,
  account_id text not null,
  customer_id text not null,
  purchase_order_id text not null,
  run integer not null check (run >= 2),
  -- The next cut-off of the customer after the delivery.
  due_at timestamptz not null,
  billed_at timestamptz,
  manifest_hash bytea,
  ended_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (purchase_order_id, run),
  foreign key (account_id, customer_id, purchase_order_id)
    references purchase_orders (account_id, customer_id, id),
  check (ended_at is null or billed_at is not null)
);
create unique index invoice_runs_waiting on invoice_runs (purchase_order_id) where billed_at is null;
create index invoice_runs_unfinished on invoice_runs (account_id, id) where ended_at is null;

-- Makes sure that units which were delivered after the first invoice are billed at the next cut-off.
-- The caller holds a lock of the purchase order that billing conflicts with. Safe to repeat.
create function schedule_invoice_run(p_account text, p_po text, p_now timestamptz) returns void
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
      and invoice_line_id is null and state = 'allocated')
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
    (business_period(p_now, v_zone, v_cut_off)).period_end);
  insert into outbox (account_id, verb, workflow, subject, priority)
  values (p_account, 'start', 'issueInvoice', jsonb_build_object('invoice_run_id', p_po || '/' || v_run,
    'purchase_order_id', p_po, 'run', v_run, 'customer_id', v_po.customer_id), 4);
end $$;

-- One step of a transaction: gives out what the pool has, gives up what may no longer be bought,
-- and ends the transaction when no unit is open. Safe to run any number of times: it acts only on
-- open units, and events are written only for what this very call changed.
create or replace function fulfill_transaction(p_account text, p_transaction text) returns jsonb
language plpgsql as $$
declare
  v_txn transactions;
  v_now timestamptz;
  v_fresh integer;
  v_state jsonb;
  v_open integer;
  v_sequence integer;
  v_po purchase_orders;
  v_facts jsonb;
begin
  select * into v_txn from transactions
    where account_id = p_account and id = p_transaction for update;
  if not found then
    raise exception 'no transaction % in %', p_transaction, p_account using errcode = 'no_data_found';
  end if;
  v_now := greatest(business_now(p_account), v_txn.accepted_at);

  if v_txn.ended_at is null then
    v_sequence := v_txn.event_sequence;
    v_fresh := allocate_units(p_account, p_transaction, v_now);

    -- The deadline and an operator's decision forbid new purchases. What a supplier may already
    -- have sold us (sourcing, unknown) ends only by the supplier's definite answer.
    if v_txn.cancel_requested_at is not null or v_now >= v_txn.deadline_at then
      update units
      set state = case when v_txn.cancel_requested_at is not null then 'cancelled' else 'failed' end,
        reason = case when v_txn.cancel_requested_at is not null then 'cancelled_by_request'
          else 'deadline_passed' end
      where account_id = p_account and transaction_id = p_transaction
        and state in ('queued', 'backordered');
    end if;

    v_state := order_state(p_account, p_transaction);
    select coalesce(sum(n::integer), 0) into v_open from jsonb_each_text(v_state) as s (state, n)
      where state in ('queued', 'sourcing', 'backordered', 'unknown');
    select * into v_po from purchase_orders
      where account_id = p_account and id = v_txn.purchase_order_id;
    -- After the close billing is at work or over: whoever comes second sees what the other one did.
    if v_po.state <> 'open' then
      select * into v_po from purchase_orders
        where account_id = p_account and id = v_txn.purchase_order_id for share;
      perform schedule_invoice_run(p_account, v_txn.purchase_order_id, v_now);
    end if;
    v_facts := jsonb_build_object('units', v_state, 'purchase_order_state', v_po.state);
    if v_open = 0 then
      v_sequence := v_sequence + 1;
      perform emit_event(p_account, new_id('evt'),
        case when v_state ? 'allocated' then 'order.fulfilled' else 'order.cancelled' end,
        p_transaction, v_sequence, v_txn.customer_id,
        v_facts, v_now);
      delete from waits where story_id = p_transaction;
      update transactions set ended_at = v_now where account_id = p_account and id = p_transaction;
      -- The last open unit of a day that is settling lets its invoice be issued at once.
      if v_po.state = 'settling' and not exists (
        select 1 from transactions where account_id = p_account
          and purchase_order_id = v_po.id and ended_at is null)
      then
        perform wake_purchase_order(v_po, 'every unit of the day is done');
      end if;
    end if;
    if v_fresh > 0 then
      v_sequence := v_sequence + 1;
      perform emit_event(p_account, new_id('evt'), 'codes.available', p_transaction, v_sequence,
        v_txn.customer_id, v_facts, v_now);
    end if;
    if v_sequence > v_txn.event_sequence then
      update transactions set event_sequence = v_sequence
        where account_id = p_account and id = p_transaction;
    end if;
  else
    v_state := order_state(p_account, p_transaction);
    v_open := 0;
  end if;

  return jsonb_build_object('units', v_state, 'open', v_open, 'ended', v_open = 0,
    'deadline_at', v_txn.deadline_at, 'now', v_now,
    'cancel_requested', v_txn.cancel_requested_at is not null);
end $$;

-- Closes purchase orders that are overdue, and starts and wakes the workflows of stories that
-- neither wait for a later instant nor have a command under way. Both commands are harmless to a
-- workflow that is at work. Bounded per call; the next call goes on.
create or replace function sweep_stories(p_grace interval, p_limit integer)
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
    select c.account_id, 'issueCreditNote', c.id, c.created_at, 4,
      jsonb_build_object('credit_note_id', c.id, 'invoice_id', c.invoice_id,
        'customer_id', c.customer_id, 'total_minor', c.total_minor, 'currency', c.currency)
    from credit_notes c where c.ended_at is null
    union all
    select r.account_id, 'issueInvoice', r.id, r.created_at, 4,
      jsonb_build_object('invoice_run_id', r.id, 'purchase_order_id', r.purchase_order_id,
        'run', r.run, 'customer_id', r.customer_id)
    from invoice_runs r where r.ended_at is null
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
            when 'runPurchaseOrderDay' then 'purchase_order_id'
            when 'issueCreditNote' then 'credit_note_id'
            when 'issueInvoice' then 'invoice_run_id' else 'delivery_id' end, story.id))
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
