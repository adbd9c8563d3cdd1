-- What an invoice writes is checked against its parents once per statement, as 0031 does for orders: its
-- lines lock the invoice's row one by one otherwise, which costs as much as writing them. An invoice is
-- never deleted and its keys never change (invoices_immutable).

create function invoice_lines_belong() returns trigger
language plpgsql as $$
begin
  if exists (
    select 1 from (select distinct account_id, invoice_id from entered) l
    left join lateral (select account_id from invoices i where i.id = l.invoice_id limit 1) i on true
    where l.account_id is distinct from i.account_id)
  then
    raise exception 'an invoice line has no invoice of its account' using errcode = 'foreign_key_violation';
  end if;
  return null;
end $$;
create trigger invoice_lines_belong after insert on invoice_lines
  referencing new table as entered for each statement execute function invoice_lines_belong();
alter table invoice_lines drop constraint invoice_lines_account_id_invoice_id_fkey;

-- Both parents of an entry are found by their key, whatever the sizes of the tables were when the plan
-- was made (decision 0028, point 8).
create or replace function entries_balanced() returns trigger
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
    left join lateral (select * from journals j where j.id = e.journal_id limit 1) j on true
    left join lateral (select * from ledger_accounts a where a.id = e.ledger_account_id limit 1) a on true
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
