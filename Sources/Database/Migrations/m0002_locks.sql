-- The refusal that every writer meets at a finalized period.
CREATE FUNCTION weighbridge.refuse_locked(tenant text, period_start timestamptz) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'WB001',
    MESSAGE = 'BILLING_PERIOD_LOCKED',
    DETAIL = format('tenant %s, period %s', tenant,
      to_char(timezone('UTC', period_start), 'YYYY-MM')),
    HINT = 'A finalized period never changes; late usage becomes an adjustment in an open one.';
END $$;

-- Keeps the named periods open until the end of the transaction, or fails.
--
-- Missing rows are created first, so that there is a row to hold. A finalization holds the row
-- exclusively; whoever waited for it reads the state that it left. Under a snapshot of the whole
-- transaction the insert or the row lock fails with 40001 instead of reading an old state.
CREATE FUNCTION weighbridge.hold_open(tenants text[], starts timestamptz[]) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  locked record;
BEGIN
  INSERT INTO weighbridge.billing_periods AS present (tenant, period_start, period_end)
  SELECT touched.tenant, touched.start, weighbridge.period_end(touched.start)
  FROM unnest(tenants, starts) AS touched (tenant, start)
  WHERE NOT EXISTS (
    SELECT FROM weighbridge.billing_periods AS known
    WHERE known.tenant = touched.tenant COLLATE "C" AND known.period_start = touched.start)
  ORDER BY touched.tenant COLLATE "C", touched.start
  ON CONFLICT DO NOTHING;

  WITH held AS MATERIALIZED (
    SELECT period.tenant, period.period_start, period.state
    FROM weighbridge.billing_periods AS period
    JOIN unnest(tenants, starts) AS touched (tenant, start)
      ON period.tenant = touched.tenant COLLATE "C" AND period.period_start = touched.start
    ORDER BY period.tenant, period.period_start
    FOR SHARE OF period)
  SELECT held.tenant, held.period_start INTO locked
  FROM held WHERE held.state = 'finalized' LIMIT 1;
  IF FOUND THEN
    PERFORM weighbridge.refuse_locked(locked.tenant, locked.period_start);
  END IF;
END $$;

-- After rows of usage_hourly, or of one of its months, were inserted or updated.
CREATE FUNCTION weighbridge.usage_written() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  tenants text[];
  starts timestamptz[];
BEGIN
  SELECT array_agg(period.tenant), array_agg(period.start) INTO tenants, starts
  FROM (
    SELECT DISTINCT touched.tenant, weighbridge.period_start(touched.hour) AS start
    FROM (SELECT DISTINCT new_rows.tenant, new_rows.hour FROM new_rows) AS touched) AS period;
  IF tenants IS NOT NULL THEN
    PERFORM weighbridge.hold_open(tenants, starts);
  END IF;
  RETURN NULL;
END $$;

-- After rows of usage_hourly, or of one of its months, were deleted.
CREATE FUNCTION weighbridge.usage_deleted() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  tenants text[];
  starts timestamptz[];
BEGIN
  SELECT array_agg(period.tenant), array_agg(period.start) INTO tenants, starts
  FROM (
    SELECT DISTINCT touched.tenant, weighbridge.period_start(touched.hour) AS start
    FROM (SELECT DISTINCT old_rows.tenant, old_rows.hour FROM old_rows) AS touched) AS period;
  IF tenants IS NOT NULL THEN
    PERFORM weighbridge.hold_open(tenants, starts);
  END IF;
  RETURN NULL;
END $$;

-- Before an update that names tenant or hour: the period that the row leaves must be open too.
CREATE FUNCTION weighbridge.usage_moved() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM weighbridge.hold_open(
    ARRAY[OLD.tenant], ARRAY[weighbridge.period_start(OLD.hour)]);
  RETURN NEW;
END $$;

-- After adjustments were inserted or updated.
CREATE FUNCTION weighbridge.adjustments_written() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  tenants text[];
  starts timestamptz[];
BEGIN
  SELECT array_agg(period.tenant), array_agg(period.booking_period) INTO tenants, starts
  FROM (SELECT DISTINCT new_rows.tenant, new_rows.booking_period FROM new_rows) AS period;
  IF tenants IS NOT NULL THEN
    PERFORM weighbridge.hold_open(tenants, starts);
  END IF;
  RETURN NULL;
END $$;

-- After adjustments were deleted.
CREATE FUNCTION weighbridge.adjustments_deleted() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  tenants text[];
  starts timestamptz[];
BEGIN
  SELECT array_agg(period.tenant), array_agg(period.booking_period) INTO tenants, starts
  FROM (SELECT DISTINCT old_rows.tenant, old_rows.booking_period FROM old_rows) AS period;
  IF tenants IS NOT NULL THEN
    PERFORM weighbridge.hold_open(tenants, starts);
  END IF;
  RETURN NULL;
END $$;

