-- Which orders failed or were cancelled, in whole or in part, is asked of many orders and true of few.
create index units_given_up on units (account_id, transaction_id) where state in ('failed', 'cancelled');
