-- Generated from the migrated database by `npm run codegen`; never edited.

-- Functions

CREATE OR REPLACE FUNCTION public.accept_order(p jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
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
end $function$
;

CREATE OR REPLACE FUNCTION public.account_calendar_changed()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  v_begun date;
begin
  v_begun := greatest(
    (calendar_period(old.id, null, old.time_zone, old.cut_off, business_now(old.id))).business_date,
    (select max(business_date) from purchase_orders where account_id = old.id));
  insert into former_calendars (account_id, held_until, time_zone, cut_off)
  values (old.id, v_begun + 1, old.time_zone, old.cut_off)
  on conflict do nothing;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.add_business_days(p_date date, p_days integer)
 RETURNS date
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select day::date from generate_series(p_date + 1, p_date + 2 * p_days + 4, interval '1 day') day
  where extract(isodow from day) < 6 order by day offset p_days - 1 limit 1
$function$
;

CREATE OR REPLACE FUNCTION public.allocate_units(p_account text, p_transaction text, p_now timestamp with time zone)
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
declare
  v_want record;
  v_outlive timestamptz;
  v_got integer;
  v_total integer := 0;
begin
  for v_want in
    select product_id, variant_id, count(*)::integer as n from units
    where account_id = p_account and transaction_id = p_transaction
      and state in ('queued', 'backordered') and cancel_requested_at is null
    group by product_id, variant_id order by product_id, variant_id
  loop
    v_outlive := coalesce(v_outlive, code_outlives(p_account, p_now));
    with pool as (
      select id, row_number() over (order by good_until, id) as n from (
        select id, coalesce(expires_at, 'infinity') as good_until from codes
        where account_id = p_account and product_id = v_want.product_id
          and variant_id = v_want.variant_id and unit_id is null and quarantined_at is null
          and (reserved_for is null or reserved_for = p_transaction)
          and coalesce(expires_at, 'infinity') > v_outlive
        order by coalesce(expires_at, 'infinity'), id limit v_want.n for update skip locked) free
    ), need as (
      select id, row_number() over (order by position) as n from units
      where account_id = p_account and transaction_id = p_transaction
        and product_id = v_want.product_id and variant_id = v_want.variant_id
        and state in ('queued', 'backordered') and cancel_requested_at is null
    ), pair as (
      select need.id as unit_id, pool.id as code_id from need join pool using (n)
    ), given as (
      update codes set unit_id = pair.unit_id, allocated_at = p_now, reserved_for = null
      from pair where codes.id = pair.code_id returning 1
    )
    update units set state = 'allocated', allocated_at = p_now, reason = null
    from pair where units.id = pair.unit_id;
    get diagnostics v_got = row_count;
    v_total := v_total + v_got;
  end loop;
  return v_total;
end $function$
;

CREATE OR REPLACE FUNCTION public.business_day_end(p_date date, p_zone text, p_cut_off time without time zone)
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE
AS $function$
  select (p_date + p_cut_off::interval) at time zone p_zone
$function$
;

CREATE OR REPLACE FUNCTION public.business_now(p_account text)
 RETURNS timestamp with time zone
 LANGUAGE sql
AS $function$
  select clock_timestamp()
    + coalesce((select offset_ms from test_clocks where account_id = p_account), 0)
      * interval '1 millisecond'
$function$
;

CREATE OR REPLACE FUNCTION public.business_period(p_at timestamp with time zone, p_zone text, p_cut_off time without time zone, OUT business_date date, OUT period_start timestamp with time zone, OUT period_end timestamp with time zone)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  business_date := (p_at at time zone p_zone)::date;
  while p_at >= business_day_end(business_date, p_zone, p_cut_off) loop
    business_date := business_date + 1;
  end loop;
  while p_at < business_day_end(business_date - 1, p_zone, p_cut_off) loop
    business_date := business_date - 1;
  end loop;
  period_start := business_day_end(business_date - 1, p_zone, p_cut_off);
  period_end := business_day_end(business_date, p_zone, p_cut_off);
end $function$
;

CREATE OR REPLACE FUNCTION public.calendar_day_end(p_account text, p_customer text, p_date date)
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE
AS $function$
  select max(business_day_end(day.date, c.time_zone, c.cut_off))
  from (select p_date - back as date from generate_series(0, 3) back) day,
    calendar_on(p_account, p_customer, day.date) c
$function$
;

CREATE OR REPLACE FUNCTION public.calendar_on(p_account text, p_customer text, p_date date, OUT time_zone text, OUT cut_off time without time zone)
 RETURNS record
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(own.time_zone, whole.time_zone), coalesce(own.cut_off, whole.cut_off)
  from (
    select f.time_zone, f.cut_off, f.held_until from former_calendars f
    where f.account_id = p_account and f.customer_id is null and f.held_until > p_date
    union all
    select a.time_zone, a.cut_off, 'infinity' from accounts a where a.id = p_account
    order by held_until limit 1
  ) whole
  left join (
    select f.time_zone, f.cut_off, f.held_until from former_calendars f
    where f.account_id = p_account and f.customer_id = p_customer and f.held_until > p_date
    union all
    select c.time_zone, c.cut_off, 'infinity' from customers c
    where c.account_id = p_account and c.id = p_customer
    order by held_until limit 1
  ) own on true
$function$
;

CREATE OR REPLACE FUNCTION public.calendar_period(p_account text, p_customer text, p_zone text, p_cut_off time without time zone, p_at timestamp with time zone, OUT business_date date, OUT period_start timestamp with time zone, OUT period_end timestamp with time zone)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  select * into business_date, period_start, period_end
    from business_period(p_at, p_zone, p_cut_off);
  if not exists (select 1 from former_calendars f
    where f.account_id = p_account and (f.customer_id is null or f.customer_id = p_customer)
      and f.held_until > calendar_period.business_date - 4)
  then
    return;
  end if;
  while p_at >= calendar_day_end(p_account, p_customer, business_date) loop
    business_date := business_date + 1;
  end loop;
  while p_at < calendar_day_end(p_account, p_customer, business_date - 1) loop
    business_date := business_date - 1;
  end loop;
  period_start := calendar_day_end(p_account, p_customer, business_date - 1);
  period_end := calendar_day_end(p_account, p_customer, business_date);
end $function$
;

CREATE OR REPLACE FUNCTION public.claim_attempt(p_account text, p_delivery text)
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
declare
  v_delivery deliveries;
  v_webhook webhooks;
  v_last attempts;
  v_event events;
  v_now timestamptz;
  v_reason text;
  v_place record;
  v_wait interval := interval '0';
begin
  select * into v_delivery from deliveries
    where account_id = p_account and id = p_delivery for update;
  if not found then
    raise exception 'no delivery % in %', p_delivery, p_account using errcode = 'no_data_found';
  end if;
  v_now := greatest(business_now(p_account), v_delivery.created_at);
  select * into v_last from attempts where account_id = p_account and delivery_id = p_delivery
    order by number desc limit 1;
  if v_delivery.state = 'pending' then
    -- One claimer at a time per endpoint, so that its limits hold.
    select * into v_webhook from webhooks
      where account_id = p_account and id = v_delivery.webhook_id for no key update;
    v_reason := case
      when v_webhook.deleted_at is not null then 'endpoint_deleted'
      when v_webhook.disabled_at is not null then v_webhook.disabled_reason
      when not v_webhook.active then 'endpoint_inactive' end;
    if v_reason is not null then
      update deliveries set state = 'cancelled', reason = v_reason, ended_at = v_now,
          sending_since = null, throttled_until = null
        where account_id = p_account and id = p_delivery returning * into v_delivery;
    end if;
  end if;
  if v_delivery.state <> 'pending' then
    -- Whoever claimed the last attempt died before its outcome was known, and nobody asks again.
    update attempts set state = 'failed', finished_at = v_now, error = 'interrupted'
      where account_id = p_account and delivery_id = p_delivery and state = 'sending';
    delete from waits where story_id = p_delivery;
    return delivery_progress(v_delivery, v_last) || jsonb_build_object('outcome', 'ended');
  end if;

  if v_last.state is distinct from 'sending' then
    if v_now < v_delivery.next_attempt_at then
      return delivery_progress(v_delivery, v_last) || jsonb_build_object('outcome', 'waiting',
        'why', 'schedule', 'due_at', v_delivery.next_attempt_at);
    end if;
    if clock_timestamp() < v_delivery.throttled_until then
      return delivery_progress(v_delivery, v_last) || jsonb_build_object('outcome', 'waiting',
        'why', 'endpoint_limit', 'due_at', v_now + (v_delivery.throttled_until - clock_timestamp()));
    end if;
    select * into v_place from take_place(v_webhook, v_delivery);
    if v_place.send_at is null then
      update deliveries set throttled_until = v_place.hold_until
        where account_id = p_account and id = p_delivery;
      return delivery_progress(v_delivery, v_last) || jsonb_build_object('outcome', 'waiting',
        'why', 'endpoint_limit', 'due_at', v_now + (v_place.hold_until - clock_timestamp()));
    end if;
    v_wait := greatest(v_place.send_at - clock_timestamp(), interval '0');
    update deliveries set attempt_count = attempt_count + 1
      where account_id = p_account and id = p_delivery returning * into v_delivery;
    insert into attempts (id, account_id, delivery_id, number, started_at)
      values (new_id('att'), p_account, p_delivery, v_delivery.attempt_count, v_now + v_wait);
  end if;
  update deliveries set sending_since = clock_timestamp() + v_wait, throttled_until = null
    where account_id = p_account and id = p_delivery;
  -- Whoever acts does not wait: a test clock stops here until the outcome is known.
  delete from waits where story_id = p_delivery;

  select * into v_event from events where account_id = p_account and id = v_delivery.event_id;
  return delivery_progress(v_delivery, v_last) || jsonb_build_object(
    'outcome', 'send',
    'number', v_delivery.attempt_count,
    'send_in_ms', ceil(extract(epoch from v_wait) * 1000),
    'per_second_max', v_webhook.per_second_max,
    'url', v_webhook.url,
    'event', jsonb_build_object('id', v_event.id, 'type', v_event.type,
      'object_id', v_event.object_id, 'sequence', v_event.sequence,
      'customer_id', v_event.customer_id, 'facts', v_event.facts,
      'occurred_at', v_event.occurred_at),
    'transaction', case when v_event.object_id like 'txn\_%'
      then transaction_facts(p_account, v_event.object_id) end,
    'signs_with', v_webhook.rotation_signs_with,
    'secrets', (select jsonb_agg(jsonb_build_object('id', s.id,
        'sealed', encode(s.sealed, 'base64'), 'key_version', s.key_version,
        'current', s.expires_at is null) order by s.created_at, s.id)
      from webhook_secrets s where s.account_id = p_account and s.webhook_id = v_webhook.id
        and (s.expires_at is null or s.expires_at > clock_timestamp())));
end $function$
;

CREATE OR REPLACE FUNCTION public.close_purchase_order(p_account text, p_po text, p_early boolean)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  v_po purchase_orders;
  v_now timestamptz;
begin
  perform 1 from customers c join purchase_orders po
      on po.account_id = c.account_id and po.customer_id = c.id
    where po.account_id = p_account and po.id = p_po for no key update of c;
  v_now := business_now(p_account);
  select * into v_po from purchase_orders where account_id = p_account and id = p_po;
  if v_po.state = 'open' and (p_early or v_now >= v_po.period_end) then
    perform settle_purchase_order(p_account, p_po, v_now);
  end if;
end $function$
;

CREATE OR REPLACE FUNCTION public.code_outlives(p_account text, p_now timestamp with time zone)
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE
AS $function$
  select p_now + code_validity_seconds_min * interval '1 second' from accounts where id = p_account
$function$
;

CREATE OR REPLACE FUNCTION public.codes_attached_for_ever()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if old.unit_id is not null and new.unit_id is distinct from old.unit_id then
    raise exception 'a code stays with its unit for ever' using errcode = 'check_violation';
  end if;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.count_request(p_key text, p_class text, p_second integer, p_account text, p_hour integer, p_day integer, OUT refused_by text, OUT second_count integer, OUT hour_count integer, OUT day_count integer, OUT second_start timestamp with time zone, OUT hour_start timestamp with time zone, OUT day_start timestamp with time zone, OUT counted_at timestamp with time zone)
 RETURNS record
 LANGUAGE plpgsql
AS $function$
declare
  v_second rate_limits;
  v_plan plan_windows;
  v_start timestamptz;
begin
  -- The sweeper deletes counters that are long over, so each row is made and locked in one step.
  insert into rate_limits as r (key_id, class, window_start, count)
    values (p_key, p_class, date_trunc('second', clock_timestamp()), 0)
    on conflict (key_id, class) do update set count = r.count returning * into strict v_second;
  insert into plan_windows as p (account_id, hour_start, hour_count, previous_hour_count, day_start,
      day_count)
    values (p_account, date_trunc('hour', clock_timestamp(), 'UTC'), 0, 0,
      date_trunc('day', clock_timestamp(), 'UTC'), 0)
    on conflict (account_id) do update set hour_count = p.hour_count returning * into strict v_plan;
  counted_at := clock_timestamp();

  v_start := date_trunc('second', counted_at);
  if v_second.window_start - v_start not between interval '0' and interval '1 second' then
    v_second.count := case when v_second.window_start = v_start - interval '1 second'
      then greatest(least(v_second.count, 2 * p_second) - p_second, 0) else 0 end;
    v_second.window_start := v_start;
  end if;
  v_start := date_trunc('hour', counted_at, 'UTC');
  if v_plan.hour_start - v_start not between interval '0' and interval '1 hour' then
    v_plan.previous_hour_count := case when v_plan.hour_start = v_start - interval '1 hour'
      then v_plan.hour_count else 0 end;
    v_plan.hour_start := v_start;
    v_plan.hour_count := 0;
  end if;
  v_start := date_trunc('day', counted_at, 'UTC');
  if v_plan.day_start - v_start not between interval '0' and interval '1 day' then
    v_plan.day_start := v_start;
    v_plan.day_count := 0;
  end if;

  -- The window that ends last is named: until then every request is refused.
  refused_by := case
    when v_plan.day_count >= p_day then 'day'
    when v_plan.hour_count >= case when v_plan.previous_hour_count <= p_hour then 2 else 1 end * p_hour
      then 'hour'
    when v_second.count >= 2 * p_second then 'second' end;
  if refused_by is null then
    v_second.count := v_second.count + 1;
    v_plan.hour_count := v_plan.hour_count + 1;
    v_plan.day_count := v_plan.day_count + 1;
    update rate_limits set window_start = v_second.window_start, count = v_second.count
      where key_id = p_key and class = p_class;
    update plan_windows p set hour_start = v_plan.hour_start, hour_count = v_plan.hour_count,
        previous_hour_count = v_plan.previous_hour_count, day_start = v_plan.day_start,
        day_count = v_plan.day_count
      where p.account_id = p_account;
  end if;
  second_count := v_second.count;
  hour_count := v_plan.hour_count;
  day_count := v_plan.day_count;
  second_start := v_second.window_start;
  hour_start := v_plan.hour_start;
  day_start := v_plan.day_start;
end $function$
;

CREATE OR REPLACE FUNCTION public.create_month_partition(p_table text, p_month date)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
begin
  execute format('create table if not exists %I partition of %I for values from (%L) to (%L)',
    p_table || to_char(p_month, '_YYYY_MM'), p_table,
    date_trunc('month', p_month), date_trunc('month', p_month) + interval '1 month');
end $function$
;

CREATE OR REPLACE FUNCTION public.credit_notes_immutable()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op = 'DELETE' then
    raise exception 'a credit note is never deleted' using errcode = 'check_violation';
  end if;
  if old.state = 'issued' and (to_jsonb(new) - array['sent_at', 'ended_at'])
    is distinct from (to_jsonb(old) - array['sent_at', 'ended_at']) then
    raise exception 'an issued credit note never changes' using errcode = 'check_violation';
  end if;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.customer_balances_opened()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform open_ledger_accounts(new.account_id, new.customer_id, new.currency);
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.customer_calendar_changed()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  v_begun date;
begin
  select greatest(
      (calendar_period(old.account_id, old.id, coalesce(old.time_zone, a.time_zone),
        coalesce(old.cut_off, a.cut_off), business_now(old.account_id))).business_date,
      (select max(business_date) from purchase_orders
        where account_id = old.account_id and customer_id = old.id))
    into v_begun from accounts a where a.id = old.account_id;
  insert into former_calendars (account_id, customer_id, held_until, time_zone, cut_off)
  values (old.account_id, old.id, v_begun + 1, old.time_zone, old.cut_off)
  on conflict do nothing;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.deliveries_end_once()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if old.state <> 'pending' and new.state is distinct from old.state then
    raise exception 'a delivery ends once' using errcode = 'check_violation';
  end if;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.delivery_progress(p_delivery deliveries, p_last attempts)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  select jsonb_build_object('state', p_delivery.state, 'reason', p_delivery.reason,
    'attempts', p_delivery.attempt_count, 'webhook_id', p_delivery.webhook_id,
    'last_status', p_last.status_code, 'last_error', p_last.error)
$function$
;

CREATE OR REPLACE FUNCTION public.disputes_move()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if not exists (select 1 from dispute_moves where from_state = old.state and to_state = new.state) then
    raise exception 'a dispute cannot move from % to %', old.state, new.state using errcode = 'check_violation';
  end if;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.emit_event(p_account text, p_event text, p_type text, p_object text, p_sequence integer, p_customer text, p_facts jsonb, p_at timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
begin
  insert into events (id, account_id, type, object_id, sequence, customer_id, facts, occurred_at)
  values (p_event, p_account, p_type, p_object, p_sequence, p_customer, p_facts, p_at);
  with wanted as (
    insert into deliveries (id, account_id, webhook_id, event_id, next_attempt_at, created_at)
    select new_id('dlv'), p_account, w.id, p_event, p_at, p_at
    from webhooks w, event_types t
    where w.account_id = p_account and w.active and w.deleted_at is null and t.type = p_type
      and webhook_wants(w.events, p_type, t.additive)
    returning id, webhook_id
  )
  insert into outbox (account_id, verb, workflow, subject, priority)
  select p_account, 'start', 'deliverWebhook',
    jsonb_build_object('delivery_id', id, 'webhook_id', webhook_id, 'event_type', p_type), 4
  from wanted;
end $function$
;

CREATE OR REPLACE FUNCTION public.end_supplier_call(p_account text, p_supplier text, p_call text, p_reached boolean, p_said text)
 RETURNS text
 LANGUAGE plpgsql
AS $function$
declare
  c_failures_max constant integer := 5;
  c_woken_max constant integer := 1000;
  v_supplier suppliers;
  v_failures integer;
begin
  select * into v_supplier from suppliers
    where account_id = p_account and id = p_supplier for no key update;
  delete from supplier_calls where account_id = p_account and id = p_call;
  if not found then
    return null;
  end if;
  if p_reached then
    update suppliers set breaker_failures = 0, breaker_opened_at = null, breaker_probe_at = null,
        breaker_reason = null
      where account_id = p_account and id = p_supplier and breaker_failures > 0;
    if v_supplier.breaker_opened_at is null then
      return null;
    end if;
    insert into outbox (account_id, verb, workflow, subject, signal)
    select t.account_id, 'signal', 'fulfillTransaction', jsonb_build_object('transaction_id', t.id),
      jsonb_build_object('name', 'wokenUp',
        'input', jsonb_build_object('reason', v_supplier.name || ' answers again'))
    from transactions t
    where t.account_id = p_account and t.ended_at is null and exists (
      select 1 from units u
      join supplier_skus ss on ss.account_id = u.account_id and ss.product_id = u.product_id
        and ss.variant_id = u.variant_id and ss.supplier_id = p_supplier
      where u.account_id = t.account_id and u.transaction_id = t.id
        and u.state in ('queued', 'backordered', 'sourcing', 'unknown'))
    order by t.accepted_at, t.id limit c_woken_max;
    return 'closed';
  end if;
  v_failures := v_supplier.breaker_failures + 1;
  if v_failures < c_failures_max then
    update suppliers set breaker_failures = v_failures
      where account_id = p_account and id = p_supplier;
    return null;
  end if;
  update suppliers
    set breaker_failures = v_failures, breaker_reason = p_said,
      breaker_opened_at = coalesce(breaker_opened_at, business_now(p_account)),
      breaker_probe_at = business_now(p_account) + interval '1 second'
        * (array[10, 30, 60, 300, 900])[least(v_failures - c_failures_max, 4) + 1]
    where account_id = p_account and id = p_supplier;
  return case when v_supplier.breaker_opened_at is null then 'opened' end;
end $function$
;

CREATE OR REPLACE FUNCTION public.entries_balanced()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  v_wrong record;
begin
  select journal_id, has_stray, total into v_wrong from (
    select e.journal_id, sum(e.amount_minor) as total,
      bool_or((e.account_id, e.currency) is distinct from (j.account_id, j.currency)
        or (e.account_id, e.currency, j.customer_id) is distinct from
          (a.account_id, a.currency, a.customer_id)) as has_stray
    from entered e
    left join journals j on j.id = e.journal_id
    left join ledger_accounts a on a.id = e.ledger_account_id
    group by e.journal_id) judged
  where has_stray or total <> 0 limit 1;
  if v_wrong.has_stray then
    raise exception 'journal % has an entry of another account', v_wrong.journal_id
      using errcode = 'foreign_key_violation';
  elsif v_wrong.total <> 0 then
    raise exception 'journal % is not balanced', v_wrong.journal_id using errcode = 'check_violation';
  end if;
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.fulfill_transaction(p_account text, p_transaction text)
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
declare
  v_txn transactions;
  v_now timestamptz;
  v_fresh integer;
  v_state jsonb;
  v_open integer;
  v_sequence integer;
  v_po purchase_orders;
  v_facts jsonb;
  v_awaits boolean := false;
  v_paid bigint := 0;
  v_until timestamptz;
begin
  select * into v_txn from transactions
    where account_id = p_account and id = p_transaction for update;
  if not found then
    raise exception 'no transaction % in %', p_transaction, p_account using errcode = 'no_data_found';
  end if;
  v_now := greatest(business_now(p_account), v_txn.accepted_at);

  if v_txn.ended_at is null then
    v_sequence := v_txn.event_sequence;
    if v_txn.pay_by is not null then
      -- Purchase order, then payments: a closed one is being billed, and billing looks at both.
      perform 1 from purchase_orders where account_id = p_account and id = v_txn.purchase_order_id
        and state <> 'open' for share;
      v_paid := lock_order_money(p_account, p_transaction);
      if v_txn.paid_at is null and v_paid >= v_txn.due_minor then
        v_txn.paid_at := v_now;
        update transactions set paid_at = v_now where account_id = p_account and id = p_transaction;
      end if;
      v_awaits := v_txn.paid_at is null;
    end if;
    v_fresh := case when v_awaits or v_txn.cancel_requested_at is not null then 0
      else allocate_units(p_account, p_transaction, v_now) end;

    -- The deadline and an operator's decision forbid new purchases. What a supplier may already
    -- have sold us (sourcing, unknown) ends only by the supplier's definite answer.
    v_until := case when v_awaits then v_txn.pay_by else v_txn.deadline_at end;
    if v_txn.cancel_requested_at is not null or v_txn.units_cancel_requested_at is not null
      or v_now >= v_until
    then
      update units
      set state = case when unwanted or v_awaits then 'cancelled' else 'failed' end,
        reason = case when unwanted then 'cancelled_by_request' when v_awaits then 'not_paid'
          else 'deadline_passed' end
      from (select id, coalesce(v_txn.cancel_requested_at, cancel_requested_at) is not null as unwanted
        from units where account_id = p_account and transaction_id = p_transaction
          and state in ('queued', 'backordered')) open
      where units.account_id = p_account and units.id = open.id
        and (unwanted or v_now >= v_until);
    end if;

    v_state := order_state(p_account, p_transaction);
    select coalesce(sum(n::integer), 0) into v_open from jsonb_each_text(v_state) as s (state, n)
      where state in ('queued', 'sourcing', 'backordered', 'unknown');
    select * into v_po from purchase_orders
      where account_id = p_account and id = v_txn.purchase_order_id;
    -- After the close billing is at work or over: whoever comes second sees what the other one did.
    if v_po.state <> 'open' then
      select * into v_po from purchase_orders
        where account_id = p_account and id = v_txn.purchase_order_id for share;
      perform schedule_invoice_run(p_account, v_txn.purchase_order_id, v_now);
    end if;
    if v_txn.due_minor is not null or (v_txn.pay_by is not null and v_open = 0) then
      perform refund_excess(v_txn);
    end if;
    v_facts := jsonb_build_object('units', v_state, 'purchase_order_state', v_po.state)
      || case when v_txn.pay_by is null then '{}'
        else jsonb_build_object('money', order_money(p_account, p_transaction)) end;
    if v_open = 0 then
      v_sequence := v_sequence + 1;
      perform emit_event(p_account, new_id('evt'),
        case when v_state ? 'allocated' then 'order.fulfilled' else 'order.cancelled' end,
        p_transaction, v_sequence, v_txn.customer_id,
        v_facts, v_now);
      delete from waits where story_id = p_transaction;
      update transactions set ended_at = v_now where account_id = p_account and id = p_transaction;
      if v_txn.pay_by is not null then
        perform release_codes(p_account, p_transaction);
        perform wake_payment(account_id, id, 'its order has ended') from payment_intents
          where account_id = p_account and transaction_id = p_transaction
            and state not in ('succeeded', 'cancelled');
      end if;
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
    'cancel_requested', v_txn.cancel_requested_at is not null,
    'awaits_money', v_awaits and v_open > 0, 'pay_by', v_txn.pay_by, 'due_minor', v_txn.due_minor,
    'paid_minor', v_paid);
end $function$
;

CREATE OR REPLACE FUNCTION public.insert_refund(p_account text, p_payment text, p jsonb)
 RETURNS text
 LANGUAGE plpgsql
AS $function$
declare
  v_payment payment_intents;
  v_id text := new_id('re');
  v_operation text := new_id('pop');
  v_amount bigint := (p ->> 'amount_minor')::bigint;
  v_now timestamptz := business_now(p_account);
begin
  update payment_intents set refund_held_minor = refund_held_minor + v_amount, version = version + 1,
      updated_at = clock_timestamp()
    where account_id = p_account and id = p_payment
      and not exists (select 1 from refunds where account_id = p_account and cause_key = p ->> 'cause_key')
    returning * into v_payment;
  if not found then
    return null;
  end if;
  insert into refunds (id, account_id, payment_id, amount_minor, currency, reason, cause, cause_key,
    refund_application_fee, line_ids, metadata, expected_by, created_at)
  values (v_id, p_account, p_payment, v_amount, v_payment.currency, p ->> 'reason', p ->> 'cause',
    p ->> 'cause_key', coalesce((p ->> 'refund_application_fee')::boolean, false),
    coalesce((select array_agg(l) from jsonb_array_elements_text(p -> 'line_ids') l), '{}'),
    coalesce(p -> 'metadata', '{}'), add_business_days((v_now at time zone 'UTC')::date, 10), v_now);
  insert into payment_operations (id, account_id, payment_id, refund_id, kind, idempotency_key,
    amount_minor, created_at)
  values (v_operation, p_account, p_payment, v_id, 'refund',
    p_payment || '/refund/' || v_operation, v_amount, v_now);
  insert into outbox (account_id, verb, workflow, subject, priority)
  values (p_account, 'start', 'refundPayment', jsonb_build_object('refund_id', v_id, 'run', 1,
    'amount_minor', v_amount, 'currency', v_payment.currency), 3);
  return v_id;
end $function$
;

CREATE OR REPLACE FUNCTION public.invoice_owed(p_account text, p_invoice text)
 RETURNS bigint
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(sum(e.amount_minor), 0)::bigint
  from journals j
  join entries e on e.journal_id = j.id
  join ledger_accounts a on a.id = e.ledger_account_id and a.kind = 'receivable'
  where j.account_id = p_account and j.source_id >= p_invoice and j.source_id < p_invoice || '0'
$function$
;

CREATE OR REPLACE FUNCTION public.invoice_paid(p_account text, p_invoice text)
 RETURNS bigint
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(- sum(e.amount_minor), 0)::bigint
  from journals j
  join entries e on e.journal_id = j.id
  join ledger_accounts a on a.id = e.ledger_account_id and a.kind = 'receivable'
  where j.account_id = p_account and j.source_id > p_invoice and j.source_id < p_invoice || '0'
    and j.kind in ('payment_received', 'cash_allocated', 'prepayment_applied', 'payment_reversed')
$function$
;

CREATE OR REPLACE FUNCTION public.invoices_immutable()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op = 'DELETE' then
    raise exception 'an issued invoice is never deleted' using errcode = 'check_violation';
  end if;
  if (to_jsonb(new) - array['state', 'sent_at', 'credited_minor'])
    is distinct from (to_jsonb(old) - array['state', 'sent_at', 'credited_minor']) then
    raise exception 'an issued invoice never changes' using errcode = 'check_violation';
  end if;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.invoices_reopened()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  update purchase_orders set state = 'invoiced'
  where account_id = new.account_id and id = new.purchase_order_id and state = 'settled';
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.invoices_settled()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  update purchase_orders po set state = 'settled'
  where po.account_id = new.account_id and po.id = new.purchase_order_id and po.state = 'invoiced'
    and not exists (select 1 from transactions t where t.account_id = po.account_id
      and t.purchase_order_id = po.id and t.ended_at is null)
    and not exists (select 1 from units u where u.account_id = po.account_id
      and u.purchase_order_id = po.id and u.state = 'allocated' and u.invoice_line_id is null
      and u.replaces_unit_id is null)
    and not exists (select 1 from invoices i where i.account_id = po.account_id
      and i.purchase_order_id = po.id and i.state = 'open');
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.is_time_zone(zone text)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  perform now() at time zone zone;
  return zone ~ '^[A-Za-z]+([/_+-][A-Za-z0-9_+-]+)*$';
exception when invalid_parameter_value then
  return false;
end $function$
;

CREATE OR REPLACE FUNCTION public.journal_moves(p_kind text, p_amounts jsonb)
 RETURNS TABLE(kind text, amount_minor bigint)
 LANGUAGE sql
 STABLE
AS $function$
  select side.kind, sum(side.minor)::bigint
  from posting_rules r
  cross join lateral (values (r.debit, (p_amounts ->> r.measure)::bigint),
    (r.credit, - (p_amounts ->> r.measure)::bigint)) side (kind, minor)
  where r.journal = p_kind and p_amounts ? r.measure
  group by side.kind having sum(side.minor) <> 0
$function$
;

CREATE OR REPLACE FUNCTION public.lock_order_money(p_account text, p_transaction text)
 RETURNS bigint
 LANGUAGE sql
AS $function$
  select coalesce(sum(captured_minor - refunded_minor - refund_held_minor), 0)::bigint from (
    select * from payment_intents where account_id = p_account and transaction_id = p_transaction
    order by id for no key update) locked
$function$
;

CREATE OR REPLACE FUNCTION public.new_id(prefix text)
 RETURNS text
 LANGUAGE sql
AS $function$
  select prefix || '_'
    || lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
    || substr(replace(gen_random_uuid()::text, '-', ''), 19, 14)
$function$
;

CREATE OR REPLACE FUNCTION public.open_ledger_accounts(p_account text, p_customer text, p_currency text)
 RETURNS void
 LANGUAGE sql
AS $function$
  insert into ledger_accounts (id, account_id, customer_id, currency, kind)
  select new_id('lac'), p_account, p_customer, p_currency, k.kind from ledger_account_kinds k
  on conflict do nothing
$function$
;

CREATE OR REPLACE FUNCTION public.open_purchase_order(p_account text, p_customer text, p_currency text, p_zone text, p_cut_off time without time zone, p_now timestamp with time zone)
 RETURNS purchase_orders
 LANGUAGE plpgsql
AS $function$
declare
  v_po purchase_orders;
  v_last purchase_orders;
  v_period record;
  v_calendar record;
  v_date date;
  v_end timestamptz;
  v_start timestamptz;
begin
  select * into v_po from purchase_orders
    where account_id = p_account and customer_id = p_customer and currency = p_currency and state = 'open';
  if found and p_now < v_po.period_end then
    return v_po;
  end if;
  if found then
    perform settle_purchase_order(p_account, v_po.id, p_now);
  end if;
  select * into v_last from purchase_orders
    where account_id = p_account and customer_id = p_customer and currency = p_currency
    order by period_end desc, business_date desc, sequence desc limit 1;
  select * into v_period from calendar_period(p_account, p_customer, p_zone, p_cut_off, p_now);
  -- A clock that stepped back never reopens a day that ended.
  v_date := greatest(v_period.business_date, v_last.business_date);
  select * into v_calendar from calendar_on(p_account, p_customer, v_date);
  v_start := greatest(v_period.period_start, v_last.period_end);
  v_end := greatest(v_start, case when v_date = v_period.business_date then v_period.period_end
    else calendar_day_end(p_account, p_customer, v_date) end);
  insert into purchase_orders (id, account_id, customer_id, currency, business_date, sequence,
    time_zone, cut_off, period_start, period_end, scheduled_end, offset_start_seconds,
    offset_end_seconds, opened_at, bill_on)
  values (new_id('po'), p_account, p_customer, p_currency, v_date,
    case when v_last.business_date = v_date then v_last.sequence + 1 else 1 end,
    v_calendar.time_zone, v_calendar.cut_off, v_start, v_end, v_end,
    zone_offset_seconds(v_start, v_calendar.time_zone),
    zone_offset_seconds(v_end, v_calendar.time_zone),
    greatest(p_now, v_start),
    (select coalesce(c.bill_on, a.bill_on) from customers c join accounts a on a.id = c.account_id
      where c.account_id = p_account and c.id = p_customer))
  returning * into v_po;
  insert into outbox (account_id, verb, workflow, subject, priority)
  values (p_account, 'start', 'runPurchaseOrderDay', jsonb_build_object(
    'purchase_order_id', v_po.id, 'customer_id', p_customer, 'currency', p_currency,
    'business_date', v_po.business_date, 'sequence', v_po.sequence), 4);
  return v_po;
end $function$
;

CREATE OR REPLACE FUNCTION public.open_reconciliations(p_limit integer)
 RETURNS integer
 LANGUAGE sql
AS $function$
  select count(request_reconciliation(due.account_id, due.day))::integer from (
    select a.id as account_id, day::date as day
    from accounts a
    cross join lateral (select (business_now(a.id) at time zone a.time_zone)::date as today) local
    cross join lateral generate_series(local.today - 7, local.today - 1, interval '1 day') day
    where exists (select 1 from payment_intents p where p.account_id = a.id
        and p.created_at < (day::date + 1)::timestamp at time zone a.time_zone)
      and not exists (select 1 from payment_reconciliations r
        where r.account_id = a.id and r.business_date = day::date)
    order by day, a.id limit p_limit) due
$function$
;

CREATE OR REPLACE FUNCTION public.open_stories()
 RETURNS TABLE(account_id text, workflow text, id text, subject_key text, subject jsonb, priority integer, created_at timestamp with time zone)
 LANGUAGE sql
 STABLE
AS $function$
  select s.account_id, s.workflow, s.id, s.subject_key, s.subject, s.priority,
    case when s.is_business_time then s.created_at - coalesce(k.offset_ms, 0) * interval '1 millisecond'
      else s.created_at end
  from (
    select t.account_id, 'fulfillTransaction' as workflow, t.id, 'transaction_id' as subject_key,
      jsonb_build_object('transaction_id', t.id, 'customer_id', t.customer_id,
        'customer_name', coalesce(c.company, c.id), 'purchase_order_id', t.purchase_order_id,
        'lines', (select count(*) from lines l where l.transaction_id = t.id),
        'units', t.unit_count, 'total_minor', t.total_minor, 'currency', t.currency) as subject,
      2 as priority, t.created_at, false as is_business_time
    from transactions t
    join customers c on c.account_id = t.account_id and c.id = t.customer_id
    where t.ended_at is null
    union all
    select p.account_id, 'processPayment', p.id, 'payment_id',
      jsonb_build_object('payment_id', p.id, 'run', p.run, 'amount_minor', p.amount_minor,
        'currency', p.currency, 'customer_id', p.customer_id, 'transaction_id', p.transaction_id),
      3, p.created_at, true
    from payment_intents p where p.ended_at is null
    union all
    select r.account_id, 'refundPayment', r.id, 'refund_id',
      jsonb_build_object('refund_id', r.id, 'run', r.run, 'amount_minor', r.amount_minor,
        'currency', r.currency),
      3, r.created_at, true
    from refunds r where r.ended_at is null
    union all
    select d.account_id, 'handleDispute', d.id, 'dispute_id',
      jsonb_build_object('dispute_id', d.id, 'run', d.run, 'payment_id', d.payment_id,
        'customer_id', p.customer_id, 'transaction_id', p.transaction_id,
        'amount_minor', coalesce(d.amount_minor, p.captured_minor), 'currency', p.currency),
      2, d.created_at, false
    from disputes d
    join payment_intents p on p.account_id = d.account_id and p.id = d.payment_id
    where d.ended_at is null
    union all
    select r.account_id, 'reconcilePayments', r.id, 'reconciliation_id',
      jsonb_build_object('reconciliation_id', r.id, 'business_date', r.business_date, 'run', r.run),
      5, r.requested_at, false
    from payment_reconciliations r where r.ended_at is null
    union all
    select c.account_id, 'resolveClaim', c.id, 'claim_id',
      jsonb_build_object('claim_id', c.id, 'transaction_id', c.transaction_id,
        'customer_id', c.customer_id, 'unit_id', c.unit_id),
      3, c.created_at, false
    from claims c where c.state = 'open'
    union all
    select po.account_id, 'runPurchaseOrderDay', po.id, 'purchase_order_id',
      jsonb_build_object('purchase_order_id', po.id, 'customer_id', po.customer_id,
        'currency', po.currency, 'business_date', po.business_date, 'sequence', po.sequence),
      4, po.created_at, false
    from purchase_orders po where po.ended_at is null
    union all
    select c.account_id, 'issueCreditNote', c.id, 'credit_note_id',
      jsonb_build_object('credit_note_id', c.id, 'invoice_id', c.invoice_id,
        'customer_id', c.customer_id, 'total_minor', c.total_minor, 'currency', c.currency),
      4, c.created_at, false
    from credit_notes c where c.ended_at is null
    union all
    select r.account_id, 'issueInvoice', r.id, 'invoice_run_id',
      jsonb_build_object('invoice_run_id', r.id, 'purchase_order_id', r.purchase_order_id,
        'run', r.run, 'customer_id', r.customer_id),
      4, r.created_at, false
    from invoice_runs r where r.ended_at is null
    union all
    select s.account_id, 'sendDocuments', s.id, 'send_id',
      jsonb_build_object('send_id', s.id, 'invoice_id', s.invoice_id),
      4, s.created_at, false
    from document_sends s where s.ended_at is null
    union all
    select d.account_id, 'deliverWebhook', d.id, 'delivery_id',
      jsonb_build_object('delivery_id', d.id, 'webhook_id', d.webhook_id, 'event_type', e.type),
      4, d.created_at, true
    from deliveries d join events e on e.account_id = d.account_id and e.id = d.event_id
    where d.state = 'pending'
  ) s
  left join test_clocks k on k.account_id = s.account_id
$function$
;

CREATE OR REPLACE FUNCTION public.order_money(p_account text, p_transaction text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  select jsonb_build_object('due', t.due_minor, 'paid', t.paid_at is not null,
    'captured', coalesce(sum(p.captured_minor), 0), 'refunded', coalesce(sum(p.refunded_minor), 0),
    -- A payment that was declined, and none that may still succeed.
    'declined', t.paid_at is null and coalesce(bool_or(p.state = 'failed'), false)
      and not coalesce(bool_or(p.state in ('processing', 'requires_action', 'requires_capture')), false),
    'payments', coalesce(jsonb_agg(p.id order by p.created_at, p.id) filter (where p.id is not null), '[]'))
  from transactions t
  left join payment_intents p on p.account_id = t.account_id and p.transaction_id = t.id
  where t.account_id = p_account and t.id = p_transaction and t.pay_by is not null
  group by t.due_minor, t.paid_at
$function$
;

CREATE OR REPLACE FUNCTION public.order_state(p_account text, p_transaction text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(jsonb_object_agg(state, n), '{}') from (
    select state, count(*) as n from units
    where account_id = p_account and transaction_id = p_transaction and replaces_unit_id is null
    group by state) counted
$function$
;

CREATE OR REPLACE FUNCTION public.payment_intents_move()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if not exists (select 1 from payment_moves where from_state = old.state and to_state = new.state) then
    raise exception 'a payment cannot move from % to %', old.state, new.state using errcode = 'check_violation';
  end if;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.payment_intents_told()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  v_ended timestamptz;
begin
  select ended_at into v_ended from transactions
    where account_id = new.account_id and id = new.transaction_id and pay_by is not null;
  if not found then
    return null;
  elsif v_ended is null then
    delete from waits where story_id = new.transaction_id;
    insert into outbox (account_id, verb, workflow, subject, signal, priority)
    values (new.account_id, 'signal', 'fulfillTransaction',
      jsonb_build_object('transaction_id', new.transaction_id),
      jsonb_build_object('name', 'wokenUp', 'input',
        jsonb_build_object('reason', new.id || ' is ' || new.state)), 1);
  elsif new.captured_minor > 0 then
    perform insert_refund(new.account_id, new.id, jsonb_build_object('amount_minor', new.captured_minor,
      'cause', 'late_money', 'cause_key', 'late/' || new.id));
  end if;
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.pool_covers(p_account text, p_lines jsonb, p_now timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
declare
  v_outlive constant timestamptz := code_outlives(p_account, p_now);
  v_want record;
  v_got integer;
begin
  for v_want in
    select l.product_id, coalesce(l.variant_id, '') as variant_id, sum(l.quantity)::integer as n
    from jsonb_to_recordset(p_lines) as l (product_id text, variant_id text, quantity integer)
    group by 1, 2 order by 1, 2
  loop
    select count(*) into v_got from (
      select id from codes where account_id = p_account and product_id = v_want.product_id
        and variant_id = v_want.variant_id and unit_id is null and quarantined_at is null
        and reserved_for is null
        and coalesce(expires_at, 'infinity') > v_outlive
      order by coalesce(expires_at, 'infinity'), id limit v_want.n for update skip locked) free;
    if v_got < v_want.n then
      select count(*) into v_got from (
        select id from codes where account_id = p_account and product_id = v_want.product_id
          and variant_id = v_want.variant_id and unit_id is null and quarantined_at is null
          and reserved_for is null
          and coalesce(expires_at, 'infinity') > v_outlive
        order by coalesce(expires_at, 'infinity'), id limit v_want.n for update) free;
    end if;
    if v_got < v_want.n then
      return false;
    end if;
  end loop;
  return true;
end $function$
;

CREATE OR REPLACE FUNCTION public.post_journal(p_account text, p_customer text, p_currency text, p_kind text, p_source text, p_amounts jsonb, p_at timestamp with time zone)
 RETURNS text
 LANGUAGE plpgsql
AS $function$
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
    -- All at once or, where a ledger account is missing, none: a part of them is never balanced.
    insert into entries (journal_id, ledger_account_id, account_id, currency, amount_minor)
    select v_id, id, p_account, p_currency, amount_minor from (
      select a.id, moved.amount_minor, count(*) over () as account_count
      from unnest(v_kinds, v_minors) as moved (kind, amount_minor)
      join ledger_accounts a on a.account_id = p_account and a.owner_id = v_owner
        and a.currency = p_currency and a.kind = moved.kind) moved
    where account_count = cardinality(v_kinds);
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
end $function$
;

CREATE OR REPLACE FUNCTION public.posted_journal(p_account text, p_kind text, p_source text, p_kinds text[], p_minors bigint[])
 RETURNS text
 LANGUAGE plpgsql
AS $function$
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
end $function$
;

CREATE OR REPLACE FUNCTION public.record_attempt(p_account text, p_delivery text, p_number integer, p_attempt jsonb, p_end text, p_reason text, p_delay_seconds integer)
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
declare
  v_delivery deliveries;
  v_webhook webhooks;
  v_last attempts;
  v_now timestamptz;
begin
  select * into v_delivery from deliveries
    where account_id = p_account and id = p_delivery for update;
  if not found then
    raise exception 'no delivery % in %', p_delivery, p_account using errcode = 'no_data_found';
  end if;
  -- Orders this against an advance of the test clock: the due instant is computed after it.
  perform 1 from test_clocks where account_id = p_account for share;
  v_now := greatest(business_now(p_account), v_delivery.created_at);

  update attempts set state = p_attempt ->> 'state', finished_at = v_now,
      duration_ms = (p_attempt ->> 'duration_ms')::integer,
      request_headers = p_attempt -> 'request_headers',
      status_code = (p_attempt ->> 'status_code')::integer,
      response_headers = nullif(p_attempt -> 'response_headers', 'null'),
      response_body = p_attempt ->> 'response_body',
      error = p_attempt ->> 'error', retry_after = p_attempt ->> 'retry_after'
    where account_id = p_account and delivery_id = p_delivery and number = p_number
      and state = 'sending';
  if found and v_delivery.state = 'pending' then
    update deliveries set sending_since = null, state = coalesce(p_end, 'pending'), reason = p_reason,
        ended_at = case when p_end is not null then v_now end,
        -- Whole milliseconds, rounded up: what timers and test clocks count in is never too early.
        next_attempt_at = case when p_end is null then date_trunc('milliseconds',
          v_now + p_delay_seconds * interval '1 second' + interval '999 microseconds')
          else next_attempt_at end
      where account_id = p_account and id = p_delivery returning * into v_delivery;
    update webhooks set
        failing_since = case when p_end = 'delivered' then null
          else coalesce(failing_since, v_now) end,
        exhausted_count = case p_end when 'delivered' then 0
          when 'failed' then exhausted_count + 1 else exhausted_count end
      where account_id = p_account and id = v_delivery.webhook_id
        -- Most outcomes change nothing here, and then the endpoint's row is left alone.
        and case p_end when 'delivered' then failing_since is not null
          when 'failed' then true else failing_since is null end;
  end if;
  select * into v_last from attempts where account_id = p_account and delivery_id = p_delivery
    order by number desc limit 1;
  select * into v_webhook from webhooks where account_id = p_account and id = v_delivery.webhook_id;
  return delivery_progress(v_delivery, v_last) || jsonb_build_object(
    'due_at', v_delivery.next_attempt_at,
    'endpoint', jsonb_build_object('active', v_webhook.active and v_webhook.deleted_at is null,
      'exhausted_count', v_webhook.exhausted_count,
      'failing_seconds', floor(extract(epoch from v_now - v_webhook.failing_since))));
end $function$
;

CREATE OR REPLACE FUNCTION public.refund_excess(p_txn transactions)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  v_live bigint;
  v_forgone bigint;
  v_failed boolean;
  v_captured bigint;
  v_excess bigint;
  v_payment payment_intents;
  v_amount bigint;
begin
  select coalesce(sum(gross_minor) filter (where state not in ('failed', 'cancelled')), 0),
      coalesce(sum(gross_minor) filter (where state = 'cancelled' and reason = 'cancelled_by_request'
        and not p_txn.cancel_refunds), 0),
      bool_or(state = 'failed')
    into v_live, v_forgone, v_failed
    from units where account_id = p_txn.account_id and transaction_id = p_txn.id;
  select coalesce(sum(captured_minor), 0) into v_captured from payment_intents
    where account_id = p_txn.account_id and transaction_id = p_txn.id;
  select v_captured - v_live - v_forgone - coalesce(sum(r.amount_minor), 0) into v_excess
    from refunds r join payment_intents p on p.account_id = r.account_id and p.id = r.payment_id
    where p.account_id = p_txn.account_id and p.transaction_id = p_txn.id and r.state <> 'failed';
  for v_payment in
    select * from payment_intents where account_id = p_txn.account_id and transaction_id = p_txn.id
      and captured_minor > refunded_minor + refund_held_minor
    order by created_at desc, id desc
  loop
    exit when v_excess <= 0;
    v_amount := least(v_excess,
      v_payment.captured_minor - v_payment.refunded_minor - v_payment.refund_held_minor);
    perform insert_refund(p_txn.account_id, v_payment.id, jsonb_build_object('amount_minor', v_amount,
      'cause', case when v_failed then 'units_failed' when v_live = 0 then 'order_cancelled'
        when exists (select 1 from units where account_id = p_txn.account_id
          and transaction_id = p_txn.id and state = 'cancelled') then 'order_cancelled'
        else 'late_money' end));
    v_excess := v_excess - v_amount;
  end loop;
end $function$
;

CREATE OR REPLACE FUNCTION public.release_codes(p_account text, p_transaction text)
 RETURNS void
 LANGUAGE sql
AS $function$
  with released as (
    update codes set reserved_for = null where reserved_for = p_transaction and account_id = p_account
    returning product_id, variant_id
  )
  insert into outbox (account_id, verb, workflow, subject, signal)
  select t.account_id, 'signal', 'fulfillTransaction', jsonb_build_object('transaction_id', t.id),
    '{"name": "wokenUp", "input": {"reason": "reserved codes were released"}}'::jsonb
  from transactions t
  where t.account_id = p_account and t.ended_at is null and t.id <> p_transaction and exists (
    select 1 from units u join released r on r.product_id = u.product_id and r.variant_id = u.variant_id
    where u.account_id = t.account_id and u.transaction_id = t.id and u.state in ('queued', 'backordered'))
  order by t.accepted_at, t.id
$function$
;

CREATE OR REPLACE FUNCTION public.release_held_deliveries(p_account text, p_webhook text)
 RETURNS void
 LANGUAGE sql
AS $function$
  update webhooks set next_place_at = null, queue_ends_at = null
    where account_id = p_account and id = p_webhook;
  with held as (
    update deliveries set throttled_until = null
    where account_id = p_account and webhook_id = p_webhook and throttled_until is not null
      and state = 'pending'
    returning id
  )
  insert into outbox (account_id, verb, workflow, subject, signal)
  select p_account, 'signal', 'deliverWebhook', jsonb_build_object('delivery_id', id),
    jsonb_build_object('name', 'wokenUp', 'input',
      jsonb_build_object('reason', 'the limits of the endpoint changed'))
  from held
$function$
;

CREATE OR REPLACE FUNCTION public.request_credit_note(p jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
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
end $function$
;

CREATE OR REPLACE FUNCTION public.request_reconciliation(p_account text, p_date date)
 RETURNS text
 LANGUAGE plpgsql
AS $function$
declare
  v_row payment_reconciliations;
begin
  insert into payment_reconciliations as r (id, account_id, business_date)
  values (new_id('rcn'), p_account, p_date)
  on conflict (account_id, business_date) do update
    set run = r.run + 1, ended_at = null, requested_at = clock_timestamp()
    where r.ended_at is not null
  returning * into v_row;
  if not found then
    select * into v_row from payment_reconciliations
      where account_id = p_account and business_date = p_date;
    return v_row.id;
  end if;
  insert into outbox (account_id, verb, workflow, subject, priority)
  values (p_account, 'start', 'reconcilePayments', jsonb_build_object('reconciliation_id', v_row.id,
    'business_date', v_row.business_date, 'run', v_row.run), 5);
  return v_row.id;
end $function$
;

CREATE OR REPLACE FUNCTION public.reserve_codes(p_account text, p_transaction text, p_now timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  v_want record;
  v_outlive timestamptz := code_outlives(p_account, p_now);
begin
  for v_want in
    select product_id, variant_id, count(*)::integer as n from units
    where account_id = p_account and transaction_id = p_transaction
    group by product_id, variant_id order by product_id, variant_id
  loop
    update codes set reserved_for = p_transaction where id in (
      select id from codes where account_id = p_account and product_id = v_want.product_id
        and variant_id = v_want.variant_id and unit_id is null and quarantined_at is null
        and reserved_for is null and coalesce(expires_at, 'infinity') > v_outlive
      order by coalesce(expires_at, 'infinity'), id limit v_want.n for update skip locked);
  end loop;
end $function$
;

CREATE OR REPLACE FUNCTION public.retire_months(p_table text, p_before timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  v_partition text;
begin
  perform set_config('lock_timeout', '100ms', true);
  for v_partition in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = p_table::regclass and c.relname ~ (p_table || '_\d{4}_\d{2}$')
      and to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= p_before
  loop
    execute format('drop table %I', v_partition);
  end loop;
  execute format('delete from %I where created_at < $1', p_table || '_rest') using p_before;
exception when lock_not_available then
  raise log 'months of % are retired later', p_table;
end $function$
;

CREATE OR REPLACE FUNCTION public.route_parked_events(p_account text, p_payment text)
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
declare
  v_name text;
begin
  select provider_id into v_name from payment_intents where account_id = p_account and id = p_payment;
  if v_name is null then
    return 0;
  end if;
  perform pg_advisory_xact_lock(hashtextextended(v_name, 0));
  return (select count(route_psp_event(provider, id)) from (
    select provider, id from psp_events
    where state = 'parked' and payment_provider_id = v_name for update skip locked) early);
end $function$
;

CREATE OR REPLACE FUNCTION public.route_psp_event(p_provider text, p_event text)
 RETURNS text
 LANGUAGE plpgsql
AS $function$
declare
  v_event psp_events;
  v_payment payment_intents;
begin
  select * into v_event from psp_events where provider = p_provider and id = p_event for update;
  if not found or v_event.state <> 'parked' then
    return v_event.state;
  end if;
  if v_event.payment_provider_id is not null then
    -- `route_parked_events` waits until it is seen whether this one is parked.
    perform pg_advisory_xact_lock_shared(hashtextextended(v_event.payment_provider_id, 0));
  end if;
  -- A test account's events come from the sandbox only, a live one's from Stripe only.
  select p.* into v_payment from payment_intents p join accounts a on a.id = p.account_id
    where a.mode = case p_provider when 'sandbox' then 'test' else 'live' end
      and (v_event.provider_account is null
        or v_event.provider_account = coalesce(a.provider_reference, 'acct_' || substr(a.id, 5)))
      and (p.id = coalesce(v_event.payment_id, (select r.payment_id from refunds r where r.id = v_event.refund_id))
        or p.provider_id = v_event.payment_provider_id)
    order by p.id = v_event.payment_id desc limit 1 for no key update of p;
  if not found then
    update psp_events set tries = tries + 1,
      next_try_at = case when tries < 12 then
        clock_timestamp() + least(60 * 2 ^ tries, 21600) * interval '1 second' end
      where provider = p_provider and id = p_event;
    return 'parked';
  end if;
  update psp_events set state = 'matched', matched_account_id = v_payment.account_id,
      payment_id = v_payment.id, next_try_at = null
    where provider = p_provider and id = p_event;
  if v_event.dispute_provider_id is not null then
    perform tell_dispute(v_payment.account_id, v_payment.id, v_event.dispute_provider_id, v_event.type);
    return 'matched';
  end if;
  if v_event.refund_id is not null then
    update refunds set refresh_wanted_at = clock_timestamp()
      where account_id = v_payment.account_id and id = v_event.refund_id;
    if found then
      perform wake_refund(v_payment.account_id, v_event.refund_id, v_event.type);
    end if;
    return 'matched';
  end if;
  update payment_intents set refresh_wanted_at = clock_timestamp()
    where account_id = v_payment.account_id and id = v_payment.id;
  perform wake_payment(v_payment.account_id, v_payment.id, v_event.type);
  return 'matched';
end $function$
;

CREATE OR REPLACE FUNCTION public.rows_immutable()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'check_violation';
end $function$
;

CREATE OR REPLACE FUNCTION public.schedule_invoice_run(p_account text, p_po text, p_now timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  v_po purchase_orders;
  v_zone text;
  v_cut_off time;
  v_run integer;
begin
  select * into v_po from purchase_orders where account_id = p_account and id = p_po;
  if v_po.state not in ('invoiced', 'settled')
    or not exists (select 1 from units where account_id = p_account and purchase_order_id = p_po
      and invoice_line_id is null and state = 'allocated' and replaces_unit_id is null)
    or exists (select 1 from invoice_runs where purchase_order_id = p_po and billed_at is null)
  then
    return;
  end if;
  select coalesce(c.time_zone, a.time_zone), coalesce(c.cut_off, a.cut_off) into v_zone, v_cut_off
    from customers c join accounts a on a.id = c.account_id
    where c.account_id = p_account and c.id = v_po.customer_id;
  select coalesce(max(run), 1) + 1 into v_run from invoice_runs where purchase_order_id = p_po;
  insert into invoice_runs (id, account_id, customer_id, purchase_order_id, run, due_at)
  values (p_po || '/' || v_run, p_account, v_po.customer_id, p_po, v_run,
    (calendar_period(p_account, v_po.customer_id, v_zone, v_cut_off, p_now)).period_end);
  insert into outbox (account_id, verb, workflow, subject, priority)
  values (p_account, 'start', 'issueInvoice', jsonb_build_object('invoice_run_id', p_po || '/' || v_run,
    'purchase_order_id', p_po, 'run', v_run, 'customer_id', v_po.customer_id), 4);
end $function$
;

CREATE OR REPLACE FUNCTION public.settle_purchase_order(p_account text, p_po text, p_at timestamp with time zone)
 RETURNS void
 LANGUAGE sql
AS $function$
  update purchase_orders po
  set state = 'settling', closed_at = p_at,
    period_end = greatest(po.period_start, least(po.period_end, p_at)),
    settle_until = p_at + a.settle_window_seconds * interval '1 second'
  from accounts a
  where po.account_id = p_account and po.id = p_po and po.state = 'open' and a.id = p_account
$function$
;

CREATE OR REPLACE FUNCTION public.start_dispute(p_dispute disputes)
 RETURNS void
 LANGUAGE sql
AS $function$
  insert into outbox (account_id, verb, workflow, subject, priority)
  select p_dispute.account_id, 'start', 'handleDispute', jsonb_build_object(
    'dispute_id', p_dispute.id, 'run', p_dispute.run, 'payment_id', p.id,
    'customer_id', p.customer_id, 'transaction_id', p.transaction_id,
    'amount_minor', coalesce(p_dispute.amount_minor, p.captured_minor), 'currency', p.currency), 2
  from payment_intents p where p.account_id = p_dispute.account_id and p.id = p_dispute.payment_id
$function$
;

CREATE OR REPLACE FUNCTION public.store_psp_event(p jsonb, p_payload bytea)
 RETURNS text
 LANGUAGE plpgsql
AS $function$
begin
  insert into psp_events (provider, id, type, provider_account, payload, payment_provider_id,
    payment_id, refund_id, dispute_provider_id, state, next_try_at)
  values (p ->> 'provider', p ->> 'id', p ->> 'type', p ->> 'provider_account', p_payload,
    p ->> 'payment_provider_id', p ->> 'payment_id', p ->> 'refund_id',
    p ->> 'dispute_provider_id',
    case when (p ->> 'wanted')::boolean then 'parked' else 'ignored' end,
    case when (p ->> 'wanted')::boolean then clock_timestamp() end)
  on conflict do nothing;
  return route_psp_event(p ->> 'provider', p ->> 'id');
end $function$
;

CREATE OR REPLACE FUNCTION public.sweep_leftovers()
 RETURNS void
 LANGUAGE plpgsql
AS $function$
begin
  delete from idempotency_keys where expires_at < clock_timestamp();
  delete from rate_limits where window_start < clock_timestamp() - interval '2 days';
  perform create_month_partition('attempts', (clock_timestamp() + interval '1 month')::date);
end $function$
;

CREATE OR REPLACE FUNCTION public.sweep_psp_events(p_limit integer)
 RETURNS integer
 LANGUAGE sql
AS $function$
  select count(route_psp_event(provider, id))::integer from (
    select provider, id from psp_events
    where state = 'parked' and next_try_at < clock_timestamp()
    order by next_try_at limit p_limit for update skip locked) due
$function$
;

CREATE OR REPLACE FUNCTION public.sweep_stories(p_grace interval, p_limit integer)
 RETURNS TABLE(workflow text, story_id text)
 LANGUAGE plpgsql
AS $function$
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
  with stray as (
    select story.* from open_stories() story
    where story.created_at < clock_timestamp() - p_grace
      and not exists (select 1 from waits w where w.story_id = story.id
        and (w.needs_person or w.due_at > business_now(story.account_id) - p_grace))
      and not exists (select 1 from outbox o where o.account_id = story.account_id
        and o.workflow = story.workflow
        and o.subject @> jsonb_build_object(story.subject_key, story.id))
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
end $function$
;

CREATE OR REPLACE FUNCTION public.take_place(p_webhook webhooks, p_delivery deliveries, OUT send_at timestamp with time zone, OUT hold_until timestamp with time zone)
 RETURNS record
 LANGUAGE plpgsql
AS $function$
declare
  v_clock timestamptz := clock_timestamp();
  -- Attempts that are on their way or have a place soon, and how long the former have run so far.
  v_taken integer;
  v_seconds numeric;
  -- Places are handed out one interval apart, from the next free one on.
  v_interval interval := coalesce(interval '1 second' / p_webhook.per_second_max, interval '0');
  v_place timestamptz := greatest(v_clock, p_webhook.next_place_at);
  v_has_queued boolean := p_delivery.throttled_until is not null;
  v_patience interval := case when v_has_queued then interval '3 seconds' else interval '0.5 seconds' end;
begin
  select count(*), coalesce(avg(extract(epoch from v_clock - sending_since))
      filter (where sending_since < v_clock), 0)
    into v_taken, v_seconds
    from deliveries where webhook_id = p_webhook.id
      -- Whoever is older than any exchange can be was sent by a process that died.
      and sending_since > v_clock - interval '30 seconds';

  -- Who finds a place soon waits for it where it is, but nobody overtakes the queue.
  if v_taken < p_webhook.in_flight_max and (p_webhook.per_second_max is null
    or v_place <= v_clock + v_patience
      and (v_has_queued or coalesce(p_webhook.queue_ends_at <= v_clock, true)))
  then
    send_at := v_place;
    if p_webhook.per_second_max is not null then
      update webhooks set next_place_at = v_place + v_interval where id = p_webhook.id;
    end if;
    return;
  end if;

  -- Everybody else comes back in turn: not faster than the rate, nor than requests end. One that has
  -- run for s seconds takes about 2 s, and in_flight_max of them end in that time.
  hold_until := greatest(v_clock + interval '0.25 seconds', v_place, p_webhook.queue_ends_at);
  update webhooks set queue_ends_at = take_place.hold_until + greatest(v_interval,
      case when v_taken >= p_webhook.in_flight_max
        then interval '1 second' * 2 * v_seconds / p_webhook.in_flight_max end)
    where id = p_webhook.id;
end $function$
;

CREATE OR REPLACE FUNCTION public.take_supplier_call(p_account text, p_supplier text, p_lease interval)
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
declare
  v_supplier suppliers;
  v_clock timestamptz;
  v_now timestamptz;
  v_flying integer;
  v_first timestamptz;
  v_interval interval;
  v_hold timestamptz;
  v_call text := new_id('call');
begin
  select * into v_supplier from suppliers
    where account_id = p_account and id = p_supplier for no key update;
  if not found then
    raise exception 'no supplier % in %', p_supplier, p_account using errcode = 'no_data_found';
  end if;
  v_clock := clock_timestamp();
  v_now := business_now(p_account);
  if v_supplier.breaker_probe_at > v_now then
    return jsonb_build_object('why', 'breaker',
      'hold_seconds', extract(epoch from v_supplier.breaker_probe_at - v_now));
  end if;
  delete from supplier_calls where supplier_id = p_supplier and leased_until <= v_clock;
  select count(*), min(leased_until) into v_flying, v_first
    from supplier_calls where supplier_id = p_supplier;
  if v_flying >= v_supplier.in_flight_max then
    v_hold := least(v_first, v_clock + interval '500 milliseconds');
  elsif v_supplier.next_call_at > v_clock then
    v_hold := v_supplier.next_call_at;
  end if;
  if v_hold is not null then
    -- Those who come back later come one after the other.
    v_interval := interval '1 second' / coalesce(v_supplier.per_second_max, 100);
    v_hold := greatest(v_hold, v_supplier.queue_ends_at + v_interval);
    update suppliers set queue_ends_at = v_hold where account_id = p_account and id = p_supplier;
    return jsonb_build_object('why', 'limit', 'hold_seconds', extract(epoch from v_hold - v_clock));
  end if;
  update suppliers
    set next_call_at = case when per_second_max is not null
          then v_clock + interval '1 second' / per_second_max end,
      -- Half-open: one call tries, the others wait for what it hears, or for its end.
      breaker_probe_at = case when breaker_opened_at is not null then v_now + p_lease end
    where account_id = p_account and id = p_supplier
      and (per_second_max is not null or breaker_opened_at is not null);
  insert into supplier_calls (id, account_id, supplier_id, leased_until)
    values (v_call, p_account, p_supplier, v_clock + p_lease);
  return jsonb_build_object('call', v_call);
end $function$
;

CREATE OR REPLACE FUNCTION public.tax_of(p_net bigint, p_rate_bp integer)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select (case
    when 2 * (n % 10000) > 10000 or (2 * (n % 10000) = 10000 and div(n, 10000) % 2 = 1)
      then div(n, 10000) + 1
    else div(n, 10000) end)::bigint
  from (select p_net::numeric * p_rate_bp as n) product
$function$
;

CREATE OR REPLACE FUNCTION public.tell_dispute(p_account text, p_payment text, p_provider_id text, p_reason text)
 RETURNS text
 LANGUAGE plpgsql
AS $function$
declare
  v_dispute disputes;
begin
  insert into disputes (id, account_id, payment_id, provider_id, refresh_wanted_at)
  values (new_id('dp'), p_account, p_payment, p_provider_id, clock_timestamp())
  on conflict (account_id, provider_id) do nothing returning * into v_dispute;
  if found then
    perform start_dispute(v_dispute);
    return v_dispute.id;
  end if;
  update disputes set refresh_wanted_at = clock_timestamp()
    where account_id = p_account and provider_id = p_provider_id returning * into v_dispute;
  perform wake_dispute(p_account, v_dispute.id, p_reason);
  return v_dispute.id;
end $function$
;

CREATE OR REPLACE FUNCTION public.tell_order_refunded(p_account text, p_transaction text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  v_txn transactions;
  v_money jsonb := order_money(p_account, p_transaction);
begin
  if v_money is null or (v_money ->> 'captured')::bigint = 0 or v_money -> 'captured' <> v_money -> 'refunded' then
    return;
  end if;
  update transactions set event_sequence = event_sequence + 1
    where account_id = p_account and id = p_transaction returning * into v_txn;
  perform emit_event(p_account, new_id('evt'), 'order.refunded', p_transaction, v_txn.event_sequence,
    v_txn.customer_id, jsonb_build_object('units', order_state(p_account, p_transaction), 'money', v_money,
      'purchase_order_state', (select state from purchase_orders
        where account_id = p_account and id = v_txn.purchase_order_id)), business_now(p_account));
end $function$
;

CREATE OR REPLACE FUNCTION public.test_clock_only_forward()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if new.offset_ms < old.offset_ms then
    raise exception 'a test clock only moves forward' using errcode = 'check_violation';
  end if;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.transaction_facts(p_account text, p_transaction text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  select jsonb_build_object(
    'id', t.id, 'account_id', t.account_id, 'customer_id', t.customer_id, 'position', t.position,
    'client_reference', t.client_reference, 'currency', t.currency, 'total_minor', t.total_minor,
    'unit_count', t.unit_count, 'payment_method', t.payment_method,
    'allow_backorder', t.allow_backorder, 'deadline_at', t.deadline_at, 'pay_by', t.pay_by,
    'shipping_address', t.shipping_address, 'billing_address', t.billing_address,
    'shipping_method', t.shipping_method, 'metadata', t.metadata, 'accepted_at', t.accepted_at,
    'created_at', t.created_at,
    'purchase_order', jsonb_build_object('id', po.id, 'business_date', po.business_date,
      'sequence', po.sequence, 'currency', po.currency, 'scheduled_end', po.scheduled_end),
    'lines', (select jsonb_agg(jsonb_build_object('id', l.id, 'product_id', l.product_id,
        'variant_id', l.variant_id, 'sku', l.sku, 'name', l.name, 'quantity', l.quantity,
        'fulfillment_type', l.fulfillment_type, 'unit_price_minor', l.unit_price_minor,
        'total_minor', l.total_minor) order by l.position)
      from lines l where l.account_id = t.account_id and l.transaction_id = t.id))
  from transactions t
  join purchase_orders po on po.account_id = t.account_id and po.id = t.purchase_order_id
  where t.account_id = p_account and t.id = p_transaction
$function$
;

CREATE OR REPLACE FUNCTION public.transactions_posted()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
end $function$
;

CREATE OR REPLACE FUNCTION public.units_credited()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  v_lost record;
  v_answer jsonb;
begin
  for v_lost in
    select account_id, transaction_id, min(position) as first_position,
      jsonb_agg(jsonb_build_object('unit_id', id)) as units
    from units_after
    where state in ('failed', 'cancelled') and invoice_line_id is not null
      and credited_minor < price_minor
    group by account_id, transaction_id order by transaction_id
  loop
    v_answer := request_credit_note(jsonb_build_object('account_id', v_lost.account_id,
      'key', 'undelivered/' || v_lost.transaction_id || '/' || v_lost.first_position,
      'reason', 'Not delivered', 'units', v_lost.units));
    if v_answer ->> 'outcome' <> 'done' then
      raise exception 'units of % cannot be credited: %', v_lost.transaction_id, v_answer
        using errcode = 'check_violation';
    end if;
  end loop;
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.units_move()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if not exists (select 1 from unit_moves where from_state = old.state and to_state = new.state) then
    raise exception 'a unit cannot move from % to %', old.state, new.state using errcode = 'check_violation';
  end if;
  return new;
end $function$
;

CREATE OR REPLACE FUNCTION public.units_posted()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
        when state in ('failed', 'cancelled') and not billed then 'units_given_up'
        when state = 'reversed' and not billed then 'units_reversed' end as journal
      from moved
    )
    select told.account_id, told.transaction_id, told.journal, t.customer_id, t.currency,
      t.payment_method = 'credit' as on_credit, min(told.position) as first_position,
      coalesce(sum(told.price_minor) filter (where not told.billed), 0)::bigint as amount,
      coalesce(sum(told.price_minor) filter (where told.billed), 0)::bigint as billed,
      max(told.allocated_at) as allocated_at
    from told join transactions t on t.account_id = told.account_id and t.id = told.transaction_id
    where told.journal is not null
    group by 1, 2, 3, 4, 5, 6 order by t.customer_id, t.currency, told.transaction_id, told.journal
  loop
    continue when v_moved.journal = 'units_given_up' and not v_moved.on_credit;
    perform post_journal(v_moved.account_id, v_moved.customer_id, v_moved.currency, v_moved.journal,
      v_moved.transaction_id || '/' || v_moved.first_position,
      jsonb_build_object('amount', v_moved.amount)
        || case when v_moved.journal = 'units_reversed' and v_moved.on_credit
          then jsonb_build_object('held', v_moved.amount) else '{}' end
        || case when v_moved.billed > 0
          then jsonb_build_object('billed', v_moved.billed) else '{}' end,
      case when v_moved.journal = 'units_allocated' then v_moved.allocated_at
        else business_now(v_moved.account_id) end);
  end loop;
  return null;
end $function$
;

CREATE OR REPLACE FUNCTION public.wake_deliveries(p_account text, p_webhook text, p_reason text)
 RETURNS void
 LANGUAGE sql
AS $function$
  insert into outbox (account_id, verb, workflow, subject, signal)
  select p_account, 'signal', 'deliverWebhook', jsonb_build_object('delivery_id', id),
    jsonb_build_object('name', 'wokenUp', 'input', jsonb_build_object('reason', p_reason))
  from deliveries where account_id = p_account and webhook_id = p_webhook and state = 'pending'
$function$
;

CREATE OR REPLACE FUNCTION public.wake_dispute(p_account text, p_dispute text, p_reason text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  v_dispute disputes;
begin
  update disputes set run = run + 1, ended_at = null
    where account_id = p_account and id = p_dispute and ended_at is not null
    returning * into v_dispute;
  if found then
    perform start_dispute(v_dispute);
    return;
  end if;
  select * into v_dispute from disputes where account_id = p_account and id = p_dispute;
  -- Whoever has something to do does not wait: a test clock stops until it is done.
  delete from waits where story_id = p_dispute;
  insert into outbox (account_id, verb, workflow, subject, signal, priority)
  values (p_account, 'signal', 'handleDispute',
    jsonb_build_object('dispute_id', p_dispute, 'run', v_dispute.run),
    jsonb_build_object('name', 'wokenUp', 'input', jsonb_build_object('reason', p_reason)), 2);
end $function$
;

CREATE OR REPLACE FUNCTION public.wake_payment(p_account text, p_payment text, p_reason text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  v_payment payment_intents;
begin
  update payment_intents set run = run + 1, ended_at = null
    where account_id = p_account and id = p_payment and ended_at is not null
    returning * into v_payment;
  if found then
    insert into outbox (account_id, verb, workflow, subject, priority)
    values (p_account, 'start', 'processPayment', jsonb_build_object('payment_id', p_payment,
      'run', v_payment.run, 'amount_minor', v_payment.amount_minor, 'currency', v_payment.currency,
      'customer_id', v_payment.customer_id, 'transaction_id', v_payment.transaction_id), 1);
    return;
  end if;
  select * into v_payment from payment_intents where account_id = p_account and id = p_payment;
  -- Whoever has something to do does not wait: a test clock stops until it is done.
  delete from waits where story_id = p_payment;
  insert into outbox (account_id, verb, workflow, subject, signal, priority)
  values (p_account, 'signal', 'processPayment',
    jsonb_build_object('payment_id', p_payment, 'run', v_payment.run),
    jsonb_build_object('name', 'wokenUp', 'input', jsonb_build_object('reason', p_reason)), 1);
end $function$
;

CREATE OR REPLACE FUNCTION public.wake_purchase_order(p_po purchase_orders, p_reason text)
 RETURNS void
 LANGUAGE sql
AS $function$
  delete from waits where story_id = p_po.id;
  insert into outbox (account_id, verb, workflow, subject, signal)
  values (p_po.account_id, 'signal', 'runPurchaseOrderDay', jsonb_build_object(
      'purchase_order_id', p_po.id, 'customer_id', p_po.customer_id, 'currency', p_po.currency,
      'business_date', p_po.business_date, 'sequence', p_po.sequence),
    jsonb_build_object('name', 'wokenUp', 'input', jsonb_build_object('reason', p_reason)))
$function$
;

CREATE OR REPLACE FUNCTION public.wake_refund(p_account text, p_refund text, p_reason text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  v_refund refunds;
begin
  update refunds set run = run + 1, ended_at = null
    where account_id = p_account and id = p_refund and ended_at is not null
    returning * into v_refund;
  if found then
    insert into outbox (account_id, verb, workflow, subject, priority)
    values (p_account, 'start', 'refundPayment', jsonb_build_object('refund_id', p_refund,
      'run', v_refund.run, 'amount_minor', v_refund.amount_minor, 'currency', v_refund.currency), 3);
    return;
  end if;
  select * into v_refund from refunds where account_id = p_account and id = p_refund;
  -- Whoever has something to do does not wait: a test clock stops until it is done.
  delete from waits where story_id = p_refund;
  insert into outbox (account_id, verb, workflow, subject, signal)
  values (p_account, 'signal', 'refundPayment',
    jsonb_build_object('refund_id', p_refund, 'run', v_refund.run),
    jsonb_build_object('name', 'wokenUp', 'input', jsonb_build_object('reason', p_reason)));
end $function$
;

CREATE OR REPLACE FUNCTION public.webhook_wants(p_events text[], p_type text, p_additive boolean)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select p_type = any (p_events)
    or (not p_additive and p_events && array[split_part(p_type, '.', 1) || '.*', '*'])
$function$
;

CREATE OR REPLACE FUNCTION public.zone_offset_seconds(p_at timestamp with time zone, p_zone text)
 RETURNS integer
 LANGUAGE sql
 STABLE
AS $function$
  select extract(epoch from (p_at at time zone p_zone) - (p_at at time zone 'UTC'))::integer
$function$
;

-- Tables (partitions are made as months begin and are not listed)

create table accounts (
  id text not null,
  organization_id text not null,
  mode text not null,
  name text not null,
  time_zone text default 'UTC'::text not null,
  cut_off time without time zone default '24:00:00'::time without time zone not null,
  currency text not null,
  settle_window_seconds integer default 900 not null,
  payment_term_days integer default 14 not null,
  require_idempotency_key boolean default false not null,
  legal_name text not null,
  legal_address jsonb not null,
  country text not null,
  tax_id text,
  finance_email text not null,
  invoice_series text default 'INV'::text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  credit_note_series text default 'CN'::text not null,
  provider_reference text,
  code_validity_seconds_min integer default 86400 not null,
  bill_on text default 'allocation'::text not null,
  deadline_seconds integer default 86400 not null,
  constraint accounts_pkey PRIMARY KEY (id),
  constraint accounts_id_mode_key UNIQUE (id, mode),
  constraint accounts_organization_id_mode_key UNIQUE (organization_id, mode),
  constraint accounts_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint accounts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  constraint accounts_bill_on_check CHECK ((bill_on = ANY (ARRAY['allocation'::text, 'acceptance'::text]))),
  constraint accounts_code_validity_seconds_min_check CHECK (((code_validity_seconds_min >= 0) AND (code_validity_seconds_min <= 31536000))),
  constraint accounts_country_check CHECK ((country ~ '^[A-Z]{2}$'::text)),
  constraint accounts_credit_note_series_check CHECK ((credit_note_series ~ '^[A-Z0-9-]{1,12}$'::text)),
  constraint accounts_cut_off_check CHECK ((cut_off > '00:00:00'::time without time zone)),
  constraint accounts_deadline_seconds_check CHECK (((deadline_seconds >= 60) AND (deadline_seconds <= 2592000))),
  constraint accounts_invoice_series_check CHECK ((invoice_series ~ '^[A-Z0-9-]{1,12}$'::text)),
  constraint accounts_mode_check CHECK ((mode = ANY (ARRAY['live'::text, 'test'::text]))),
  constraint accounts_payment_term_days_check CHECK (((payment_term_days >= 0) AND (payment_term_days <= 365))),
  constraint accounts_series_differ CHECK ((credit_note_series <> invoice_series)),
  constraint accounts_settle_window_seconds_check CHECK (((settle_window_seconds >= 0) AND (settle_window_seconds <= 86400))),
  constraint accounts_time_zone_check CHECK (is_time_zone(time_zone))
);

create table api_keys (
  id text not null,
  account_id text not null,
  name text not null,
  environment text default 'production'::text not null,
  hash bytea not null,
  last4 text not null,
  scopes text[] not null,
  customer_id text,
  requests_per_second integer,
  expires_at timestamp with time zone not null,
  revoked_at timestamp with time zone,
  last_used_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  last_used_address text,
  constraint api_keys_pkey PRIMARY KEY (id),
  constraint api_keys_hash_key UNIQUE (hash),
  constraint api_keys_account_id_customer_id_fkey FOREIGN KEY (account_id, customer_id) REFERENCES customers(account_id, id),
  constraint api_keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint api_keys_hash_check CHECK ((length(hash) = 32)),
  constraint api_keys_requests_per_second_check CHECK ((requests_per_second > 0))
);

create table attempts (
  id text not null,
  account_id text not null,
  delivery_id text not null,
  number smallint not null,
  state text default 'sending'::text not null,
  started_at timestamp with time zone not null,
  finished_at timestamp with time zone,
  duration_ms integer,
  request_headers jsonb,
  status_code integer,
  response_headers jsonb,
  response_body text,
  error text,
  retry_after text,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint attempts_pkey PRIMARY KEY (delivery_id, number, created_at),
  constraint attempts_check CHECK (((state = 'sending'::text) = (finished_at IS NULL))),
  constraint attempts_number_check CHECK (((number >= 1) AND (number <= 6))),
  constraint attempts_state_check CHECK ((state = ANY (ARRAY['sending'::text, 'delivered'::text, 'failed'::text])))
) partition by RANGE (created_at);

create table claims (
  id text not null,
  account_id text not null,
  customer_id text not null,
  transaction_id text not null,
  unit_id text not null,
  reason text not null,
  state text default 'open'::text not null,
  replacement_unit_id text,
  tries integer default 0 not null,
  last_answer text,
  ask_at timestamp with time zone,
  opened_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint claims_pkey PRIMARY KEY (id),
  constraint claims_account_id_id_key UNIQUE (account_id, id),
  constraint claims_replacement_unit_id_key UNIQUE (replacement_unit_id),
  constraint claims_account_id_customer_id_fkey FOREIGN KEY (account_id, customer_id) REFERENCES customers(account_id, id),
  constraint claims_account_id_replacement_unit_id_fkey FOREIGN KEY (account_id, replacement_unit_id) REFERENCES units(account_id, id),
  constraint claims_account_id_transaction_id_fkey FOREIGN KEY (account_id, transaction_id) REFERENCES transactions(account_id, id),
  constraint claims_account_id_unit_id_fkey FOREIGN KEY (account_id, unit_id) REFERENCES units(account_id, id),
  constraint claims_check CHECK (((state = 'open'::text) = (ended_at IS NULL))),
  constraint claims_check1 CHECK (((state = 'replaced'::text) = (replacement_unit_id IS NOT NULL))),
  constraint claims_check2 CHECK (((state = 'open'::text) OR (ask_at IS NULL))),
  constraint claims_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
  constraint claims_state_check CHECK ((state = ANY (ARRAY['open'::text, 'replaced'::text, 'refunded'::text, 'rejected'::text])))
);

create table code_reveals (
  id bigint generated always as identity,
  account_id text not null,
  transaction_id text not null,
  key_id text not null,
  address text not null,
  request_id text not null,
  code_ids text[] not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint code_reveals_pkey PRIMARY KEY (id),
  constraint code_reveals_account_id_transaction_id_fkey FOREIGN KEY (account_id, transaction_id) REFERENCES transactions(account_id, id)
);

create table codes (
  id text not null,
  account_id text not null,
  product_id text not null,
  variant_id text default ''::text not null,
  type text default 'code'::text not null,
  sealed bytea not null,
  key_version smallint not null,
  blind_index bytea not null,
  last4 text not null,
  expires_at timestamp with time zone,
  supplier_id text,
  supplier_reference text,
  unit_id text,
  allocated_at timestamp with time zone,
  quarantined_at timestamp with time zone,
  quarantine_reason text,
  created_at timestamp with time zone default clock_timestamp() not null,
  cost_minor bigint,
  cost_currency text,
  activation_at timestamp with time zone,
  face_value text,
  reserved_for text,
  constraint codes_pkey PRIMARY KEY (id),
  constraint codes_account_id_id_key UNIQUE (account_id, id),
  constraint codes_blind_index_key UNIQUE (blind_index),
  constraint codes_unit_id_key UNIQUE (unit_id),
  constraint codes_account_id_key_version_fkey FOREIGN KEY (account_id, key_version) REFERENCES data_keys(account_id, version),
  constraint codes_account_id_product_id_fkey FOREIGN KEY (account_id, product_id) REFERENCES products(account_id, id),
  constraint codes_account_id_reserved_for_fkey FOREIGN KEY (account_id, reserved_for) REFERENCES transactions(account_id, id),
  constraint codes_account_id_supplier_id_fkey FOREIGN KEY (account_id, supplier_id) REFERENCES suppliers(account_id, id),
  constraint codes_account_id_unit_id_fkey FOREIGN KEY (account_id, unit_id) REFERENCES units(account_id, id),
  constraint codes_cost_currency_fkey FOREIGN KEY (cost_currency) REFERENCES currencies(code),
  constraint codes_blind_index_check CHECK ((length(blind_index) = 32)),
  constraint codes_check CHECK (((unit_id IS NULL) = (allocated_at IS NULL))),
  constraint codes_check1 CHECK (((supplier_id IS NULL) = (supplier_reference IS NULL))),
  constraint codes_check2 CHECK (((unit_id IS NULL) OR (quarantined_at IS NULL))),
  constraint codes_check3 CHECK (((cost_minor IS NULL) = (cost_currency IS NULL))),
  constraint codes_check4 CHECK (((reserved_for IS NULL) OR (unit_id IS NULL))),
  constraint codes_cost_minor_check CHECK ((cost_minor >= 0)),
  constraint codes_face_value_check CHECK (((length(face_value) >= 1) AND (length(face_value) <= 60))),
  constraint codes_quarantine_reason_check CHECK ((quarantine_reason = ANY (ARRAY['surplus'::text, 'foreign'::text, 'late'::text, 'expires_too_soon'::text]))),
  constraint codes_sealed_check CHECK ((length(sealed) > 28)),
  constraint codes_type_check CHECK ((type = ANY (ARRAY['code'::text, 'code_pin'::text, 'url'::text])))
) with (autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=1000);

create table counters (
  account_id text not null,
  series text not null,
  value bigint not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  issued_on date,
  constraint counters_pkey PRIMARY KEY (account_id, series),
  constraint counters_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint counters_value_check CHECK ((value >= 0))
);

create table credit_note_documents (
  account_id text not null,
  credit_note_id text not null,
  format text not null,
  content bytea not null,
  sha256 bytea not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint credit_note_documents_pkey PRIMARY KEY (credit_note_id, format),
  constraint credit_note_documents_account_id_credit_note_id_fkey FOREIGN KEY (account_id, credit_note_id) REFERENCES credit_notes(account_id, id),
  constraint credit_note_documents_format_check CHECK ((format = ANY (ARRAY['pdf'::text, 'csv'::text, 'ubl'::text, 'cii'::text]))),
  constraint credit_note_documents_sha256_check CHECK ((length(sha256) = 32))
);

create table credit_note_lines (
  account_id text not null,
  credit_note_id text not null,
  "position" integer not null,
  sku text not null,
  name text not null,
  unit_price_minor bigint not null,
  quantity integer not null,
  net_minor bigint not null,
  tax_category text not null,
  tax_rate_bp integer not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint credit_note_lines_pkey PRIMARY KEY (credit_note_id, "position"),
  constraint credit_note_lines_account_id_credit_note_id_fkey FOREIGN KEY (account_id, credit_note_id) REFERENCES credit_notes(account_id, id),
  constraint credit_note_lines_check CHECK ((net_minor = (unit_price_minor * quantity))),
  constraint credit_note_lines_position_check CHECK (("position" >= 1)),
  constraint credit_note_lines_quantity_check CHECK ((quantity >= 1)),
  constraint credit_note_lines_tax_rate_bp_check CHECK (((tax_rate_bp >= 0) AND (tax_rate_bp <= 10000)))
);

create table credit_note_taxes (
  account_id text not null,
  credit_note_id text not null,
  category text not null,
  rate_bp integer not null,
  taxable_minor bigint not null,
  tax_minor bigint not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint credit_note_taxes_pkey PRIMARY KEY (credit_note_id, category, rate_bp),
  constraint credit_note_taxes_account_id_credit_note_id_fkey FOREIGN KEY (account_id, credit_note_id) REFERENCES credit_notes(account_id, id),
  constraint credit_note_taxes_rate_bp_check CHECK (((rate_bp >= 0) AND (rate_bp <= 10000))),
  constraint credit_note_taxes_tax_minor_check CHECK ((tax_minor >= 0)),
  constraint credit_note_taxes_taxable_minor_check CHECK ((taxable_minor >= 0))
);

create table credit_note_units (
  account_id text not null,
  credit_note_id text not null,
  unit_id text not null,
  net_minor bigint not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint credit_note_units_pkey PRIMARY KEY (credit_note_id, unit_id),
  constraint credit_note_units_account_id_credit_note_id_fkey FOREIGN KEY (account_id, credit_note_id) REFERENCES credit_notes(account_id, id),
  constraint credit_note_units_account_id_unit_id_fkey FOREIGN KEY (account_id, unit_id) REFERENCES units(account_id, id),
  constraint credit_note_units_net_minor_check CHECK ((net_minor >= 0))
);

create table credit_notes (
  id text not null,
  account_id text not null,
  customer_id text not null,
  invoice_id text not null,
  key text not null,
  reason text not null,
  state text default 'pending'::text not null,
  currency text not null,
  subtotal_minor bigint not null,
  tax_minor bigint not null,
  total_minor bigint not null,
  requested_at timestamp with time zone not null,
  series text,
  number_value bigint,
  number text,
  issue_date date,
  snapshot jsonb,
  snapshot_hash bytea,
  issued_at timestamp with time zone,
  sent_at timestamp with time zone,
  ended_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint credit_notes_pkey PRIMARY KEY (id),
  constraint credit_notes_account_id_id_key UNIQUE (account_id, id),
  constraint credit_notes_account_id_key_invoice_id_key UNIQUE (account_id, key, invoice_id),
  constraint credit_notes_account_id_number_key UNIQUE (account_id, number),
  constraint credit_notes_account_id_series_number_value_key UNIQUE (account_id, series, number_value),
  constraint credit_notes_account_id_customer_id_invoice_id_fkey FOREIGN KEY (account_id, customer_id, invoice_id) REFERENCES invoices(account_id, customer_id, id),
  constraint credit_notes_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint credit_notes_check CHECK ((total_minor = (subtotal_minor + tax_minor))),
  constraint credit_notes_check1 CHECK ((num_nulls(series, number_value, number, issue_date, snapshot, snapshot_hash, issued_at) =
CASE state
    WHEN 'pending'::text THEN 7
    ELSE 0
END)),
  constraint credit_notes_number_value_check CHECK ((number_value >= 1)),
  constraint credit_notes_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
  constraint credit_notes_snapshot_hash_check CHECK ((length(snapshot_hash) = 32)),
  constraint credit_notes_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'issued'::text]))),
  constraint credit_notes_subtotal_minor_check CHECK ((subtotal_minor >= 0)),
  constraint credit_notes_tax_minor_check CHECK ((tax_minor >= 0))
);

create table currencies (
  code text not null,
  exponent smallint not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint currencies_pkey PRIMARY KEY (code),
  constraint currencies_code_check CHECK ((code ~ '^[A-Z]{3}$'::text)),
  constraint currencies_exponent_check CHECK (((exponent >= 0) AND (exponent <= 4)))
);

create table customer_balances (
  account_id text not null,
  customer_id text not null,
  currency text not null,
  credit_limit_minor bigint,
  held_minor bigint default 0 not null,
  invoiced_minor bigint default 0 not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  unallocated_minor bigint default 0 not null,
  constraint customer_balances_pkey PRIMARY KEY (account_id, customer_id, currency),
  constraint customer_balances_account_id_customer_id_fkey FOREIGN KEY (account_id, customer_id) REFERENCES customers(account_id, id),
  constraint customer_balances_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint customer_balances_credit_limit_minor_check CHECK ((credit_limit_minor >= 0)),
  constraint customer_balances_held_minor_check CHECK ((held_minor >= 0)),
  constraint customer_balances_invoiced_minor_check CHECK ((invoiced_minor >= 0)),
  constraint customer_balances_unallocated_minor_check CHECK ((unallocated_minor >= 0))
);

create table customers (
  id text not null,
  account_id text not null,
  email text not null,
  first_name text,
  last_name text,
  company text,
  phone text,
  tags text[] default '{}'::text[] not null,
  addresses jsonb default '[]'::jsonb not null,
  tax_id text,
  time_zone text,
  cut_off time without time zone,
  metadata jsonb default '{}'::jsonb not null,
  status text default 'active'::text not null,
  version integer default 1 not null,
  event_sequence integer default 0 not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  invoice_recipients text[],
  invoice_formats text[],
  bill_on text,
  constraint customers_pkey PRIMARY KEY (id),
  constraint customers_account_id_id_key UNIQUE (account_id, id),
  constraint customers_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint customers_bill_on_check CHECK ((bill_on = ANY (ARRAY['allocation'::text, 'acceptance'::text]))),
  constraint customers_cut_off_check CHECK ((cut_off > '00:00:00'::time without time zone)),
  constraint customers_invoice_formats_check CHECK (((cardinality(invoice_formats) >= 1) AND (invoice_formats <@ ARRAY['pdf'::text, 'csv'::text, 'ubl'::text, 'cii'::text]))),
  constraint customers_invoice_recipients_check CHECK (((cardinality(invoice_recipients) >= 1) AND (cardinality(invoice_recipients) <= 10))),
  constraint customers_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text]))),
  constraint customers_time_zone_check CHECK (((time_zone IS NULL) OR is_time_zone(time_zone)))
);

create table data_keys (
  account_id text not null,
  version smallint not null,
  key_id text,
  wrapped bytea,
  retired_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint data_keys_pkey PRIMARY KEY (account_id, version),
  constraint data_keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint data_keys_check CHECK (((key_id IS NULL) = (wrapped IS NULL))),
  constraint data_keys_version_check CHECK (((version >= 1) AND (version <= 32767))),
  constraint data_keys_wrapped_check CHECK ((length(wrapped) = 60))
);

create table deliveries (
  id text not null,
  account_id text not null,
  webhook_id text not null,
  event_id text not null,
  state text default 'pending'::text not null,
  reason text,
  attempt_count smallint default 0 not null,
  next_attempt_at timestamp with time zone not null,
  cause text default 'event'::text not null,
  copy_of text,
  sending_since timestamp with time zone,
  throttled_until timestamp with time zone,
  ended_at timestamp with time zone,
  created_at timestamp with time zone not null,
  constraint deliveries_pkey PRIMARY KEY (id),
  constraint deliveries_account_id_id_key UNIQUE (account_id, id),
  constraint deliveries_account_id_copy_of_fkey FOREIGN KEY (account_id, copy_of) REFERENCES deliveries(account_id, id),
  constraint deliveries_account_id_event_id_fkey FOREIGN KEY (account_id, event_id) REFERENCES events(account_id, id),
  constraint deliveries_account_id_webhook_id_fkey FOREIGN KEY (account_id, webhook_id) REFERENCES webhooks(account_id, id),
  constraint deliveries_attempt_count_check CHECK (((attempt_count >= 0) AND (attempt_count <= 6))),
  constraint deliveries_cause_check CHECK ((cause = ANY (ARRAY['event'::text, 'replay'::text, 'resend'::text, 'recovery'::text, 'test'::text]))),
  constraint deliveries_check CHECK (((state = 'pending'::text) = (ended_at IS NULL))),
  constraint deliveries_check1 CHECK (((cause = ANY (ARRAY['resend'::text, 'recovery'::text])) = (copy_of IS NOT NULL))),
  constraint deliveries_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text, 'cancelled'::text])))
);

create table dispute_files (
  id text not null,
  account_id text not null,
  dispute_id text not null,
  kind text not null,
  name text not null,
  media text not null,
  content bytea not null,
  provider_id text,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint dispute_files_pkey PRIMARY KEY (id),
  constraint dispute_files_dispute_id_kind_key UNIQUE (dispute_id, kind),
  constraint dispute_files_account_id_dispute_id_fkey FOREIGN KEY (account_id, dispute_id) REFERENCES disputes(account_id, id),
  constraint dispute_files_content_check CHECK (((octet_length(content) >= 1) AND (octet_length(content) <= 5242880))),
  constraint dispute_files_kind_check CHECK ((kind = ANY (ARRAY['transaction_details'::text, 'shipping_proof'::text, 'communication_logs'::text])))
);

create table dispute_moves (
  from_state text not null,
  to_state text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint dispute_moves_pkey PRIMARY KEY (from_state, to_state)
);

create table disputes (
  id text not null,
  account_id text not null,
  payment_id text not null,
  provider_id text not null,
  opened_at timestamp with time zone,
  state text default 'needs_response'::text not null,
  reason text,
  amount_minor bigint,
  currency text,
  withdrawn_minor bigint default 0 not null,
  fee_minor bigint default 0 not null,
  returned_minor bigint default 0 not null,
  fee_returned_minor bigint default 0 not null,
  evidence_due_at timestamp with time zone,
  reminders_sent integer default 0 not null,
  evidence jsonb default '{}'::jsonb not null,
  ask_at timestamp with time zone,
  refresh_wanted_at timestamp with time zone,
  run integer default 1 not null,
  ended_at timestamp with time zone,
  event_sequence integer default 0 not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  constraint disputes_pkey PRIMARY KEY (id),
  constraint disputes_account_id_id_key UNIQUE (account_id, id),
  constraint disputes_account_id_provider_id_key UNIQUE (account_id, provider_id),
  constraint disputes_account_id_payment_id_fkey FOREIGN KEY (account_id, payment_id) REFERENCES payment_intents(account_id, id),
  constraint disputes_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint disputes_amount_minor_check CHECK ((amount_minor > 0)),
  constraint disputes_check CHECK (((returned_minor >= 0) AND (returned_minor <= withdrawn_minor))),
  constraint disputes_check1 CHECK (((fee_returned_minor >= 0) AND (fee_returned_minor <= fee_minor))),
  constraint disputes_check2 CHECK (((opened_at IS NULL) OR ((reason IS NOT NULL) AND (amount_minor IS NOT NULL) AND (currency IS NOT NULL) AND (evidence_due_at IS NOT NULL)))),
  constraint disputes_fee_minor_check CHECK ((fee_minor >= 0)),
  constraint disputes_state_check CHECK ((state = ANY (ARRAY['needs_response'::text, 'under_review'::text, 'won'::text, 'lost'::text]))),
  constraint disputes_withdrawn_minor_check CHECK ((withdrawn_minor >= 0))
);

create table document_sends (
  id text not null,
  account_id text not null,
  invoice_id text not null,
  number integer not null,
  recipients text[],
  formats text[],
  requested_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint document_sends_pkey PRIMARY KEY (id),
  constraint document_sends_account_id_id_key UNIQUE (account_id, id),
  constraint document_sends_invoice_id_number_key UNIQUE (invoice_id, number),
  constraint document_sends_account_id_invoice_id_fkey FOREIGN KEY (account_id, invoice_id) REFERENCES invoices(account_id, id),
  constraint document_sends_number_check CHECK ((number >= 2))
);

create table entries (
  journal_id text not null,
  ledger_account_id text not null,
  account_id text not null,
  currency text not null,
  amount_minor bigint not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint entries_pkey PRIMARY KEY (journal_id, ledger_account_id),
  constraint entries_amount_minor_check CHECK ((amount_minor <> 0))
);

create table event_types (
  type text not null,
  additive boolean not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint event_types_pkey PRIMARY KEY (type)
);

create table events (
  id text not null,
  account_id text not null,
  type text not null,
  object_id text not null,
  sequence integer not null,
  customer_id text,
  facts jsonb not null,
  xid xid8 default pg_current_xact_id() not null,
  occurred_at timestamp with time zone not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint events_pkey PRIMARY KEY (id),
  constraint events_account_id_id_key UNIQUE (account_id, id),
  constraint events_account_id_object_id_sequence_key UNIQUE (account_id, object_id, sequence),
  constraint events_type_fkey FOREIGN KEY (type) REFERENCES event_types(type),
  constraint events_sequence_check CHECK ((sequence >= 1))
);

create table expiry_warnings (
  account_id text not null,
  product_id text not null,
  variant_id text default ''::text not null,
  expires_on date not null,
  window_days smallint not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint expiry_warnings_pkey PRIMARY KEY (account_id, product_id, variant_id, expires_on, window_days),
  constraint expiry_warnings_account_id_product_id_fkey FOREIGN KEY (account_id, product_id) REFERENCES products(account_id, id)
);

create table former_calendars (
  account_id text not null,
  customer_id text,
  held_until date not null,
  time_zone text,
  cut_off time without time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint former_calendars_account_id_customer_id_held_until_key UNIQUE NULLS NOT DISTINCT (account_id, customer_id, held_until),
  constraint former_calendars_account_id_customer_id_fkey FOREIGN KEY (account_id, customer_id) REFERENCES customers(account_id, id),
  constraint former_calendars_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint former_calendars_check CHECK (((customer_id IS NOT NULL) OR (num_nulls(time_zone, cut_off) = 0)))
);

create table idempotency_keys (
  account_id text not null,
  customer_scope text not null,
  operation text not null,
  key text not null,
  fingerprint bytea not null,
  transaction_id text,
  answer bytea,
  expires_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  key_version smallint,
  constraint idempotency_keys_pkey PRIMARY KEY (account_id, customer_scope, operation, key),
  constraint idempotency_keys_account_id_key_version_fkey FOREIGN KEY (account_id, key_version) REFERENCES data_keys(account_id, version),
  constraint idempotency_keys_check CHECK (((answer IS NULL) = (key_version IS NULL))),
  constraint idempotency_keys_fingerprint_check CHECK ((length(fingerprint) = 32)),
  constraint idempotency_keys_key_check CHECK (((length(key) >= 1) AND (length(key) <= 255)))
);

create table invoice_documents (
  account_id text not null,
  invoice_id text not null,
  format text not null,
  content bytea not null,
  sha256 bytea not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint invoice_documents_pkey PRIMARY KEY (invoice_id, format),
  constraint invoice_documents_account_id_invoice_id_fkey FOREIGN KEY (account_id, invoice_id) REFERENCES invoices(account_id, id),
  constraint invoice_documents_format_check CHECK ((format = ANY (ARRAY['pdf'::text, 'csv'::text, 'ubl'::text, 'cii'::text]))),
  constraint invoice_documents_sha256_check CHECK ((length(sha256) = 32))
);

create table invoice_lines (
  id text not null,
  account_id text not null,
  invoice_id text not null,
  "position" integer not null,
  sku text not null,
  name text not null,
  unit_price_minor bigint not null,
  quantity integer not null,
  net_minor bigint not null,
  tax_category text not null,
  tax_rate_bp integer not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint invoice_lines_pkey PRIMARY KEY (id),
  constraint invoice_lines_account_id_id_key UNIQUE (account_id, id),
  constraint invoice_lines_invoice_id_position_key UNIQUE (invoice_id, "position"),
  constraint invoice_lines_account_id_invoice_id_fkey FOREIGN KEY (account_id, invoice_id) REFERENCES invoices(account_id, id),
  constraint invoice_lines_check CHECK ((net_minor = (unit_price_minor * quantity))),
  constraint invoice_lines_position_check CHECK (("position" >= 1)),
  constraint invoice_lines_quantity_check CHECK ((quantity >= 1)),
  constraint invoice_lines_tax_rate_bp_check CHECK (((tax_rate_bp >= 0) AND (tax_rate_bp <= 10000)))
);

create table invoice_prepayments (
  account_id text not null,
  invoice_id text not null,
  transaction_id text not null,
  amount_minor bigint not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint invoice_prepayments_pkey PRIMARY KEY (invoice_id, transaction_id),
  constraint invoice_prepayments_account_id_invoice_id_fkey FOREIGN KEY (account_id, invoice_id) REFERENCES invoices(account_id, id),
  constraint invoice_prepayments_account_id_transaction_id_fkey FOREIGN KEY (account_id, transaction_id) REFERENCES transactions(account_id, id),
  constraint invoice_prepayments_amount_minor_check CHECK ((amount_minor > 0))
);

create table invoice_runs (
  id text not null,
  account_id text not null,
  customer_id text not null,
  purchase_order_id text not null,
  run integer not null,
  due_at timestamp with time zone not null,
  billed_at timestamp with time zone,
  manifest_hash bytea,
  ended_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint invoice_runs_pkey PRIMARY KEY (id),
  constraint invoice_runs_account_id_id_key UNIQUE (account_id, id),
  constraint invoice_runs_purchase_order_id_run_key UNIQUE (purchase_order_id, run),
  constraint invoice_runs_account_id_customer_id_purchase_order_id_fkey FOREIGN KEY (account_id, customer_id, purchase_order_id) REFERENCES purchase_orders(account_id, customer_id, id),
  constraint invoice_runs_check CHECK (((ended_at IS NULL) OR (billed_at IS NOT NULL))),
  constraint invoice_runs_run_check CHECK ((run >= 2))
);

create table invoice_taxes (
  account_id text not null,
  invoice_id text not null,
  category text not null,
  rate_bp integer not null,
  taxable_minor bigint not null,
  tax_minor bigint not null,
  credited_minor bigint default 0 not null,
  credited_tax_minor bigint default 0 not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint invoice_taxes_pkey PRIMARY KEY (invoice_id, category, rate_bp),
  constraint invoice_taxes_account_id_invoice_id_fkey FOREIGN KEY (account_id, invoice_id) REFERENCES invoices(account_id, id),
  constraint invoice_taxes_check CHECK (((credited_minor >= 0) AND (credited_minor <= taxable_minor))),
  constraint invoice_taxes_check1 CHECK (((credited_tax_minor >= 0) AND (credited_tax_minor <= tax_minor))),
  constraint invoice_taxes_rate_bp_check CHECK (((rate_bp >= 0) AND (rate_bp <= 10000))),
  constraint invoice_taxes_tax_minor_check CHECK ((tax_minor >= 0)),
  constraint invoice_taxes_taxable_minor_check CHECK ((taxable_minor >= 0))
);

create table invoices (
  id text not null,
  account_id text not null,
  customer_id text not null,
  purchase_order_id text not null,
  tax_group text not null,
  run integer not null,
  series text not null,
  number_value bigint not null,
  number text not null,
  business_date date not null,
  issue_date date not null,
  due_date date not null,
  currency text not null,
  subtotal_minor bigint not null,
  tax_minor bigint not null,
  total_minor bigint not null,
  snapshot jsonb not null,
  snapshot_hash bytea not null,
  state text default 'open'::text not null,
  sent_at timestamp with time zone,
  issued_at timestamp with time zone not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  credited_minor bigint default 0 not null,
  constraint invoices_pkey PRIMARY KEY (id),
  constraint invoices_account_id_id_key UNIQUE (account_id, id),
  constraint invoices_account_id_number_key UNIQUE (account_id, number),
  constraint invoices_account_id_series_number_value_key UNIQUE (account_id, series, number_value),
  constraint invoices_customer_id UNIQUE (account_id, customer_id, id),
  constraint invoices_purchase_order_id_tax_group_run_key UNIQUE (purchase_order_id, tax_group, run),
  constraint invoices_account_id_customer_id_purchase_order_id_fkey FOREIGN KEY (account_id, customer_id, purchase_order_id) REFERENCES purchase_orders(account_id, customer_id, id),
  constraint invoices_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint invoices_check CHECK ((total_minor = (subtotal_minor + tax_minor))),
  constraint invoices_check1 CHECK ((due_date >= issue_date)),
  constraint invoices_credited CHECK (((credited_minor >= 0) AND (credited_minor <= total_minor))),
  constraint invoices_number_value_check CHECK ((number_value >= 1)),
  constraint invoices_run_check CHECK ((run >= 1)),
  constraint invoices_snapshot_hash_check CHECK ((length(snapshot_hash) = 32)),
  constraint invoices_state_check CHECK ((state = ANY (ARRAY['open'::text, 'paid'::text, 'void'::text]))),
  constraint invoices_subtotal_minor_check CHECK ((subtotal_minor >= 0)),
  constraint invoices_tax_minor_check CHECK ((tax_minor >= 0))
);

create table journals (
  id text not null,
  account_id text not null,
  customer_id text,
  currency text not null,
  kind text not null,
  source_id text not null,
  occurred_at timestamp with time zone not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint journals_pkey PRIMARY KEY (id),
  constraint journals_account_id_source_id_kind_key UNIQUE (account_id, source_id, kind)
);

create table ledger_account_kinds (
  kind text not null,
  class text not null,
  description text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint ledger_account_kinds_pkey PRIMARY KEY (kind),
  constraint ledger_account_kinds_class_check CHECK ((class = ANY (ARRAY['asset'::text, 'liability'::text, 'revenue'::text, 'expense'::text, 'memo'::text])))
);

create table ledger_accounts (
  id text not null,
  account_id text not null,
  customer_id text,
  owner_id text generated always as (COALESCE(customer_id, account_id)) stored not null,
  currency text not null,
  kind text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint ledger_accounts_pkey PRIMARY KEY (id),
  constraint ledger_accounts_account_id_owner_id_currency_kind_key UNIQUE (account_id, owner_id, currency, kind),
  constraint ledger_accounts_account_id_customer_id_fkey FOREIGN KEY (account_id, customer_id) REFERENCES customers(account_id, id),
  constraint ledger_accounts_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint ledger_accounts_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint ledger_accounts_kind_fkey FOREIGN KEY (kind) REFERENCES ledger_account_kinds(kind)
);

create table lines (
  id text not null,
  account_id text not null,
  transaction_id text not null,
  "position" integer not null,
  product_id text not null,
  variant_id text,
  sku text not null,
  name text not null,
  tax_class text not null,
  fulfillment_type text not null,
  quantity integer not null,
  unit_price_minor bigint not null,
  total_minor bigint not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint lines_pkey PRIMARY KEY (id),
  constraint lines_account_id_id_key UNIQUE (account_id, id),
  constraint lines_account_id_transaction_id_id_key UNIQUE (account_id, transaction_id, id),
  constraint lines_transaction_id_position_key UNIQUE (transaction_id, "position"),
  constraint lines_account_id_product_id_fkey FOREIGN KEY (account_id, product_id) REFERENCES products(account_id, id),
  constraint lines_account_id_product_id_variant_id_fkey FOREIGN KEY (account_id, product_id, variant_id) REFERENCES variants(account_id, product_id, id),
  constraint lines_account_id_transaction_id_fkey FOREIGN KEY (account_id, transaction_id) REFERENCES transactions(account_id, id),
  constraint lines_check CHECK ((total_minor = (unit_price_minor * quantity))),
  constraint lines_position_check CHECK (("position" >= 1)),
  constraint lines_quantity_check CHECK (((quantity >= 1) AND (quantity <= 10000))),
  constraint lines_unit_price_minor_check CHECK ((unit_price_minor >= 0))
);

create table mails (
  id text not null,
  account_id text not null,
  key text not null,
  sender text not null,
  recipients text[] not null,
  subject text not null,
  body text not null,
  attachments jsonb default '[]'::jsonb not null,
  invoice_id text,
  sent_at timestamp with time zone,
  last_error text,
  created_at timestamp with time zone default clock_timestamp() not null,
  credit_note_id text,
  message_id text,
  state text default 'queued'::text not null,
  refused text[] default '{}'::text[] not null,
  bounced_at timestamp with time zone,
  constraint mails_pkey PRIMARY KEY (id),
  constraint mails_account_id_key_key UNIQUE (account_id, key),
  constraint mails_account_id_credit_note_id_fkey FOREIGN KEY (account_id, credit_note_id) REFERENCES credit_notes(account_id, id),
  constraint mails_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint mails_account_id_invoice_id_fkey FOREIGN KEY (account_id, invoice_id) REFERENCES invoices(account_id, id),
  constraint mails_bounced CHECK (((state = 'bounced'::text) = (bounced_at IS NOT NULL))),
  constraint mails_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'sent'::text, 'bounced'::text])))
);