-- Before an update that names tenant or booking period.
CREATE FUNCTION weighbridge.adjustment_moved() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM weighbridge.hold_open(ARRAY[OLD.tenant], ARRAY[OLD.booking_period]);
  RETURN NEW;
END $$;

-- Before TRUNCATE of a table that may hold rows of finalized periods. With an argument only the
-- period that starts there counts, as in one month of usage_hourly.
CREATE FUNCTION weighbridge.truncate_refused() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  locked record;
BEGIN
  -- An old snapshot would not show a period that was finalized since.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'feature_not_supported',
      MESSAGE = format('TRUNCATE of %I needs isolation level READ COMMITTED', TG_TABLE_NAME);
  END IF;
  SELECT period.tenant, period.period_start INTO locked
  FROM weighbridge.billing_periods AS period
  WHERE period.state = 'finalized'
    AND (TG_NARGS = 0 OR period.period_start = TG_ARGV[0]::timestamptz)
  ORDER BY period.tenant, period.period_start LIMIT 1;
  IF FOUND THEN
    PERFORM weighbridge.refuse_locked(locked.tenant, locked.period_start);
  END IF;
  RETURN NULL;
END $$;

-- Before a finalized row of billing_periods is updated or deleted.
CREATE FUNCTION weighbridge.finalized_kept() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM weighbridge.refuse_locked(OLD.tenant, OLD.period_start);
  RETURN NULL;
END $$;

-- Statement triggers fire on the table that a statement names. So they stand on the parent and, by
-- this function, on every month. ALWAYS: they fire in a session that plays a replica, too.
CREATE FUNCTION weighbridge.guard_usage(target regclass, month text) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  trigger_name text;
BEGIN
  EXECUTE format('CREATE TRIGGER usage_inserted AFTER INSERT ON %s
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION weighbridge.usage_written()', target);
  EXECUTE format('CREATE TRIGGER usage_updated AFTER UPDATE ON %s
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION weighbridge.usage_written()', target);
  EXECUTE format('CREATE TRIGGER usage_deleted AFTER DELETE ON %s
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION weighbridge.usage_deleted()', target);
  EXECUTE format('CREATE TRIGGER usage_truncated BEFORE TRUNCATE ON %s
    FOR EACH STATEMENT EXECUTE FUNCTION weighbridge.truncate_refused(%s)',
    target, coalesce(quote_literal(month), ''));
  FOREACH trigger_name IN ARRAY
    ARRAY['usage_inserted', 'usage_updated', 'usage_deleted', 'usage_truncated'] LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', target, trigger_name);
  END LOOP;
END $$;

SELECT weighbridge.guard_usage('weighbridge.usage_hourly', NULL);
-- Months get their clone of a row trigger from the parent.
CREATE TRIGGER usage_moved BEFORE UPDATE OF tenant, hour ON weighbridge.usage_hourly
  FOR EACH ROW EXECUTE FUNCTION weighbridge.usage_moved();
ALTER TABLE weighbridge.usage_hourly ENABLE ALWAYS TRIGGER usage_moved;

CREATE TRIGGER adjustments_inserted AFTER INSERT ON weighbridge.usage_adjustments
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION weighbridge.adjustments_written();
CREATE TRIGGER adjustments_updated AFTER UPDATE ON weighbridge.usage_adjustments
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION weighbridge.adjustments_written();
CREATE TRIGGER adjustments_deleted AFTER DELETE ON weighbridge.usage_adjustments
  REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION weighbridge.adjustments_deleted();
CREATE TRIGGER adjustment_moved
  BEFORE UPDATE OF tenant, booking_period ON weighbridge.usage_adjustments
  FOR EACH ROW EXECUTE FUNCTION weighbridge.adjustment_moved();
CREATE TRIGGER adjustments_truncated BEFORE TRUNCATE ON weighbridge.usage_adjustments
  FOR EACH STATEMENT EXECUTE FUNCTION weighbridge.truncate_refused();
ALTER TABLE weighbridge.usage_adjustments
  ENABLE ALWAYS TRIGGER adjustments_inserted,
  ENABLE ALWAYS TRIGGER adjustments_updated,
  ENABLE ALWAYS TRIGGER adjustments_deleted,
  ENABLE ALWAYS TRIGGER adjustment_moved,
  ENABLE ALWAYS TRIGGER adjustments_truncated;

CREATE TRIGGER finalized_kept BEFORE UPDATE OR DELETE ON weighbridge.billing_periods
  FOR EACH ROW WHEN (OLD.state = 'finalized') EXECUTE FUNCTION weighbridge.finalized_kept();
CREATE TRIGGER periods_truncated BEFORE TRUNCATE ON weighbridge.billing_periods
  FOR EACH STATEMENT EXECUTE FUNCTION weighbridge.truncate_refused();
ALTER TABLE weighbridge.billing_periods
  ENABLE ALWAYS TRIGGER finalized_kept,
  ENABLE ALWAYS TRIGGER periods_truncated;
