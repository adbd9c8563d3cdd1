-- Writes a refund, its operation with the key of its calls, and the start of its story, and holds its
-- amount. The caller holds the payment's lock and has checked the amount. Fields of p: amount_minor,
-- cause, and optional reason, cause_key, refund_application_fee, line_ids, metadata. Answers its id, or
-- null when a refund with this cause_key exists.
create or replace function insert_refund(p_account text, p_payment text, p jsonb) returns text
language plpgsql as $$
declare
  v_payment payment_intents;
  v_id text := new_id('re');
  v_operation text := new_id('pop');
  v_amount bigint := (p ->> 'amount_minor')::bigint;
  v_now timestamptz := business_now(p_account);
begin
  update payment_intents set refund_held_minor = refund_held_minor + v_amount, version = version + 1,
      updated_at = clock_timestamp()
    where account_id = p_account and id = p_payment
      and not exists (select 1 from refunds where account_id = p_account and cause_key = p ->> 'cause_key')
    returning * into v_payment;
  if not found then
    return null;
  end if;
  insert into refunds (id, account_id, payment_id, amount_minor, currency, reason, cause, cause_key,
    refund_application_fee, line_ids, metadata, expected_by, created_at)
  values (v_id, p_account, p_payment, v_amount, v_payment.currency, p ->> 'reason', p ->> 'cause',
    p ->> 'cause_key', coalesce((p ->> 'refund_application_fee')::boolean, false),
    coalesce((select array_agg(l) from jsonb_array_elements_text(p -> 'line_ids') l), '{}'),
    coalesce(p -> 'metadata', '{}'), add_business_days((v_now at time zone 'UTC')::date, 10), v_now);
  insert into payment_operations (id, account_id, payment_id, refund_id, kind, idempotency_key,
    amount_minor, created_at)
  values (v_operation, p_account, p_payment, v_id, 'refund',
    p_payment || '/refund/' || v_operation, v_amount, v_now);
  insert into outbox (account_id, verb, workflow, subject, priority)
  values (p_account, 'start', 'refundPayment', jsonb_build_object('refund_id', v_id, 'run', 1,
    'amount_minor', v_amount, 'currency', v_payment.currency), 3);
  return v_id;
end $$;