create table operator_decisions (
  account_id text not null,
  story_id text not null,
  key text not null,
  verb text not null,
  note text,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint operator_decisions_pkey PRIMARY KEY (story_id, key),
  constraint operator_decisions_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id)
);

create table organizations (
  id text not null,
  name text not null,
  plan text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  requests_per_hour integer,
  requests_per_day integer,
  constraint organizations_pkey PRIMARY KEY (id),
  constraint organizations_plan_check CHECK ((plan = ANY (ARRAY['free'::text, 'starter'::text, 'professional'::text, 'enterprise'::text, 'sandbox'::text]))),
  constraint organizations_requests_per_day_check CHECK ((requests_per_day > 0)),
  constraint organizations_requests_per_hour_check CHECK ((requests_per_hour > 0))
);

create table outbox (
  id bigint generated always as identity,
  account_id text not null,
  verb text not null,
  workflow text not null,
  subject jsonb not null,
  signal jsonb,
  priority smallint default 3 not null,
  attempts integer default 0 not null,
  available_at timestamp with time zone default clock_timestamp() not null,
  leased_until timestamp with time zone,
  parked_at timestamp with time zone,
  last_error text,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint outbox_pkey PRIMARY KEY (id),
  constraint outbox_check CHECK (((verb = 'signal'::text) = (signal IS NOT NULL))),
  constraint outbox_priority_check CHECK (((priority >= 1) AND (priority <= 5))),
  constraint outbox_verb_check CHECK ((verb = ANY (ARRAY['start'::text, 'signal'::text])))
) with (autovacuum_vacuum_scale_factor=0.0, autovacuum_vacuum_threshold=5000, fillfactor=70);

