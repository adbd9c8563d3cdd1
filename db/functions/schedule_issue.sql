-- When the invoice of a purchase order that has closed may be issued. The close is never moved. An account
-- has one series of numbers, and whoever takes one holds the series until its commit, for 50 ms at most: so
-- those that end at the same instant are spread, 20 to a second, over ten minutes at most and never past
-- the settle window, in which any invoice may come anyway. Where a person closed early nobody is made to
-- wait. By the id, in whole seconds: the same however often it is asked. Safe to repeat.
create or replace function schedule_issue(p_account text, p_po text) returns void
language sql volatile as $$
  update purchase_orders po
  set issue_after = po.closed_at + case when po.period_end < po.scheduled_end then interval '0'
    else floor((('x' || substr(md5(po.id), 1, 8))::bit(32)::bigint / 4294967296.0)
      * least(600, extract(epoch from po.settle_until - po.closed_at), (
        select count(*) from (select 1 from purchase_orders other
          where other.account_id = po.account_id and other.scheduled_end = po.scheduled_end
            and other.state in ('open', 'settling') limit 12000) together) / 20)) * interval '1 second' end
  where po.account_id = p_account and po.id = p_po and po.state = 'settling' and po.issue_after is null
$$;
