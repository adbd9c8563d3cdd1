-- A customer with a balance has ledger accounts, so that no order looks whether it has.
create or replace function customer_balances_opened() returns trigger
language plpgsql as $$
begin
  perform open_ledger_accounts(new.account_id, new.customer_id, new.currency);
  return null;
end $$;
create or replace trigger customer_balances_opened after insert on customer_balances
  for each row execute function customer_balances_opened();
