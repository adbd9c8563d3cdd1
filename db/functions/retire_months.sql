-- Drops the months of a log that ended before `p_before` (real time). What was written before a
-- month had its partition stands in the default one and is deleted. Gives up at once where somebody
-- reads: the next minute tries again. Safe to repeat.
create or replace function retire_months(p_table text, p_before timestamptz) returns void
language plpgsql as $$
declare
  v_partition text;
begin
  perform set_config('lock_timeout', '100ms', true);
  for v_partition in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = p_table::regclass and c.relname ~ (p_table || '_\d{4}_\d{2}$')
      and to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= p_before
  loop
    execute format('drop table %I', v_partition);
  end loop;
  execute format('delete from %I where created_at < $1', p_table || '_rest') using p_before;
exception when lock_not_available then
  raise log 'months of % are retired later', p_table;
end $$;
