-- Suppliers that are connected by configuration: how they are reached, how fast they may be asked,
-- whether they answer at all, and what their codes cost.

alter table suppliers
  drop constraint suppliers_adapter_check,
  add constraint suppliers_adapter_check check (adapter in ('sandbox', 'http')),
  add column base_url text check (length(base_url) between 1 and 2048),
  -- Signs requests and answers; sealed for the supplier's own row.
  add column secret bytea check (length(secret) > 28),
  add column secret_key_version smallint,
  add column call_seconds_max integer not null default 10 check (call_seconds_max between 1 and 30),
  -- Calls allowed per second (null: any number) and at the same time.
  add column per_second_max integer check (per_second_max between 1 and 1000),
  add column in_flight_max integer not null default 16 check (in_flight_max between 1 and 100),
  -- Real time: the next free place in the stream of calls, and the end of the queue behind it.
  add column next_call_at timestamptz,
  add column queue_ends_at timestamptz,
  -- The circuit breaker (business time): calls in a row that were not answered; open since when and
  -- because of what; nobody is asked before the probe.
  add column breaker_failures integer not null default 0 check (breaker_failures >= 0),
  add column breaker_opened_at timestamptz,
  add column breaker_probe_at timestamptz,
  add column breaker_reason text,
  add column version integer not null default 1,
  add column updated_at timestamptz not null default clock_timestamp(),
  add check ((adapter = 'http') = (base_url is not null)),
  add check ((adapter = 'http') = (secret is not null)),
  add check ((secret is null) = (secret_key_version is null)),
  add check ((breaker_opened_at is null) = (breaker_probe_at is null)),
  add check ((breaker_opened_at is null) = (breaker_reason is null));
create index suppliers_created on suppliers (account_id, created_at, id);
create index suppliers_broken on suppliers (account_id, id) where breaker_opened_at is not null;

-- What a supplier sells can be named, switched off and changed.
alter table supplier_skus
  add column id text not null default new_id('ssku') unique,
  add column active boolean not null default true,
  add column version integer not null default 1,
  add column updated_at timestamptz not null default clock_timestamp(),
  add unique (account_id, id),
  add check (priority between 0 and 1000000);
create index supplier_skus_supplier on supplier_skus (account_id, supplier_id, created_at, id);

-- What one code costs: agreed when it is ordered, and as the supplier said when it sold it.
alter table sourcing_attempts
  add column cost_minor bigint check (cost_minor >= 0),
  add column cost_currency text references currencies (code),
  -- Business time at which the supplier was first asked under this reference.
  add column asked_at timestamptz,
  -- Somebody wants it undone: the next question is a cancellation.
  add column cancel_requested_at timestamptz,
  add check ((cost_minor is null) = (cost_currency is null));
alter table codes
  add column cost_minor bigint check (cost_minor >= 0),
  add column cost_currency text references currencies (code),
  add check ((cost_minor is null) = (cost_currency is null));

-- Calls that are on their way. A process that died leaves its row behind until the lease ends.
create table supplier_calls (
  id text primary key,
  account_id text not null,
  supplier_id text not null,
  -- Real time.
  leased_until timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  foreign key (account_id, supplier_id) references suppliers (account_id, id)
);
create index supplier_calls_supplier on supplier_calls (supplier_id);
