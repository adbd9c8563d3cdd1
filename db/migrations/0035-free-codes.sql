-- The key of a code's unit holds no free codes: after a large import, when PostgreSQL still believed that
-- few were free, the pool was searched through this key, all free codes of everybody for each product.
alter table codes drop constraint codes_unit_id_key;
create unique index codes_unit on codes (unit_id) where unit_id is not null;
