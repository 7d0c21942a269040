-- Roles belong to the whole server, not to one database: they are looked after at every migration.
DO $roles$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY
    ARRAY['weighbridge_owner', 'weighbridge_service', 'weighbridge_reader'] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;  -- A migration of another database of this server was quicker.
      END;
    END IF;
  END LOOP;
  -- An administrator who is no superuser must be a member to create objects for the owner.
  IF NOT pg_catalog.pg_has_role(current_user, 'weighbridge_owner', 'MEMBER') THEN
    EXECUTE format('GRANT weighbridge_owner TO %I', current_user);
  END IF;
  EXECUTE format(
    'GRANT CONNECT, TEMPORARY ON DATABASE %I TO weighbridge_service', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO weighbridge_reader', current_database());
END
$roles$;

CREATE SCHEMA IF NOT EXISTS weighbridge AUTHORIZATION weighbridge_owner;

SET LOCAL ROLE weighbridge_owner;
CREATE TABLE IF NOT EXISTS weighbridge.schema_migrations (
  version integer PRIMARY KEY,
  name text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  applied_by text NOT NULL DEFAULT session_user
);
GRANT USAGE ON SCHEMA weighbridge TO weighbridge_service, weighbridge_reader;
GRANT SELECT ON weighbridge.schema_migrations TO weighbridge_service, weighbridge_reader;
RESET ROLE;
