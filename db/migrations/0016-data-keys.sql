-- Envelope encryption: what is sealed is sealed under a data key of its account, and data keys are
-- kept wrapped by a key-encryption key that is not in the database.

create table data_keys (
  account_id text not null references accounts (id),
  version smallint not null check (version between 1 and 32767),
  -- Which key-encryption key wrapped it, by its fingerprint, and the wrapped key. Both null: what
  -- carries this version was sealed under the key-encryption key itself, before data keys existed.
  key_id text,
  wrapped bytea check (length(wrapped) = 60),
  -- Since when (real time) nothing is sealed under it any more. The row goes an hour later.
  retired_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  primary key (account_id, version),
  check ((key_id is null) = (wrapped is null))
);

-- The version of a stored answer was its first byte; it becomes a column like everywhere else.
alter table idempotency_keys add column key_version smallint;
update idempotency_keys set key_version = get_byte(answer, 0), answer = substr(answer, 2)
  where answer is not null;
alter table idempotency_keys add check ((answer is null) = (key_version is null));

insert into data_keys (account_id, version)
select account_id, key_version from codes
union select account_id, key_version from webhook_secrets
union select account_id, secret_key_version from suppliers where secret_key_version is not null
union select account_id, key_version from idempotency_keys where key_version is not null;

-- A data key cannot go while something is sealed under it: this is the guard behind every rotation.
-- Orders keep no answer, so the hot path checks nothing here.
alter table codes add foreign key (account_id, key_version) references data_keys (account_id, version);
alter table webhook_secrets
  add foreign key (account_id, key_version) references data_keys (account_id, version);
alter table suppliers
  add foreign key (account_id, secret_key_version) references data_keys (account_id, version);
alter table idempotency_keys
  add foreign key (account_id, key_version) references data_keys (account_id, version);
create index idempotency_keys_sealed on idempotency_keys (account_id, key_version)
  where key_version is not null;

-- Counts one request of a key in its second and of its account in the hour and the day, or refuses it
-- and counts nothing anywhere. Exact over all processes: the two rows are locked, always in this
-- order, before the clock is read. A clock that steps back stays in the window that has begun.
-- Up to twice the second's limit is served late, and so counts in the next second as well. Up to
-- twice the hour's is served late if the hour before stayed within it. The day's limit is hard.
create or replace function count_request(
  p_key text, p_class text, p_second integer, p_account text, p_hour integer, p_day integer,
  out refused_by text, out second_count integer, out hour_count integer, out day_count integer,
  out second_start timestamptz, out hour_start timestamptz, out day_start timestamptz,
  out counted_at timestamptz
) language plpgsql as $$
declare
  v_second rate_limits;
  v_plan plan_windows;
  v_start timestamptz;
begin
  -- The sweeper deletes counters that are long over, so each row is made and locked in one step.
  insert into rate_limits as r (key_id, class, window_start, count)
    values (p_key, p_class, date_trunc('second', clock_timestamp()), 0)
    on conflict (key_id, class) do update set count = r.count returning * into strict v_second;
  insert into plan_windows as p (account_id, hour_start, hour_count, previous_hour_count, day_start,
      day_count)
    values (p_account, date_trunc('hour', clock_timestamp(), 'UTC'), 0, 0,
      date_trunc('day', clock_timestamp(), 'UTC'), 0)
    on conflict (account_id) do update set hour_count = p.hour_count returning * into strict v_plan;
  counted_at := clock_timestamp();

  v_start := date_trunc('second', counted_at);
  if v_second.window_start - v_start not between interval '0' and interval '1 second' then
    v_second.count := case when v_second.window_start = v_start - interval '1 second'
      then greatest(least(v_second.count, 2 * p_second) - p_second, 0) else 0 end;
    v_second.window_start := v_start;
  end if;
  v_start := date_trunc('hour', counted_at, 'UTC');
  if v_plan.hour_start - v_start not between interval '0' and interval '1 hour' then
    v_plan.previous_hour_count := case when v_plan.hour_start = v_start - interval '1 hour'
      then v_plan.hour_count else 0 end;
    v_plan.hour_start := v_start;
    v_plan.hour_count := 0;
  end if;
  v_start := date_trunc('day', counted_at, 'UTC');
  if v_plan.day_start - v_start not between interval '0' and interval '1 day' then
    v_plan.day_start := v_start;
    v_plan.day_count := 0;
  end if;

  -- The window that ends last is named: until then every request is refused.
  refused_by := case
    when v_plan.day_count >= p_day then 'day'
    when v_plan.hour_count >= case when v_plan.previous_hour_count <= p_hour then 2 else 1 end * p_hour
      then 'hour'
    when v_second.count >= 2 * p_second then 'second' end;
  if refused_by is null then
    v_second.count := v_second.count + 1;
    v_plan.hour_count := v_plan.hour_count + 1;
    v_plan.day_count := v_plan.day_count + 1;
    update rate_limits set window_start = v_second.window_start, count = v_second.count
      where key_id = p_key and class = p_class;
    update plan_windows p set hour_start = v_plan.hour_start, hour_count = v_plan.hour_count,
        previous_hour_count = v_plan.previous_hour_count, day_start = v_plan.day_start,
        day_count = v_plan.day_count
      where p.account_id = p_account;
  end if;
  second_count := v_second.count;
  hour_count := v_plan.hour_count;
  day_count := v_plan.day_count;
  second_start := v_second.window_start;
  hour_start := v_plan.hour_start;
  day_start := v_plan.day_start;
end $$;
