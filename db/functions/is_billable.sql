-- Whether a unit can be billed: it was delivered, or it is not given up where its order is billed ahead
-- (`bills_ahead`). A replacement is never billed.
create or replace function is_billable(u units, is_ahead boolean) returns boolean
language sql immutable as $$
  select u.invoice_line_id is null and u.replaces_unit_id is null
    and (u.state = 'allocated'
      or is_ahead and u.state in ('queued', 'sourcing', 'backordered', 'unknown'))
$$;
