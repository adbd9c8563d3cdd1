-- Posts what happened: one journal with its entries, and the customer's balances. Safe to repeat: a
-- source is posted once, and the same source with other amounts is refused. Amounts by measure, in
-- minor units, none negative. Answers the journal, or null where there was nothing to move.
create or replace function post_journal(
  p_account text, p_customer text, p_currency text, p_kind text, p_source text,
  p_amounts jsonb, p_at timestamptz
) returns text
language plpgsql as $$
declare
  v_id text;
  v_owner text := coalesce(p_customer, p_account);
  v_kinds text[];
  v_minors bigint[];
  v_entered integer;
  v_held bigint := 0;
  v_invoiced bigint := 0;
  v_unallocated bigint := 0;
begin
  if exists (select 1 from jsonb_each_text(p_amounts) as given (measure, minor)
    left join posting_rules r on r.journal = p_kind and r.measure = given.measure
    where r.measure is null or given.minor::bigint < 0)
  then
    raise exception 'no rule posts % of %', p_amounts, p_kind using errcode = 'check_violation';
  end if;
  select array_agg(m.kind), array_agg(m.amount_minor) into v_kinds, v_minors
    from journal_moves(p_kind, p_amounts) m;
  if v_kinds is null then
    return null;
  end if;
  insert into journals (id, account_id, customer_id, currency, kind, source_id, occurred_at)
  values (new_id('jrn'), p_account, p_customer, p_currency, p_kind, p_source, p_at)
  on conflict (account_id, source_id, kind) do nothing returning id into v_id;
  if v_id is null then
    return posted_journal(p_account, p_kind, p_source, v_kinds, v_minors);
  end if;
  for v_try in 1 .. 2 loop
    -- All at once or, where a ledger account is missing, none: a part of them is never balanced.
    insert into entries (journal_id, ledger_account_id, account_id, currency, amount_minor)
    select v_id, id, p_account, p_currency, amount_minor from (
      select a.id, moved.amount_minor, count(*) over () as account_count
      from unnest(v_kinds, v_minors) as moved (kind, amount_minor)
      join ledger_accounts a on a.account_id = p_account and a.owner_id = v_owner
        and a.currency = p_currency and a.kind = moved.kind) moved
    where account_count = cardinality(v_kinds);
    get diagnostics v_entered = row_count;
    exit when v_entered = cardinality(v_kinds);
    perform open_ledger_accounts(p_account, p_customer, p_currency);
  end loop;
  if p_customer is null then
    return v_id;
  end if;
  for v_n in 1 .. cardinality(v_kinds) loop
    case v_kinds[v_n]
      when 'held' then v_held := v_minors[v_n];
      when 'receivable' then v_invoiced := v_minors[v_n];
      when 'unallocated_cash' then v_unallocated := - v_minors[v_n];
      else null;
    end case;
  end loop;
  if v_held <> 0 or v_invoiced <> 0 or v_unallocated <> 0 then
    update customer_balances set held_minor = held_minor + v_held,
      invoiced_minor = invoiced_minor + v_invoiced,
      unallocated_minor = unallocated_minor + v_unallocated
    where account_id = p_account and customer_id = p_customer and currency = p_currency;
    if not found then
      insert into customer_balances as b
        (account_id, customer_id, currency, held_minor, invoiced_minor, unallocated_minor)
      values (p_account, p_customer, p_currency, v_held, v_invoiced, v_unallocated)
      on conflict (account_id, customer_id, currency) do update set
        held_minor = b.held_minor + excluded.held_minor,
        invoiced_minor = b.invoiced_minor + excluded.invoiced_minor,
        unallocated_minor = b.unallocated_minor + excluded.unallocated_minor;
    end if;
  end if;
  return v_id;
end $$;
