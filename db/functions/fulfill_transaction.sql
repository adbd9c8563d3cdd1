-- One step of a transaction: looks whether its money has come, gives out what the pool has, gives up
-- what may no longer be bought, gives back what is not owed, and ends the transaction when no unit is
-- open. Safe to run any number of times: it acts only on open units, and events are written only for
-- what this very call changed.
create or replace function fulfill_transaction(p_account text, p_transaction text) returns jsonb
language plpgsql as $$
declare
  v_txn transactions;
  v_now timestamptz;
  v_fresh integer;
  v_state jsonb;
  v_open integer;
  v_ended_at timestamptz;
  v_types text[] := '{}';
  v_count integer;
  v_po purchase_orders;
  v_facts jsonb;
  v_told jsonb;
  v_awaits boolean := false;
  v_paid bigint := 0;
  v_until timestamptz;
begin
  select * into v_txn from transactions
    where account_id = p_account and id = p_transaction for update;
  if not found then
    raise exception 'no transaction % in %', p_transaction, p_account using errcode = 'no_data_found';
  end if;
  v_now := greatest(business_now(p_account), v_txn.accepted_at);

  if v_txn.ended_at is null then
    if v_txn.pay_by is not null then
      -- Purchase order, then payments: a closed one is being billed, and billing looks at both.
      perform 1 from purchase_orders where account_id = p_account and id = v_txn.purchase_order_id
        and state <> 'open' for share;
      v_paid := lock_order_money(p_account, p_transaction);
      if v_txn.paid_at is null and v_paid >= v_txn.due_minor then
        v_txn.paid_at := v_now;
        update transactions set paid_at = v_now where account_id = p_account and id = p_transaction;
      end if;
      v_awaits := v_txn.paid_at is null;
    end if;
    v_fresh := case when v_awaits or v_txn.cancel_requested_at is not null then 0
      else allocate_units(p_account, p_transaction, v_now) end;

    -- The deadline and an operator's decision forbid new purchases. What a supplier may already
    -- have sold us (sourcing, unknown) ends only by the supplier's definite answer.
    v_until := case when v_awaits then v_txn.pay_by else v_txn.deadline_at end;
    if v_txn.cancel_requested_at is not null or v_txn.units_cancel_requested_at is not null
      or v_now >= v_until
    then
      update units
      set state = case when unwanted or v_awaits then 'cancelled' else 'failed' end,
        reason = case when unwanted then 'cancelled_by_request' when v_awaits then 'not_paid'
          else 'deadline_passed' end
      from (select id, coalesce(v_txn.cancel_requested_at, cancel_requested_at) is not null as unwanted
        from units where account_id = p_account and transaction_id = p_transaction
          and state in ('queued', 'backordered')) open
      where units.account_id = p_account and units.id = open.id
        and (unwanted or v_now >= v_until);
    end if;

    v_state := order_state(p_account, p_transaction);
    select coalesce(sum(n::integer), 0) into v_open from jsonb_each_text(v_state) as s (state, n)
      where state in ('queued', 'sourcing', 'backordered', 'unknown');
    select * into v_po from purchase_orders
      where account_id = p_account and id = v_txn.purchase_order_id;
    -- After the close billing is at work or over: whoever comes second sees what the other one did.
    if v_po.state <> 'open' then
      select * into v_po from purchase_orders
        where account_id = p_account and id = v_txn.purchase_order_id for share;
      perform schedule_invoice_run(p_account, v_txn.purchase_order_id, v_now);
    end if;
    if v_txn.due_minor is not null or (v_txn.pay_by is not null and v_open = 0) then
      perform refund_excess(v_txn);
    end if;
    v_facts := jsonb_build_object('units', v_state, 'purchase_order_state', v_po.state)
      || case when v_txn.pay_by is null then '{}'
        else jsonb_build_object('money', order_money(p_account, p_transaction)) end;
    -- What this call changed is told by as many events as there is to say, and stored by one update.
    if v_open = 0 then
      v_ended_at := v_now;
      v_types := array[case when v_state ? 'allocated' then 'order.fulfilled' else 'order.cancelled' end];
    end if;
    if v_fresh > 0 then
      v_types := v_types || 'codes.available'::text;
    elsif v_open > 0 and v_state ?| array['failed', 'cancelled'] then
      -- Some units ended without a code, the others go on: told where the last event did not say so.
      select facts -> 'units' into v_told from events
        where account_id = p_account and object_id = p_transaction and sequence = v_txn.event_sequence;
      if (v_state -> 'failed', v_state -> 'cancelled')
        is distinct from (v_told -> 'failed', v_told -> 'cancelled')
      then
        v_types := array['order.updated'];
      end if;
    end if;
    v_count := cardinality(v_types);
    if v_count > 0 then
      update transactions set ended_at = v_ended_at, event_sequence = v_txn.event_sequence + v_count
        where account_id = p_account and id = p_transaction;
      perform emit_events(array_fill(p_account, array[v_count]),
        -- Sorted, because what one commit tells is read in the order of the ids.
        array(select new_id('evt') as id from unnest(v_types) order by id), v_types,
        array_fill(p_transaction, array[v_count]),
        array(select v_txn.event_sequence + n from generate_series(1, v_count) n),
        array_fill(v_txn.customer_id, array[v_count]), array_fill(v_facts, array[v_count]),
        array_fill(v_now, array[v_count]));
    end if;
    if v_open = 0 then
      delete from waits where story_id = p_transaction;
      if v_txn.pay_by is not null then
        perform release_codes(p_account, p_transaction);
        perform wake_payment(account_id, id, 'its order has ended') from payment_intents
          where account_id = p_account and transaction_id = p_transaction
            and state not in ('succeeded', 'cancelled');
      end if;
      -- The last open unit of a day that is settling lets its invoice be issued at once.
      if v_po.state = 'settling' and not exists (
        select 1 from transactions where account_id = p_account
          and purchase_order_id = v_po.id and ended_at is null)
      then
        perform wake_purchase_order(v_po, 'every unit of the day is done');
      end if;
    end if;
  else
    v_state := order_state(p_account, p_transaction);
    v_open := 0;
  end if;

  return jsonb_build_object('units', v_state, 'open', v_open, 'ended', v_open = 0,
    'deadline_at', v_txn.deadline_at, 'now', v_now,
    'cancel_requested', v_txn.cancel_requested_at is not null,
    'awaits_money', v_awaits and v_open > 0, 'pay_by', v_txn.pay_by, 'due_minor', v_txn.due_minor,
    'paid_minor', v_paid);
end $$;
