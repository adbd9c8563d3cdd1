-- "Look at SQL again" for every open delivery of an endpoint that was deleted or switched off.
create or replace function wake_deliveries(p_account text, p_webhook text, p_reason text) returns void
language sql volatile as $$
  insert into outbox (account_id, verb, workflow, subject, signal)
  select p_account, 'signal', 'deliverWebhook', jsonb_build_object('delivery_id', id),
    jsonb_build_object('name', 'wokenUp', 'input', jsonb_build_object('reason', p_reason))
  from deliveries where account_id = p_account and webhook_id = p_webhook and state = 'pending'
$$;
