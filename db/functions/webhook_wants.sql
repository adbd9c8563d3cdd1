-- Whether a list of subscriptions names a type. Wildcards stand for the published types only.
create or replace function webhook_wants(p_events text[], p_type text, p_additive boolean) returns boolean
language sql immutable as $$
  select p_type = any (p_events)
    or (not p_additive and p_events && array[split_part(p_type, '.', 1) || '.*', '*'])
$$;
