-- "Look at SQL again" for the workflow of a dispute, or a new run of it if it had ended.
create or replace function wake_dispute(p_account text, p_dispute text, p_reason text) returns void
language plpgsql as $$
declare
  v_dispute disputes;
begin
  update disputes set run = run + 1, ended_at = null
    where account_id = p_account and id = p_dispute and ended_at is not null
    returning * into v_dispute;
  if found then
    perform start_dispute(v_dispute);
    return;
  end if;
  select * into v_dispute from disputes where account_id = p_account and id = p_dispute;
  perform wake_story(p_account, 'handleDispute', p_dispute,
    jsonb_build_object('dispute_id', p_dispute, 'run', v_dispute.run), p_reason, 2);
end $$;
