-- Products, their variants, the codes in the own pool, and where more codes come from.

create table products (
  id text primary key,
  account_id text not null references accounts (id),
  sku text not null,
  name text not null,
  description text not null default '',
  -- The bound keeps the largest order (10,000 units) below 2^53, so JSON prints it exactly.
  price_minor bigint not null check (price_minor between 0 and 100000000000),
  currency text not null references currencies (code),
  status text not null default 'active' check (status in ('active', 'draft', 'archived')),
  fulfillment_type text not null default 'physical'
    check (fulfillment_type in ('physical', 'digital_code')),
  tax_class text not null default 'multi_purpose_voucher' check (tax_class in
    ('multi_purpose_voucher', 'single_purpose_voucher', 'digital_service', 'goods', 'fee')),
  categories text[] not null default '{}',
  images jsonb not null default '[]',
  metadata jsonb not null default '{}',
  version integer not null default 1,
  event_sequence integer not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  unique (account_id, id)
);
create index products_created on products (account_id, created_at, id);
create index products_updated on products (account_id, updated_at, id);
create index products_name on products (account_id, lower(name), id);
create index products_price on products (account_id, price_minor, id);

create table variants (
  id text primary key,
  account_id text not null,
  product_id text not null,
  sku text not null,
  -- Null: the product's price.
  price_minor bigint check (price_minor between 0 and 100000000000),
  attributes jsonb not null default '{}',
  image text,
  position integer not null,
  -- A variant that a merge removed stays for the orders that name it.
  removed_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (account_id, product_id, id),
  foreign key (account_id, product_id) references products (account_id, id)
);
create index variants_product on variants (account_id, product_id, position);

-- One SKU means one thing over products and variants.
create table skus (
  account_id text not null,
  sku text not null,
  product_id text not null,
  variant_id text,
  created_at timestamptz not null default clock_timestamp(),
  primary key (account_id, sku),
  foreign key (account_id, product_id) references products (account_id, id),
  foreign key (account_id, product_id, variant_id) references variants (account_id, product_id, id)
);
create index skus_product on skus (account_id, product_id);

create table suppliers (
  id text primary key,
  account_id text not null references accounts (id),
  name text not null,
  adapter text not null check (adapter in ('sandbox')),
  active boolean not null default true,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (account_id, name)
);

create table supplier_skus (
  account_id text not null,
  supplier_id text not null,
  product_id text not null,
  -- '' for the product itself.
  variant_id text not null default '',
  supplier_sku text not null,
  -- Lower is asked first.
  priority integer not null default 100,
  cost_minor bigint not null check (cost_minor >= 0),
  currency text not null references currencies (code),
  created_at timestamptz not null default clock_timestamp(),
  primary key (account_id, product_id, variant_id, supplier_id),
  foreign key (account_id, supplier_id) references suppliers (account_id, id),
  foreign key (account_id, product_id) references products (account_id, id)
);
