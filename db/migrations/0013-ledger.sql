-- The double-entry ledger: what is owed, and why, append-only and balanced (docs/decisions, the
-- ledger). Every amount of money that an answer, a page or a document states must agree with it.

-- The kinds of ledger accounts. `domain/ledger.ts` says the same; a test compares.
create table ledger_account_kinds (
  kind text primary key,
  -- A memo account holds a promise beside the books, against an offset of its own.
  class text not null check (class in ('asset', 'liability', 'revenue', 'expense', 'memo')),
  description text not null,
  created_at timestamptz not null default clock_timestamp()
);
insert into ledger_account_kinds (kind, class, description) values
  ('held', 'memo', 'Ordered on credit, neither billed nor given up'),
  ('held_offset', 'memo', 'The other side of held'),
  ('authorised', 'memo', 'Reserved by the payment provider, not captured'),
  ('authorised_offset', 'memo', 'The other side of authorised'),
  ('unbilled', 'asset', 'Delivered and not billed, without tax'),
  ('receivable', 'asset', 'Billed and not paid'),
  ('cash', 'asset', 'Received in the bank'),
  ('psp_clearing', 'asset', 'What the payment provider owes us'),
  ('disputed', 'asset', 'Taken back by the payment provider until a dispute is decided'),
  ('prepayments', 'liability', 'Captured before it was billed'),
  ('unallocated_cash', 'liability', 'Money of a customer that pays no invoice yet'),
  ('tax_payable', 'liability', 'Tax on invoices, owed to the state'),
  ('revenue', 'revenue', 'Delivered, without tax'),
  ('psp_fees', 'expense', 'Fees of the payment provider'),
  ('dispute_losses', 'expense', 'Lost disputes');

-- Which account each measure of a journal debits and which it credits. Each row moves one amount from
-- one account to another, so every journal is balanced whatever its amounts are.
create table posting_rules (
  journal text not null,
  measure text not null,
  debit text not null references ledger_account_kinds (kind),
  credit text not null references ledger_account_kinds (kind),
  created_at timestamptz not null default clock_timestamp(),
  primary key (journal, measure),
  check (debit <> credit)
);
insert into posting_rules (journal, measure, debit, credit) values
  ('order_accepted', 'amount', 'held', 'held_offset'),
  ('units_given_up', 'amount', 'held_offset', 'held'),
  ('units_allocated', 'amount', 'unbilled', 'revenue'),
  ('units_reversed', 'amount', 'revenue', 'unbilled'),
  ('units_reversed', 'held', 'held_offset', 'held'),
  ('invoice_issued', 'net', 'receivable', 'unbilled'),
  ('invoice_issued', 'tax', 'receivable', 'tax_payable'),
  ('invoice_issued', 'held', 'held_offset', 'held'),
  ('prepayment_applied', 'amount', 'prepayments', 'receivable'),
  ('credit_note_issued', 'net', 'revenue', 'receivable'),
  ('credit_note_issued', 'tax', 'tax_payable', 'receivable'),
  ('credit_note_issued', 'excess', 'receivable', 'unallocated_cash'),
  ('payment_received', 'allocated', 'cash', 'receivable'),
  ('payment_received', 'unallocated', 'cash', 'unallocated_cash'),
  ('cash_allocated', 'amount', 'unallocated_cash', 'receivable'),
  ('payment_authorised', 'amount', 'authorised', 'authorised_offset'),
  ('authorisation_released', 'amount', 'authorised_offset', 'authorised'),
  ('payment_captured', 'amount', 'psp_clearing', 'prepayments'),
  ('payment_captured', 'authorised', 'authorised_offset', 'authorised'),
  ('psp_fee_charged', 'amount', 'psp_fees', 'psp_clearing'),
  ('psp_paid_out', 'amount', 'cash', 'psp_clearing'),
  ('refund_succeeded', 'prepaid', 'prepayments', 'psp_clearing'),
  ('refund_succeeded', 'credited', 'unallocated_cash', 'psp_clearing'),
  ('dispute_opened', 'amount', 'disputed', 'psp_clearing'),
  ('dispute_opened', 'fee', 'psp_fees', 'psp_clearing'),
  ('dispute_won', 'amount', 'psp_clearing', 'disputed'),
  ('dispute_won', 'fee', 'psp_clearing', 'psp_fees'),
  ('dispute_lost', 'amount', 'dispute_losses', 'disputed');

-- One per kind, currency and customer, so that no order touches a row of somebody else's; what the
-- account has is the sum over its customers. Without a customer: what concerns the account only.
create table ledger_accounts (
  id text primary key,
  account_id text not null references accounts (id),
  customer_id text,
  -- The customer, or the account itself.
  owner_id text not null generated always as (coalesce(customer_id, account_id)) stored,
  currency text not null references currencies (code),
  kind text not null references ledger_account_kinds (kind),
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, owner_id, currency, kind),
  foreign key (account_id, customer_id) references customers (account_id, id)
);

create trigger ledger_accounts_immutable before update or delete on ledger_accounts
  for each row execute function rows_immutable();

