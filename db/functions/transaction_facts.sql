-- The immutable rows of an order as one object.
create or replace function transaction_facts(p_account text, p_transaction text) returns jsonb
language sql stable as $$
  select facts from facts_of_transactions(array[p_account], array[p_transaction])
$$;
