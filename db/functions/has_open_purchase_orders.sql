-- Whether a purchase order of a business date is still under way.
create or replace function has_open_purchase_orders(p_account text, p_date date) returns boolean
language sql stable as $$
  select exists (select 1 from purchase_orders where account_id = p_account
    and business_date = p_date and ended_at is null)
$$;
