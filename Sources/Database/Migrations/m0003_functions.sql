-- Makes the month of usage_hourly that holds a time, unless it is there.
--
-- A table of its own that is attached afterwards: CREATE TABLE … PARTITION OF would shut readers
-- and writers of the parent out, ATTACH does not.
CREATE FUNCTION weighbridge.ensure_month(at timestamptz) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  first timestamptz := weighbridge.period_start(at);
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
    FOR VALUES FROM (%L) TO (%L)', qualified, first, weighbridge.period_end(first));
  EXECUTE format('GRANT SELECT ON %s TO weighbridge_service, weighbridge_reader', qualified);
END $$;

-- The sums of one period by kind, as the finalized row keeps them.
CREATE FUNCTION weighbridge.period_totals(
  of_tenant text, start timestamptz, OUT records bigint, OUT digest numeric,
  OUT adjustments_digest numeric, OUT level_change numeric, OUT totals jsonb
) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  usage record;
  adjustments record;
BEGIN
  SELECT
    coalesce(sum(by_kind.records), 0) AS records, coalesce(sum(by_kind.digest), 0) AS digest,
    coalesce(sum(by_kind.quantity) FILTER (WHERE by_kind.kind = 'storage'), 0) AS level,
    coalesce(jsonb_object_agg(by_kind.kind, jsonb_build_object(
      'records', by_kind.records, 'quantity', by_kind.quantity, 'weighted', by_kind.weighted,
      'byte_milliseconds', by_kind.byte_milliseconds)), '{}') AS totals
  INTO usage
  FROM (
    SELECT kind, sum(entry.records) AS records, sum(quantity) AS quantity,
      sum(weighted) AS weighted, sum(byte_milliseconds) AS byte_milliseconds,
      sum(entry.digest) AS digest
    FROM weighbridge.usage_hourly AS entry
    WHERE tenant = of_tenant AND hour >= start AND hour < weighbridge.period_end(start)
    GROUP BY kind) AS by_kind;
  SELECT
    coalesce(sum(by_kind.records), 0) AS records, coalesce(sum(by_kind.digest), 0) AS digest,
    coalesce(sum(by_kind.quantity) FILTER (WHERE by_kind.kind = 'storage'), 0) AS level,
    coalesce(jsonb_object_agg(by_kind.kind, jsonb_build_object(
      'records', by_kind.records, 'quantity', by_kind.quantity, 'weighted', by_kind.weighted,
      'byte_milliseconds', by_kind.byte_milliseconds)), '{}') AS totals
  INTO adjustments
  FROM (
    SELECT kind, sum(entry.records) AS records, sum(quantity) AS quantity,
      sum(weighted) AS weighted, sum(byte_milliseconds) AS byte_milliseconds,
      sum(entry.digest) AS digest
    FROM weighbridge.usage_adjustments AS entry
    WHERE tenant = of_tenant AND booking_period = start
    GROUP BY kind) AS by_kind;
  records := usage.records + adjustments.records;
  digest := usage.digest;
  adjustments_digest := adjustments.digest;
  level_change := usage.level + adjustments.level;
  totals := jsonb_build_object('usage', usage.totals, 'adjustments', adjustments.totals);
END $$;

-- Finalizes a period of a tenant and hands its storage level on to the next one.
CREATE FUNCTION weighbridge.finalize_period(
  of_tenant text, start timestamptz, at timestamptz, operator text, from_partition integer,
  from_position numeric
) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  period weighbridge.billing_periods;
  sums record;
  opening numeric;
