-- Every story that has not ended, with what its workflow is started with: whatever is durable and has
-- work left. `subject_key` names the field of the subject that holds the story's id; `created_at` is
-- real time, also where the row keeps business time.
create or replace function open_stories()
returns table (account_id text, workflow text, id text, subject_key text, subject jsonb,
  priority integer, created_at timestamptz)
language sql stable as $$
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
    select d.account_id, 'closeAccountDay', d.id, 'account_day_id',
      jsonb_build_object('account_day_id', d.id, 'business_date', d.business_date, 'run', d.run),
      5, d.created_at, false
    from account_days d where d.ended_at is null
    union all
    select r.account_id, 'reconcileLedger', r.id, 'ledger_reconciliation_id',
      jsonb_build_object('ledger_reconciliation_id', r.id, 'business_date', r.business_date,
        'run', r.run),
      5, r.created_at, false
    from ledger_reconciliations r where r.ended_at is null
    union all
    select d.account_id, 'deliverWebhook', d.id, 'delivery_id',
      jsonb_build_object('delivery_id', d.id, 'webhook_id', d.webhook_id, 'event_type', e.type),
      4, d.created_at, true
    from deliveries d join events e on e.account_id = d.account_id and e.id = d.event_id
    where d.state = 'pending'
  ) s
  left join test_clocks k on k.account_id = s.account_id
$$;
