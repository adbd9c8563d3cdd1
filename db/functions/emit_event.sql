-- Writes an event, one delivery per endpoint that wants it, and the command to start each.
create or replace function emit_event(
  p_account text, p_event text, p_type text, p_object text, p_sequence integer,
  p_customer text, p_facts jsonb, p_at timestamptz
) returns void
language plpgsql as $$
begin
  insert into events (id, account_id, type, object_id, sequence, customer_id, facts, occurred_at)
  values (p_event, p_account, p_type, p_object, p_sequence, p_customer, p_facts, p_at);
  with wanted as (
    insert into deliveries (id, account_id, webhook_id, event_id, next_attempt_at, created_at)
    select new_id('dlv'), p_account, w.id, p_event, p_at, p_at
    from webhooks w, event_types t
    where w.account_id = p_account and w.active and w.deleted_at is null and t.type = p_type
      and webhook_wants(w.events, p_type, t.additive)
    returning id, webhook_id
  )
  insert into outbox (account_id, verb, workflow, subject, priority)
  select p_account, 'start', 'deliverWebhook',
    jsonb_build_object('delivery_id', id, 'webhook_id', webhook_id, 'event_type', p_type), 4
  from wanted;
end $$;
