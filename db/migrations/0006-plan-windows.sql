-- The hour and day windows of the plans, and when a key was last used.

alter table organizations
  add column requests_per_hour integer check (requests_per_hour > 0),
  add column requests_per_day integer check (requests_per_day > 0);
comment on column organizations.requests_per_hour is 'Agreed instead of the plan''s; null: the plan''s.';
comment on column organizations.requests_per_day is 'Agreed instead of the plan''s; null: the plan''s.';

alter table api_keys add column last_used_address text;

-- Requests of an account in the running UTC hour and day. One row per account whose plan has windows,
-- so accounts without them share no row. Like rate_limits: survives a clean restart, and a crash may
-- forget the current windows.
create unlogged table plan_windows (
  account_id text primary key references accounts (id),
  hour_start timestamptz not null,
  hour_count integer not null,
  -- Of the hour before `hour_start`: it decides whether this hour may be exceeded.
  previous_hour_count integer not null,
  day_start timestamptz not null,
  day_count integer not null,
  created_at timestamptz not null default clock_timestamp()
) with (fillfactor = 50);
