-- Billing periods are what the calendar of a tenant says, and the calendar is not in the database.
-- Months remain where usage_hourly is cut into tables.

-- The start of the calendar month in UTC that holds a time.
CREATE FUNCTION weighbridge.month_start(at timestamptz) RETURNS timestamptz
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN pg_catalog.timezone('UTC', pg_catalog.date_trunc('month', pg_catalog.timezone('UTC', at)));

-- The start of the month after the one that holds a time.
CREATE FUNCTION weighbridge.month_end(at timestamptz) RETURNS timestamptz
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN pg_catalog.timezone('UTC',
    pg_catalog.date_trunc('month', pg_catalog.timezone('UTC', at)) + interval '1 month');

-- Makes the month of usage_hourly that holds a time, unless it is there.
--
-- A table of its own that is attached afterwards: CREATE TABLE … PARTITION OF would shut readers
-- and writers of the parent out, ATTACH does not.
CREATE OR REPLACE FUNCTION weighbridge.ensure_month(at timestamptz) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  first timestamptz := weighbridge.month_start(at);
  month text := format('usage_hourly_%s', to_char(first, 'YYYY_MM'));
  qualified text := format('weighbridge.%I', month);
BEGIN
  IF EXISTS (
    SELECT FROM pg_inherits
    WHERE inhparent = 'weighbridge.usage_hourly'::regclass AND inhrelid = to_regclass(qualified)
  ) THEN
    RETURN;
  END IF;
  LOCK TABLE weighbridge.usage_hourly IN SHARE UPDATE EXCLUSIVE MODE;
  IF EXISTS (
    SELECT FROM pg_inherits
    WHERE inhparent = 'weighbridge.usage_hourly'::regclass AND inhrelid = to_regclass(qualified)
  ) THEN
    RETURN;
  END IF;
  -- Each flush of an open hour updates all of its rows. With room in every page for the next
  -- versions of its rows, updates stay away from the index; the pages would grow to that anyway.
  EXECUTE format('CREATE TABLE %s (LIKE weighbridge.usage_hourly INCLUDING ALL)
    WITH (fillfactor = 45)', qualified);
  PERFORM weighbridge.guard_usage(qualified::regclass, first::text);
  EXECUTE format('ALTER TABLE weighbridge.usage_hourly ATTACH PARTITION %s
    FOR VALUES FROM (%L) TO (%L)', qualified, first, weighbridge.month_end(first));
  EXECUTE format('GRANT SELECT ON %s TO weighbridge_service, weighbridge_reader', qualified);
END $$;

-- What replaces these stands below.
DROP FUNCTION weighbridge.finalize_period(text, timestamptz, timestamptz, text, integer, numeric);
DROP FUNCTION weighbridge.require_order(text, timestamptz);
DROP FUNCTION weighbridge.period_totals(text, timestamptz);
DROP FUNCTION weighbridge.hold_open(text[], timestamptz[]);
DROP FUNCTION weighbridge.refuse_locked(text, timestamptz);

ALTER TABLE weighbridge.usage_adjustments DROP CONSTRAINT usage_adjustments_booking_period_check;
ALTER TABLE weighbridge.billing_periods
  DROP CONSTRAINT billing_periods_period_start_check,
  DROP CONSTRAINT billing_periods_check;
DROP FUNCTION weighbridge.period_start(timestamptz);
DROP FUNCTION weighbridge.period_end(timestamptz);

-- One row for each tenant that has usage: everything before finalized_until is finalized.
CREATE TABLE weighbridge.period_locks (
  tenant text COLLATE "C" PRIMARY KEY,
  finalized_until timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO weighbridge.period_locks (tenant, finalized_until)
SELECT tenant, coalesce(max(period_end) FILTER (WHERE state = 'finalized'), '-infinity')
FROM weighbridge.billing_periods GROUP BY tenant ORDER BY tenant;

-- Gaps that an operator gave up, so that periods could be finalized.
CREATE TABLE weighbridge.gap_acceptances (
  partition integer NOT NULL,
  position numeric(20, 0) NOT NULL,
  accepted_at timestamptz NOT NULL,
  operator text NOT NULL,
  reason text NOT NULL,
  gaps jsonb NOT NULL,
  PRIMARY KEY (partition, position)
);

-- The sums of a tenant's usage from a time to another and of the adjustments that are booked there,
-- by kind, and by kind and operation. Digests are sums modulo 2^128.
CREATE FUNCTION weighbridge.period_totals(
  of_tenant text, starts timestamptz, ends timestamptz, OUT records bigint, OUT digest numeric,
  OUT adjustments_digest numeric, OUT level_change numeric, OUT totals jsonb,
  OUT operation_totals jsonb
) LANGUAGE sql STABLE BEGIN ATOMIC
  WITH entries AS (
    SELECT 'usage' AS part, kind, operation, records, quantity, weighted, byte_milliseconds, digest
    FROM weighbridge.usage_hourly
    WHERE tenant = of_tenant AND hour >= starts AND hour < ends
    UNION ALL
    SELECT 'adjustments', kind, operation, records, quantity, weighted, byte_milliseconds, digest
    FROM weighbridge.usage_adjustments
    WHERE tenant = of_tenant AND booking_period >= starts AND booking_period < ends),
  operations AS (
    SELECT part, kind, operation, sum(records) AS records, sum(quantity) AS quantity,
      sum(weighted) AS weighted, sum(byte_milliseconds) AS byte_milliseconds,
      sum(digest) AS digest
    FROM entries GROUP BY part, kind, operation),
  kinds AS (
    SELECT part, kind, sum(records) AS records, sum(quantity) AS quantity,
      sum(weighted) AS weighted, sum(byte_milliseconds) AS byte_milliseconds,
      sum(digest) AS digest,
      jsonb_object_agg(operation, jsonb_build_object(
        'records', records, 'quantity', quantity, 'weighted', weighted,
        'byte_milliseconds', byte_milliseconds)) AS operations
    FROM operations GROUP BY part, kind),
  parts AS (
    SELECT part.name,
      coalesce(jsonb_object_agg(kinds.kind, jsonb_build_object(
        'records', kinds.records, 'quantity', kinds.quantity, 'weighted', kinds.weighted,
        'byte_milliseconds', kinds.byte_milliseconds)) FILTER (WHERE kinds.kind IS NOT NULL), '{}')
        AS totals,
      coalesce(jsonb_object_agg(kinds.kind, kinds.operations)
        FILTER (WHERE kinds.kind IS NOT NULL), '{}') AS operations,
      coalesce(sum(kinds.records), 0) AS records,
      mod(coalesce(sum(kinds.digest), 0), 340282366920938463463374607431768211456) AS digest,
      coalesce(sum(kinds.quantity) FILTER (WHERE kinds.kind = 'storage'), 0) AS level_change
    FROM (VALUES ('usage'), ('adjustments')) AS part (name)
    LEFT JOIN kinds ON kinds.part = part.name
    GROUP BY part.name)
  SELECT sum(parts.records)::bigint, sum(parts.digest) FILTER (WHERE parts.name = 'usage'),
    sum(parts.digest) FILTER (WHERE parts.name = 'adjustments'), sum(parts.level_change),
    jsonb_object_agg(parts.name, parts.totals), jsonb_object_agg(parts.name, parts.operations)
  FROM parts;
END;

ALTER TABLE weighbridge.billing_periods
  ADD COLUMN name text COLLATE "C" CHECK (name ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
  ADD COLUMN operation_totals jsonb,
  ADD COLUMN run_id bigint,
  ADD COLUMN acceptance_position numeric(20, 0);

-- Until now a period was the month that it is named by; this once its finalized rows change.
ALTER TABLE weighbridge.billing_periods DISABLE TRIGGER finalized_kept;
UPDATE weighbridge.billing_periods
SET name = to_char(timezone('UTC', period_start), 'YYYY-MM'),
  operation_totals = CASE WHEN state = 'finalized'
    THEN (weighbridge.period_totals(tenant, period_start, period_end)).operation_totals END;
ALTER TABLE weighbridge.billing_periods ENABLE ALWAYS TRIGGER finalized_kept;

ALTER TABLE weighbridge.billing_periods
  ALTER COLUMN name SET NOT NULL,
  ADD UNIQUE (tenant, name),
  ADD CHECK (period_end > period_start
    AND extract(epoch FROM period_start) % 3600 = 0 AND extract(epoch FROM period_end) % 3600 = 0),
  ADD CHECK (state = 'finalized' OR (run_id IS NULL AND acceptance_position IS NULL)),
  ADD CHECK (state = 'open' OR operation_totals IS NOT NULL),
  ADD FOREIGN KEY (log_partition, acceptance_position) REFERENCES weighbridge.gap_acceptances;

-- The name of the finalized period of a tenant that a time lies in, or of the next one: what lies
-- before the first finalized period is as locked as the period itself.
CREATE FUNCTION weighbridge.locked_name(of_tenant text, at timestamptz) RETURNS text
  LANGUAGE sql STABLE
  RETURN (
    SELECT name FROM weighbridge.billing_periods
    WHERE tenant = of_tenant AND state = 'finalized' AND period_end > at
    ORDER BY period_start LIMIT 1);

-- The refusal that every writer meets at a finalized period.
CREATE FUNCTION weighbridge.refuse_locked(of_tenant text, at timestamptz) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'WB001',
    MESSAGE = 'BILLING_PERIOD_LOCKED',
    DETAIL = format('tenant %s, period %s', of_tenant, weighbridge.locked_name(of_tenant, at)),
    HINT = 'A finalized period never changes; late usage becomes an adjustment in an open one.';
END $$;

-- Keeps all that these tenants have from a time on open until the end of the transaction, or fails.
--
-- Missing rows are created first, so that there is a row to hold. A finalization holds the row
-- exclusively; whoever waited for it reads what it left. Under a snapshot of the whole transaction
-- the insert or the row lock fails with 40001 instead of reading an old state.
CREATE FUNCTION weighbridge.hold_open(tenants text[], earliest timestamptz[]) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  locked record;
BEGIN
  INSERT INTO weighbridge.period_locks (tenant)
  SELECT touched.tenant FROM unnest(tenants) AS touched (tenant)
  WHERE NOT EXISTS (
    SELECT FROM weighbridge.period_locks AS known WHERE known.tenant = touched.tenant COLLATE "C")
  ORDER BY touched.tenant COLLATE "C"
  ON CONFLICT DO NOTHING;

  WITH held AS MATERIALIZED (
    SELECT lock.tenant, lock.finalized_until, touched.earliest
    FROM weighbridge.period_locks AS lock
    JOIN unnest(tenants, earliest) AS touched (tenant, earliest)
      ON lock.tenant = touched.tenant COLLATE "C"
    ORDER BY lock.tenant
    FOR SHARE OF lock)
  SELECT held.tenant, held.earliest INTO locked
  FROM held WHERE held.earliest < held.finalized_until LIMIT 1;
  IF FOUND THEN
    PERFORM weighbridge.refuse_locked(locked.tenant, locked.earliest);
  END IF;
END $$;

-- After rows of usage_hourly, or of one of its months, were inserted or updated.
CREATE OR REPLACE FUNCTION weighbridge.usage_written() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  tenants text[];
  earliest timestamptz[];
BEGIN
  SELECT array_agg(touched.tenant), array_agg(touched.earliest) INTO tenants, earliest
  FROM (SELECT tenant, min(hour) AS earliest FROM new_rows GROUP BY tenant) AS touched;
  IF tenants IS NOT NULL THEN
    PERFORM weighbridge.hold_open(tenants, earliest);
  END IF;
  RETURN NULL;
END $$;

-- After rows of usage_hourly, or of one of its months, were deleted.
CREATE OR REPLACE FUNCTION weighbridge.usage_deleted() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  tenants text[];
  earliest timestamptz[];
BEGIN
  SELECT array_agg(touched.tenant), array_agg(touched.earliest) INTO tenants, earliest
  FROM (SELECT tenant, min(hour) AS earliest FROM old_rows GROUP BY tenant) AS touched;
  IF tenants IS NOT NULL THEN
    PERFORM weighbridge.hold_open(tenants, earliest);
  END IF;
  RETURN NULL;
END $$;

-- Before an update that names tenant or hour: where the row leaves must be open too.
CREATE OR REPLACE FUNCTION weighbridge.usage_moved() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM weighbridge.hold_open(ARRAY[OLD.tenant], ARRAY[OLD.hour]);
  RETURN NEW;
END $$;

-- After adjustments were inserted or updated.
CREATE OR REPLACE FUNCTION weighbridge.adjustments_written() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  tenants text[];
  earliest timestamptz[];
BEGIN
  SELECT array_agg(touched.tenant), array_agg(touched.earliest) INTO tenants, earliest
  FROM (SELECT tenant, min(booking_period) AS earliest FROM new_rows GROUP BY tenant) AS touched;
  IF tenants IS NOT NULL THEN
    PERFORM weighbridge.hold_open(tenants, earliest);
  END IF;
  RETURN NULL;
END $$;

-- After adjustments were deleted.
CREATE OR REPLACE FUNCTION weighbridge.adjustments_deleted() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  tenants text[];
  earliest timestamptz[];
BEGIN
  SELECT array_agg(touched.tenant), array_agg(touched.earliest) INTO tenants, earliest
  FROM (SELECT tenant, min(booking_period) AS earliest FROM old_rows GROUP BY tenant) AS touched;
  IF tenants IS NOT NULL THEN
    PERFORM weighbridge.hold_open(tenants, earliest);
  END IF;
  RETURN NULL;
END $$;

-- Before TRUNCATE of a table that may hold finalized rows. With an argument, the start of a month
-- of usage_hourly, only what is finalized beyond that counts.
CREATE OR REPLACE FUNCTION weighbridge.truncate_refused() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  first timestamptz := CASE WHEN TG_NARGS = 0 THEN '-infinity' ELSE TG_ARGV[0]::timestamptz END;
  locked text;
BEGIN
  -- An old snapshot would not show a period that was finalized since.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'feature_not_supported',
      MESSAGE = format('TRUNCATE of %I needs isolation level READ COMMITTED', TG_TABLE_NAME);
  END IF;
  SELECT lock.tenant INTO locked FROM weighbridge.period_locks AS lock
  WHERE lock.finalized_until > first ORDER BY lock.tenant LIMIT 1;
  IF FOUND THEN
    PERFORM weighbridge.refuse_locked(locked, first);
  END IF;
  RETURN NULL;
END $$;

-- Before a lock is lowered, given to another tenant or deleted.
CREATE FUNCTION weighbridge.lock_kept() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.tenant = OLD.tenant AND NEW.finalized_until >= OLD.finalized_until
  THEN
    RETURN NEW;
  END IF;
  PERFORM weighbridge.refuse_locked(OLD.tenant, '-infinity');
  RETURN NULL;
END $$;

CREATE TRIGGER lock_kept BEFORE UPDATE OR DELETE ON weighbridge.period_locks
  FOR EACH ROW WHEN (OLD.finalized_until > '-infinity')
  EXECUTE FUNCTION weighbridge.lock_kept();
CREATE TRIGGER locks_truncated BEFORE TRUNCATE ON weighbridge.period_locks
  FOR EACH STATEMENT EXECUTE FUNCTION weighbridge.truncate_refused();
ALTER TABLE weighbridge.period_locks
  ENABLE ALWAYS TRIGGER lock_kept,
  ENABLE ALWAYS TRIGGER locks_truncated;