create table payment_differences (
  id text not null,
  account_id text not null,
  reconciliation_id text not null,
  kind text not null,
  about text not null,
  subject text not null,
  payment_id text,
  currency text not null,
  ours_minor bigint,
  theirs_minor bigint,
  ours text,
  theirs text,
  last_seen_run integer not null,
  resolved_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint payment_differences_pkey PRIMARY KEY (id),
  constraint payment_differences_account_id_id_key UNIQUE (account_id, id),
  constraint payment_differences_account_id_reconciliation_id_kind_subje_key UNIQUE (account_id, reconciliation_id, kind, subject),
  constraint payment_differences_account_id_payment_id_fkey FOREIGN KEY (account_id, payment_id) REFERENCES payment_intents(account_id, id),
  constraint payment_differences_account_id_reconciliation_id_fkey FOREIGN KEY (account_id, reconciliation_id) REFERENCES payment_reconciliations(account_id, id),
  constraint payment_differences_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint payment_differences_about_check CHECK ((about = ANY (ARRAY['payment'::text, 'refund'::text, 'dispute'::text, 'balance'::text]))),
  constraint payment_differences_kind_check CHECK ((kind = ANY (ARRAY['missing_here'::text, 'missing_there'::text, 'amount_mismatch'::text, 'status_mismatch'::text])))
);

