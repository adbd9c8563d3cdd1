-- Whom an operator wants a transaction to be bought from.
create table sourcing_routes (
  account_id text not null,
  transaction_id text not null,
  supplier_id text not null,
  -- `first`: before all others. `never`: nothing more of this transaction.
  preference text not null check (preference in ('first', 'never')),
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (transaction_id, supplier_id),
  foreign key (account_id, transaction_id) references transactions (account_id, id),
  foreign key (account_id, supplier_id) references suppliers (account_id, id)
);
