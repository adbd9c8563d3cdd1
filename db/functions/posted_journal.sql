-- The journal that a source has already; refused when it moved something else.
create or replace function posted_journal(
  p_account text, p_kind text, p_source text, p_kinds text[], p_minors bigint[]
) returns text
language plpgsql as $$
declare
  v_id text;
  v_differs boolean;
begin
  select id into strict v_id from journals
    where account_id = p_account and source_id = p_source and kind = p_kind;
  select count(*) <> count(*) filter (where a.kind = m.kind and e.amount_minor = m.amount_minor)
    into v_differs
    from (select * from entries where journal_id = v_id) e
    join ledger_accounts a on a.id = e.ledger_account_id
    full join unnest(p_kinds, p_minors) as m (kind, amount_minor) on m.kind = a.kind;
  if v_differs then
    raise exception '% of % is posted with other amounts', p_kind, p_source
      using errcode = 'check_violation';
  end if;
  return v_id;
end $$;