create table payment_intents (
  id text not null,
  account_id text not null,
  customer_id text,
  transaction_id text,
  amount_minor bigint not null,
  currency text not null,
  capture_method text not null,
  method text not null,
  token text,
  card jsonb,
  state text not null,
  provider_id text,
  authorized_minor bigint default 0 not null,
  captured_minor bigint default 0 not null,
  fee_minor bigint default 0 not null,
  refunded_minor bigint default 0 not null,
  refund_held_minor bigint default 0 not null,
  last_error jsonb,
  action_url text,
  return_url text,
  capture_before timestamp with time zone,
  metadata jsonb default '{}'::jsonb not null,
  ask_at timestamp with time zone,
  ask_count integer default 0 not null,
  state_since timestamp with time zone not null,
  refresh_wanted_at timestamp with time zone,
  run integer default 0 not null,
  ended_at timestamp with time zone,
  version integer default 1 not null,
  event_sequence integer default 0 not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  disputed_minor bigint default 0 not null,
  constraint payment_intents_pkey PRIMARY KEY (id),
  constraint payment_intents_account_id_id_key UNIQUE (account_id, id),
  constraint payment_intents_account_id_provider_id_key UNIQUE (account_id, provider_id),
  constraint payment_intents_account_id_customer_id_fkey FOREIGN KEY (account_id, customer_id) REFERENCES customers(account_id, id),
  constraint payment_intents_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint payment_intents_account_id_transaction_id_fkey FOREIGN KEY (account_id, transaction_id) REFERENCES transactions(account_id, id),
  constraint payment_intents_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint payment_intents_amount_minor_check CHECK ((amount_minor > 0)),
  constraint payment_intents_authorized_minor_check CHECK ((authorized_minor >= 0)),
  constraint payment_intents_capture_method_check CHECK ((capture_method = ANY (ARRAY['automatic'::text, 'manual'::text]))),
  constraint payment_intents_captured_minor_check CHECK ((captured_minor >= 0)),
  constraint payment_intents_check CHECK ((authorized_minor <= amount_minor)),
  constraint payment_intents_check1 CHECK ((captured_minor <= authorized_minor)),
  constraint payment_intents_check2 CHECK (((refunded_minor + refund_held_minor) <= captured_minor)),
  constraint payment_intents_disputed_minor_check CHECK ((disputed_minor >= 0)),
  constraint payment_intents_refund_held_minor_check CHECK ((refund_held_minor >= 0)),
  constraint payment_intents_refunded_minor_check CHECK ((refunded_minor >= 0)),
  constraint payment_intents_state_check CHECK ((state = ANY (ARRAY['requires_payment_method'::text, 'requires_action'::text, 'processing'::text, 'requires_capture'::text, 'succeeded'::text, 'cancelled'::text, 'failed'::text])))
);

