-- A unit is billed by writing the id of its invoice line, fifty units for a usual invoice. While an index
-- knows that id, each of them is a new row in every index of the table. Without it the row changes in its
-- place: who looks for the units of an invoice asks for those of its purchase order. The room that a page
-- keeps is for that change.
drop index units_billable;
drop index units_invoiced;
create index units_purchase_order on units (purchase_order_id);
alter table units set (fillfactor = 80);

-- As in 0023, and each parent is looked up by its key: a plan that was made while the table was small
-- would read all journals at each posting, until the tables are counted again.
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
    left join lateral (select account_id, currency, customer_id from journals j
      where j.id = e.journal_id limit 1) j on true
    left join lateral (select account_id, currency, customer_id from ledger_accounts a
      where a.id = e.ledger_account_id limit 1) a on true
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
