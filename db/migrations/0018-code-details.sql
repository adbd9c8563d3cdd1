-- What a code says beside its secret, which code is given out first, and which is not given out any more.

alter table codes
  -- Not to be redeemed before; it may be given out earlier.
  add column activation_at timestamptz,
  -- What it is worth, in words as they stand on it ("25.00 EUR", "1,000 points").
  add column face_value text check (length(face_value) between 1 and 60);

-- A code that expires sooner than this is not given out: its buyer could hardly use it.
alter table accounts
  add column code_validity_seconds_min integer not null default 86400
    check (code_validity_seconds_min between 0 and 31536000);

-- First what expires first, then the oldest. What expires too soon stands before all others and is
-- skipped by the index itself.
drop index codes_pool;
create index codes_pool on codes
  (account_id, product_id, variant_id, (coalesce(expires_at, 'infinity')), id)
  where unit_id is null and quarantined_at is null;