create table payment_moves (
  from_state text not null,
  to_state text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint payment_moves_pkey PRIMARY KEY (from_state, to_state)
);

create table payment_operations (
  id text not null,
  account_id text not null,
  payment_id text not null,
  refund_id text,
  kind text not null,
  state text default 'created'::text not null,
  idempotency_key text not null,
  amount_minor bigint,
  method text,
  token text,
  tries integer default 0 not null,
  asks integer default 0 not null,
  submitted_at timestamp with time zone,
  next_at timestamp with time zone,
  error jsonb,
  decided_by text,
  ended_at timestamp with time zone,
  created_at timestamp with time zone not null,
  dispute_id text,
  constraint payment_operations_pkey PRIMARY KEY (id),
  constraint payment_operations_account_id_id_key UNIQUE (account_id, id),
  constraint payment_operations_account_id_idempotency_key_key UNIQUE (account_id, idempotency_key),
  constraint payment_operations_account_id_dispute_id_fkey FOREIGN KEY (account_id, dispute_id) REFERENCES disputes(account_id, id),
  constraint payment_operations_account_id_payment_id_fkey FOREIGN KEY (account_id, payment_id) REFERENCES payment_intents(account_id, id),
  constraint payment_operations_account_id_refund_id_fkey FOREIGN KEY (account_id, refund_id) REFERENCES refunds(account_id, id),
  constraint payment_operations_check CHECK (((kind = 'refund'::text) = (refund_id IS NOT NULL))),
  constraint payment_operations_check1 CHECK (((state = ANY (ARRAY['succeeded'::text, 'declined'::text, 'errored'::text])) = (ended_at IS NOT NULL))),
  constraint payment_operations_check2 CHECK (((state = 'created'::text) = (submitted_at IS NULL))),
  constraint payment_operations_dispute_check CHECK (((kind = ANY (ARRAY['respond'::text, 'accept'::text])) = (dispute_id IS NOT NULL))),
  constraint payment_operations_kind_check CHECK ((kind = ANY (ARRAY['authorize'::text, 'capture'::text, 'cancel'::text, 'refund'::text, 'respond'::text, 'accept'::text]))),
  constraint payment_operations_state_check CHECK ((state = ANY (ARRAY['created'::text, 'submitted'::text, 'succeeded'::text, 'declined'::text, 'errored'::text, 'unknown'::text])))
);

