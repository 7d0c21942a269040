-- What consumers read beside the tables.

-- The first hour that is still open: every partition has closed what is before it. With an argument
-- as the flush with that id left it. Nothing is closed while a partition has closed nothing.
CREATE FUNCTION weighbridge.closed_until(
  as_of bigint DEFAULT 9223372036854775807
) RETURNS timestamptz
  LANGUAGE sql STABLE BEGIN ATOMIC
  SELECT CASE WHEN count(closed.hour) = count(*) AND count(*) > 0
    THEN min(closed.hour) + interval '1 hour' ELSE '-infinity' END
  FROM weighbridge.checkpoints AS flushed
  LEFT JOIN LATERAL (
    SELECT hour FROM weighbridge.closed_hours AS entry
    WHERE entry.partition = flushed.partition AND entry.flush_id <= as_of
    ORDER BY hour DESC LIMIT 1) AS closed ON true;
END;

-- The rollups of closed hours.
CREATE VIEW weighbridge.closed_usage_hourly AS
SELECT tenant, hour, kind, operation, context_type, context, records, quantity, weighted,
  byte_milliseconds, digest, flush_id
FROM weighbridge.usage_hourly WHERE hour < (SELECT weighbridge.closed_until());

-- The rollups of closed hours that a flush after this one changed or closed.
CREATE FUNCTION weighbridge.closed_usage_since(after bigint)
  RETURNS SETOF weighbridge.closed_usage_hourly
  LANGUAGE sql STABLE BEGIN ATOMIC
  SELECT entry.* FROM weighbridge.closed_usage_hourly AS entry
  WHERE entry.hour >= (SELECT weighbridge.closed_until(after))
  UNION ALL
  SELECT entry.* FROM weighbridge.closed_usage_hourly AS entry
  WHERE entry.hour < (SELECT weighbridge.closed_until(after))
    AND entry.hour IN (
      SELECT changed.hour FROM weighbridge.flush_hours AS changed WHERE changed.flush_id > after);
END;

-- The first hour of a tenant's usage, or of a period in which late usage of it is booked.
CREATE FUNCTION weighbridge.first_hour(of_tenant text) RETURNS timestamptz
  LANGUAGE sql STABLE
  RETURN least(
    (SELECT min(hour) FROM weighbridge.usage_hourly WHERE tenant = of_tenant),
    (SELECT min(booking_period) FROM weighbridge.usage_adjustments WHERE tenant = of_tenant));