create table journals (
  id text primary key,
  -- No foreign key, for the same reason as in idempotency_keys.
  account_id text not null,
  customer_id text,
  currency text not null,
  -- What happened, and to what: posting the same again is the same journal. Ids of parts go on after
  -- a slash (`txn_…/7`, `inv_…/cn_…`), so that what is about an object is one range of the index
  -- (0 comes after /).
  kind text not null,
  source_id text collate "C" not null,
  -- Business time.
  occurred_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, source_id, kind)
);
create trigger journals_immutable before update or delete on journals
  for each row execute function rows_immutable();

create table entries (
  journal_id text not null,
  ledger_account_id text not null,
  account_id text not null,
  currency text not null,
  -- A debit is positive, a credit negative.
  amount_minor bigint not null check (amount_minor <> 0),
  created_at timestamptz not null default clock_timestamp(),
  -- No foreign keys: entries_balanced looks at both parents at once, and locks none of them.
  primary key (journal_id, ledger_account_id)
);
create index entries_ledger_account on entries (ledger_account_id, journal_id) include (amount_minor);
create trigger entries_immutable before update or delete on entries
  for each row execute function rows_immutable();

-- At the commit: a journal's entries add up to zero in every currency, and belong with the journal and
-- their ledger accounts to one account (and customer) and currency. Neither parent is ever deleted.
create function entries_balanced() returns trigger
language plpgsql as $$
declare
  v_total bigint;
  v_strays integer;
begin
  select sum(e.amount_minor), count(*) filter (where (e.account_id, e.currency) is distinct from
      (j.account_id, j.currency) or (e.account_id, e.currency, j.customer_id) is distinct from
      (a.account_id, a.currency, a.customer_id))
    into v_total, v_strays
    from entries e
    left join journals j on j.id = e.journal_id
    left join ledger_accounts a on a.id = e.ledger_account_id
    where e.journal_id = new.journal_id;
  if v_strays > 0 then
    raise exception 'journal % has an entry of another account', new.journal_id
      using errcode = 'foreign_key_violation';
  elsif v_total <> 0 then
    raise exception 'journal % is not balanced', new.journal_id using errcode = 'check_violation';
  end if;
  return null;
end $$;
create constraint trigger entries_balanced after insert on entries
  deferrable initially deferred for each row execute function entries_balanced();

-- The customer's own row holds the balances that a decision needs at once: the credit limit and the
-- money that may be allocated. Only post_journal changes them; reconciliation compares.
alter table customer_balances
  add column unallocated_minor bigint not null default 0 check (unallocated_minor >= 0);
comment on column customer_balances.held_minor is 'Balance of the customer''s held account.';
comment on column customer_balances.invoiced_minor is 'Balance of the customer''s receivable account.';
comment on column customer_balances.unallocated_minor is 'Balance of the customer''s unallocated_cash account.';

-- What the amounts of a journal move, by account kind; a kind that ends at zero is left out.
create function journal_moves(p_kind text, p_amounts jsonb)
returns table (kind text, amount_minor bigint)
language sql stable as $$
  select side.kind, sum(side.minor)::bigint
  from posting_rules r
  cross join lateral (values (r.debit, (p_amounts ->> r.measure)::bigint),
    (r.credit, - (p_amounts ->> r.measure)::bigint)) side (kind, minor)
  where r.journal = p_kind and p_amounts ? r.measure
  group by side.kind having sum(side.minor) <> 0
$$;

-- The ledger accounts of a customer, or of the account itself, in a currency.
create function open_ledger_accounts(p_account text, p_customer text, p_currency text) returns void
language sql volatile as $$
  insert into ledger_accounts (id, account_id, customer_id, currency, kind)
  select new_id('lac'), p_account, p_customer, p_currency, k.kind from ledger_account_kinds k
  on conflict do nothing
$$;

-- A customer with a balance has ledger accounts, so that no order looks whether it has.
create function customer_balances_opened() returns trigger
language plpgsql as $$
begin
  perform open_ledger_accounts(new.account_id, new.customer_id, new.currency);
  return null;
end $$;
create trigger customer_balances_opened after insert on customer_balances
  for each row execute function customer_balances_opened();
insert into ledger_accounts (id, account_id, customer_id, currency, kind)
select new_id('lac'), b.account_id, b.customer_id, b.currency, k.kind
from customer_balances b cross join ledger_account_kinds k;

-- Posts what happened: one journal with its entries, and the customer's balances. Safe to repeat: a
-- source is posted once, and the same source with other amounts is refused. Amounts by measure, in
-- minor units, none negative. Answers the journal, or null where there was nothing to move.
create function post_journal(
  p_account text, p_customer text, p_currency text, p_kind text, p_source text,
  p_amounts jsonb, p_at timestamptz
) returns text
language plpgsql as $$
declare
  v_id text;
  v_owner text := coalesce(p_customer, p_account);
  v_kinds text[];
  v_minors bigint[];
  v_entered integer;
  v_held bigint := 0;
  v_invoiced bigint := 0;
  v_unallocated bigint := 0;
