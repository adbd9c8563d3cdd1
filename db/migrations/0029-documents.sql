-- How documents are written and numbered, and credit notes that are sent again.

-- BCP 47: how figures and dates are written. Null: as the account says.
alter table customers add column locale text check (locale ~ '^[a-z]{2,3}(-[A-Z]{2})?$');

alter table accounts
  add column locale text not null default 'en' check (locale ~ '^[a-z]{2,3}(-[A-Z]{2})?$'),
  -- Number in the register of companies.
  add column registration_id text check (length(registration_id) between 1 and 40),
  -- Numbers begin anew with the first day of this month; they carry the year in which it lies.
  add column fiscal_year_first_month integer not null default 1
    check (fiscal_year_first_month between 1 and 12),
  -- Where invoices are paid to: an IBAN or another number, and the BIC or another code of the bank.
  add column bank_account text check (length(bank_account) between 4 and 34),
  add column bank_code text check (length(bank_code) between 1 and 20),
  add constraint accounts_bank_code check (bank_code is null or bank_account is not null),
  -- INV-2026 is what the counter of the year 2026 of INV is called.
  add constraint accounts_series_without_year
    check (invoice_series !~ '-[0-9]{4}$' and credit_note_series !~ '-[0-9]{4}$');

-- `cn_X/2` and up: the credit note is sent, not the invoice that it corrects.
alter table document_sends
  add column credit_note_id text,
  drop constraint document_sends_invoice_id_number_key,
  add constraint document_sends_number unique nulls not distinct (invoice_id, credit_note_id, number),
  add foreign key (account_id, credit_note_id) references credit_notes (account_id, id);
