-- Orders on credit hold their totals. A trigger, so that no way to write an order can forget it. What
-- post_journal would do, spelled out for all that one statement writes: this is the only posting that
-- an acceptance waits for.
create or replace function transactions_posted() returns trigger
language plpgsql as $$
declare
  v_entered bigint;
  v_posted bigint;
  v_booked bigint;
  v_first record;
begin
  with owed as (
    select * from entered where payment_method = 'credit' and total_minor > 0
  ), held as (
    update customer_balances b set held_minor = b.held_minor + o.minor
    from (select account_id, customer_id, currency, sum(total_minor) as minor from owed group by 1, 2, 3) o
    where b.account_id = o.account_id and b.customer_id = o.customer_id and b.currency = o.currency
    returning b.account_id, b.customer_id, b.currency
  ), posted as (
    insert into journals (id, account_id, customer_id, currency, kind, source_id, occurred_at)
    select new_id('jrn'), o.account_id, o.customer_id, o.currency, 'order_accepted', o.id, o.accepted_at
    from owed o join held using (account_id, customer_id, currency)
    returning id, source_id
  ), booked as (
    insert into entries (journal_id, ledger_account_id, account_id, currency, amount_minor)
    select p.id, a.id, o.account_id, o.currency,
      case a.kind when 'held' then o.total_minor else - o.total_minor end
    from posted p
    join owed o on o.id = p.source_id
    join ledger_accounts a on a.account_id = o.account_id and a.owner_id = o.customer_id
      and a.currency = o.currency and a.kind in ('held', 'held_offset')
    returning 1
  )
  select (select count(*) from owed), (select count(*) from posted), (select count(*) from booked)
    into v_entered, v_posted, v_booked;
  if v_booked <> 2 * v_posted then
    raise exception 'a customer with a balance has no ledger accounts' using errcode = 'foreign_key_violation';
  end if;
  if v_posted = v_entered then
    return null;
  end if;
  -- Whoever orders in a currency for the first time has no balance in it yet.
  for v_first in
    select e.* from entered e where e.payment_method = 'credit' and e.total_minor > 0
      and not exists (select 1 from journals j where j.account_id = e.account_id
        and j.source_id = e.id and j.kind = 'order_accepted')
  loop
    perform post_journal(v_first.account_id, v_first.customer_id, v_first.currency, 'order_accepted',
      v_first.id, jsonb_build_object('amount', v_first.total_minor), v_first.accepted_at);
  end loop;
  return null;
end $$;
create or replace trigger transactions_posted after insert on transactions
  referencing new table as entered for each statement execute function transactions_posted();
