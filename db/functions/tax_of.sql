-- The tax on an amount, halves to even: taxOf in domain/invoice-lines.ts, and a test compares them.
create or replace function tax_of(p_net bigint, p_rate_bp integer) returns bigint
language sql immutable as $$
  select (case
    when 2 * (n % 10000) > 10000 or (2 * (n % 10000) = 10000 and div(n, 10000) % 2 = 1)
      then div(n, 10000) + 1
    else div(n, 10000) end)::bigint
  from (select p_net::numeric * p_rate_bp as n) product
$$;
