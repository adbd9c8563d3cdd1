-- Makes room for a month of a partitioned table. Safe to repeat.
create or replace function create_month_partition(p_table text, p_month date) returns void
language plpgsql as $$
begin
  execute format('create table if not exists %I partition of %I for values from (%L) to (%L)',
    p_table || to_char(p_month, '_YYYY_MM'), p_table,
    date_trunc('month', p_month), date_trunc('month', p_month) + interval '1 month');
end $$;
