-- The limits of an endpoint changed: who waits because of the old ones asks again.
create or replace function release_held_deliveries(p_account text, p_webhook text) returns void
language sql volatile as $$
  update webhooks set next_place_at = null, queue_ends_at = null
    where account_id = p_account and id = p_webhook;
  with held as (
    update deliveries set throttled_until = null
    where account_id = p_account and webhook_id = p_webhook and throttled_until is not null
      and state = 'pending'
    returning id
  )
  insert into outbox (account_id, verb, workflow, subject, signal)
  select p_account, 'signal', 'deliverWebhook', jsonb_build_object('delivery_id', id),
    jsonb_build_object('name', 'wokenUp', 'input',
      jsonb_build_object('reason', 'the limits of the endpoint changed'))
  from held
$$;
