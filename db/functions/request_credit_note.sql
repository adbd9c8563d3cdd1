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
