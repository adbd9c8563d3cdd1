-- Units that are not wanted any more, one by one, and how long an account's orders wait for codes.

alter table units
  -- Somebody does not want it any more: it is bought and given nothing from here on.
  add column cancel_requested_at timestamptz;
alter table transactions
  -- Some of its units are not wanted any more.
  add column units_cancel_requested_at timestamptz;

alter table accounts
  -- What is not delivered so long after its acceptance fails, unless the order says otherwise.
  add column deadline_seconds integer not null default 86400
    check (deadline_seconds between 60 and 2592000);