begin
  if exists (select 1 from jsonb_each_text(p_amounts) as given (measure, minor)
    left join posting_rules r on r.journal = p_kind and r.measure = given.measure
    where r.measure is null or given.minor::bigint < 0)
  then
    raise exception 'no rule posts % of %', p_amounts, p_kind using errcode = 'check_violation';
  end if;
  select array_agg(m.kind), array_agg(m.amount_minor) into v_kinds, v_minors
    from journal_moves(p_kind, p_amounts) m;
  if v_kinds is null then
    return null;
  end if;
  insert into journals (id, account_id, customer_id, currency, kind, source_id, occurred_at)
  values (new_id('jrn'), p_account, p_customer, p_currency, p_kind, p_source, p_at)
  on conflict (account_id, source_id, kind) do nothing returning id into v_id;
  if v_id is null then
    return posted_journal(p_account, p_kind, p_source, v_kinds, v_minors);
  end if;
  for v_try in 1 .. 2 loop
    insert into entries (journal_id, ledger_account_id, account_id, currency, amount_minor)
    select v_id, a.id, p_account, p_currency, moved.amount_minor
    from unnest(v_kinds, v_minors) as moved (kind, amount_minor)
    join ledger_accounts a on a.account_id = p_account and a.owner_id = v_owner
      and a.currency = p_currency and a.kind = moved.kind
    on conflict do nothing;
    get diagnostics v_entered = row_count;
    exit when v_entered = cardinality(v_kinds);
    perform open_ledger_accounts(p_account, p_customer, p_currency);
  end loop;
  if p_customer is null then
    return v_id;
  end if;
  for v_n in 1 .. cardinality(v_kinds) loop
    case v_kinds[v_n]
      when 'held' then v_held := v_minors[v_n];
      when 'receivable' then v_invoiced := v_minors[v_n];
      when 'unallocated_cash' then v_unallocated := - v_minors[v_n];
      else null;
    end case;
  end loop;
  if v_held <> 0 or v_invoiced <> 0 or v_unallocated <> 0 then
    update customer_balances set held_minor = held_minor + v_held,
      invoiced_minor = invoiced_minor + v_invoiced,
      unallocated_minor = unallocated_minor + v_unallocated
    where account_id = p_account and customer_id = p_customer and currency = p_currency;
    if not found then
      insert into customer_balances as b
        (account_id, customer_id, currency, held_minor, invoiced_minor, unallocated_minor)
      values (p_account, p_customer, p_currency, v_held, v_invoiced, v_unallocated)
      on conflict (account_id, customer_id, currency) do update set
        held_minor = b.held_minor + excluded.held_minor,
        invoiced_minor = b.invoiced_minor + excluded.invoiced_minor,
        unallocated_minor = b.unallocated_minor + excluded.unallocated_minor;
    end if;
  end if;
  return v_id;
end $$;

-- The journal that a source has already; refused when it moved something else.
create function posted_journal(
  p_account text, p_kind text, p_source text, p_kinds text[], p_minors bigint[]
) returns text
language plpgsql as $$
declare
  v_id text;
  v_differs boolean;
begin
  select id into strict v_id from journals
    where account_id = p_account and source_id = p_source and kind = p_kind;
  select count(*) <> count(*) filter (where a.kind = m.kind and e.amount_minor = m.amount_minor)
    into v_differs
    from (select * from entries where journal_id = v_id) e
    join ledger_accounts a on a.id = e.ledger_account_id
    full join unnest(p_kinds, p_minors) as m (kind, amount_minor) on m.kind = a.kind;
  if v_differs then
    raise exception '% of % is posted with other amounts', p_kind, p_source
      using errcode = 'check_violation';
  end if;
  return v_id;
end $$;

-- An order on credit holds its total. A trigger, so that no way to write an order can forget it. What
-- post_journal would do, spelled out: this is the only posting that an acceptance waits for.
create function transactions_posted() returns trigger
language plpgsql as $$
declare
  v_id text := new_id('jrn');
  v_entered integer;
begin
  if new.total_minor = 0 then
    return null;
  end if;
  update customer_balances set held_minor = held_minor + new.total_minor
    where account_id = new.account_id and customer_id = new.customer_id and currency = new.currency;
  if found then
    insert into journals (id, account_id, customer_id, currency, kind, source_id, occurred_at)
    values (v_id, new.account_id, new.customer_id, new.currency, 'order_accepted', new.id,
      new.accepted_at);
    insert into entries (journal_id, ledger_account_id, account_id, currency, amount_minor)
    select v_id, a.id, new.account_id, new.currency,
      case a.kind when 'held' then new.total_minor else - new.total_minor end
    from ledger_accounts a
    where a.account_id = new.account_id and a.owner_id = new.customer_id
      and a.currency = new.currency and a.kind in ('held', 'held_offset');
    get diagnostics v_entered = row_count;
    if v_entered = 2 then
      return null;
    end if;
    raise exception '% has no ledger accounts in %', new.customer_id, new.currency
      using errcode = 'foreign_key_violation';
  end if;
  perform post_journal(new.account_id, new.customer_id, new.currency, 'order_accepted', new.id,
    jsonb_build_object('amount', new.total_minor), new.accepted_at);
  return null;
end $$;
create trigger transactions_posted after insert on transactions
  for each row when (new.payment_method = 'credit') execute function transactions_posted();

