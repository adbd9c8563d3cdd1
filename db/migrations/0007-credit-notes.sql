-- Credit notes: what takes back an invoice, in whole or in part, piece by piece.

insert into event_types (type, additive) values ('credit_note.issued', true);

alter table accounts
  add column credit_note_series text not null default 'CN'
    check (credit_note_series ~ '^[A-Z0-9-]{1,12}$'),
  add constraint accounts_series_differ check (credit_note_series <> invoice_series);

-- Never more than was billed: of a unit, of a tax group, of the document.
alter table units add column credited_minor bigint not null default 0,
  add constraint units_credited check (credited_minor between 0 and price_minor
    and (credited_minor = 0 or invoice_line_id is not null));
alter table invoices add column credited_minor bigint not null default 0,
  add constraint invoices_credited check (credited_minor between 0 and total_minor),
  add constraint invoices_customer_id unique (account_id, customer_id, id);

-- What an invoice charges per tax category and rate, and how much of it was credited since.
create table invoice_taxes (
  account_id text not null,
  invoice_id text not null,
  category text not null,
  rate_bp integer not null check (rate_bp between 0 and 10000),
  taxable_minor bigint not null check (taxable_minor >= 0),
  tax_minor bigint not null check (tax_minor >= 0),
  credited_minor bigint not null default 0,
  credited_tax_minor bigint not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  primary key (invoice_id, category, rate_bp),
  foreign key (account_id, invoice_id) references invoices (account_id, id),
  check (credited_minor between 0 and taxable_minor),
  check (credited_tax_minor between 0 and tax_minor)
);
insert into invoice_taxes (account_id, invoice_id, category, rate_bp, taxable_minor, tax_minor)
select i.account_id, i.id, tax.category, tax.rate_bp, tax.taxable_minor, tax.tax_minor
from invoices i cross join jsonb_to_recordset(i.snapshot -> 'tax_breakdown')
  as tax (category text, rate_bp integer, taxable_minor bigint, tax_minor bigint);

create or replace function invoices_immutable() returns trigger
language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    raise exception 'an issued invoice is never deleted' using errcode = 'check_violation';
  end if;
  if (to_jsonb(new) - array['state', 'sent_at', 'credited_minor'])
    is distinct from (to_jsonb(old) - array['state', 'sent_at', 'credited_minor']) then
    raise exception 'an issued invoice never changes' using errcode = 'check_violation';
  end if;
  return new;
end $$;

-- Requested in the transaction that decides it (an API call, a claim, a refund), with its amounts;
-- numbered and frozen by its workflow. What is issued never changes.
create table credit_notes (
  id text primary key,
  account_id text not null,
  customer_id text not null,
  invoice_id text not null,
  -- Business key of whoever asked: asking twice gives one.
  key text not null,
  reason text not null check (length(reason) between 1 and 500),
  state text not null default 'pending' check (state in ('pending', 'issued')),
  currency text not null references currencies (code),
  subtotal_minor bigint not null check (subtotal_minor >= 0),
  tax_minor bigint not null check (tax_minor >= 0),
  total_minor bigint not null,
  requested_at timestamptz not null,
  series text,
  number_value bigint check (number_value >= 1),
  number text,
  issue_date date,
  snapshot jsonb,
  snapshot_hash bytea check (length(snapshot_hash) = 32),
  issued_at timestamptz,
  sent_at timestamptz,
  -- When its workflow had nothing left to do.
  ended_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (account_id, key, invoice_id),
  unique (account_id, number),
  unique (account_id, series, number_value),
  foreign key (account_id, customer_id, invoice_id)
    references invoices (account_id, customer_id, id),
  check (total_minor = subtotal_minor + tax_minor),
  check (num_nulls(series, number_value, number, issue_date, snapshot, snapshot_hash, issued_at)
    = case state when 'pending' then 7 else 0 end)
);
create index credit_notes_created on credit_notes (account_id, created_at, id);
create index credit_notes_customer on credit_notes (account_id, customer_id, created_at, id);
create index credit_notes_invoice on credit_notes (invoice_id);
create index credit_notes_unfinished on credit_notes (account_id, id) where ended_at is null;

create function credit_notes_immutable() returns trigger
language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    raise exception 'a credit note is never deleted' using errcode = 'check_violation';
  end if;
  if old.state = 'issued' and (to_jsonb(new) - array['sent_at', 'ended_at'])
    is distinct from (to_jsonb(old) - array['sent_at', 'ended_at']) then
    raise exception 'an issued credit note never changes' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger credit_notes_immutable before update or delete on credit_notes
  for each row execute function credit_notes_immutable();

-- How much of which unit it takes back, without tax.
create table credit_note_units (
  account_id text not null,
  credit_note_id text not null,
  unit_id text not null,
  net_minor bigint not null check (net_minor >= 0),
  created_at timestamptz not null default clock_timestamp(),
  primary key (credit_note_id, unit_id),
  foreign key (account_id, credit_note_id) references credit_notes (account_id, id),
  foreign key (account_id, unit_id) references units (account_id, id)
);
create index credit_note_units_unit on credit_note_units (unit_id);
create trigger credit_note_units_immutable before update or delete on credit_note_units
  for each row execute function rows_immutable();

create table credit_note_taxes (
  account_id text not null,
  credit_note_id text not null,
  category text not null,
  rate_bp integer not null check (rate_bp between 0 and 10000),
  taxable_minor bigint not null check (taxable_minor >= 0),
  tax_minor bigint not null check (tax_minor >= 0),
  created_at timestamptz not null default clock_timestamp(),
  primary key (credit_note_id, category, rate_bp),
  foreign key (account_id, credit_note_id) references credit_notes (account_id, id)
);
create trigger credit_note_taxes_immutable before update or delete on credit_note_taxes
  for each row execute function rows_immutable();

create table credit_note_lines (
  account_id text not null,
  credit_note_id text not null,
  position integer not null check (position >= 1),
  sku text not null,
  name text not null,
  unit_price_minor bigint not null,
  quantity integer not null check (quantity >= 1),
  net_minor bigint not null,
  tax_category text not null,
  tax_rate_bp integer not null check (tax_rate_bp between 0 and 10000),
  created_at timestamptz not null default clock_timestamp(),
  primary key (credit_note_id, position),
  foreign key (account_id, credit_note_id) references credit_notes (account_id, id),
  check (net_minor = unit_price_minor * quantity)
);
create trigger credit_note_lines_immutable before update or delete on credit_note_lines
  for each row execute function rows_immutable();

create table credit_note_documents (
  account_id text not null,
  credit_note_id text not null,
  format text not null check (format in ('pdf', 'csv', 'ubl', 'cii')),
  content bytea not null,
  sha256 bytea not null check (length(sha256) = 32),
  created_at timestamptz not null default clock_timestamp(),
  primary key (credit_note_id, format),
  foreign key (account_id, credit_note_id) references credit_notes (account_id, id)
);
create trigger credit_note_documents_immutable before update or delete on credit_note_documents
  for each row execute function rows_immutable();

alter table mails add column credit_note_id text,
  add foreign key (account_id, credit_note_id) references credit_notes (account_id, id);
