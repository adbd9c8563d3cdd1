-- What the amounts of a journal move, by account kind; a kind that ends at zero is left out.
create or replace function journal_moves(p_kind text, p_amounts jsonb)
returns table (kind text, amount_minor bigint)
language sql stable as $$
  select side.kind, sum(side.minor)::bigint
  from posting_rules r
  cross join lateral (values (r.debit, (p_amounts ->> r.measure)::bigint),
    (r.credit, - (p_amounts ->> r.measure)::bigint)) side (kind, minor)
  where r.journal = p_kind and p_amounts ? r.measure
  group by side.kind having sum(side.minor) <> 0
$$;
