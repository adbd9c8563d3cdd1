-- A test clock that moves leaves the timers of those who wait behind: each began with the offset of
-- its time. Only who is due is told, and only when its own timer would come too late.

-- The clock's offset that the story's timer was set by.
alter table waits add column clock_offset_ms bigint not null default 0;

-- Real time at which the first story with a timer that is behind is due; null when there is none.
alter table test_clocks add column wake_at timestamptz;
create index test_clocks_wake on test_clocks (wake_at) where wake_at is not null;
create index test_clocks_advancing on test_clocks (account_id) where target_at is not null;

-- Operators ask which endpoints only fail; most have no failure at all.
create index webhooks_failing on webhooks (failing_since) where failing_since is not null;
