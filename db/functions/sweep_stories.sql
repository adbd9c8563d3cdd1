-- Closes purchase orders that are overdue, and starts and wakes the workflows of stories that
-- neither wait for a later instant nor have a command under way. Both commands are harmless to a
-- workflow that is at work. Bounded per call; the next call goes on. Stories and commands are compared by
-- equal values, so that as many of both as wait after an outage are hashed and not compared pair by pair.
create or replace function sweep_stories(p_grace interval, p_limit integer)
returns table (workflow text, story_id text)
language plpgsql as $$
declare
  v_po record;
begin
  for v_po in
    select po.account_id, po.id from purchase_orders po
    where po.state = 'open' and po.period_end < business_now(po.account_id) - p_grace
    order by po.period_end limit p_limit
  loop
    perform close_purchase_order(v_po.account_id, v_po.id, false);
  end loop;
  return query
  with commanded as materialized (
    select o.account_id, o.workflow, field.key as subject_key, field.value as story_id
    from outbox o cross join lateral jsonb_each_text(o.subject) field where field.key like '%\_id'
  ), stray as (
    select story.* from open_stories() story
    where story.created_at < clock_timestamp() - p_grace
      and not exists (select 1 from waits w where w.story_id = story.id
        and (w.needs_person or w.due_at > business_now(story.account_id) - p_grace))
      and not exists (select 1 from commanded c where c.account_id = story.account_id
        and c.workflow = story.workflow and c.subject_key = story.subject_key and c.story_id = story.id)
    order by story.created_at limit p_limit
  ), started as (
    insert into outbox (account_id, verb, workflow, subject, priority)
    select s.account_id, 'start', s.workflow, s.subject, s.priority from stray s
  ), woken as (
    insert into outbox (account_id, verb, workflow, subject, signal)
    select s.account_id, 'signal', s.workflow, s.subject,
      jsonb_build_object('name', 'wokenUp', 'input', jsonb_build_object('reason', 'swept'))
    from stray s
  )
  select s.workflow, s.id from stray s;
end $$;
