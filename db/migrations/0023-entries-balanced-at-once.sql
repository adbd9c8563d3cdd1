-- The check of a journal's entries runs once per statement that writes entries, not once per entry at
-- the commit: every order pays for it. So all entries of a journal are written by one statement.

drop trigger entries_balanced on entries;
drop function entries_balanced();

-- A journal's entries add up to zero in every currency, and belong with the journal and their ledger
-- accounts to one account (and customer) and currency. Neither parent is ever deleted.
create function entries_balanced() returns trigger
language plpgsql as $$
declare
  v_wrong record;
begin
  select journal_id, has_stray, total into v_wrong from (
    select e.journal_id, sum(e.amount_minor) as total,
      bool_or((e.account_id, e.currency) is distinct from (j.account_id, j.currency)
        or (e.account_id, e.currency, j.customer_id) is distinct from
          (a.account_id, a.currency, a.customer_id)) as has_stray
    from entered e
    left join journals j on j.id = e.journal_id
    left join ledger_accounts a on a.id = e.ledger_account_id
    group by e.journal_id) judged
  where has_stray or total <> 0 limit 1;
  if v_wrong.has_stray then
    raise exception 'journal % has an entry of another account', v_wrong.journal_id
      using errcode = 'foreign_key_violation';
  elsif v_wrong.total <> 0 then
    raise exception 'journal % is not balanced', v_wrong.journal_id using errcode = 'check_violation';
  end if;
  return null;
end $$;
create trigger entries_balanced after insert on entries
  referencing new table as entered for each statement execute function entries_balanced();
