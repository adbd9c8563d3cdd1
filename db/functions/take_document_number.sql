-- Takes the next number of one of the seller's series, for the fiscal year of the issue: the year in
-- which it began. The seller and the counter stay locked until the document is committed, and the clock
-- is read after both locks: numbers have no gaps and follow the dates, also when the clock steps back or
-- the seller moves west.
create or replace function take_document_number(p_account text, p_kind text)
returns table (series text, value bigint, issue_date date, due_date date, issued_at timestamptz)
language plpgsql as $$
#variable_conflict use_column
declare
  v_series text;
begin
  select case p_kind when 'invoice' then a.invoice_series else a.credit_note_series end
    into strict v_series from accounts a where a.id = p_account for share;
  perform 1 from counters c where c.account_id = p_account and c.series = v_series for update;
  if not found then
    insert into counters (account_id, series, value) values (p_account, v_series, 0) on conflict do nothing;
    perform 1 from counters c where c.account_id = p_account and c.series = v_series for update;
  end if;
  return query
    with issue as (
      select business_now(a.id) as at, a.time_zone, a.payment_term_days,
        make_interval(months => a.fiscal_year_first_month - 1) as into_year
      from accounts a where a.id = p_account
    ), dated as (
      select issue.*, greatest((at at time zone time_zone)::date, c.issued_on) as issue_date
      from issue, counters c where c.account_id = p_account and c.series = v_series
    ), marked as (
      update counters c set issued_on = dated.issue_date from dated
      where c.account_id = p_account and c.series = v_series
        and c.issued_on is distinct from dated.issue_date
    ), taken as (
      insert into counters as c (account_id, series, value)
      select p_account, v_series || '-' || to_char(issue_date - into_year, 'YYYY'), 1 from dated
      on conflict (account_id, series) do update set value = c.value + 1
      returning c.series, c.value
    )
    select taken.series, taken.value, dated.issue_date, dated.issue_date + payment_term_days, dated.at
    from dated, taken;
end $$;