create table payment_reconciliations (
  id text not null,
  account_id text not null,
  business_date date not null,
  run integer default 1 not null,
  payments_seen integer default 0 not null,
  movements_seen integer default 0 not null,
  requested_at timestamp with time zone default clock_timestamp() not null,
  ended_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint payment_reconciliations_pkey PRIMARY KEY (id),
  constraint payment_reconciliations_account_id_business_date_key UNIQUE (account_id, business_date),
  constraint payment_reconciliations_account_id_id_key UNIQUE (account_id, id),
  constraint payment_reconciliations_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id)
);

create unlogged table plan_windows (
  account_id text not null,
  hour_start timestamp with time zone not null,
  hour_count integer not null,
  previous_hour_count integer not null,
  day_start timestamp with time zone not null,
  day_count integer not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint plan_windows_pkey PRIMARY KEY (account_id),
  constraint plan_windows_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id)
) with (fillfactor=50);

create table posting_rules (
  journal text not null,
  measure text not null,
  debit text not null,
  credit text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint posting_rules_pkey PRIMARY KEY (journal, measure),
  constraint posting_rules_credit_fkey FOREIGN KEY (credit) REFERENCES ledger_account_kinds(kind),
  constraint posting_rules_debit_fkey FOREIGN KEY (debit) REFERENCES ledger_account_kinds(kind),
  constraint posting_rules_check CHECK ((debit <> credit))
);

create table products (
  id text not null,
  account_id text not null,
  sku text not null,
  name text not null,
  description text default ''::text not null,
  price_minor bigint not null,
  currency text not null,
  status text default 'active'::text not null,
  fulfillment_type text default 'physical'::text not null,
  tax_class text default 'multi_purpose_voucher'::text not null,
  categories text[] default '{}'::text[] not null,
  images jsonb default '[]'::jsonb not null,
  metadata jsonb default '{}'::jsonb not null,
  version integer default 1 not null,
  event_sequence integer default 0 not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  constraint products_pkey PRIMARY KEY (id),
  constraint products_account_id_id_key UNIQUE (account_id, id),
  constraint products_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint products_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint products_fulfillment_type_check CHECK ((fulfillment_type = ANY (ARRAY['physical'::text, 'digital_code'::text]))),
  constraint products_price_minor_check CHECK (((price_minor >= 0) AND (price_minor <= '100000000000'::bigint))),
  constraint products_status_check CHECK ((status = ANY (ARRAY['active'::text, 'draft'::text, 'archived'::text]))),
  constraint products_tax_class_check CHECK ((tax_class = ANY (ARRAY['multi_purpose_voucher'::text, 'single_purpose_voucher'::text, 'digital_service'::text, 'goods'::text, 'fee'::text])))
);