-- The stored bytes of a tenant, hour by hour: every closed hour from `first` to before `until`,
-- none before its first usage.
--
-- level: bytes at the end of the hour. byte_milliseconds: of the bytes that the hour begins with,
-- through the hour, and of its own changes. late_byte_milliseconds: what the adjustments that are
-- booked in the period that begins with this hour add for the time before it.
--
-- The sums begin at the last period that was finalized before `first`.
CREATE FUNCTION weighbridge.storage_hours(
  of_tenant text, first timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity'
) RETURNS TABLE (
  hour timestamptz, level numeric, byte_milliseconds numeric, late_byte_milliseconds numeric)
  LANGUAGE sql STABLE BEGIN ATOMIC
  WITH opening AS MATERIALIZED (
    SELECT coalesce(max(base.period_end), '-infinity') AS at,
      coalesce(max(base.closing_level), 0) AS level
    FROM (
      SELECT period_end, closing_level FROM weighbridge.billing_periods
      WHERE tenant = of_tenant AND state = 'finalized' AND period_end <= first
      ORDER BY period_end DESC LIMIT 1) AS base),
  wanted AS MATERIALIZED (
    SELECT greatest(first, coalesce(weighbridge.first_hour(of_tenant), 'infinity')) AS first,
      least(until, weighbridge.closed_until()) AS until),
  entries AS (
    SELECT entry.hour, sum(quantity) AS change, sum(entry.byte_milliseconds) AS own,
      0 AS booked, 0 AS late
    FROM weighbridge.usage_hourly AS entry
    WHERE tenant = of_tenant AND kind = 'storage' AND entry.hour >= (SELECT at FROM opening)
      AND entry.hour < (SELECT wanted.until FROM wanted)
    GROUP BY entry.hour
    UNION ALL
    SELECT booking_period, 0, 0, sum(quantity), sum(entry.byte_milliseconds)
    FROM weighbridge.usage_adjustments AS entry
    WHERE tenant = of_tenant AND kind = 'storage' AND booking_period >= (SELECT at FROM opening)
      AND booking_period < (SELECT wanted.until FROM wanted)
    GROUP BY booking_period
    UNION ALL
    SELECT generate_series(wanted.first, wanted.until - interval '1 hour', interval '1 hour'),
      0, 0, 0, 0
    FROM wanted WHERE wanted.first < wanted.until),
  hours AS (
    SELECT entries.hour, sum(change) AS change, sum(own) AS own, sum(booked) AS booked,
      sum(late) AS late
    FROM entries GROUP BY entries.hour),
  levels AS (
    SELECT hours.hour, hours.change, hours.own, hours.late,
      (SELECT opening.level FROM opening) + sum(change + booked) OVER (ORDER BY hours.hour) AS level
    FROM hours)
  SELECT levels.hour, levels.level, (levels.level - levels.change) * 3600000 + levels.own,
    levels.late
  FROM levels WHERE levels.hour >= (SELECT wanted.first FROM wanted) ORDER BY levels.hour;
END;

-- The stored bytes of each tenant, hour by hour; see storage_hours. Ask for one tenant at a time.
CREATE VIEW weighbridge.storage_hourly AS
SELECT lock.tenant, stored.hour, stored.level, stored.byte_milliseconds,
  stored.late_byte_milliseconds
FROM weighbridge.period_locks AS lock
CROSS JOIN LATERAL weighbridge.storage_hours(lock.tenant) AS stored;

-- Spans of hours at whose ends a tenant has less than nothing stored, with the rows of the first of
-- these hours that took bytes away.
CREATE VIEW weighbridge.negative_levels AS
WITH marked AS (
  SELECT tenant, hour, level,
    count(*) FILTER (WHERE level >= 0) OVER (PARTITION BY tenant ORDER BY hour) AS span
  FROM weighbridge.storage_hourly),
spans AS (
  SELECT tenant, min(hour) AS since, max(hour) + interval '1 hour' AS until, min(level) AS lowest
  FROM marked WHERE level < 0 GROUP BY tenant, span)
SELECT spans.tenant, spans.since, spans.until, spans.lowest, cause.origin_hour, cause.operation,
  cause.context_type, cause.context, cause.quantity
FROM spans CROSS JOIN LATERAL (
  SELECT hour AS origin_hour, operation, context_type, context, quantity
  FROM weighbridge.usage_hourly
  WHERE tenant = spans.tenant AND hour = spans.since AND kind = 'storage' AND quantity < 0
  UNION ALL
  SELECT origin_hour, operation, context_type, context, quantity
  FROM weighbridge.usage_adjustments
  WHERE tenant = spans.tenant AND booking_period = spans.since AND kind = 'storage'
    AND quantity < 0) AS cause;

REVOKE ALL ON FUNCTION
  weighbridge.closed_until(bigint), weighbridge.closed_usage_since(bigint),
  weighbridge.first_hour(text), weighbridge.storage_hours(text, timestamptz, timestamptz)
  FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  weighbridge.closed_until(bigint), weighbridge.closed_usage_since(bigint),
  weighbridge.first_hour(text), weighbridge.storage_hours(text, timestamptz, timestamptz)
  TO weighbridge_service, weighbridge_reader;
GRANT SELECT ON
  weighbridge.closed_usage_hourly, weighbridge.storage_hourly, weighbridge.negative_levels
  TO weighbridge_service, weighbridge_reader;
