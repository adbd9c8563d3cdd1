-- Credit notes: what takes back an invoice, in whole or in part, piece by piece.

insert into event_types (type, additive) values ('credit_note.issued', true);

alter table accounts
  add column credit_note_series text not null default 'CN'
    check (credit_note_series ~ '^[A-Z0-9-]{1,12}$'),
  add constraint accounts_series_differ check (credit_note_series <> invoice_series);

-- Never more than was billed: of a unit, of a tax group, of the document.
alter table units add column credited_minor bigint not null default 0,
  add constraint units_credited check (credited_minor between 0 and price_minor
    and (credited_minor = 0 or invoice_line_id is not null));
alter table invoices add column credited_minor bigint not null default 0,
  add constraint invoices_credited check (credited_minor between 0 and total_minor),
  add constraint invoices_customer_id unique (account_id, customer_id, id);

-- What an invoice charges per tax category and rate, and how much of it was credited since.
create table invoice_taxes (
  account_id text not null,
  invoice_id text not null,
  category text not null,
  rate_bp integer not null check (rate_bp between 0 and 10000),
  taxable_minor bigint not null check (taxable_minor >= 0),
  tax_minor bigint not null check (tax_minor >= 0),
  credited_minor bigint not null default 0,
  credited_tax_minor bigint not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  primary key (invoice_id, category, rate_bp),
  foreign key (account_id, invoice_id) references invoices (account_id, id),
  check (credited_minor between 0 and taxable_minor),
  check (credited_tax_minor between 0 and tax_minor)
);
insert into invoice_taxes (account_id, invoice_id, category, rate_bp, taxable_minor, tax_minor)
select i.account_id, i.id, tax.category, tax.rate_bp, tax.taxable_minor, tax.tax_minor
from invoices i cross join jsonb_to_recordset(i.snapshot -> 'tax_breakdown')
  as tax (category text, rate_bp integer, taxable_minor bigint, tax_minor bigint);

create or replace function invoices_immutable() returns trigger
language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    raise exception 'an issued invoice is never deleted' using errcode = 'check_violation';
  end if;
  if (to_jsonb(new) - array['state', 'sent_at', 'credited_minor'])
    is distinct from (to_jsonb(old) - array['state', 'sent_at', 'credited_minor']) then
    raise exception 'an issued invoice never changes' using errcode = 'check_violation';
  end if;
  return new;
end $$;

-- Requested in the transaction that decides it (an API call, a claim, a refund), with its amounts;
-- numbered and frozen by its workflow. What is issued never changes.
create table credit_notes (
  id text primary key,
  account_id text not null,
  customer_id text not null,
  invoice_id text not null,
  -- Business key of whoever asked: asking twice gives one.
  key text not null,
  reason text not null check (length(reason) between 1 and 500),
  state text not null default 'pending' check (state in ('pending', 'issued')),
  currency text not null references currencies (code),
  subtotal_minor bigint not null check (subtotal_minor >= 0),
  tax_minor bigint not null check (tax_minor >= 0),
  total_minor bigint not null,
  requested_at timestamptz not null,
  series text,
  number_value bigint check (number_value >= 1),
  number text,
  issue_date date,
  snapshot jsonb,
  snapshot_hash bytea check (length(snapshot_hash) = 32),
  issued_at timestamptz,
  sent_at timestamptz,
  -- When its workflow had nothing left to do.
  ended_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (account_id, key, invoice_id),
  unique (account_id, number),
  unique (account_id, series, number_value),
  foreign key (account_id, customer_id, invoice_id)
    references invoices (account_id, customer_id, id),
  check (total_minor = subtotal_minor + tax_minor),
  check (num_nulls(series, number_value, number, issue_date, snapshot, snapshot_hash, issued_at)
    = case state when 'pending' then 7 else 0 end)
);
create index credit_notes_created on credit_notes (account_id, created_at, id);
create index credit_notes_customer on credit_notes (account_id, customer_id, created_at, id);
create index credit_notes_invoice on credit_notes (invoice_id);
create index credit_notes_unfinished on credit_notes (account_id, id) where ended_at is null;

