-- A refusal that names a field.
create or replace function refused_field(p_reason text, p_field text, p_message text) returns jsonb
language sql immutable as $$
  select refused(p_reason, jsonb_build_object('fields', jsonb_build_array(
    jsonb_build_object('field', p_field, 'message', p_message))))
$$;
