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
