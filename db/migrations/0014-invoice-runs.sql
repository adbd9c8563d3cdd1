-- Supplementary invoices.

-- Later runs of a purchase order whose first invoice was issued: 2 and up, one waiting at a time.
create table invoice_runs (
  -- `po_X/2`, the story.
  id text primary key,
  account_id text not null,
  customer_id text not null,
  purchase_order_id text not null,
  run integer not null check (run >= 2),
  -- The next cut-off of the customer after the delivery.
  due_at timestamptz not null,
  billed_at timestamptz,
  manifest_hash bytea,
  ended_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (purchase_order_id, run),
  foreign key (account_id, customer_id, purchase_order_id)
    references purchase_orders (account_id, customer_id, id),
  check (ended_at is null or billed_at is not null)
);
create unique index invoice_runs_waiting on invoice_runs (purchase_order_id) where billed_at is null;
create index invoice_runs_unfinished on invoice_runs (account_id, id) where ended_at is null;