-- Units that were delivered, given up or reversed in one statement: one journal per transaction and
-- kind, named by the first unit's position (a unit makes each move once, so the name is unique).
-- Reversed after it was billed is the credit note's matter.
create function units_posted() returns trigger
language plpgsql as $$
declare
  v_moved record;
begin
  if not exists (select 1 from units_before
      where state in ('queued', 'sourcing', 'backordered', 'unknown'))
    and not exists (select 1 from units_after where state = 'reversed')
  then
    return null; -- billing, for one: what it updates has been posted
  end if;
  for v_moved in
    -- Grouped, not joined: a plan made for one unit would join ten thousand in a nested loop.
    with moved as (
      select id, account_id, transaction_id, position, price_minor, max(state) as state,
        max(allocated_at) as allocated_at, bool_or(billed) as billed
      from (
        select id, account_id, transaction_id, position, price_minor, state as was, null as state,
          null::timestamptz as allocated_at, null::boolean as billed from units_before
        union all
        select id, account_id, transaction_id, position, price_minor, null, state, allocated_at,
          invoice_line_id is not null from units_after
      ) both_sides
      group by id, account_id, transaction_id, position, price_minor
      having max(was) <> max(state)
    ), told as (
      select *, case when state = 'allocated' then 'units_allocated'
        when state in ('failed', 'cancelled') then 'units_given_up'
        when state = 'reversed' and not billed then 'units_reversed' end as journal
      from moved
    )
    select told.account_id, told.transaction_id, told.journal, t.customer_id, t.currency,
      t.payment_method = 'credit' as on_credit, min(told.position) as first_position,
      sum(told.price_minor)::bigint as amount, max(told.allocated_at) as allocated_at
    from told join transactions t on t.account_id = told.account_id and t.id = told.transaction_id
    where told.journal is not null
    group by 1, 2, 3, 4, 5, 6 order by t.customer_id, t.currency, told.transaction_id, told.journal
  loop
    continue when v_moved.journal = 'units_given_up' and not v_moved.on_credit;
    perform post_journal(v_moved.account_id, v_moved.customer_id, v_moved.currency, v_moved.journal,
      v_moved.transaction_id || '/' || v_moved.first_position,
      jsonb_build_object('amount', v_moved.amount)
        || case when v_moved.journal = 'units_reversed' and v_moved.on_credit
          then jsonb_build_object('held', v_moved.amount) else '{}' end,
      case when v_moved.journal = 'units_allocated' then v_moved.allocated_at
        else business_now(v_moved.account_id) end);
  end loop;
  return null;
end $$;
create trigger units_posted after update on units
  referencing old table as units_before new table as units_after
  for each statement execute function units_posted();

-- Accepts an order. Answers {outcome: accepted | replayed | refused, …}; a refusal is a result,
-- leaves nothing behind and names its reason and fields.
create or replace function accept_order(p jsonb) returns jsonb
language plpgsql as $$
declare
  v_account text := p ->> 'account_id';
  v_customer text := p ->> 'customer_id';
  v_transaction text := p ->> 'transaction_id';
  v_key text := p ->> 'idempotency_key';
  v_scope text := coalesce(p ->> 'customer_scope', '');
  v_hash bytea := decode(p ->> 'content_hash', 'hex');
  v_who record;
  v_seen record;
  v_now timestamptz;
  v_lines jsonb;
  v_problems jsonb;
  v_currencies text[];
  v_currency text;
  v_total bigint;
  v_units integer;
  v_balance record;
  v_po purchase_orders;
  v_accepted timestamptz;
  v_deadline timestamptz;
  v_position integer;
  v_refusal jsonb;
  -- Fifteen digits: what a JSON number carries exactly (AMOUNT_MINOR_MAX in domain/money.ts).
  c_owed_minor_max constant bigint := 999999999999999;
