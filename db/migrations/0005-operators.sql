-- What operators decided through the Temporal web UI or the API: written before it is acted upon.

create table operator_decisions (
  account_id text not null references accounts (id),
  story_id text not null,
  -- The Update's id: an Update that is delivered twice decides once.
  key text not null,
  verb text not null,
  note text,
  created_at timestamptz not null default clock_timestamp(),
  primary key (story_id, key)
);
create trigger operator_decisions_immutable before update or delete on operator_decisions
  for each row execute function rows_immutable();
