-- Everything about an order's money that changes; null on credit.
create or replace function order_money(p_account text, p_transaction text) returns jsonb
language sql stable as $$
  select jsonb_build_object('due', t.due_minor, 'paid', t.paid_at is not null,
    'captured', coalesce(sum(p.captured_minor), 0), 'refunded', coalesce(sum(p.refunded_minor), 0),
    -- A payment that was declined, and none that may still succeed.
    'declined', t.paid_at is null and coalesce(bool_or(p.state = 'failed'), false)
      and not coalesce(bool_or(p.state in ('processing', 'requires_action', 'requires_capture')), false),
    'payments', coalesce(jsonb_agg(p.id order by p.created_at, p.id) filter (where p.id is not null), '[]'))
  from transactions t
  left join payment_intents p on p.account_id = t.account_id and p.transaction_id = t.id
  where t.account_id = p_account and t.id = p_transaction and t.pay_by is not null
  group by t.due_minor, t.paid_at
$$;
