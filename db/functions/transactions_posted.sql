-- An order on credit holds its total. A trigger, so that no way to write an order can forget it. What
-- post_journal would do, spelled out: this is the only posting that an acceptance waits for.
create or replace function transactions_posted() returns trigger
language plpgsql as $$
declare
  v_id text := new_id('jrn');
  v_entered integer;
begin
  if new.total_minor = 0 then
    return null;
  end if;
  update customer_balances set held_minor = held_minor + new.total_minor
    where account_id = new.account_id and customer_id = new.customer_id and currency = new.currency;
  if found then
    insert into journals (id, account_id, customer_id, currency, kind, source_id, occurred_at)
    values (v_id, new.account_id, new.customer_id, new.currency, 'order_accepted', new.id,
      new.accepted_at);
    insert into entries (journal_id, ledger_account_id, account_id, currency, amount_minor)
    select v_id, a.id, new.account_id, new.currency,
      case a.kind when 'held' then new.total_minor else - new.total_minor end
    from ledger_accounts a
    where a.account_id = new.account_id and a.owner_id = new.customer_id
      and a.currency = new.currency and a.kind in ('held', 'held_offset');
    get diagnostics v_entered = row_count;
    if v_entered = 2 then
      return null;
    end if;
    raise exception '% has no ledger accounts in %', new.customer_id, new.currency
      using errcode = 'foreign_key_violation';
  end if;
  perform post_journal(new.account_id, new.customer_id, new.currency, 'order_accepted', new.id,
    jsonb_build_object('amount', new.total_minor), new.accepted_at);
  return null;
end $$;
create or replace trigger transactions_posted after insert on transactions
  for each row when (new.payment_method = 'credit') execute function transactions_posted();
