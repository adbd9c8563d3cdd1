-- How much of a product's pool there was at the last look, so that crossing a threshold is told once.
-- No order touches these rows: a look is taken afterwards (docs/decisions/0019).

create table stock_levels (
  account_id text not null,
  product_id text not null,
  -- '' for the product itself.
  variant_id text not null default '',
  -- Below this it is low; null: nobody wants to know.
  low_threshold integer check (low_threshold between 1 and 1000000),
  available integer not null default 0 check (available >= 0),
  state text not null default 'out' check (state in ('ok', 'low', 'out')),
  -- When the first code of the pool expires, as of the last look.
  next_expiry_at timestamptz,
  -- Real time.
  looked_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default clock_timestamp(),
  primary key (account_id, product_id, variant_id),
  foreign key (account_id, product_id) references products (account_id, id)
);
create index stock_levels_looked on stock_levels (looked_at);

-- Codes of which it was told that they expire within so many days: once per day of expiry and window.
create table expiry_warnings (
  account_id text not null,
  product_id text not null,
  variant_id text not null default '',
  expires_on date not null,
  window_days smallint not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (account_id, product_id, variant_id, expires_on, window_days),
  foreign key (account_id, product_id) references products (account_id, id)
);

insert into event_types (type, additive) values ('codes.expiring', true);
