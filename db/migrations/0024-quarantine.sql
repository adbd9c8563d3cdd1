-- Codes that are kept aside are listed, and why is one of a few words.

alter table codes add constraint codes_quarantine_reason_check
  check (quarantine_reason in ('surplus', 'foreign', 'late', 'expires_too_soon'));
create index codes_quarantined on codes (account_id, created_at, id) where quarantined_at is not null;
