-- Lets go of them, and lets the orders that wait for such codes look.
create or replace function release_codes(p_account text, p_transaction text) returns void
language sql volatile as $$
  with released as (
    update codes set reserved_for = null where reserved_for = p_transaction and account_id = p_account
    returning product_id, variant_id
  )
  insert into outbox (account_id, verb, workflow, subject, signal)
  select t.account_id, 'signal', 'fulfillTransaction', jsonb_build_object('transaction_id', t.id),
    '{"name": "wokenUp", "input": {"reason": "reserved codes were released"}}'::jsonb
  from transactions t
  where t.account_id = p_account and t.ended_at is null and t.id <> p_transaction and exists (
    select 1 from units u join released r on r.product_id = u.product_id and r.variant_id = u.variant_id
    where u.account_id = t.account_id and u.transaction_id = t.id and u.state in ('queued', 'backordered'))
  order by t.accepted_at, t.id
$$;
