-- Who gets which documents, sending them again, and mails that nobody took.

-- Null: the customer's own address; PDF and CSV.
alter table customers add column invoice_recipients text[]
    check (cardinality(invoice_recipients) between 1 and 10),
  add column invoice_formats text[]
    check (cardinality(invoice_formats) >= 1 and invoice_formats <@ array['pdf', 'csv', 'ubl', 'cii']);

alter table mails
  -- As in the Message-ID header, for a bounce that comes back later.
  add column message_id text,
  add column state text not null default 'queued' check (state in ('queued', 'sent', 'bounced')),
  -- Recipients that a mail server refused for good, at once or later.
  add column refused text[] not null default '{}',
  add column bounced_at timestamptz,
  add constraint mails_bounced check ((state = 'bounced') = (bounced_at is not null));
update mails set state = 'sent' where sent_at is not null;
create unique index mails_message_id on mails (account_id, message_id);
create index mails_invoice on mails (account_id, invoice_id) where invoice_id is not null;
create index mails_credit_note on mails (account_id, credit_note_id) where credit_note_id is not null;

-- A wish to send an invoice's documents again: `inv_X/2` and up; the first sending has no row.
create table document_sends (
  id text primary key,
  account_id text not null,
  invoice_id text not null,
  number integer not null check (number >= 2),
  -- Null: as the customer's settings say when it is sent.
  recipients text[],
  formats text[],
  requested_at timestamptz not null,
  ended_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (invoice_id, number),
  foreign key (account_id, invoice_id) references invoices (account_id, id)
);
create index document_sends_unfinished on document_sends (account_id, id) where ended_at is null;

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
            when 'sendDocuments' then 'send_id' else 'delivery_id' end, story.id))
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
