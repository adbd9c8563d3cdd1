-- The ledger accounts of a customer, or of the account itself, in a currency.
create or replace function open_ledger_accounts(p_account text, p_customer text, p_currency text) returns void
language sql volatile as $$
  insert into ledger_accounts (id, account_id, customer_id, currency, kind)
  select new_id('lac'), p_account, p_customer, p_currency, k.kind from ledger_account_kinds k
  on conflict do nothing
$$;
