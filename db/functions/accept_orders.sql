-- Accepts orders, each as if it had come alone: `p` lists them, no customer and no key twice. Answers
-- for each in their order {outcome: accepted | replayed | refused | locked, …}, with the facts of the
-- transaction where there is one. A refusal is a result: it leaves nothing behind, names its reason and
-- fields, and is nobody else's matter.
-- While PostgreSQL has not yet counted the tables, an index of the account is as good to it as the key:
-- `is true` and `order by period_end` leave it only the one that finds a single row.
-- `p_patient` waits for the locks of keys and customers. Otherwise nobody here waits for anybody: an
-- order whose customer is locked is handed back as `locked`, and any other lock that is not got in a
-- moment ends the call, whose orders are then asked for one by one.
create or replace function accept_orders(p jsonb, p_patient boolean)
returns table (answer jsonb, facts jsonb)
language plpgsql as $$
declare
  v_count constant integer := jsonb_array_length(p);
  -- By place in `p`: what was decided, null while an order goes on; and the transaction that answers it.
  v_answers jsonb[] := array_fill(null::jsonb, array[v_count]);
  v_transactions text[] := array_fill(null::text, array[v_count]);
  v_entered text[] := '{}';
  -- The customers whose lock is held.
  v_locked text[];
  -- Whether the own pool covers the order that takes no backorder; null until it was looked at.
  v_covered boolean;
  v_passes integer := 0;
  v_order record;
  v_key record;
  -- Fifteen digits: what a JSON number carries exactly (AMOUNT_MINOR_MAX in domain/money.ts).
  c_owed_minor_max constant bigint := 999999999999999;
  -- Three are enough, unless a cut-off falls between two of them.
  c_passes_max constant integer := 8;
