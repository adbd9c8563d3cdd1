-- "Look at SQL again" for the workflow of a payment, or a new run of it if it had ended.
create or replace function wake_payment(p_account text, p_payment text, p_reason text) returns void
language plpgsql as $$
declare
  v_payment payment_intents;
begin
  update payment_intents set run = run + 1, ended_at = null
    where account_id = p_account and id = p_payment and ended_at is not null
    returning * into v_payment;
  if found then
    insert into outbox (account_id, verb, workflow, subject, priority)
    values (p_account, 'start', 'processPayment', jsonb_build_object('payment_id', p_payment,
      'run', v_payment.run, 'amount_minor', v_payment.amount_minor, 'currency', v_payment.currency,
      'customer_id', v_payment.customer_id, 'transaction_id', v_payment.transaction_id), 1);
    return;
  end if;
  select * into v_payment from payment_intents where account_id = p_account and id = p_payment;
  perform wake_story(p_account, 'processPayment', p_payment,
    jsonb_build_object('payment_id', p_payment, 'run', v_payment.run), p_reason, 1);
end $$;