BEGIN
  -- Sums of an old snapshot could miss rows of a writer that was waited for.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'feature_not_supported',
      MESSAGE = 'finalizing a period needs isolation level READ COMMITTED';
  END IF;
  -- Without its month, usage of the period would not come as far as the lock.
  PERFORM weighbridge.ensure_month(start);
  INSERT INTO weighbridge.billing_periods (tenant, period_start, period_end)
  VALUES (of_tenant, start, weighbridge.period_end(start)) ON CONFLICT DO NOTHING;
  SELECT * INTO STRICT period FROM weighbridge.billing_periods
  WHERE tenant = of_tenant AND period_start = start FOR UPDATE;
  IF period.state = 'finalized' THEN
    PERFORM weighbridge.refuse_locked(of_tenant, start);
  END IF;
  PERFORM weighbridge.require_order(of_tenant, start);

  SELECT closing_level INTO opening FROM weighbridge.billing_periods
  WHERE tenant = of_tenant AND state = 'finalized' AND period_start < start
  ORDER BY period_start DESC LIMIT 1;
  opening := coalesce(opening, 0);
  SELECT * INTO sums FROM weighbridge.period_totals(of_tenant, start);

  UPDATE weighbridge.billing_periods
  SET state = 'finalized', finalized_at = at, finalized_by = operator,
    log_partition = from_partition, log_position = from_position, records = sums.records,
    digest = sums.digest, adjustments_digest = sums.adjustments_digest, totals = sums.totals,
    opening_level = opening, closing_level = opening + sums.level_change
  WHERE tenant = of_tenant AND period_start = start;

  INSERT INTO weighbridge.billing_periods AS next (tenant, period_start, period_end, opening_level)
  VALUES (of_tenant, period.period_end, weighbridge.period_end(period.period_end),
    opening + sums.level_change)
  ON CONFLICT (tenant, period_start) DO UPDATE SET opening_level = EXCLUDED.opening_level;

  PERFORM pg_notify('weighbridge_finalize', json_build_object(
    'tenant', of_tenant, 'period', to_char(timezone('UTC', start), 'YYYY-MM'))::text);
END $$;

-- Periods of a tenant finalize in order: none after this one is finalized, and none before it that
-- holds usage is open.
CREATE FUNCTION weighbridge.require_order(of_tenant text, start timestamptz) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  other record;
BEGIN
  SELECT period_start INTO other FROM weighbridge.billing_periods AS period
  WHERE tenant = of_tenant AND (
    (period_start > start AND state = 'finalized')
    OR (period_start < start AND state = 'open' AND (
      EXISTS (SELECT FROM weighbridge.usage_hourly AS entry
        WHERE entry.tenant = of_tenant
          AND entry.hour >= period.period_start AND entry.hour < period.period_end)
      OR EXISTS (SELECT FROM weighbridge.usage_adjustments AS entry
        WHERE entry.tenant = of_tenant AND entry.booking_period = period.period_start))))
  ORDER BY period_start LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'WB002',
      MESSAGE = 'BILLING_PERIOD_OUT_OF_ORDER',
      DETAIL = format('tenant %s, period %s, in the way: %s', of_tenant,
        to_char(timezone('UTC', start), 'YYYY-MM'),
        to_char(timezone('UTC', other.period_start), 'YYYY-MM'));
  END IF;
END $$;

-- Functions may be called by everyone unless that is taken back.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA weighbridge FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  weighbridge.period_start(timestamptz), weighbridge.period_end(timestamptz)
  TO weighbridge_service, weighbridge_reader;
GRANT EXECUTE ON FUNCTION
  weighbridge.ensure_month(timestamptz),
  weighbridge.finalize_period(text, timestamptz, timestamptz, text, integer, numeric)
  TO weighbridge_service;

GRANT SELECT ON
  weighbridge.usage_hourly, weighbridge.usage_adjustments, weighbridge.billing_periods,
  weighbridge.flushes, weighbridge.flush_hours, weighbridge.closed_hours
  TO weighbridge_service, weighbridge_reader;
GRANT SELECT (partition, installation, position, chain, flush_id) ON weighbridge.checkpoints
  TO weighbridge_reader;
GRANT INSERT, UPDATE ON weighbridge.usage_hourly, weighbridge.usage_adjustments
  TO weighbridge_service;
GRANT INSERT ON weighbridge.flushes, weighbridge.flush_hours, weighbridge.closed_hours
  TO weighbridge_service;
GRANT SELECT, INSERT, UPDATE ON weighbridge.checkpoints TO weighbridge_service;
GRANT SELECT, UPDATE ON weighbridge.flush_counter TO weighbridge_service;
