-- Who gets which documents, sending them again, and mails that nobody took.

-- Null: the customer's own address; PDF and CSV.
alter table customers add column invoice_recipients text[]
    check (cardinality(invoice_recipients) between 1 and 10),
  add column invoice_formats text[]
    check (cardinality(invoice_formats) >= 1 and invoice_formats <@ array['pdf', 'csv', 'ubl', 'cii']);

alter table mails
  -- As in the Message-ID header, for a bounce that comes back later.
  add column message_id text,
  add column state text not null default 'queued' check (state in ('queued', 'sent', 'bounced')),
  -- Recipients that a mail server refused for good, at once or later.
  add column refused text[] not null default '{}',
  add column bounced_at timestamptz,
  add constraint mails_bounced check ((state = 'bounced') = (bounced_at is not null));
update mails set state = 'sent' where sent_at is not null;
create unique index mails_message_id on mails (account_id, message_id);
create index mails_invoice on mails (account_id, invoice_id) where invoice_id is not null;
create index mails_credit_note on mails (account_id, credit_note_id) where credit_note_id is not null;

-- A wish to send an invoice's documents again: `inv_X/2` and up; the first sending has no row.
create table document_sends (
  id text primary key,
  account_id text not null,
  invoice_id text not null,
  number integer not null check (number >= 2),
  -- Null: as the customer's settings say when it is sent.
  recipients text[],
  formats text[],
  requested_at timestamptz not null,
  ended_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (invoice_id, number),
  foreign key (account_id, invoice_id) references invoices (account_id, id)
);
create index document_sends_unfinished on document_sends (account_id, id) where ended_at is null;
