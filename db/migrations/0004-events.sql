-- Events, who wants to hear of them, and each try to tell them.

create table event_types (
  type text primary key,
  -- Additive types are sent only to endpoints that name them.
  additive boolean not null,
  created_at timestamptz not null default clock_timestamp()
);
insert into event_types (type, additive) values
  ('order.created', false), ('order.updated', false), ('order.cancelled', false),
  ('order.fulfilled', false), ('order.refunded', false), ('product.created', false),
  ('product.updated', false), ('product.deleted', false), ('inventory.low', false),
  ('inventory.out_of_stock', false), ('customer.created', false), ('customer.updated', false),
  ('payment.succeeded', false), ('payment.failed', false), ('payment.refunded', false),
  ('shipment.created', false), ('shipment.in_transit', false), ('shipment.delivered', false),
  ('codes.available', true), ('invoice.finalized', true), ('inventory.updated', true),
  ('webhook.test', true), ('webhook.disabled', true);

-- A fact. Read in commit order: (xid, id) below the snapshot's xmin.
create table events (
  id text primary key,
  -- No foreign key, for the same reason as in idempotency_keys.
  account_id text not null,
  type text not null references event_types (type),
  object_id text not null,
  -- 1, 2, 3 … per object.
  sequence integer not null check (sequence >= 1),
  -- The customer whose bound keys may read it; null for what concerns the account only.
  customer_id text,
  -- What `wire/event.ts` needs to print the object as it was at this moment.
  facts jsonb not null,
  xid xid8 not null default pg_current_xact_id(),
  occurred_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (account_id, object_id, sequence)
);
create index events_order on events (account_id, xid, id);
create trigger events_immutable before update or delete on events
  for each row execute function rows_immutable();

-- A subscriber's URL.
create table webhooks (
  id text primary key,
  account_id text not null references accounts (id),
  url text not null,
  -- Types, `order.*`, or `*`.
  events text[] not null check (cardinality(events) >= 1),
  description text not null default '',
  metadata jsonb not null default '{}',
  -- Off by the merchant, or by us with the instant (business time) and the reason below.
  active boolean not null default true,
  disabled_at timestamptz,
  disabled_reason text check (disabled_reason in ('endpoint_gone', 'only_failures')),
  deleted_at timestamptz,
  -- Attempts allowed per second (null: any number) and at the same time.
  per_second_max integer check (per_second_max between 1 and 1000),
  in_flight_max integer not null default 16 check (in_flight_max between 1 and 100),
  -- While per_second_max is set (real time): the next free place in the stream of attempts, and the
  -- end of the queue of those that come back later for one.
  next_place_at timestamptz,
  queue_ends_at timestamptz,
  -- Which secret makes X-Webhook-Signature while an old one lives beside the new one.
  rotation_signs_with text not null default 'old' check (rotation_signs_with in ('old', 'new')),
  -- Since when (business time) nothing was delivered, and how many deliveries used up their attempts.
  failing_since timestamptz,
  exhausted_count integer not null default 0,
  version integer not null default 1,
  event_sequence integer not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  check ((disabled_at is null) = (disabled_reason is null)),
  check (disabled_at is null or not active)
);
create index webhooks_created on webhooks (account_id, created_at, id) where deleted_at is null;

create table webhook_secrets (
  id text primary key,
  account_id text not null,
  webhook_id text not null,
  sealed bytea not null check (length(sealed) > 28),
  key_version smallint not null,
  -- Null: the current secret. During a rotation the old one stays until here (real time).
  expires_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  foreign key (account_id, webhook_id) references webhooks (account_id, id)
);
create unique index webhook_secrets_current on webhook_secrets (webhook_id) where expires_at is null;

-- One event for one endpoint.
create table deliveries (
  id text primary key,
  account_id text not null,
  webhook_id text not null,
  event_id text not null,
  state text not null default 'pending' check (state in ('pending', 'delivered', 'failed', 'cancelled')),
  reason text,
  -- Attempts claimed so far. The sixth is the last: no kill and no reset can make a seventh.
  attempt_count smallint not null default 0 check (attempt_count between 0 and 6),
  next_attempt_at timestamptz not null,
  -- Why it exists: the event itself, events found without a delivery, or somebody's wish.
  cause text not null default 'event' check (cause in ('event', 'replay', 'resend', 'recovery', 'test')),
  -- The earlier delivery of the same event that was sent again.
  copy_of text,
  -- Since when (real time) an attempt is on its way, and until when the endpoint's limits hold it.
  sending_since timestamptz,
  throttled_until timestamptz,
  ended_at timestamptz,
  -- Business time, like the event's own instant.
  created_at timestamptz not null,
  unique (account_id, id),
  foreign key (account_id, webhook_id) references webhooks (account_id, id),
  foreign key (account_id, event_id) references events (account_id, id),
  foreign key (account_id, copy_of) references deliveries (account_id, id),
  check ((state = 'pending') = (ended_at is null)),
  check ((cause in ('resend', 'recovery')) = (copy_of is not null))
);
-- An event is told to an endpoint once; what is told again by hand is another delivery.
create unique index deliveries_fan_out on deliveries (event_id, webhook_id)
  where cause in ('event', 'replay');
create unique index deliveries_recovered_once on deliveries (copy_of) where cause = 'recovery';
create index deliveries_webhook on deliveries (account_id, webhook_id, created_at, id);
create index deliveries_pending on deliveries (account_id, webhook_id, id) where state = 'pending';
create index deliveries_event on deliveries (account_id, event_id);
create index deliveries_sending on deliveries (webhook_id) where sending_since is not null;
create index deliveries_throttled on deliveries (webhook_id) where throttled_until is not null;

create function deliveries_end_once() returns trigger
language plpgsql as $$
begin
  if old.state <> 'pending' and new.state is distinct from old.state then
    raise exception 'a delivery ends once' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger deliveries_end_once before update of state on deliveries
  for each row execute function deliveries_end_once();

-- One HTTP try. By month of real time; old months are dropped.
create table attempts (
  id text not null,
  account_id text not null,
  delivery_id text not null,
  number smallint not null check (number between 1 and 6),
  state text not null default 'sending' check (state in ('sending', 'delivered', 'failed')),
  -- Business time.
  started_at timestamptz not null,
  finished_at timestamptz,
  duration_ms integer,
  request_headers jsonb,
  status_code integer,
  response_headers jsonb,
  response_body text,
  error text,
  retry_after text,
  created_at timestamptz not null default clock_timestamp(),
  primary key (delivery_id, number, created_at),
  check ((state = 'sending') = (finished_at is null))
) partition by range (created_at);
create index attempts_delivery on attempts (account_id, delivery_id, number);
create table attempts_rest partition of attempts default;
