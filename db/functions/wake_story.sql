-- "Look at SQL again" for a story whose workflow may wait. Whoever has something to do does not wait: a
-- test clock stops until it is done.
create or replace function wake_story(
  p_account text, p_workflow text, p_story text, p_subject jsonb, p_reason text, p_priority integer
) returns void
language sql volatile as $$
  delete from waits where story_id = p_story;
  insert into outbox (account_id, verb, workflow, subject, signal, priority)
  values (p_account, 'signal', p_workflow, p_subject,
    jsonb_build_object('name', 'wokenUp', 'input', jsonb_build_object('reason', p_reason)), p_priority)
$$;