begin
  if v_key is not null then
    insert into idempotency_keys (account_id, customer_scope, operation, key, fingerprint, transaction_id)
    values (v_account, v_scope, 'createOrder', v_key, v_hash, v_transaction)
    on conflict do nothing;
    if not found then
      select fingerprint, transaction_id into v_seen from idempotency_keys
        where account_id = v_account and customer_scope = v_scope
          and operation = 'createOrder' and key = v_key;
      if not found then
        return jsonb_build_object('outcome', 'refused', 'reason', 'idempotency_in_flight');
      elsif v_seen.fingerprint <> v_hash then
        return jsonb_build_object('outcome', 'refused', 'reason', 'idempotency_key_reuse');
      end if;
      return jsonb_build_object('outcome', 'replayed',
        'transaction', transaction_facts(v_account, v_seen.transaction_id));
    end if;
  end if;

  select c.status, coalesce(c.company, c.id) as name, coalesce(c.time_zone, a.time_zone) as zone,
      coalesce(c.cut_off, a.cut_off) as cut_off, a.mode, a.currency
    into v_who
    from customers c join accounts a on a.id = c.account_id
    where c.account_id = v_account and c.id = v_customer for no key update of c;
  if not found or v_who.status <> 'active' then
    v_refusal := jsonb_build_object('reason', 'invalid_fields', 'fields', jsonb_build_array(
      jsonb_build_object('field', 'customer_id', 'message', 'No such active customer')));
  end if;
  v_now := business_now(v_account);

  if v_refusal is null and p ->> 'client_reference' is not null then
    select id, content_hash into v_seen from transactions
      where account_id = v_account and customer_id = v_customer
        and client_reference = p ->> 'client_reference';
    if found and v_seen.content_hash = v_hash then
      if v_key is not null then
        update idempotency_keys set transaction_id = v_seen.id
          where account_id = v_account and customer_scope = v_scope
            and operation = 'createOrder' and key = v_key;
      end if;
      return jsonb_build_object('outcome', 'replayed',
        'transaction', transaction_facts(v_account, v_seen.id));
    elsif found then
      v_refusal := jsonb_build_object('reason', 'client_reference_conflict', 'transaction_id', v_seen.id);
    end if;
  end if;

  -- A replay comes first: the deadline of an old order may be over when it is asked for again.
  if v_refusal is null and p ->> 'deadline' is not null and not (
    (p ->> 'deadline')::timestamptz > v_now and (p ->> 'deadline')::timestamptz <= v_now + interval '30 days')
  then
    v_refusal := jsonb_build_object('reason', 'invalid_fields', 'fields', jsonb_build_array(
      jsonb_build_object('field', 'deadline', 'message', 'Must be after now ('
        || to_char(v_now at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || ') and within 30 days')));
  end if;

  if v_refusal is null then
    -- Prices are the server's; a submitted price must agree, or its key may override.
    with asked as (
      select * from rows from (jsonb_to_recordset(p -> 'items') as
        (product_id text, sku text, variant_id text, quantity integer, price numeric))
        with ordinality as i (product_id, sku, variant_id, quantity, price, position)
    ), found as (
      select i.position, i.quantity, i.price, i.variant_id as asked_variant,
        pr.id as product_id, coalesce(i.variant_id, s.variant_id) as variant_id,
        v.id as found_variant, coalesce(v.sku, pr.sku) as sku, pr.name, pr.status,
        pr.tax_class, pr.fulfillment_type, pr.currency, cu.exponent::integer as digits,
        10::numeric ^ cu.exponent as factor,
        coalesce(v.price_minor, pr.price_minor) as price_minor,
        case when i.sku is null then 'product_id' else 'sku' end as named_by
      from asked i
      left join skus s on s.account_id = v_account and s.sku = i.sku
      left join products pr on pr.account_id = v_account
        and pr.id = coalesce(i.product_id, s.product_id)
      left join variants v on v.account_id = v_account and v.product_id = pr.id
        and v.id = coalesce(i.variant_id, s.variant_id) and v.removed_at is null
      left join currencies cu on cu.code = pr.currency
    ), priced as (
      select *, case when price is not null and (p ->> 'price_override')::boolean
        then price * factor else price_minor end as unit_price from found
    ), judged as (
      select *, case
        when product_id is null or status = 'archived'
          then jsonb_build_array('product_unavailable', named_by, 'No such product')
        when status <> 'active'
          then jsonb_build_array('product_unavailable', named_by, 'This product is not for sale: its status is ' || status)
        when variant_id is not null and found_variant is null
          then jsonb_build_array('product_unavailable', 'variant_id', 'No such variant of this product')
        when fulfillment_type = 'physical'
          then jsonb_build_array('physical_unavailable', named_by, 'Physical goods cannot be ordered yet: shipping is not built')
        when p ->> 'currency' is not null and currency <> p ->> 'currency'
          then jsonb_build_array('mixed_currency', named_by, 'This product is sold in ' || currency)
        when unit_price <> trunc(unit_price) or unit_price > 100000000000
          then jsonb_build_array('invalid_amount', 'price', 'Not an amount of ' || currency)
        when price is not null and unit_price <> price * factor
          then jsonb_build_array('price_mismatch', 'price', 'The price is '
            || round(price_minor / factor, digits) || ' ' || currency)
        end as problem
      from priced
    )
    select jsonb_agg(jsonb_build_object('position', position, 'product_id', product_id,
        'variant_id', variant_id, 'sku', sku, 'name', name, 'tax_class', tax_class,
        'fulfillment_type', fulfillment_type, 'quantity', quantity,
        'unit_price_minor', unit_price::bigint) order by position),
      jsonb_agg(jsonb_build_object('reason', problem -> 0, 'message', problem -> 2,
        'field', 'items.' || position - 1 || '.' || (problem ->> 1)) order by position)
        filter (where problem is not null),
      array_agg(distinct currency) filter (where currency is not null),
      sum(quantity)::integer, sum(quantity * unit_price)::bigint
    into v_lines, v_problems, v_currencies, v_units, v_total
    from judged;
    v_currency := v_currencies[1];
    if v_problems is not null then
      v_refusal := jsonb_build_object('reason', v_problems -> 0 -> 'reason', 'fields', v_problems);
    elsif cardinality(v_currencies) > 1 then
      v_refusal := jsonb_build_object('reason', 'mixed_currency', 'currencies', to_jsonb(v_currencies));
    end if;
  end if;

  if v_refusal is null then
    select credit_limit_minor, held_minor + invoiced_minor as used into v_balance
      from customer_balances
      where account_id = v_account and customer_id = v_customer and currency = v_currency;
    if not found and v_who.mode <> 'test' then
      v_refusal := jsonb_build_object('reason', 'credit_exceeded', 'limit_minor', 0,
        'used_minor', 0, 'total_minor', v_total, 'currency', v_currency);
    elsif v_balance.credit_limit_minor < v_balance.used + v_total then
      v_refusal := jsonb_build_object('reason', 'credit_exceeded', 'currency', v_currency,
        'limit_minor', v_balance.credit_limit_minor, 'used_minor', v_balance.used, 'total_minor', v_total);
    elsif coalesce(v_balance.used, 0) + v_total > c_owed_minor_max then
      v_refusal := jsonb_build_object('reason', 'credit_exceeded', 'currency', v_currency,
        'limit_minor', c_owed_minor_max, 'used_minor', coalesce(v_balance.used, 0), 'total_minor', v_total);
    elsif not (p ->> 'allow_backorder')::boolean and not pool_covers(v_account, v_lines, v_now) then
      v_refusal := jsonb_build_object('reason', 'out_of_stock');
    end if;
  end if;

  if v_refusal is not null then
    if v_key is not null then
      delete from idempotency_keys where account_id = v_account and customer_scope = v_scope
        and operation = 'createOrder' and key = v_key;
    end if;
    return v_refusal || jsonb_build_object('outcome', 'refused');
  end if;

  v_po := open_purchase_order(v_account, v_customer, v_currency, v_who.zone, v_who.cut_off, v_now);
  -- After a clock stepped back the purchase order's start is the later instant.
  v_accepted := greatest(v_now, v_po.period_start);
  v_deadline := coalesce((p ->> 'deadline')::timestamptz, v_accepted + interval '24 hours');
  select coalesce(max(position), 0) + 1 into v_position from transactions
    where purchase_order_id = v_po.id;

  insert into transactions (id, account_id, customer_id, purchase_order_id, position, currency,
    total_minor, unit_count, client_reference, content_hash, payment_method, allow_backorder,
    deadline_at, shipping_address, billing_address, shipping_method, metadata, accepted_at)
  values (v_transaction, v_account, v_customer, v_po.id, v_position, v_currency, v_total, v_units,
    p ->> 'client_reference', v_hash, p ->> 'payment_method', (p ->> 'allow_backorder')::boolean,
    v_deadline, nullif(p -> 'shipping_address', 'null'), nullif(p -> 'billing_address', 'null'),
    p ->> 'shipping_method', coalesce(p -> 'metadata', '{}'), v_accepted);
  with line as (
    insert into lines (id, account_id, transaction_id, position, product_id, variant_id, sku, name,
      tax_class, fulfillment_type, quantity, unit_price_minor, total_minor)
    select new_id('line'), v_account, v_transaction, l.position, l.product_id, l.variant_id, l.sku,
      l.name, l.tax_class, l.fulfillment_type, l.quantity, l.unit_price_minor,
      l.unit_price_minor * l.quantity
    from jsonb_to_recordset(v_lines) as l (position integer, product_id text, variant_id text,
      sku text, name text, tax_class text, fulfillment_type text, quantity integer,
      unit_price_minor bigint)
    returning id, position, product_id, variant_id, quantity, unit_price_minor
  )
  insert into units (id, account_id, purchase_order_id, transaction_id, line_id, position,
    product_id, variant_id, price_minor)
  select new_id('unit'), v_account, v_po.id, v_transaction, line.id,
    row_number() over (order by line.position, n), line.product_id,
    coalesce(line.variant_id, ''), line.unit_price_minor
  from line, generate_series(1, line.quantity) n;

  if not (p ->> 'allow_backorder')::boolean then
    perform allocate_units(v_account, v_transaction, v_accepted);
  end if;

  perform emit_event(v_account, new_id('evt'), 'order.created', v_transaction, 1, v_customer,
    jsonb_build_object('units', jsonb_build_object('queued', v_units)), v_accepted);
  insert into outbox (account_id, verb, workflow, subject, priority)
  values (v_account, 'start', 'fulfillTransaction', jsonb_build_object(
    'transaction_id', v_transaction, 'customer_id', v_customer, 'customer_name', v_who.name,
    'purchase_order_id', v_po.id, 'lines', jsonb_array_length(v_lines), 'units', v_units,
    'total_minor', v_total, 'currency', v_currency), 2);
  return jsonb_build_object('outcome', 'accepted',
    'transaction', transaction_facts(v_account, v_transaction));
end $$;

-- One step of a transaction: gives out what the pool has, gives up what may no longer be bought,
-- and ends the transaction when no unit is open. Safe to run any number of times: it acts only on
-- open units, and events are written only for what this very call changed.
create or replace function fulfill_transaction(p_account text, p_transaction text) returns jsonb
language plpgsql as $$
declare
  v_txn transactions;
  v_now timestamptz;
  v_fresh integer;
  v_state jsonb;
  v_open integer;
  v_sequence integer;
  v_po purchase_orders;
  v_facts jsonb;
begin
  select * into v_txn from transactions
    where account_id = p_account and id = p_transaction for update;
  if not found then
    raise exception 'no transaction % in %', p_transaction, p_account using errcode = 'no_data_found';
  end if;
  v_now := greatest(business_now(p_account), v_txn.accepted_at);

  if v_txn.ended_at is null then
    v_sequence := v_txn.event_sequence;
    v_fresh := allocate_units(p_account, p_transaction, v_now);

    -- The deadline and an operator's decision forbid new purchases. What a supplier may already
    -- have sold us (sourcing, unknown) ends only by the supplier's definite answer.
    if v_txn.cancel_requested_at is not null or v_now >= v_txn.deadline_at then
      update units
      set state = case when v_txn.cancel_requested_at is not null then 'cancelled' else 'failed' end,
        reason = case when v_txn.cancel_requested_at is not null then 'cancelled_by_request'
          else 'deadline_passed' end
      where account_id = p_account and transaction_id = p_transaction
        and state in ('queued', 'backordered');
    end if;

    v_state := order_state(p_account, p_transaction);
    select coalesce(sum(n::integer), 0) into v_open from jsonb_each_text(v_state) as s (state, n)
      where state in ('queued', 'sourcing', 'backordered', 'unknown');
    select * into v_po from purchase_orders
      where account_id = p_account and id = v_txn.purchase_order_id;
    v_facts := jsonb_build_object('units', v_state, 'purchase_order_state', v_po.state);
    if v_open = 0 then
      v_sequence := v_sequence + 1;
      perform emit_event(p_account, new_id('evt'),
        case when v_state ? 'allocated' then 'order.fulfilled' else 'order.cancelled' end,
        p_transaction, v_sequence, v_txn.customer_id,
        v_facts, v_now);
      delete from waits where story_id = p_transaction;
      update transactions set ended_at = v_now where account_id = p_account and id = p_transaction;
      -- The last open unit of a day that is settling lets its invoice be issued at once.
      if v_po.state = 'settling' and not exists (
        select 1 from transactions where account_id = p_account
          and purchase_order_id = v_po.id and ended_at is null)
      then
        perform wake_purchase_order(v_po, 'every unit of the day is done');
      end if;
    end if;
    if v_fresh > 0 then
      v_sequence := v_sequence + 1;
      perform emit_event(p_account, new_id('evt'), 'codes.available', p_transaction, v_sequence,
        v_txn.customer_id, v_facts, v_now);
    end if;
    if v_sequence > v_txn.event_sequence then
      update transactions set event_sequence = v_sequence
        where account_id = p_account and id = p_transaction;
    end if;
  else
    v_state := order_state(p_account, p_transaction);
    v_open := 0;
  end if;

  return jsonb_build_object('units', v_state, 'open', v_open, 'ended', v_open = 0,
    'deadline_at', v_txn.deadline_at, 'now', v_now,
    'cancel_requested', v_txn.cancel_requested_at is not null);
end $$;

-- Takes back units: {account_id, key, reason, units: [{unit_id, net_minor?}]}; an amount that is
-- left out is all that was not credited yet. What was billed gets a credit note per invoice, what
-- was delivered and never billed loses its hold; a unit of which nothing is left is `reversed`.
-- Answers {outcome: done | refused, …}; a refusal is a result, names its reason and unit, and
-- leaves nothing behind. Safe to repeat under the same key: it answers the same credit notes.
-- Takes the units' locks by id, then the invoices', then the balance's; the caller may hold the
-- customer, the purchase order, the transaction and the payment.
create or replace function request_credit_note(p jsonb) returns jsonb
language plpgsql as $$
declare
  v_account text := p ->> 'account_id';
  v_key text := p ->> 'key';
  v_now timestamptz;
  v_ids text[];
  v_wanted jsonb;
  v_refusal jsonb;
  v_note record;
  v_id text;
  v_tax bigint;
begin
  perform 1 from units where account_id = v_account and id in (
      select unit_id from jsonb_to_recordset(p -> 'units') as want (unit_id text))
    order by id for update;

  select array_agg(id order by id) into v_ids from credit_notes
    where account_id = v_account and key = v_key;
  if v_ids is not null then
    return jsonb_build_object('outcome', 'done', 'credit_note_ids', to_jsonb(v_ids));
  end if;

  with wanted as (
    select want.unit_id, u.state, u.price_minor, u.price_minor - u.credited_minor as left_minor,
      coalesce(want.net_minor, u.price_minor - u.credited_minor) as net_minor,
      t.customer_id, t.currency, l.invoice_id, l.tax_category, l.tax_rate_bp,
      count(*) over (partition by want.unit_id) as times
    from jsonb_to_recordset(p -> 'units') as want (unit_id text, net_minor bigint)
    left join units u on u.account_id = v_account and u.id = want.unit_id
    left join transactions t on t.account_id = v_account and t.id = u.transaction_id
    left join invoice_lines l on l.account_id = v_account and l.id = u.invoice_line_id
  ), judged as (
    select *, case
      when state is null then 'not_found'
      when times > 1 then 'invalid_fields'
      when invoice_id is null and (state <> 'allocated' or net_minor <> price_minor) then 'not_billed'
      when net_minor > left_minor or net_minor < 0 then 'credit_exceeds_invoice'
      when net_minor = 0 and (price_minor > 0 or state = 'reversed') then 'credit_exceeds_invoice'
      end as problem
    from wanted
  )
  select jsonb_agg(to_jsonb(judged) order by unit_id),
    (array_agg(jsonb_build_object('reason', problem, 'unit_id', unit_id, 'left_minor', left_minor)
      order by unit_id) filter (where problem is not null))[1]
  into v_wanted, v_refusal from judged;
  if v_refusal is not null then
    return v_refusal || jsonb_build_object('outcome', 'refused');
  end if;

  v_now := business_now(v_account);
  v_ids := '{}';
  for v_note in
    select invoice_id, min(customer_id) as customer_id, min(currency) as currency,
      sum(net_minor)::bigint as net_minor
    from jsonb_to_recordset(v_wanted) as w (invoice_id text, customer_id text, currency text, net_minor bigint)
    where invoice_id is not null group by invoice_id order by invoice_id
  loop
    perform 1 from invoices where account_id = v_account and id = v_note.invoice_id for no key update;
    v_id := new_id('cn');
    v_ids := v_ids || v_id;
    -- The tax of all that is credited so far less what was credited before: the parts of an invoice
    -- that is credited bit by bit add up to its own tax exactly.
    with part as (
      select tax_category, tax_rate_bp, sum(net_minor)::bigint as net_minor
      from jsonb_to_recordset(v_wanted)
        as w (invoice_id text, tax_category text, tax_rate_bp integer, net_minor bigint)
      where invoice_id = v_note.invoice_id group by tax_category, tax_rate_bp
    ), taxed as (
      select part.*, tax_of(t.credited_minor + part.net_minor, t.rate_bp) - t.credited_tax_minor as tax_minor
      from part join invoice_taxes t on t.invoice_id = v_note.invoice_id
        and t.category = part.tax_category and t.rate_bp = part.tax_rate_bp
    ), credited as (
      update invoice_taxes t set credited_minor = t.credited_minor + taxed.net_minor,
        credited_tax_minor = t.credited_tax_minor + taxed.tax_minor
      from taxed where t.account_id = v_account and t.invoice_id = v_note.invoice_id
        and t.category = taxed.tax_category and t.rate_bp = taxed.tax_rate_bp
      returning taxed.tax_category, taxed.tax_rate_bp, taxed.net_minor, taxed.tax_minor
    ), note as (
      insert into credit_notes (id, account_id, customer_id, invoice_id, key, reason, currency,
        subtotal_minor, tax_minor, total_minor, requested_at)
      select v_id, v_account, v_note.customer_id, v_note.invoice_id, v_key, p ->> 'reason',
        v_note.currency, v_note.net_minor, sum(tax_minor), v_note.net_minor + sum(tax_minor), v_now
      from credited
      returning tax_minor
    ), split as (
      insert into credit_note_taxes (account_id, credit_note_id, category, rate_bp, taxable_minor, tax_minor)
      select v_account, v_id, tax_category, tax_rate_bp, net_minor, tax_minor from credited
    )
    select tax_minor into v_tax from note;
    update invoices set credited_minor = credited_minor + v_note.net_minor + v_tax
      where account_id = v_account and id = v_note.invoice_id;
    insert into credit_note_units (account_id, credit_note_id, unit_id, net_minor)
      select v_account, v_id, unit_id, net_minor
      from jsonb_to_recordset(v_wanted) as w (unit_id text, invoice_id text, net_minor bigint)
      where invoice_id = v_note.invoice_id;
    insert into outbox (account_id, verb, workflow, subject, priority)
    values (v_account, 'start', 'issueCreditNote', jsonb_build_object('credit_note_id', v_id,
      'invoice_id', v_note.invoice_id, 'customer_id', v_note.customer_id,
      'total_minor', v_note.net_minor + v_tax, 'currency', v_note.currency), 4);
  end loop;

  update units u set credited_minor = u.credited_minor + w.net_minor
    from jsonb_to_recordset(v_wanted) as w (unit_id text, invoice_id text, net_minor bigint)
    where u.account_id = v_account and u.id = w.unit_id and w.invoice_id is not null;
  update units u set state = 'reversed'
    from jsonb_to_recordset(v_wanted) as w (unit_id text, invoice_id text)
    where u.account_id = v_account and u.id = w.unit_id and u.state = 'allocated'
      and (w.invoice_id is null or u.credited_minor = u.price_minor);
  return jsonb_build_object('outcome', 'done', 'credit_note_ids', to_jsonb(v_ids));
end $$;

-- What is still owed on an invoice: the receivable entries of every journal that is about it.
create function invoice_owed(p_account text, p_invoice text) returns bigint
language sql stable as $$
  select coalesce(sum(e.amount_minor), 0)::bigint
  from journals j
  join entries e on e.journal_id = j.id
  join ledger_accounts a on a.id = e.ledger_account_id and a.kind = 'receivable'
  where j.account_id = p_account and j.source_id >= p_invoice and j.source_id < p_invoice || '0'
$$;
