-- The start of the calendar month in UTC that holds a time; billing periods are calendar months.
CREATE FUNCTION weighbridge.period_start(at timestamptz) RETURNS timestamptz
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN pg_catalog.timezone('UTC', pg_catalog.date_trunc('month', pg_catalog.timezone('UTC', at)));

-- The start of the period after the one that holds a time.
CREATE FUNCTION weighbridge.period_end(at timestamptz) RETURNS timestamptz
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN pg_catalog.timezone('UTC',
    pg_catalog.date_trunc('month', pg_catalog.timezone('UTC', at)) + interval '1 month');

-- Hourly rollups: sums of all usage whose period was open when it came.
CREATE TABLE weighbridge.usage_hourly (
  tenant text COLLATE "C" NOT NULL,
  hour timestamptz NOT NULL,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('traffic', 'compute', 'storage')),
  operation text COLLATE "C" NOT NULL,
  context_type text COLLATE "C" NOT NULL
    CHECK (context_type IN ('project', 'workspace', 'admin', 'other')),
  context text COLLATE "C" NOT NULL,
  records bigint NOT NULL,
  quantity numeric NOT NULL,
  weighted numeric NOT NULL,
  byte_milliseconds numeric NOT NULL,
  digest numeric(39, 0) NOT NULL,
  flush_id bigint NOT NULL,
  PRIMARY KEY (tenant, hour, kind, operation, context_type, context)
) PARTITION BY RANGE (hour);

-- Late usage for a finalized period, booked in an open one.
CREATE TABLE weighbridge.usage_adjustments (
  tenant text COLLATE "C" NOT NULL,
  booking_period timestamptz NOT NULL
    CHECK (booking_period = weighbridge.period_start(booking_period)),
  origin_hour timestamptz NOT NULL,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('traffic', 'compute', 'storage')),
  operation text COLLATE "C" NOT NULL,
  context_type text COLLATE "C" NOT NULL
    CHECK (context_type IN ('project', 'workspace', 'admin', 'other')),
  context text COLLATE "C" NOT NULL,
  records bigint NOT NULL,
  quantity numeric NOT NULL,
  weighted numeric NOT NULL,
  byte_milliseconds numeric NOT NULL,
  digest numeric(39, 0) NOT NULL,
  flush_id bigint NOT NULL,
  PRIMARY KEY (tenant, booking_period, origin_hour, kind, operation, context_type, context)
);

-- One row for each period of a tenant; a finalized one never changes again.
CREATE TABLE weighbridge.billing_periods (
  tenant text COLLATE "C" NOT NULL,
  period_start timestamptz NOT NULL CHECK (period_start = weighbridge.period_start(period_start)),
  period_end timestamptz NOT NULL CHECK (period_end = weighbridge.period_end(period_start)),
  state text COLLATE "C" NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'finalized')),
  opening_level numeric NOT NULL DEFAULT 0,
  finalized_at timestamptz,
  finalized_by text,
  log_partition integer,
  log_position numeric(20, 0),
  records bigint,
  digest numeric(39, 0),
  adjustments_digest numeric(39, 0),
  totals jsonb,
  closing_level numeric,
  PRIMARY KEY (tenant, period_start),
  CHECK ((state = 'finalized') = (finalized_at IS NOT NULL)),
  CHECK (state = 'open' OR (
    finalized_by IS NOT NULL AND log_partition IS NOT NULL AND log_position IS NOT NULL
    AND records IS NOT NULL AND digest IS NOT NULL AND adjustments_digest IS NOT NULL
    AND totals IS NOT NULL AND closing_level IS NOT NULL))
);

-- The last flush id given; the row stays locked until commit, so commit order is id order.
CREATE TABLE weighbridge.flush_counter (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  last_flush_id bigint NOT NULL
);
INSERT INTO weighbridge.flush_counter (last_flush_id) VALUES (0);

-- One row for each flush.
CREATE TABLE weighbridge.flushes (
  flush_id bigint PRIMARY KEY,
  flushed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  installation uuid NOT NULL,
  partition integer NOT NULL,
  token uuid NOT NULL UNIQUE,
  from_position numeric(20, 0) NOT NULL,
  to_position numeric(20, 0) NOT NULL,
  usage_rows bigint NOT NULL,
  adjustment_rows bigint NOT NULL,
  records bigint NOT NULL
);

-- The hours of usage_hourly that a flush changed.
CREATE TABLE weighbridge.flush_hours (
  flush_id bigint NOT NULL REFERENCES weighbridge.flushes,
  hour timestamptz NOT NULL,
  PRIMARY KEY (flush_id, hour)
);

-- The hours that a partition has closed; an hour is closed when every partition has its row.
CREATE TABLE weighbridge.closed_hours (
  hour timestamptz NOT NULL,
  partition integer NOT NULL,
  flush_id bigint NOT NULL,
  PRIMARY KEY (hour, partition)
);

-- How far each partition's log is contained in these tables.
CREATE TABLE weighbridge.checkpoints (
  partition integer PRIMARY KEY,
  installation uuid NOT NULL,
  position numeric(20, 0) NOT NULL,
  chain numeric(20, 0) NOT NULL,
  token uuid NOT NULL,
  flush_id bigint NOT NULL
);
