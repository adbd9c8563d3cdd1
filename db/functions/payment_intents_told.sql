-- A payment of an order moved: a story that waits for its money looks; money that comes after the
-- order's end goes back at once. A trigger, so that no way to capture can forget it.
create or replace function payment_intents_told() returns trigger
language plpgsql as $$
declare
  v_ended timestamptz;
begin
  select ended_at into v_ended from transactions
    where account_id = new.account_id and id = new.transaction_id and pay_by is not null;
  if not found then
    return null;
  elsif v_ended is null then
    perform wake_story(new.account_id, 'fulfillTransaction', new.transaction_id,
      jsonb_build_object('transaction_id', new.transaction_id), new.id || ' is ' || new.state, 1);
  elsif new.captured_minor > 0 then
    perform insert_refund(new.account_id, new.id, jsonb_build_object('amount_minor', new.captured_minor,
      'cause', 'late_money', 'cause_key', 'late/' || new.id));
  end if;
  return null;
end $$;
create or replace trigger payment_intents_told after update of state on payment_intents
  for each row when (new.transaction_id is not null and new.state = 'succeeded'
    and old.state <> 'succeeded') execute function payment_intents_told();
