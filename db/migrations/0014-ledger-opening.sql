-- Journals for what was accepted, delivered, given up and billed before there was a ledger. The
-- balances are right already, so only journals and entries are written. Everything is a difference to
-- what is posted, so it does not matter what is accepted and delivered while this runs.

create function open_ledger() returns void
language plpgsql as $$
begin
  insert into ledger_accounts (id, account_id, customer_id, currency, kind)
  select new_id('lac'), had.account_id, had.customer_id, had.currency, k.kind
  from (select distinct account_id, customer_id, currency from transactions) had
  cross join ledger_account_kinds k
  on conflict do nothing;

  with unit as (
    select u.account_id, u.transaction_id,
      coalesce(sum(u.price_minor) filter (where u.allocated_at is not null), 0)::bigint as allocated,
      coalesce(sum(u.price_minor) filter (where u.state in ('failed', 'cancelled')), 0)::bigint as given_up,
      coalesce(sum(u.price_minor) filter (where u.state = 'reversed' and u.invoice_line_id is null),
        0)::bigint as reversed,
      max(u.allocated_at) as allocated_at
    from units u group by 1, 2
  ), posted as (
    select j.account_id, split_part(j.source_id, '/', 1) as transaction_id,
      coalesce(sum(e.amount_minor) filter (where j.kind = 'units_allocated'), 0)::bigint as allocated,
      coalesce(sum(e.amount_minor) filter (where j.kind = 'units_given_up'), 0)::bigint as given_up,
      coalesce(sum(e.amount_minor) filter (where j.kind = 'units_reversed'), 0)::bigint as reversed
    from journals j
    join entries e on e.journal_id = j.id and e.amount_minor > 0
    join ledger_accounts a on a.id = e.ledger_account_id
      and a.kind in ('unbilled', 'held_offset', 'revenue')
    where j.kind in ('units_allocated', 'units_given_up')
      or (j.kind = 'units_reversed' and a.kind = 'revenue')
    group by 1, 2
  ), missing as (
    select t.account_id, t.customer_id, t.currency, 'order_accepted' as kind, t.id as source_id,
      jsonb_build_object('amount', t.total_minor) as amounts, t.accepted_at as occurred_at
    from transactions t where t.payment_method = 'credit'
    union all
    select t.account_id, t.customer_id, t.currency, 'units_allocated', t.id || '/0',
      jsonb_build_object('amount', unit.allocated - coalesce(posted.allocated, 0)), unit.allocated_at
    from transactions t join unit on unit.transaction_id = t.id
    left join posted on posted.account_id = t.account_id and posted.transaction_id = t.id
    union all
    select t.account_id, t.customer_id, t.currency, 'units_given_up', t.id || '/0',
      jsonb_build_object('amount', unit.given_up - coalesce(posted.given_up, 0)),
      coalesce(t.ended_at, t.accepted_at)
    from transactions t join unit on unit.transaction_id = t.id
    left join posted on posted.account_id = t.account_id and posted.transaction_id = t.id
    where t.payment_method = 'credit'
    union all
    select t.account_id, t.customer_id, t.currency, 'units_reversed', t.id || '/0',
      jsonb_build_object('amount', unit.reversed - coalesce(posted.reversed, 0),
        'held', unit.reversed - coalesce(posted.reversed, 0)),
      coalesce(t.ended_at, t.accepted_at)
    from transactions t join unit on unit.transaction_id = t.id
    left join posted on posted.account_id = t.account_id and posted.transaction_id = t.id
    where t.payment_method = 'credit'
    union all
    select c.account_id, c.customer_id, c.currency, 'credit_note_issued', c.invoice_id || '/' || c.id,
      jsonb_build_object('net', c.subtotal_minor, 'tax', c.tax_minor), c.issued_at
    from credit_notes c where c.state = 'issued'
    union all
    select i.account_id, i.customer_id, i.currency, 'invoice_issued', i.id,
      jsonb_build_object('net', i.subtotal_minor, 'tax', i.tax_minor, 'held', i.subtotal_minor),
      i.issued_at
    from invoices i
  ), written as (
    insert into journals (id, account_id, customer_id, currency, kind, source_id, occurred_at)
    select new_id('jrn'), account_id, customer_id, currency, kind, source_id, occurred_at
    from missing where exists (select 1 from journal_moves(missing.kind, missing.amounts))
    on conflict (account_id, source_id, kind) do nothing
    returning id, account_id, source_id, kind
  )
  insert into entries (journal_id, ledger_account_id, account_id, currency, amount_minor)
  select written.id, a.id, written.account_id, missing.currency, m.amount_minor
  from written
  join missing using (account_id, source_id, kind)
  cross join lateral journal_moves(missing.kind, missing.amounts) m
  join ledger_accounts a on a.account_id = written.account_id
    and a.customer_id = missing.customer_id and a.currency = missing.currency and a.kind = m.kind;
end $$;

select open_ledger();
drop function open_ledger();