create table psp_events (
  provider text not null,
  id text not null,
  type text not null,
  provider_account text,
  payload bytea not null,
  payment_provider_id text,
  payment_id text,
  refund_id text,
  dispute_provider_id text,
  state text default 'parked'::text not null,
  matched_account_id text,
  tries integer default 0 not null,
  next_try_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint psp_events_pkey PRIMARY KEY (provider, id),
  constraint psp_events_matched_account_id_fkey FOREIGN KEY (matched_account_id) REFERENCES accounts(id),
  constraint psp_events_provider_check CHECK ((provider = ANY (ARRAY['sandbox'::text, 'stripe'::text]))),
  constraint psp_events_state_check CHECK ((state = ANY (ARRAY['matched'::text, 'parked'::text, 'ignored'::text])))
);

create table purchase_orders (
  id text not null,
  account_id text not null,
  customer_id text not null,
  currency text not null,
  business_date date not null,
  sequence integer not null,
  state text default 'open'::text not null,
  time_zone text not null,
  cut_off time without time zone not null,
  period_start timestamp with time zone not null,
  period_end timestamp with time zone not null,
  scheduled_end timestamp with time zone not null,
  offset_start_seconds integer not null,
  offset_end_seconds integer not null,
  server_version text default current_setting('server_version'::text) not null,
  closed_at timestamp with time zone,
  settle_until timestamp with time zone,
  manifest_hash bytea,
  held_at timestamp with time zone,
  invoiced_at timestamp with time zone,
  ended_at timestamp with time zone,
  opened_at timestamp with time zone not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  bill_on text default 'allocation'::text not null,
  constraint purchase_orders_pkey PRIMARY KEY (id),
  constraint purchase_orders_account_id_customer_id_currency_business_da_key UNIQUE (account_id, customer_id, currency, business_date, sequence),
  constraint purchase_orders_account_id_customer_id_currency_id_key UNIQUE (account_id, customer_id, currency, id),
  constraint purchase_orders_account_id_customer_id_id_key UNIQUE (account_id, customer_id, id),
  constraint purchase_orders_account_id_id_key UNIQUE (account_id, id),
  constraint purchase_orders_account_id_customer_id_fkey FOREIGN KEY (account_id, customer_id) REFERENCES customers(account_id, id),
  constraint purchase_orders_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint purchase_orders_bill_on_check CHECK ((bill_on = ANY (ARRAY['allocation'::text, 'acceptance'::text]))),
  constraint purchase_orders_check CHECK ((period_start <= period_end)),
  constraint purchase_orders_check1 CHECK (((state = 'open'::text) = (closed_at IS NULL))),
  constraint purchase_orders_check2 CHECK (((closed_at IS NULL) = (settle_until IS NULL))),
  constraint purchase_orders_check3 CHECK (((state = ANY (ARRAY['invoiced'::text, 'settled'::text])) = (invoiced_at IS NOT NULL))),
  constraint purchase_orders_sequence_check CHECK ((sequence >= 1)),
  constraint purchase_orders_state_check CHECK ((state = ANY (ARRAY['open'::text, 'settling'::text, 'invoiced'::text, 'settled'::text])))
);

create unlogged table rate_limits (
  key_id text not null,
  class text not null,
  window_start timestamp with time zone not null,
  count integer not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint rate_limits_pkey PRIMARY KEY (key_id, class)
) with (fillfactor=50);

create table received_payment_reversals (
  id text not null,
  account_id text not null,
  received_payment_id text not null,
  reopened_minor bigint not null,
  reason text not null,
  reversed_on date not null,
  recorded_at timestamp with time zone not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint received_payment_reversals_pkey PRIMARY KEY (id),
  constraint received_payment_reversals_account_id_id_key UNIQUE (account_id, id),
  constraint received_payment_reversals_account_id_received_payment_id_key UNIQUE (account_id, received_payment_id),
  constraint received_payment_reversals_account_id_received_payment_id_fkey FOREIGN KEY (account_id, received_payment_id) REFERENCES received_payments(account_id, id),
  constraint received_payment_reversals_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
  constraint received_payment_reversals_reopened_minor_check CHECK ((reopened_minor >= 0))
);

create table received_payments (
  id text not null,
  account_id text not null,
  customer_id text not null,
  invoice_id text not null,
  currency text not null,
  amount_minor bigint not null,
  allocated_minor bigint not null,
  method text not null,
  reference text not null,
  received_on date not null,
  recorded_at timestamp with time zone not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint received_payments_pkey PRIMARY KEY (id),
  constraint received_payments_account_id_id_key UNIQUE (account_id, id),
  constraint received_payments_account_id_invoice_id_reference_key UNIQUE (account_id, invoice_id, reference),
  constraint received_payments_account_id_customer_id_invoice_id_fkey FOREIGN KEY (account_id, customer_id, invoice_id) REFERENCES invoices(account_id, customer_id, id),
  constraint received_payments_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint received_payments_amount_minor_check CHECK ((amount_minor > 0)),
  constraint received_payments_check CHECK (((allocated_minor >= 0) AND (allocated_minor <= amount_minor))),
  constraint received_payments_method_check CHECK ((method = ANY (ARRAY['bank_transfer'::text, 'cheque'::text, 'cash'::text, 'other'::text]))),
  constraint received_payments_reference_check CHECK (((length(reference) >= 1) AND (length(reference) <= 140)))
);

create table refunds (
  id text not null,
  account_id text not null,
  payment_id text not null,
  amount_minor bigint not null,
  currency text not null,
  state text default 'pending'::text not null,
  reason text,
  cause text not null,
  cause_key text,
  refund_application_fee boolean default false not null,
  line_ids text[] default '{}'::text[] not null,
  metadata jsonb default '{}'::jsonb not null,
  provider_id text,
  last_error jsonb,
  expected_by date not null,
  ask_at timestamp with time zone,
  ask_count integer default 0 not null,
  refresh_wanted_at timestamp with time zone,
  run integer default 1 not null,
  ended_at timestamp with time zone,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  constraint refunds_pkey PRIMARY KEY (id),
  constraint refunds_account_id_cause_key_key UNIQUE (account_id, cause_key),
  constraint refunds_account_id_id_key UNIQUE (account_id, id),
  constraint refunds_account_id_provider_id_key UNIQUE (account_id, provider_id),
  constraint refunds_account_id_payment_id_fkey FOREIGN KEY (account_id, payment_id) REFERENCES payment_intents(account_id, id),
  constraint refunds_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint refunds_amount_minor_check CHECK ((amount_minor > 0)),
  constraint refunds_cause_check CHECK ((cause = ANY (ARRAY['request'::text, 'units_failed'::text, 'order_cancelled'::text, 'late_money'::text]))),
  constraint refunds_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'succeeded'::text, 'failed'::text, 'unknown'::text])))
);

create table schema_functions (
  name text not null,
  sha256 text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint schema_functions_pkey PRIMARY KEY (name)
);

create table schema_migrations (
  name text not null,
  sha256 text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint schema_migrations_pkey PRIMARY KEY (name)
);

create table skus (
  account_id text not null,
  sku text not null,
  product_id text not null,
  variant_id text,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint skus_pkey PRIMARY KEY (account_id, sku),
  constraint skus_account_id_product_id_fkey FOREIGN KEY (account_id, product_id) REFERENCES products(account_id, id),
  constraint skus_account_id_product_id_variant_id_fkey FOREIGN KEY (account_id, product_id, variant_id) REFERENCES variants(account_id, product_id, id)
);

create table sourcing_attempts (
  id text not null,
  account_id text not null,
  unit_id text not null,
  transaction_id text not null,
  supplier_id text not null,
  group_number integer not null,
  reference text not null,
  state text default 'placing'::text not null,
  tries integer default 0 not null,
  last_answer text,
  ask_at timestamp with time zone,
  unknown_at timestamp with time zone,
  leased_until timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  cost_minor bigint,
  cost_currency text,
  asked_at timestamp with time zone,
  cancel_requested_at timestamp with time zone,
  constraint sourcing_attempts_pkey PRIMARY KEY (id),
  constraint sourcing_attempts_account_id_reference_key UNIQUE (account_id, reference),
  constraint sourcing_attempts_unit_id_group_number_key UNIQUE (unit_id, group_number),
  constraint sourcing_attempts_account_id_supplier_id_fkey FOREIGN KEY (account_id, supplier_id) REFERENCES suppliers(account_id, id),
  constraint sourcing_attempts_account_id_unit_id_fkey FOREIGN KEY (account_id, unit_id) REFERENCES units(account_id, id),
  constraint sourcing_attempts_cost_currency_fkey FOREIGN KEY (cost_currency) REFERENCES currencies(code),
  constraint sourcing_attempts_check CHECK (((state = 'unknown'::text) = (unknown_at IS NOT NULL))),
  constraint sourcing_attempts_check1 CHECK (((state <> 'placing'::text) OR (leased_until IS NOT NULL))),
  constraint sourcing_attempts_check2 CHECK (((cost_minor IS NULL) = (cost_currency IS NULL))),
  constraint sourcing_attempts_cost_minor_check CHECK ((cost_minor >= 0)),
  constraint sourcing_attempts_group_number_check CHECK ((group_number >= 1)),
  constraint sourcing_attempts_state_check CHECK ((state = ANY (ARRAY['placing'::text, 'processing'::text, 'unknown'::text, 'delivered'::text, 'none'::text, 'not_placed'::text, 'rejected'::text])))
);

create table sourcing_routes (
  account_id text not null,
  transaction_id text not null,
  supplier_id text not null,
  preference text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  constraint sourcing_routes_pkey PRIMARY KEY (transaction_id, supplier_id),
  constraint sourcing_routes_account_id_supplier_id_fkey FOREIGN KEY (account_id, supplier_id) REFERENCES suppliers(account_id, id),
  constraint sourcing_routes_account_id_transaction_id_fkey FOREIGN KEY (account_id, transaction_id) REFERENCES transactions(account_id, id),
  constraint sourcing_routes_preference_check CHECK ((preference = ANY (ARRAY['first'::text, 'never'::text])))
);

create table stock_levels (
  account_id text not null,
  product_id text not null,
  variant_id text default ''::text not null,
  low_threshold integer,
  available integer default 0 not null,
  state text default 'out'::text not null,
  next_expiry_at timestamp with time zone,
  looked_at timestamp with time zone default clock_timestamp() not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint stock_levels_pkey PRIMARY KEY (account_id, product_id, variant_id),
  constraint stock_levels_account_id_product_id_fkey FOREIGN KEY (account_id, product_id) REFERENCES products(account_id, id),
  constraint stock_levels_available_check CHECK ((available >= 0)),
  constraint stock_levels_low_threshold_check CHECK (((low_threshold >= 1) AND (low_threshold <= 1000000))),
  constraint stock_levels_state_check CHECK ((state = ANY (ARRAY['ok'::text, 'low'::text, 'out'::text])))
);

create table supplier_calls (
  id text not null,
  account_id text not null,
  supplier_id text not null,
  leased_until timestamp with time zone not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint supplier_calls_pkey PRIMARY KEY (id),
  constraint supplier_calls_account_id_supplier_id_fkey FOREIGN KEY (account_id, supplier_id) REFERENCES suppliers(account_id, id)
);

create table supplier_skus (
  account_id text not null,
  supplier_id text not null,
  product_id text not null,
  variant_id text default ''::text not null,
  supplier_sku text not null,
  priority integer default 100 not null,
  cost_minor bigint not null,
  currency text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  id text default new_id('ssku'::text) not null,
  active boolean default true not null,
  version integer default 1 not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  constraint supplier_skus_pkey PRIMARY KEY (account_id, product_id, variant_id, supplier_id),
  constraint supplier_skus_account_id_id_key UNIQUE (account_id, id),
  constraint supplier_skus_id_key UNIQUE (id),
  constraint supplier_skus_account_id_product_id_fkey FOREIGN KEY (account_id, product_id) REFERENCES products(account_id, id),
  constraint supplier_skus_account_id_supplier_id_fkey FOREIGN KEY (account_id, supplier_id) REFERENCES suppliers(account_id, id),
  constraint supplier_skus_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint supplier_skus_cost_minor_check CHECK ((cost_minor >= 0)),
  constraint supplier_skus_priority_check CHECK (((priority >= 0) AND (priority <= 1000000)))
);

create table suppliers (
  id text not null,
  account_id text not null,
  name text not null,
  adapter text not null,
  active boolean default true not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  base_url text,
  secret bytea,
  secret_key_version smallint,
  call_seconds_max integer default 10 not null,
  per_second_max integer,
  in_flight_max integer default 16 not null,
  next_call_at timestamp with time zone,
  queue_ends_at timestamp with time zone,
  breaker_failures integer default 0 not null,
  breaker_opened_at timestamp with time zone,
  breaker_probe_at timestamp with time zone,
  breaker_reason text,
  version integer default 1 not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  constraint suppliers_pkey PRIMARY KEY (id),
  constraint suppliers_account_id_id_key UNIQUE (account_id, id),
  constraint suppliers_account_id_name_key UNIQUE (account_id, name),
  constraint suppliers_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint suppliers_account_id_secret_key_version_fkey FOREIGN KEY (account_id, secret_key_version) REFERENCES data_keys(account_id, version),
  constraint suppliers_adapter_check CHECK ((adapter = ANY (ARRAY['sandbox'::text, 'http'::text]))),
  constraint suppliers_base_url_check CHECK (((length(base_url) >= 1) AND (length(base_url) <= 2048))),
  constraint suppliers_breaker_failures_check CHECK ((breaker_failures >= 0)),
  constraint suppliers_call_seconds_max_check CHECK (((call_seconds_max >= 1) AND (call_seconds_max <= 30))),
  constraint suppliers_check CHECK (((adapter = 'http'::text) = (base_url IS NOT NULL))),
  constraint suppliers_check1 CHECK (((adapter = 'http'::text) = (secret IS NOT NULL))),
  constraint suppliers_check2 CHECK (((secret IS NULL) = (secret_key_version IS NULL))),
  constraint suppliers_check3 CHECK (((breaker_opened_at IS NULL) = (breaker_probe_at IS NULL))),
  constraint suppliers_check4 CHECK (((breaker_opened_at IS NULL) = (breaker_reason IS NULL))),
  constraint suppliers_in_flight_max_check CHECK (((in_flight_max >= 1) AND (in_flight_max <= 100))),
  constraint suppliers_per_second_max_check CHECK (((per_second_max >= 1) AND (per_second_max <= 1000))),
  constraint suppliers_secret_check CHECK ((length(secret) > 28))
);

create table test_clocks (
  account_id text not null,
  account_mode text default 'test'::text not null,
  offset_ms bigint default 0 not null,
  target_at timestamp with time zone,
  stopped_since timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  wake_at timestamp with time zone,
  constraint test_clocks_pkey PRIMARY KEY (account_id),
  constraint test_clocks_account_id_account_mode_fkey FOREIGN KEY (account_id, account_mode) REFERENCES accounts(id, mode),
  constraint test_clocks_account_mode_check CHECK ((account_mode = 'test'::text)),
  constraint test_clocks_offset_ms_check CHECK ((offset_ms >= 0))
);

create table transactions (
  id text not null,
  account_id text not null,
  customer_id text not null,
  purchase_order_id text not null,
  "position" integer not null,
  currency text not null,
  total_minor bigint not null,
  unit_count integer not null,
  client_reference text,
  content_hash bytea not null,
  payment_method text not null,
  allow_backorder boolean not null,
  deadline_at timestamp with time zone not null,
  shipping_address jsonb,
  billing_address jsonb,
  shipping_method text,
  metadata jsonb default '{}'::jsonb not null,
  cancel_requested_at timestamp with time zone,
  event_sequence integer default 1 not null,
  accepted_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  units_cancel_requested_at timestamp with time zone,
  payment_token text,
  pay_by timestamp with time zone,
  due_minor bigint,
  paid_at timestamp with time zone,
  cancel_reason text,
  cancel_note text,
  cancel_refunds boolean default true not null,
  constraint transactions_pkey PRIMARY KEY (id),
  constraint transactions_account_id_customer_id_client_reference_key UNIQUE (account_id, customer_id, client_reference),
  constraint transactions_account_id_id_key UNIQUE (account_id, id),
  constraint transactions_account_id_purchase_order_id_id_key UNIQUE (account_id, purchase_order_id, id),
  constraint transactions_purchase_order_id_position_key UNIQUE (purchase_order_id, "position"),
  constraint transactions_account_id_customer_id_purchase_order_id_fkey FOREIGN KEY (account_id, customer_id, purchase_order_id) REFERENCES purchase_orders(account_id, customer_id, id),
  constraint transactions_check CHECK (((payment_method = 'credit'::text) = (pay_by IS NULL))),
  constraint transactions_check1 CHECK (((pay_by IS NOT NULL) OR ((due_minor IS NULL) AND (paid_at IS NULL) AND (payment_token IS NULL)))),
  constraint transactions_client_reference_check CHECK (((length(client_reference) >= 1) AND (length(client_reference) <= 255))),
  constraint transactions_content_hash_check CHECK ((length(content_hash) = 32)),
  constraint transactions_due_minor_check CHECK ((due_minor >= 0)),
  constraint transactions_position_check CHECK (("position" >= 1)),
  constraint transactions_total_minor_check CHECK ((total_minor >= 0)),
  constraint transactions_unit_count_check CHECK (((unit_count >= 1) AND (unit_count <= 10000)))
);

create table unit_moves (
  from_state text not null,
  to_state text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint unit_moves_pkey PRIMARY KEY (from_state, to_state)
);

create table units (
  id text not null,
  account_id text not null,
  purchase_order_id text not null,
  transaction_id text not null,
  line_id text not null,
  "position" integer not null,
  product_id text not null,
  variant_id text default ''::text not null,
  price_minor bigint not null,
  state text default 'queued'::text not null,
  reason text,
  allocated_at timestamp with time zone,
  invoice_line_id text,
  created_at timestamp with time zone default clock_timestamp() not null,
  credited_minor bigint default 0 not null,
  replaces_unit_id text,
  cancel_requested_at timestamp with time zone,
  gross_minor bigint,
  constraint units_pkey PRIMARY KEY (id),
  constraint units_account_id_id_key UNIQUE (account_id, id),
  constraint units_replaces_unit_id_key UNIQUE (replaces_unit_id),
  constraint units_transaction_id_position_key UNIQUE (transaction_id, "position"),
  constraint units_account_id_invoice_line_id_fkey FOREIGN KEY (account_id, invoice_line_id) REFERENCES invoice_lines(account_id, id) DEFERRABLE INITIALLY DEFERRED,
  constraint units_account_id_purchase_order_id_transaction_id_fkey FOREIGN KEY (account_id, purchase_order_id, transaction_id) REFERENCES transactions(account_id, purchase_order_id, id),
  constraint units_account_id_replaces_unit_id_fkey FOREIGN KEY (account_id, replaces_unit_id) REFERENCES units(account_id, id),
  constraint units_account_id_transaction_id_line_id_fkey FOREIGN KEY (account_id, transaction_id, line_id) REFERENCES lines(account_id, transaction_id, id),
  constraint units_check CHECK (((allocated_at IS NOT NULL) = (state = ANY (ARRAY['allocated'::text, 'reversed'::text])))),
  constraint units_check1 CHECK ((gross_minor >= price_minor)),
  constraint units_check2 CHECK (((replaces_unit_id IS NULL) OR ((price_minor = 0) AND (invoice_line_id IS NULL)))),
  constraint units_credited CHECK ((((credited_minor >= 0) AND (credited_minor <= price_minor)) AND ((credited_minor = 0) OR (invoice_line_id IS NOT NULL)))),
  constraint units_credited_when CHECK (((credited_minor = 0) OR (state = ANY (ARRAY['allocated'::text, 'reversed'::text, 'failed'::text, 'cancelled'::text])))),
  constraint units_position_check CHECK (("position" >= 1)),
  constraint units_price_minor_check CHECK ((price_minor >= 0)),
  constraint units_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'sourcing'::text, 'allocated'::text, 'backordered'::text, 'unknown'::text, 'failed'::text, 'cancelled'::text, 'reversed'::text])))
);

