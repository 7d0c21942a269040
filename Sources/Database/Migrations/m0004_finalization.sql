-- Writes down the open periods that usage belongs to, as the calendar of the caller has them.
--
-- An open row that lies across one of these, or has its name, was made by another calendar and
-- goes. What begins before the end of the last finalized period is not open.
CREATE FUNCTION weighbridge.open_periods(
  tenants text[], names text[], starts timestamptz[], ends timestamptz[]
) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  missing record;
BEGIN
  SELECT array_agg(wanted.tenant) AS tenants, array_agg(wanted.name) AS names,
    array_agg(wanted.starts) AS starts, array_agg(wanted.ends) AS ends INTO missing
  FROM (
    SELECT DISTINCT given.tenant COLLATE "C" AS tenant, given.name, given.starts, given.ends
    FROM unnest(tenants, names, starts, ends) AS given (tenant, name, starts, ends)
    LEFT JOIN weighbridge.period_locks AS lock ON lock.tenant = given.tenant COLLATE "C"
    WHERE given.starts >= coalesce(lock.finalized_until, '-infinity')) AS wanted
  WHERE NOT EXISTS (
    SELECT FROM weighbridge.billing_periods AS known
    WHERE known.tenant = wanted.tenant AND known.period_start = wanted.starts
      AND known.period_end = wanted.ends AND known.name = wanted.name COLLATE "C");
  IF missing.tenants IS NULL THEN
    RETURN;
  END IF;
  -- Nobody finalizes them meanwhile.
  PERFORM weighbridge.hold_open(missing.tenants, missing.starts);
  DELETE FROM weighbridge.billing_periods AS other
  USING unnest(missing.tenants, missing.names, missing.starts, missing.ends)
    AS wanted (tenant, name, starts, ends)
  WHERE other.tenant = wanted.tenant COLLATE "C" AND other.state = 'open'
    AND (other.name = wanted.name COLLATE "C"
      OR (other.period_start < wanted.ends AND other.period_end > wanted.starts));
  INSERT INTO weighbridge.billing_periods (tenant, name, period_start, period_end, opening_level)
  SELECT wanted.tenant, wanted.name, wanted.starts, wanted.ends, coalesce(before.closing_level, 0)
  FROM unnest(missing.tenants, missing.names, missing.starts, missing.ends)
    AS wanted (tenant, name, starts, ends)
  LEFT JOIN weighbridge.billing_periods AS before
    ON before.tenant = wanted.tenant COLLATE "C" AND before.period_end = wanted.starts
      AND before.state = 'finalized'
  ORDER BY wanted.tenant COLLATE "C", wanted.starts
  ON CONFLICT DO NOTHING;
END $$;

-- Finalizes a period of a tenant: its row first, the lock last.
CREATE FUNCTION weighbridge.finalize_period(
  of_tenant text, period_name text, starts timestamptz, ends timestamptz, at timestamptz,
  operator text, from_partition integer, from_position numeric, run bigint DEFAULT NULL,
  acceptance numeric DEFAULT NULL
) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  until timestamptz;
  month timestamptz := weighbridge.month_start(starts);
  opening numeric;
  sums record;
BEGIN
  -- Sums of an old snapshot could miss rows of a writer that was waited for.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'feature_not_supported',
      MESSAGE = 'finalizing a period needs isolation level READ COMMITTED';
  END IF;
  -- Without its months, usage of the period would not come as far as the lock.
  WHILE month < ends LOOP
    PERFORM weighbridge.ensure_month(month);
    month := weighbridge.month_end(month);
  END LOOP;
  INSERT INTO weighbridge.period_locks (tenant) VALUES (of_tenant) ON CONFLICT DO NOTHING;
  SELECT finalized_until INTO STRICT until FROM weighbridge.period_locks
  WHERE tenant = of_tenant FOR UPDATE;
  PERFORM weighbridge.require_order(of_tenant, period_name, starts, until);

  SELECT closing_level INTO opening FROM weighbridge.billing_periods
  WHERE tenant = of_tenant AND state = 'finalized' ORDER BY period_start DESC LIMIT 1;
  opening := coalesce(opening, 0);
  SELECT * INTO sums FROM weighbridge.period_totals(of_tenant, starts, ends);

  DELETE FROM weighbridge.billing_periods
  WHERE tenant = of_tenant AND state = 'open'
    AND (name = period_name OR (period_start < ends AND period_end > starts));
  INSERT INTO weighbridge.billing_periods
    (tenant, name, period_start, period_end, state, finalized_at, finalized_by, log_partition,
     log_position, run_id, acceptance_position, records, digest, adjustments_digest, totals,
     operation_totals, opening_level, closing_level)
  VALUES (
    of_tenant, period_name, starts, ends, 'finalized', at, operator, from_partition,
    from_position, run, acceptance, sums.records, sums.digest, sums.adjustments_digest,
    sums.totals, sums.operation_totals, opening, opening + sums.level_change);
  UPDATE weighbridge.billing_periods SET opening_level = opening + sums.level_change
  WHERE tenant = of_tenant AND state = 'open' AND period_start = ends;
  UPDATE weighbridge.period_locks SET finalized_until = ends WHERE tenant = of_tenant;

  PERFORM pg_notify('weighbridge_finalize', json_build_object(
    'tenant', of_tenant, 'period', period_name)::text);
END $$;

-- Periods of a tenant finalize in order: nothing after this one is finalized, and between the last
-- finalized one and this one there is no usage.
CREATE FUNCTION weighbridge.require_order(
  of_tenant text, period_name text, starts timestamptz, until timestamptz
) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  obstacle text;
BEGIN
  IF until > starts THEN
    PERFORM weighbridge.refuse_locked(of_tenant, starts) FROM weighbridge.billing_periods
    WHERE tenant = of_tenant AND state = 'finalized'
      AND period_start <= starts AND period_end > starts;
    obstacle := weighbridge.locked_name(of_tenant, starts);
  ELSIF until < starts THEN
    SELECT format('usage at %s',
      to_char(timezone('UTC', entry.at), 'YYYY-MM-DD"T"HH24:MI"Z"')) INTO obstacle
    FROM (
      SELECT min(hour) AS at FROM weighbridge.usage_hourly
      WHERE tenant = of_tenant AND hour >= until AND hour < starts
      UNION ALL
      SELECT min(booking_period) FROM weighbridge.usage_adjustments
      WHERE tenant = of_tenant AND booking_period >= until AND booking_period < starts) AS entry
    WHERE entry.at IS NOT NULL ORDER BY entry.at LIMIT 1;
  END IF;
  IF obstacle IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'WB002',
      MESSAGE = 'BILLING_PERIOD_OUT_OF_ORDER',
      DETAIL = format('tenant %s, period %s, in the way: %s', of_tenant, period_name, obstacle);
  END IF;
END $$;

-- Functions may be called by everyone unless that is taken back.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA weighbridge FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  weighbridge.open_periods(text[], text[], timestamptz[], timestamptz[]),
  weighbridge.finalize_period(
    text, text, timestamptz, timestamptz, timestamptz, text, integer, numeric, bigint, numeric)
  TO weighbridge_service;
GRANT SELECT ON weighbridge.period_locks, weighbridge.gap_acceptances
  TO weighbridge_service, weighbridge_reader;
GRANT INSERT ON weighbridge.gap_acceptances TO weighbridge_service;
