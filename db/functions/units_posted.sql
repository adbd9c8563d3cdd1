-- Units that were delivered, given up or reversed in one statement: one journal per transaction and
-- kind, named by the first unit's position (a unit makes each move once, so the name is unique).
-- What was billed before it was given up or reversed is the credit note's matter.
create or replace function units_posted() returns trigger
language plpgsql as $$
declare
  v_moved record;
begin
  if not exists (select 1 from units_before
      where state in ('queued', 'sourcing', 'backordered', 'unknown'))
    and not exists (select 1 from units_after where state = 'reversed')
  then
    return null; -- billing, for one: what it updates has been posted
  end if;
  for v_moved in
    -- Grouped, not joined: a plan made for one unit would join ten thousand in a nested loop.
    with moved as (
      select id, account_id, transaction_id, position, price_minor, max(state) as state,
        max(allocated_at) as allocated_at, bool_or(billed) as billed
      from (
        select id, account_id, transaction_id, position, price_minor, state as was, null as state,
          null::timestamptz as allocated_at, null::boolean as billed from units_before
        union all
        select id, account_id, transaction_id, position, price_minor, null, state, allocated_at,
          invoice_line_id is not null from units_after
      ) both_sides
      group by id, account_id, transaction_id, position, price_minor
      having max(was) <> max(state)
    ), told as (
      select *, case when state = 'allocated' then 'units_allocated'
        when state in ('failed', 'cancelled') and not billed then 'units_given_up'
        when state = 'reversed' and not billed then 'units_reversed' end as journal
      from moved
    )
    select told.account_id, told.transaction_id, told.journal, t.customer_id, t.currency,
      t.payment_method = 'credit' as on_credit, min(told.position) as first_position,
      coalesce(sum(told.price_minor) filter (where not told.billed), 0)::bigint as amount,
      coalesce(sum(told.price_minor) filter (where told.billed), 0)::bigint as billed,
      max(told.allocated_at) as allocated_at
    from told
    -- One look-up for each: a plan made while the table was small would read all of it for ever.
    cross join lateral (select customer_id, currency, payment_method from transactions
      where account_id = told.account_id and id = told.transaction_id limit 1) t
    where told.journal is not null
    group by 1, 2, 3, 4, 5, 6 order by t.customer_id, t.currency, told.transaction_id, told.journal
  loop
    continue when v_moved.journal = 'units_given_up' and not v_moved.on_credit;
    perform post_journal(v_moved.account_id, v_moved.customer_id, v_moved.currency, v_moved.journal,
      v_moved.transaction_id || '/' || v_moved.first_position,
      jsonb_build_object('amount', v_moved.amount)
        || case when v_moved.journal = 'units_reversed' and v_moved.on_credit
          then jsonb_build_object('held', v_moved.amount) else '{}' end
        || case when v_moved.billed > 0
          then jsonb_build_object('billed', v_moved.billed) else '{}' end,
      case when v_moved.journal = 'units_allocated' then v_moved.allocated_at
        else business_now(v_moved.account_id) end);
  end loop;
  return null;
end $$;
create or replace trigger units_posted after update on units
  referencing old table as units_before new table as units_after
  for each statement execute function units_posted();