create table variants (
  id text not null,
  account_id text not null,
  product_id text not null,
  sku text not null,
  price_minor bigint,
  attributes jsonb default '{}'::jsonb not null,
  image text,
  "position" integer not null,
  removed_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint variants_pkey PRIMARY KEY (id),
  constraint variants_account_id_id_key UNIQUE (account_id, id),
  constraint variants_account_id_product_id_id_key UNIQUE (account_id, product_id, id),
  constraint variants_account_id_product_id_fkey FOREIGN KEY (account_id, product_id) REFERENCES products(account_id, id),
  constraint variants_price_minor_check CHECK (((price_minor >= 0) AND (price_minor <= '100000000000'::bigint)))
);

create table waits (
  story_id text not null,
  account_id text not null,
  workflow text not null,
  subject jsonb not null,
  due_at timestamp with time zone,
  needs_person boolean default false not null,
  reason text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  clock_offset_ms bigint default 0 not null,
  constraint waits_pkey PRIMARY KEY (story_id),
  constraint waits_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint waits_check CHECK ((needs_person OR (due_at IS NOT NULL)))
);

create table webhook_secrets (
  id text not null,
  account_id text not null,
  webhook_id text not null,
  sealed bytea not null,
  key_version smallint not null,
  expires_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint webhook_secrets_pkey PRIMARY KEY (id),
  constraint webhook_secrets_account_id_key_version_fkey FOREIGN KEY (account_id, key_version) REFERENCES data_keys(account_id, version),
  constraint webhook_secrets_account_id_webhook_id_fkey FOREIGN KEY (account_id, webhook_id) REFERENCES webhooks(account_id, id),
  constraint webhook_secrets_sealed_check CHECK ((length(sealed) > 28))
);

create table webhooks (
  id text not null,
  account_id text not null,
  url text not null,
  events text[] not null,
  description text default ''::text not null,
  metadata jsonb default '{}'::jsonb not null,
  active boolean default true not null,
  disabled_at timestamp with time zone,
  disabled_reason text,
  deleted_at timestamp with time zone,
  per_second_max integer,
  in_flight_max integer default 16 not null,
  next_place_at timestamp with time zone,
  queue_ends_at timestamp with time zone,
  rotation_signs_with text default 'old'::text not null,
  failing_since timestamp with time zone,
  exhausted_count integer default 0 not null,
  version integer default 1 not null,
  event_sequence integer default 0 not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  constraint webhooks_pkey PRIMARY KEY (id),
  constraint webhooks_account_id_id_key UNIQUE (account_id, id),
  constraint webhooks_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint webhooks_check CHECK (((disabled_at IS NULL) = (disabled_reason IS NULL))),
  constraint webhooks_check1 CHECK (((disabled_at IS NULL) OR (NOT active))),
  constraint webhooks_disabled_reason_check CHECK ((disabled_reason = ANY (ARRAY['endpoint_gone'::text, 'only_failures'::text]))),
  constraint webhooks_events_check CHECK ((cardinality(events) >= 1)),
  constraint webhooks_in_flight_max_check CHECK (((in_flight_max >= 1) AND (in_flight_max <= 100))),
  constraint webhooks_per_second_max_check CHECK (((per_second_max >= 1) AND (per_second_max <= 1000))),
  constraint webhooks_rotation_signs_with_check CHECK ((rotation_signs_with = ANY (ARRAY['old'::text, 'new'::text])))
);

-- Indexes

CREATE INDEX attempts_delivery ON ONLY public.attempts USING btree (account_id, delivery_id, number);

CREATE INDEX claims_customer ON public.claims USING btree (account_id, customer_id, opened_at, id);

CREATE UNIQUE INDEX claims_once ON public.claims USING btree (unit_id) WHERE (state <> 'rejected'::text);

CREATE INDEX claims_open ON public.claims USING btree (account_id, id) WHERE (state = 'open'::text);

CREATE INDEX claims_opened ON public.claims USING btree (account_id, opened_at, id);

CREATE INDEX code_reveals_transaction ON public.code_reveals USING btree (account_id, transaction_id);

CREATE INDEX codes_pool ON public.codes USING btree (account_id, product_id, variant_id, COALESCE(expires_at, 'infinity'::timestamp with time zone), id) WHERE ((unit_id IS NULL) AND (quarantined_at IS NULL));

CREATE INDEX codes_quarantined ON public.codes USING btree (account_id, created_at, id) WHERE (quarantined_at IS NOT NULL);

CREATE INDEX codes_reserved ON public.codes USING btree (reserved_for) WHERE (reserved_for IS NOT NULL);

CREATE INDEX credit_note_units_unit ON public.credit_note_units USING btree (unit_id);

CREATE INDEX credit_notes_created ON public.credit_notes USING btree (account_id, created_at, id);

CREATE INDEX credit_notes_customer ON public.credit_notes USING btree (account_id, customer_id, created_at, id);

CREATE INDEX credit_notes_invoice ON public.credit_notes USING btree (invoice_id);

CREATE INDEX credit_notes_unfinished ON public.credit_notes USING btree (account_id, id) WHERE (ended_at IS NULL);

CREATE INDEX customers_created ON public.customers USING btree (account_id, created_at, id);

CREATE UNIQUE INDEX customers_email ON public.customers USING btree (account_id, lower(email));

CREATE INDEX deliveries_event ON public.deliveries USING btree (account_id, event_id);

CREATE UNIQUE INDEX deliveries_fan_out ON public.deliveries USING btree (event_id, webhook_id) WHERE (cause = ANY (ARRAY['event'::text, 'replay'::text]));

CREATE INDEX deliveries_pending ON public.deliveries USING btree (account_id, webhook_id, id) WHERE (state = 'pending'::text);

CREATE UNIQUE INDEX deliveries_recovered_once ON public.deliveries USING btree (copy_of) WHERE (cause = 'recovery'::text);

CREATE INDEX deliveries_sending ON public.deliveries USING btree (webhook_id) WHERE (sending_since IS NOT NULL);

CREATE INDEX deliveries_throttled ON public.deliveries USING btree (webhook_id) WHERE (throttled_until IS NOT NULL);

CREATE INDEX deliveries_webhook ON public.deliveries USING btree (account_id, webhook_id, created_at, id);

CREATE INDEX disputes_open ON public.disputes USING btree (account_id, id) WHERE (ended_at IS NULL);

CREATE INDEX disputes_opened ON public.disputes USING btree (account_id, opened_at, id);

CREATE INDEX disputes_payment ON public.disputes USING btree (account_id, payment_id);

CREATE INDEX document_sends_unfinished ON public.document_sends USING btree (account_id, id) WHERE (ended_at IS NULL);

CREATE INDEX entries_ledger_account ON public.entries USING btree (ledger_account_id, journal_id) INCLUDE (amount_minor);

CREATE INDEX events_order ON public.events USING btree (account_id, xid, id);

CREATE INDEX idempotency_keys_expiry ON public.idempotency_keys USING btree (expires_at) WHERE (expires_at IS NOT NULL);

CREATE INDEX idempotency_keys_sealed ON public.idempotency_keys USING btree (account_id, key_version) WHERE (key_version IS NOT NULL);

CREATE INDEX invoice_prepayments_transaction ON public.invoice_prepayments USING btree (transaction_id);

CREATE INDEX invoice_runs_unfinished ON public.invoice_runs USING btree (account_id, id) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX invoice_runs_waiting ON public.invoice_runs USING btree (purchase_order_id) WHERE (billed_at IS NULL);

CREATE INDEX invoices_created ON public.invoices USING btree (account_id, created_at, id);

CREATE INDEX invoices_customer ON public.invoices USING btree (account_id, customer_id, created_at, id);

CREATE INDEX mails_created ON public.mails USING btree (account_id, created_at);

CREATE INDEX mails_credit_note ON public.mails USING btree (account_id, credit_note_id) WHERE (credit_note_id IS NOT NULL);

CREATE INDEX mails_invoice ON public.mails USING btree (account_id, invoice_id) WHERE (invoice_id IS NOT NULL);

CREATE UNIQUE INDEX mails_message_id ON public.mails USING btree (account_id, message_id);

CREATE INDEX outbox_ready ON public.outbox USING btree (account_id, id) WHERE (parked_at IS NULL);

CREATE INDEX payment_differences_created ON public.payment_differences USING btree (account_id, created_at, id);

CREATE INDEX payment_intents_created ON public.payment_intents USING btree (account_id, created_at, id);

CREATE INDEX payment_intents_open ON public.payment_intents USING btree (account_id, id) WHERE (ended_at IS NULL);

CREATE INDEX payment_intents_transaction ON public.payment_intents USING btree (account_id, transaction_id) WHERE (transaction_id IS NOT NULL);

CREATE UNIQUE INDEX payment_operations_capture ON public.payment_operations USING btree (payment_id) WHERE ((kind = 'capture'::text) AND (state <> ALL (ARRAY['declined'::text, 'errored'::text])));

CREATE INDEX payment_operations_dispute ON public.payment_operations USING btree (account_id, dispute_id, created_at) WHERE (dispute_id IS NOT NULL);

CREATE UNIQUE INDEX payment_operations_dispute_open ON public.payment_operations USING btree (dispute_id) WHERE ((dispute_id IS NOT NULL) AND (ended_at IS NULL));

CREATE UNIQUE INDEX payment_operations_open ON public.payment_operations USING btree (payment_id) WHERE ((kind = ANY (ARRAY['authorize'::text, 'capture'::text, 'cancel'::text])) AND (ended_at IS NULL));

CREATE INDEX payment_operations_payment ON public.payment_operations USING btree (account_id, payment_id, created_at);

CREATE UNIQUE INDEX payment_operations_refund ON public.payment_operations USING btree (refund_id) WHERE (refund_id IS NOT NULL);

CREATE INDEX payment_reconciliations_open ON public.payment_reconciliations USING btree (account_id, id) WHERE (ended_at IS NULL);

CREATE INDEX products_created ON public.products USING btree (account_id, created_at, id);

CREATE INDEX products_name ON public.products USING btree (account_id, lower(name), id);

CREATE INDEX products_price ON public.products USING btree (account_id, price_minor, id);

CREATE INDEX products_updated ON public.products USING btree (account_id, updated_at, id);

CREATE INDEX psp_events_parked ON public.psp_events USING btree (next_try_at) WHERE ((state = 'parked'::text) AND (next_try_at IS NOT NULL));

CREATE INDEX psp_events_parked_payment ON public.psp_events USING btree (payment_provider_id) WHERE (state = 'parked'::text);

CREATE INDEX purchase_orders_business_date ON public.purchase_orders USING btree (account_id, business_date, id);

CREATE INDEX purchase_orders_created ON public.purchase_orders USING btree (account_id, created_at, id);

CREATE INDEX purchase_orders_last ON public.purchase_orders USING btree (account_id, customer_id, currency, period_end);

CREATE UNIQUE INDEX purchase_orders_open ON public.purchase_orders USING btree (account_id, customer_id, currency) WHERE (state = 'open'::text);

CREATE INDEX purchase_orders_unfinished ON public.purchase_orders USING btree (account_id, id) WHERE (ended_at IS NULL);

CREATE INDEX received_payments_created ON public.received_payments USING btree (account_id, created_at, id);

CREATE INDEX refunds_created ON public.refunds USING btree (account_id, created_at, id);

CREATE INDEX refunds_open ON public.refunds USING btree (account_id, id) WHERE (ended_at IS NULL);

CREATE INDEX refunds_payment ON public.refunds USING btree (account_id, payment_id);

CREATE INDEX skus_product ON public.skus USING btree (account_id, product_id);

CREATE UNIQUE INDEX sourcing_attempts_open ON public.sourcing_attempts USING btree (unit_id) WHERE (state = ANY (ARRAY['placing'::text, 'processing'::text, 'unknown'::text]));

CREATE INDEX sourcing_attempts_transaction ON public.sourcing_attempts USING btree (transaction_id);

CREATE INDEX stock_levels_looked ON public.stock_levels USING btree (looked_at);

CREATE INDEX supplier_calls_supplier ON public.supplier_calls USING btree (supplier_id);

CREATE INDEX supplier_skus_supplier ON public.supplier_skus USING btree (account_id, supplier_id, created_at, id);

CREATE INDEX suppliers_broken ON public.suppliers USING btree (account_id, id) WHERE (breaker_opened_at IS NOT NULL);

CREATE INDEX suppliers_created ON public.suppliers USING btree (account_id, created_at, id);

CREATE INDEX test_clocks_advancing ON public.test_clocks USING btree (account_id) WHERE (target_at IS NOT NULL);

CREATE INDEX test_clocks_wake ON public.test_clocks USING btree (wake_at) WHERE (wake_at IS NOT NULL);

CREATE INDEX transactions_accepted ON public.transactions USING btree (account_id, accepted_at, id);

CREATE INDEX transactions_customer ON public.transactions USING btree (account_id, customer_id, accepted_at, id);

CREATE INDEX transactions_unfinished ON public.transactions USING btree (account_id, id) WHERE (ended_at IS NULL);

CREATE INDEX units_billable ON public.units USING btree (purchase_order_id) WHERE (invoice_line_id IS NULL);

CREATE INDEX units_invoiced ON public.units USING btree (invoice_line_id) WHERE (invoice_line_id IS NOT NULL);

CREATE INDEX units_open ON public.units USING btree (transaction_id) WHERE (state = ANY (ARRAY['queued'::text, 'sourcing'::text, 'backordered'::text, 'unknown'::text]));

CREATE INDEX units_waiting ON public.units USING btree (account_id, product_id, variant_id, id) WHERE (state = ANY (ARRAY['queued'::text, 'backordered'::text]));

CREATE INDEX variants_product ON public.variants USING btree (account_id, product_id, "position");

CREATE INDEX waits_due ON public.waits USING btree (account_id, due_at);

CREATE UNIQUE INDEX webhook_secrets_current ON public.webhook_secrets USING btree (webhook_id) WHERE (expires_at IS NULL);

CREATE INDEX webhooks_created ON public.webhooks USING btree (account_id, created_at, id) WHERE (deleted_at IS NULL);

CREATE INDEX webhooks_failing ON public.webhooks USING btree (failing_since) WHERE (failing_since IS NOT NULL);

-- Triggers

CREATE TRIGGER account_calendar_changed BEFORE UPDATE OF time_zone, cut_off ON public.accounts FOR EACH ROW WHEN (((old.time_zone <> new.time_zone) OR (old.cut_off <> new.cut_off))) EXECUTE FUNCTION account_calendar_changed();

CREATE TRIGGER code_reveals_immutable BEFORE DELETE OR UPDATE ON public.code_reveals FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER codes_attached BEFORE UPDATE OF unit_id ON public.codes FOR EACH ROW EXECUTE FUNCTION codes_attached_for_ever();

CREATE TRIGGER credit_note_documents_immutable BEFORE DELETE OR UPDATE ON public.credit_note_documents FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER credit_note_lines_immutable BEFORE DELETE OR UPDATE ON public.credit_note_lines FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER credit_note_taxes_immutable BEFORE DELETE OR UPDATE ON public.credit_note_taxes FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER credit_note_units_immutable BEFORE DELETE OR UPDATE ON public.credit_note_units FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER credit_notes_immutable BEFORE DELETE OR UPDATE ON public.credit_notes FOR EACH ROW EXECUTE FUNCTION credit_notes_immutable();

CREATE TRIGGER customer_balances_opened AFTER INSERT ON public.customer_balances FOR EACH ROW EXECUTE FUNCTION customer_balances_opened();

CREATE TRIGGER customer_calendar_changed BEFORE UPDATE OF time_zone, cut_off ON public.customers FOR EACH ROW WHEN (((old.time_zone IS DISTINCT FROM new.time_zone) OR (old.cut_off IS DISTINCT FROM new.cut_off))) EXECUTE FUNCTION customer_calendar_changed();

CREATE TRIGGER deliveries_end_once BEFORE UPDATE OF state ON public.deliveries FOR EACH ROW EXECUTE FUNCTION deliveries_end_once();

CREATE TRIGGER disputes_move BEFORE UPDATE OF state ON public.disputes FOR EACH ROW WHEN ((old.state IS DISTINCT FROM new.state)) EXECUTE FUNCTION disputes_move();

CREATE TRIGGER entries_balanced AFTER INSERT ON public.entries REFERENCING NEW TABLE AS entered FOR EACH STATEMENT EXECUTE FUNCTION entries_balanced();

CREATE TRIGGER entries_immutable BEFORE DELETE OR UPDATE ON public.entries FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER events_immutable BEFORE DELETE OR UPDATE ON public.events FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER former_calendars_immutable BEFORE DELETE OR UPDATE ON public.former_calendars FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER invoice_documents_immutable BEFORE DELETE OR UPDATE ON public.invoice_documents FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER invoice_lines_immutable BEFORE DELETE OR UPDATE ON public.invoice_lines FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER invoice_prepayments_immutable BEFORE DELETE OR UPDATE ON public.invoice_prepayments FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER invoices_immutable BEFORE DELETE OR UPDATE ON public.invoices FOR EACH ROW EXECUTE FUNCTION invoices_immutable();

CREATE TRIGGER invoices_reopened AFTER UPDATE OF state ON public.invoices FOR EACH ROW WHEN (((old.state = 'paid'::text) AND (new.state = 'open'::text))) EXECUTE FUNCTION invoices_reopened();

CREATE TRIGGER invoices_settled AFTER UPDATE OF state ON public.invoices FOR EACH ROW WHEN ((new.state = ANY (ARRAY['paid'::text, 'void'::text]))) EXECUTE FUNCTION invoices_settled();

CREATE TRIGGER journals_immutable BEFORE DELETE OR UPDATE ON public.journals FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER ledger_accounts_immutable BEFORE DELETE OR UPDATE ON public.ledger_accounts FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER operator_decisions_immutable BEFORE DELETE OR UPDATE ON public.operator_decisions FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER payment_intents_move BEFORE UPDATE OF state ON public.payment_intents FOR EACH ROW WHEN ((old.state IS DISTINCT FROM new.state)) EXECUTE FUNCTION payment_intents_move();

CREATE TRIGGER payment_intents_told AFTER UPDATE OF state ON public.payment_intents FOR EACH ROW WHEN (((new.transaction_id IS NOT NULL) AND (new.state = 'succeeded'::text) AND (old.state <> 'succeeded'::text))) EXECUTE FUNCTION payment_intents_told();

CREATE TRIGGER received_payment_reversals_immutable BEFORE DELETE OR UPDATE ON public.received_payment_reversals FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER received_payments_immutable BEFORE DELETE OR UPDATE ON public.received_payments FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER test_clocks_forward BEFORE UPDATE ON public.test_clocks FOR EACH ROW EXECUTE FUNCTION test_clock_only_forward();

CREATE TRIGGER transactions_posted AFTER INSERT ON public.transactions FOR EACH ROW WHEN ((new.payment_method = 'credit'::text)) EXECUTE FUNCTION transactions_posted();

CREATE TRIGGER units_credited AFTER UPDATE ON public.units REFERENCING NEW TABLE AS units_after FOR EACH STATEMENT EXECUTE FUNCTION units_credited();

CREATE TRIGGER units_move BEFORE UPDATE OF state ON public.units FOR EACH ROW WHEN ((old.state IS DISTINCT FROM new.state)) EXECUTE FUNCTION units_move();

CREATE TRIGGER units_posted AFTER UPDATE ON public.units REFERENCING OLD TABLE AS units_before NEW TABLE AS units_after FOR EACH STATEMENT EXECUTE FUNCTION units_posted();

-- Comments

comment on column customer_balances.held_minor is 'Balance of the customer''s held account.';

comment on column customer_balances.invoiced_minor is 'Balance of the customer''s receivable account.';

comment on column customer_balances.unallocated_minor is 'Balance of the customer''s unallocated_cash account.';

comment on column organizations.requests_per_hour is 'Agreed instead of the plan''s; null: the plan''s.';

comment on column organizations.requests_per_day is 'Agreed instead of the plan''s; null: the plan''s.';