create function credit_notes_immutable() returns trigger
language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    raise exception 'a credit note is never deleted' using errcode = 'check_violation';
  end if;
  if old.state = 'issued' and (to_jsonb(new) - array['sent_at', 'ended_at'])
    is distinct from (to_jsonb(old) - array['sent_at', 'ended_at']) then
    raise exception 'an issued credit note never changes' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger credit_notes_immutable before update or delete on credit_notes
  for each row execute function credit_notes_immutable();

-- How much of which unit it takes back, without tax.
create table credit_note_units (
  account_id text not null,
  credit_note_id text not null,
  unit_id text not null,
  net_minor bigint not null check (net_minor >= 0),
  created_at timestamptz not null default clock_timestamp(),
  primary key (credit_note_id, unit_id),
  foreign key (account_id, credit_note_id) references credit_notes (account_id, id),
  foreign key (account_id, unit_id) references units (account_id, id)
);
create index credit_note_units_unit on credit_note_units (unit_id);
create trigger credit_note_units_immutable before update or delete on credit_note_units
  for each row execute function rows_immutable();

create table credit_note_taxes (
  account_id text not null,
  credit_note_id text not null,
  category text not null,
  rate_bp integer not null check (rate_bp between 0 and 10000),
  taxable_minor bigint not null check (taxable_minor >= 0),
  tax_minor bigint not null check (tax_minor >= 0),
  created_at timestamptz not null default clock_timestamp(),
  primary key (credit_note_id, category, rate_bp),
  foreign key (account_id, credit_note_id) references credit_notes (account_id, id)
);
create trigger credit_note_taxes_immutable before update or delete on credit_note_taxes
  for each row execute function rows_immutable();

create table credit_note_lines (
  account_id text not null,
  credit_note_id text not null,
  position integer not null check (position >= 1),
  sku text not null,
  name text not null,
  unit_price_minor bigint not null,
  quantity integer not null check (quantity >= 1),
  net_minor bigint not null,
  tax_category text not null,
  tax_rate_bp integer not null check (tax_rate_bp between 0 and 10000),
  created_at timestamptz not null default clock_timestamp(),
  primary key (credit_note_id, position),
  foreign key (account_id, credit_note_id) references credit_notes (account_id, id),
  check (net_minor = unit_price_minor * quantity)
);
create trigger credit_note_lines_immutable before update or delete on credit_note_lines
  for each row execute function rows_immutable();

create table credit_note_documents (
  account_id text not null,
  credit_note_id text not null,
  format text not null check (format in ('pdf', 'csv', 'ubl', 'cii')),
  content bytea not null,
  sha256 bytea not null check (length(sha256) = 32),
  created_at timestamptz not null default clock_timestamp(),
  primary key (credit_note_id, format),
  foreign key (account_id, credit_note_id) references credit_notes (account_id, id)
);
create trigger credit_note_documents_immutable before update or delete on credit_note_documents
  for each row execute function rows_immutable();

alter table mails add column credit_note_id text,
  add foreign key (account_id, credit_note_id) references credit_notes (account_id, id);

-- The tax on an amount, halves to even: taxOf in domain/invoice-lines.ts, and a test compares them.
create function tax_of(p_net bigint, p_rate_bp integer) returns bigint
language sql immutable as $$
  select (case
    when 2 * (n % 10000) > 10000 or (2 * (n % 10000) = 10000 and div(n, 10000) % 2 = 1)
      then div(n, 10000) + 1
    else div(n, 10000) end)::bigint
  from (select p_net::numeric * p_rate_bp as n) product
$$;