begin
  if not p_patient then
    perform set_config('lock_timeout', '100ms', true);
  end if;
  if v_count > 1 and exists (select 1 from jsonb_to_recordset(p) as o (allow_backorder boolean)
      where not allow_backorder) then
    raise exception 'an order that takes no backorder is accepted alone';
  end if;

  -- The keys first, in one order everywhere.
  for v_order in
    with asked as materialized (
      select o.*, decode(o.content_hash, 'hex') as fingerprint
      from rows from (jsonb_to_recordset(p) as (account_id text, customer_scope text,
        idempotency_key text, content_hash text, transaction_id text)) with ordinality
        as o (account_id, customer_scope, key, content_hash, transaction_id, n)
      where o.key is not null
    ), entered as (
      insert into idempotency_keys (account_id, customer_scope, operation, key, fingerprint, transaction_id)
      select account_id, customer_scope, 'createOrder', key, fingerprint, transaction_id
      from asked order by account_id, customer_scope, key
      on conflict do nothing returning transaction_id
    )
    select a.* from asked a where a.transaction_id not in (select transaction_id from entered)
  loop
    select k.fingerprint, k.transaction_id into v_key from idempotency_keys k
      where k.account_id = v_order.account_id and k.customer_scope = v_order.customer_scope
        and k.operation = 'createOrder' and k.key = v_order.key;
    v_answers[v_order.n] := case when not found then refused('idempotency_in_flight')
      when v_key.fingerprint <> v_order.fingerprint then refused('idempotency_key_reuse')
      else '{"outcome": "replayed"}' end;
    if v_key.fingerprint = v_order.fingerprint then
      v_transactions[v_order.n] := v_key.transaction_id;
    end if;
  end loop;

  -- Then the customers, in one order everywhere.
  if p_patient then
    perform 1 from (select o.* from rows from (jsonb_to_recordset(p) as (account_id text, customer_id text))
        with ordinality as o (account_id, customer_id, n)
        where v_answers[o.n] is null order by customer_id) o,
      lateral (select c.id from customers c
        where c.id = o.customer_id and (c.account_id = o.account_id) is true
        for no key update) c;
  end if;
  select coalesce(array_agg(c.id), '{}') into v_locked
    from (select o.* from rows from (jsonb_to_recordset(p) as (account_id text, customer_id text))
        with ordinality as o (account_id, customer_id, n)
        where v_answers[o.n] is null order by customer_id) o,
      lateral (select c.id from customers c
        where c.id = o.customer_id and (c.account_id = o.account_id) is true
        for no key update skip locked) c;

  -- Each order, now that nothing of its customer can change. Those that lack a purchase order or a look
  -- at the stock are given it, and go once more.
  while array_position(v_answers, null) is not null loop
    v_passes := v_passes + 1;
    if v_passes > c_passes_max then
      raise exception 'an order is neither accepted nor refused';
    end if;
    for v_order in
      with asked as materialized (
        select o.*, decode(o.hash, 'hex') as content_hash,
          (o.paying ->> 'within_seconds')::integer * interval '1 second' as pay_within
        from rows from (jsonb_to_recordset(p) as (account_id text, customer_id text, transaction_id text,
          content_hash text, client_reference text, currency text, payment_method text, paying jsonb,
          allow_backorder boolean, deadline timestamptz, price_override boolean, shipping_address jsonb,
          billing_address jsonb, shipping_method text, metadata jsonb, items jsonb)) with ordinality
          as o (account_id, customer_id, transaction_id, hash, client_reference, currency, payment_method,
            paying, allow_backorder, deadline, price_override, shipping_address, billing_address,
            shipping_method, metadata, items, n)
        where v_answers[o.n] is null
      ), clock as materialized (
        select account_id, business_now(account_id) as now
        from (select distinct account_id from asked) accounts
      ), priced as materialized (
        select o.n, l.* from asked o
        cross join lateral price_lines(o.account_id, o.items, o.currency, o.price_override) l
      ), summed as (
        select n, min(currency) as currency, count(*) as line_count, sum(quantity)::integer as unit_count,
          sum(quantity * unit_price_minor)::bigint as total_minor,
          min(currency) <> max(currency) as is_mixed,
          jsonb_agg(problem order by position) filter (where problem is not null) as problems
        from priced group by n
      ), judged as materialized (
        select o.*, s.currency as sold_in, s.line_count, s.unit_count, s.total_minor, clock.now,
          coalesce(c.company, c.id) as customer_name, coalesce(c.time_zone, a.time_zone) as zone,
          coalesce(c.cut_off, a.cut_off) as cut_off, a.deadline_seconds * interval '1 second' as deadline_after,
          case
          when c.id is null then refused_field('invalid_fields', 'customer_id', 'No such active customer')
          when c.id <> all (v_locked) then '{"outcome": "locked"}'
          when c.status <> 'active' then refused_field('invalid_fields', 'customer_id', 'No such active customer')
          when seen.content_hash = o.content_hash
            then jsonb_build_object('outcome', 'replayed', 'transaction_id', seen.id)
          when seen.id is not null
            then refused('client_reference_conflict', jsonb_build_object('transaction_id', seen.id))
          -- A replay comes first: the deadline of an old order may be over when it is asked for again.
          when not (o.deadline > clock.now and o.deadline <= clock.now + interval '30 days')
            then refused_field('invalid_fields', 'deadline', 'Must be after now ('
              || to_char(clock.now at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || ') and within 30 days')
          when s.problems is not null
            then refused(s.problems -> 0 ->> 'reason', jsonb_build_object('fields', s.problems))
          when s.is_mixed then refused('mixed_currency', (select jsonb_build_object('currencies',
            to_jsonb(array_agg(distinct l.currency))) from priced l where l.n = o.n))
          when not nullif(o.paying -> 'currencies', 'null') ? s.currency
            then refused_field('payment_method_unavailable', 'payment_method', 'Not in ' || s.currency)
          when o.pay_within is null and b.currency is null and a.mode <> 'test'
            then refused_credit(s.currency, 0, 0, s.total_minor)
          when o.pay_within is null and b.used_minor + s.total_minor > b.credit_limit_minor
            then refused_credit(s.currency, b.credit_limit_minor, b.used_minor, s.total_minor)
          when o.pay_within is null and coalesce(b.used_minor, 0) + s.total_minor > c_owed_minor_max
            then refused_credit(s.currency, c_owed_minor_max, coalesce(b.used_minor, 0), s.total_minor)
          when not o.allow_backorder and not v_covered then refused('out_of_stock')
          end as verdict
        from asked o
        join clock on clock.account_id = o.account_id
        join summed s on s.n = o.n
        join accounts a on a.id = o.account_id
        left join lateral (select * from customers c
          where c.id = o.customer_id and (c.account_id = o.account_id) is true limit 1) c on true
        left join lateral (select id, content_hash from transactions t where t.account_id = o.account_id
          and t.customer_id = o.customer_id and t.client_reference = o.client_reference limit 1) seen on true
        left join lateral (select *, held_minor + invoiced_minor as used_minor from customer_balances b
          where b.account_id = o.account_id and b.customer_id = o.customer_id
            and b.currency = s.currency limit 1) b on true
      ), ready as materialized (
        select j.*, po.id as purchase_order_id,
          -- After a clock stepped back the purchase order's start is the later instant.
          greatest(j.now, po.period_start) as accepted_at,
          case when j.pay_within is not null
            then least(greatest(j.now, po.period_start) + j.pay_within, j.deadline) end as pay_by,
          (select coalesce(max(position), 0) + 1 from transactions t where t.purchase_order_id = po.id) as position
        from judged j
        cross join lateral (select po.id, po.period_start from purchase_orders po
          where po.account_id = j.account_id and po.customer_id = j.customer_id
            and po.currency = j.sold_in and po.state = 'open' and po.period_end > j.now
          order by po.period_end limit 1) po
        where j.verdict is null and (j.allow_backorder or v_covered)
      ), new_transactions as (
        insert into transactions (id, account_id, customer_id, purchase_order_id, position, currency,
          total_minor, unit_count, client_reference, content_hash, payment_method, allow_backorder,
          deadline_at, shipping_address, billing_address, shipping_method, metadata, accepted_at,
          payment_token, pay_by)
        select transaction_id, account_id, customer_id, purchase_order_id, position, sold_in,
          total_minor, unit_count, client_reference, content_hash, payment_method, allow_backorder,
          coalesce(deadline, coalesce(pay_by, accepted_at) + deadline_after), shipping_address,
          billing_address, shipping_method, coalesce(metadata, '{}'), accepted_at, paying ->> 'token', pay_by
        from ready
      ), new_lines as (
        insert into lines (id, account_id, transaction_id, position, product_id, variant_id, sku, name,
          tax_class, fulfillment_type, quantity, unit_price_minor, total_minor)
        select new_id('line'), r.account_id, r.transaction_id, l.position, l.product_id, l.variant_id, l.sku,
          l.name, l.tax_class, l.fulfillment_type, l.quantity, l.unit_price_minor, l.unit_price_minor * l.quantity
        from ready r join priced l on l.n = r.n
        returning id, transaction_id, position, product_id, variant_id, quantity, unit_price_minor
      ), new_units as (
        insert into units (id, account_id, purchase_order_id, transaction_id, line_id, position,
          product_id, variant_id, price_minor)
        select new_id('unit'), r.account_id, r.purchase_order_id, r.transaction_id, l.id,
          row_number() over (partition by r.n order by l.position, piece), l.product_id,
          coalesce(l.variant_id, ''), l.unit_price_minor
        from new_lines l join ready r on r.transaction_id = l.transaction_id, generate_series(1, l.quantity) piece
      ), commands as (
        insert into outbox (account_id, verb, workflow, subject, priority)
        select account_id, 'start', 'fulfillTransaction', jsonb_build_object(
          'transaction_id', transaction_id, 'customer_id', customer_id, 'customer_name', customer_name,
          'purchase_order_id', purchase_order_id, 'lines', line_count, 'units', unit_count,
          'total_minor', total_minor, 'currency', sold_in), 2
        from ready
      )
      select j.n, j.verdict, j.account_id, j.customer_id, j.transaction_id, j.sold_in, j.zone, j.cut_off, j.now,
        j.allow_backorder, r.accepted_at, r.pay_by,
        case when not j.allow_backorder then (select jsonb_agg(jsonb_build_object('product_id', l.product_id,
          'variant_id', l.variant_id, 'quantity', l.quantity)) from priced l where l.n = j.n) end as wanted
      from judged j left join ready r on r.n = j.n
    loop
      if v_order.verdict is not null then
        v_answers[v_order.n] := v_order.verdict;
        v_transactions[v_order.n] := case when v_order.verdict ->> 'outcome' = 'replayed'
          then v_order.verdict ->> 'transaction_id' end;
      elsif v_order.accepted_at is not null then
        v_answers[v_order.n] := '{"outcome": "accepted"}';
        v_transactions[v_order.n] := v_order.transaction_id;
        v_entered := v_entered || v_order.transaction_id;
        if v_order.allow_backorder then
          continue;
        elsif v_order.pay_by is null then
          perform allocate_units(v_order.account_id, v_order.transaction_id, v_order.accepted_at);
        else
          perform reserve_codes(v_order.account_id, v_order.transaction_id, v_order.accepted_at);
        end if;
      elsif v_order.allow_backorder or v_covered then
        perform open_purchase_order(v_order.account_id, v_order.customer_id, v_order.sold_in,
          v_order.zone, v_order.cut_off, v_order.now);
      else
        v_covered := pool_covers(v_order.account_id, v_order.wanted, v_order.now);
      end if;
    end loop;
  end loop;

  if cardinality(v_entered) < v_count then
    -- A key stays with the order that answers it, and with none when there is none.
    delete from idempotency_keys k
      using rows from (jsonb_to_recordset(p) as (account_id text, customer_scope text,
        idempotency_key text, transaction_id text)) with ordinality
        as o (account_id, customer_scope, key, transaction_id, n)
      where k.account_id = o.account_id and k.customer_scope = o.customer_scope
        and k.operation = 'createOrder' and k.key = o.key and k.transaction_id = o.transaction_id
        and v_transactions[o.n] is null;
    update idempotency_keys k set transaction_id = v_transactions[o.n]
      from rows from (jsonb_to_recordset(p) as (account_id text, customer_scope text,
        idempotency_key text, transaction_id text)) with ordinality
        as o (account_id, customer_scope, key, transaction_id, n)
      where k.account_id = o.account_id and k.customer_scope = o.customer_scope
        and k.operation = 'createOrder' and k.key = o.key and k.transaction_id = o.transaction_id
        and v_transactions[o.n] <> o.transaction_id;
  end if;
  perform emit_events(array_agg(t.account_id), array_agg(new_id('evt')), array_agg('order.created'::text),
      array_agg(t.id), array_agg(1), array_agg(t.customer_id),
      array_agg(jsonb_build_object('units', jsonb_build_object('queued', t.unit_count))),
      array_agg(t.accepted_at))
    from transactions t where t.id = any (v_entered);
  return query
    select v_answers[o.n], f.facts
    from rows from (jsonb_to_recordset(p) as (account_id text)) with ordinality as o (account_id, n)
    left join facts_of_transactions((select array_agg(account_id) from jsonb_to_recordset(p) as (account_id text)),
      v_transactions) f on f.n = o.n
    order by o.n;
end $$;
