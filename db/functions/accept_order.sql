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
  -- Seconds that the money of an order that is not on credit may take; null on credit.
  v_pay_within interval := (p -> 'paying' ->> 'within_seconds')::integer * interval '1 second';
  v_pay_by timestamptz;
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
      coalesce(c.cut_off, a.cut_off) as cut_off, a.mode, a.currency, a.deadline_seconds
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
    if v_pay_within is not null then
      if not coalesce(nullif(p -> 'paying' -> 'currencies', 'null') ? v_currency, true) then
        v_refusal := jsonb_build_object('reason', 'payment_method_unavailable', 'fields',
          jsonb_build_array(jsonb_build_object('field', 'payment_method', 'message', 'Not in ' || v_currency)));
      end if;
    elsif not found and v_who.mode <> 'test' then
      v_refusal := jsonb_build_object('reason', 'credit_exceeded', 'limit_minor', 0,
        'used_minor', 0, 'total_minor', v_total, 'currency', v_currency);
    elsif v_balance.credit_limit_minor < v_balance.used + v_total then
      v_refusal := jsonb_build_object('reason', 'credit_exceeded', 'currency', v_currency,
        'limit_minor', v_balance.credit_limit_minor, 'used_minor', v_balance.used, 'total_minor', v_total);
    elsif coalesce(v_balance.used, 0) + v_total > c_owed_minor_max then
      v_refusal := jsonb_build_object('reason', 'credit_exceeded', 'currency', v_currency,
        'limit_minor', c_owed_minor_max, 'used_minor', coalesce(v_balance.used, 0), 'total_minor', v_total);
    end if;
    if v_refusal is null and not (p ->> 'allow_backorder')::boolean
      and not pool_covers(v_account, v_lines, v_now)
    then
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
  if v_pay_within is not null then
    v_pay_by := least(v_accepted + v_pay_within, (p ->> 'deadline')::timestamptz);
  end if;
  v_deadline := coalesce((p ->> 'deadline')::timestamptz,
    coalesce(v_pay_by, v_accepted) + v_who.deadline_seconds * interval '1 second');
  select coalesce(max(position), 0) + 1 into v_position from transactions
    where purchase_order_id = v_po.id;

  insert into transactions (id, account_id, customer_id, purchase_order_id, position, currency,
    total_minor, unit_count, client_reference, content_hash, payment_method, allow_backorder,
    deadline_at, shipping_address, billing_address, shipping_method, metadata, accepted_at,
    payment_token, pay_by)
  values (v_transaction, v_account, v_customer, v_po.id, v_position, v_currency, v_total, v_units,
    p ->> 'client_reference', v_hash, p ->> 'payment_method', (p ->> 'allow_backorder')::boolean,
    v_deadline, nullif(p -> 'shipping_address', 'null'), nullif(p -> 'billing_address', 'null'),
    p ->> 'shipping_method', coalesce(p -> 'metadata', '{}'), v_accepted, p -> 'paying' ->> 'token', v_pay_by);
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
    if v_pay_by is null then
      perform allocate_units(v_account, v_transaction, v_accepted);
    else
      perform reserve_codes(v_account, v_transaction, v_accepted);
    end if;
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
