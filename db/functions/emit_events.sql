-- Writes events, for each of them one delivery per endpoint that wants it, and the command to start
-- each delivery. The n-th element of every list belongs to the n-th event.
create or replace function emit_events(
  p_accounts text[], p_events text[], p_types text[], p_objects text[], p_sequences integer[],
  p_customers text[], p_facts jsonb[], p_ats timestamptz[]
) returns void
language sql volatile as $$
  with told as (
    select * from unnest(p_accounts, p_events, p_types, p_objects, p_sequences, p_customers, p_facts, p_ats)
      as e (account_id, id, type, object_id, sequence, customer_id, facts, at)
  ), written as (
    insert into events (id, account_id, type, object_id, sequence, customer_id, facts, occurred_at)
    select id, account_id, type, object_id, sequence, customer_id, facts, at from told
  ), wanted as (
    insert into deliveries (id, account_id, webhook_id, event_id, next_attempt_at, created_at)
    select new_id('dlv'), e.account_id, w.id, e.id, e.at, e.at
    from told e
    join event_types t on t.type = e.type
    join webhooks w on w.account_id = e.account_id and w.active and w.deleted_at is null
      and webhook_wants(w.events, e.type, t.additive)
    returning id, account_id, webhook_id, event_id
  )
  insert into outbox (account_id, verb, workflow, subject, priority)
  select d.account_id, 'start', 'deliverWebhook', jsonb_build_object('delivery_id', d.id,
    'webhook_id', d.webhook_id, 'event_type', e.type), 4
  from wanted d join told e on e.id = d.event_id
$$;
