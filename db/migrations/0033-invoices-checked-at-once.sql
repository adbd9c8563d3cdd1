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
