-- The command that starts the workflow of a dispute, in its present run.
create or replace function start_dispute(p_dispute disputes) returns void
language sql as $$
  insert into outbox (account_id, verb, workflow, subject, priority)
  select p_dispute.account_id, 'start', 'handleDispute', jsonb_build_object(
    'dispute_id', p_dispute.id, 'run', p_dispute.run, 'payment_id', p.id,
    'customer_id', p.customer_id, 'transaction_id', p.transaction_id,
    'amount_minor', coalesce(p_dispute.amount_minor, p.captured_minor), 'currency', p.currency), 2
  from payment_intents p where p.account_id = p_dispute.account_id and p.id = p_dispute.payment_id
$$;
