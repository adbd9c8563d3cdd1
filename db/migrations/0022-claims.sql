-- Claims: a delivered code that its buyer calls invalid, and what becomes of it.

-- A unit that replaces another one of the same order: it has a code of its own and is never billed.
alter table units
  add column replaces_unit_id text unique,
  add foreign key (account_id, replaces_unit_id) references units (account_id, id),
  add check (replaces_unit_id is null or (price_minor = 0 and invoice_line_id is null));

create table claims (
  id text primary key,
  account_id text not null,
  customer_id text not null,
  transaction_id text not null,
  unit_id text not null,
  -- What the customer says is wrong.
  reason text not null check (length(reason) between 1 and 500),
  state text not null default 'open' check (state in ('open', 'replaced', 'refunded', 'rejected')),
  replacement_unit_id text unique,
  -- Answers heard of the supplier, silence included, and the last of them in a few words.
  tries integer not null default 0,
  last_answer text,
  -- Business time of the next question to the supplier; null when a person decides.
  ask_at timestamptz,
  -- Business time.
  opened_at timestamptz not null,
  ended_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  foreign key (account_id, customer_id) references customers (account_id, id),
  foreign key (account_id, transaction_id) references transactions (account_id, id),
  foreign key (account_id, unit_id) references units (account_id, id),
  foreign key (account_id, replacement_unit_id) references units (account_id, id),
  check ((state = 'open') = (ended_at is null)),
  check ((state = 'replaced') = (replacement_unit_id is not null)),
  check (state = 'open' or ask_at is null)
);
-- A code is claimed once; only a rejected claim leaves room for another one.
create unique index claims_once on claims (unit_id) where state <> 'rejected';
create index claims_opened on claims (account_id, opened_at, id);
create index claims_customer on claims (account_id, customer_id, opened_at, id);
create index claims_open on claims (account_id, id) where state = 'open';

-- The units of an order by state: everything about an order that changes. A replacement is not
-- something that was ordered: it does not count.
create or replace function order_state(p_account text, p_transaction text) returns jsonb
language sql stable as $$
  select coalesce(jsonb_object_agg(state, n), '{}') from (
    select state, count(*) as n from units
    where account_id = p_account and transaction_id = p_transaction and replaces_unit_id is null
    group by state) counted
$$;

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
    (business_period(p_now, v_zone, v_cut_off)).period_end);
  insert into outbox (account_id, verb, workflow, subject, priority)
  values (p_account, 'start', 'issueInvoice', jsonb_build_object('invoice_run_id', p_po || '/' || v_run,
    'purchase_order_id', p_po, 'run', v_run, 'customer_id', v_po.customer_id), 4);
end $$;

-- A purchase order is settled when nothing of it is open or unbilled and its invoices are paid or
-- void. Said by the last of them, whatever paid or voided it.
create or replace function invoices_settled() returns trigger
language plpgsql as $$
begin
  update purchase_orders po set state = 'settled'
  where po.account_id = new.account_id and po.id = new.purchase_order_id and po.state = 'invoiced'
    and not exists (select 1 from transactions t where t.account_id = po.account_id
      and t.purchase_order_id = po.id and t.ended_at is null)
    and not exists (select 1 from units u where u.account_id = po.account_id
      and u.purchase_order_id = po.id and u.state = 'allocated' and u.invoice_line_id is null
      and u.replaces_unit_id is null)
    and not exists (select 1 from invoices i where i.account_id = po.account_id
      and i.purchase_order_id = po.id and i.state = 'open');
  return null;
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
    select s.account_id, 'sendDocuments', s.id, s.created_at, 4,
      jsonb_build_object('send_id', s.id, 'invoice_id', s.invoice_id)
    from document_sends s where s.ended_at is null
    union all
    select c.account_id, 'resolveClaim', c.id, c.created_at, 3,
      jsonb_build_object('claim_id', c.id, 'transaction_id', c.transaction_id,
        'customer_id', c.customer_id, 'unit_id', c.unit_id)
    from claims c where c.state = 'open'
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
            when 'issueInvoice' then 'invoice_run_id'
            when 'sendDocuments' then 'send_id'
            when 'resolveClaim' then 'claim_id' else 'delivery_id' end, story.id))
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
