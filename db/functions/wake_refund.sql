-- As `wake_payment`, for a refund.
create or replace function wake_refund(p_account text, p_refund text, p_reason text) returns void
language plpgsql as $$
declare
  v_refund refunds;
begin
  update refunds set run = run + 1, ended_at = null
    where account_id = p_account and id = p_refund and ended_at is not null
    returning * into v_refund;
  if found then
    insert into outbox (account_id, verb, workflow, subject, priority)
    values (p_account, 'start', 'refundPayment', jsonb_build_object('refund_id', p_refund,
      'run', v_refund.run, 'amount_minor', v_refund.amount_minor, 'currency', v_refund.currency), 3);
    return;
  end if;
  select * into v_refund from refunds where account_id = p_account and id = p_refund;
  perform wake_story(p_account, 'refundPayment', p_refund,
    jsonb_build_object('refund_id', p_refund, 'run', v_refund.run), p_reason, 3);
end $$;
