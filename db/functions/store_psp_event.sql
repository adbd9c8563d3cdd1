-- Stores what a provider told, once per event id, and routes it.
create or replace function store_psp_event(p jsonb, p_payload bytea) returns text
language plpgsql as $$
begin
  insert into psp_events (provider, id, type, provider_account, payload, payment_provider_id,
    payment_id, refund_id, dispute_provider_id, state, next_try_at)
  values (p ->> 'provider', p ->> 'id', p ->> 'type', p ->> 'provider_account', p_payload,
    p ->> 'payment_provider_id', p ->> 'payment_id', p ->> 'refund_id',
    p ->> 'dispute_provider_id',
    case when (p ->> 'wanted')::boolean then 'parked' else 'ignored' end,
    case when (p ->> 'wanted')::boolean then clock_timestamp() end)
  on conflict do nothing;
  return route_psp_event(p ->> 'provider', p ->> 'id');
end $$;