-- Takes back units: {account_id, key, reason, units: [{unit_id, net_minor?}]}; an amount that is
-- left out is all that was not credited yet. What was billed gets a credit note per invoice, what
-- was delivered and never billed loses its hold; a unit of which nothing is left is `reversed`.
-- Answers {outcome: done | refused, …}; a refusal is a result, names its reason and unit, and
-- leaves nothing behind. Safe to repeat under the same key: it answers the same credit notes.
-- Takes the units' locks by id, then the invoices', then the balance's; the caller may hold the
-- customer, the purchase order, the transaction and the payment.
create function request_credit_note(p jsonb) returns jsonb
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
  for v_note in
    select customer_id, currency, sum(price_minor)::bigint as price_minor
    from jsonb_to_recordset(v_wanted)
      as w (invoice_id text, customer_id text, currency text, price_minor bigint)
    where invoice_id is null group by customer_id, currency order by customer_id, currency
  loop
    update customer_balances set held_minor = held_minor - v_note.price_minor
      where account_id = v_account and customer_id = v_note.customer_id
        and currency = v_note.currency;
  end loop;
  return jsonb_build_object('outcome', 'done', 'credit_note_ids', to_jsonb(v_ids));
end $$;

-- Closes purchase orders that are overdue, and starts and wakes the workflows of stories that
-- neither wait for a later instant nor have a command under way. Both commands are harmless to a
-- workflow that is at work. Bounded per call; the next call goes on.
create or replace function sweep_stories(p_grace interval, p_limit integer)
returns table (workflow text, story_id text)
language plpgsql as $$
declare
  v_po record;
begin
  for v_po in
    select po.account_id, po.id from purchase_orders po
    where po.state = 'open' and po.period_end < business_now(po.account_id) - p_grace
    order by po.period_end limit p_limit
  loop
    perform close_purchase_order(v_po.account_id, v_po.id, false);
  end loop;
  return query
  with story as (
    select t.account_id, 'fulfillTransaction' as workflow, t.id, t.created_at, 2 as priority,
      jsonb_build_object('transaction_id', t.id, 'customer_id', t.customer_id,
        'customer_name', coalesce(c.company, c.id), 'purchase_order_id', t.purchase_order_id,
        'lines', (select count(*) from lines l where l.transaction_id = t.id),
        'units', t.unit_count, 'total_minor', t.total_minor, 'currency', t.currency) as subject
    from transactions t
    join customers c on c.account_id = t.account_id and c.id = t.customer_id
    where t.ended_at is null
    union all
    select po.account_id, 'runPurchaseOrderDay', po.id, po.created_at, 4,
      jsonb_build_object('purchase_order_id', po.id, 'customer_id', po.customer_id,
        'currency', po.currency, 'business_date', po.business_date, 'sequence', po.sequence)
    from purchase_orders po where po.ended_at is null
    union all
    select c.account_id, 'issueCreditNote', c.id, c.created_at, 4,
      jsonb_build_object('credit_note_id', c.id, 'invoice_id', c.invoice_id,
        'customer_id', c.customer_id, 'total_minor', c.total_minor, 'currency', c.currency)
    from credit_notes c where c.ended_at is null
    union all
    select d.account_id, 'deliverWebhook', d.id, d.created_at, 4,
      jsonb_build_object('delivery_id', d.id, 'webhook_id', d.webhook_id, 'event_type', e.type)
    from deliveries d join events e on e.account_id = d.account_id and e.id = d.event_id
    where d.state = 'pending'
  ), stray as (
    select story.* from story
    where story.created_at < clock_timestamp() - p_grace
      and not exists (select 1 from waits w where w.story_id = story.id
        and (w.needs_person or w.due_at > business_now(story.account_id) - p_grace))
      and not exists (select 1 from outbox o where o.account_id = story.account_id
        and o.workflow = story.workflow and o.subject @> jsonb_build_object(
          case story.workflow when 'fulfillTransaction' then 'transaction_id'
            when 'runPurchaseOrderDay' then 'purchase_order_id'
            when 'issueCreditNote' then 'credit_note_id' else 'delivery_id' end, story.id))
    order by story.created_at limit p_limit
  ), started as (
    insert into outbox (account_id, verb, workflow, subject, priority)
    select s.account_id, 'start', s.workflow, s.subject, s.priority from stray s
  ), woken as (
    insert into outbox (account_id, verb, workflow, subject, signal)
    select s.account_id, 'signal', s.workflow, s.subject,
      jsonb_build_object('name', 'wokenUp', 'input', jsonb_build_object('reason', 'swept'))
    from stray s
  )
  select s.workflow, s.id from stray s;
end $$;
