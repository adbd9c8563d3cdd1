-- What the workflow and the operator hear of a delivery after every step.
create or replace function delivery_progress(p_delivery deliveries, p_last attempts) returns jsonb
language sql stable as $$
  select jsonb_build_object('state', p_delivery.state, 'reason', p_delivery.reason,
    'attempts', p_delivery.attempt_count, 'webhook_id', p_delivery.webhook_id,
    'last_status', p_last.status_code, 'last_error', p_last.error)
$$;
