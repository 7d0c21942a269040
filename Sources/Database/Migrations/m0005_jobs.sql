-- Work that the service does at its time: finalizing, verifying, exporting. A runner claims one row
-- at a time; the row of one that died while it ran is taken again by the next start of the service.
CREATE TABLE weighbridge.jobs (
  job_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  installation uuid NOT NULL,
  kind text COLLATE "C" NOT NULL CHECK (kind <> ''),
  arguments jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(arguments) = 'object'),
  -- The schedule whose slot it is; null for a job that an operator asked for.
  schedule text COLLATE "C",
  -- The slot of the schedule, or when the operator asked.
  scheduled_at timestamptz NOT NULL,
  state text COLLATE "C" NOT NULL DEFAULT 'waiting'
    CHECK (state IN ('waiting', 'running', 'done', 'failed')),
  attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  maximum_attempts integer NOT NULL CHECK (maximum_attempts > 0),
  next_attempt_at timestamptz,
  -- The process that runs it.
  runner uuid,
  last_error text,
  result jsonb,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  started_at timestamptz,
  finished_at timestamptz,
  -- A slot exists once, whoever inserts it twice.
  UNIQUE (installation, schedule, scheduled_at),
  CHECK ((state = 'waiting') = (next_attempt_at IS NOT NULL)),
  CHECK ((state = 'running') = (runner IS NOT NULL)),
  CHECK ((state IN ('done', 'failed')) = (finished_at IS NOT NULL))
);
CREATE INDEX jobs_due ON weighbridge.jobs (next_attempt_at, job_id) WHERE state = 'waiting';
CREATE INDEX jobs_open ON weighbridge.jobs (state, job_id) WHERE state <> 'done';

-- Up to which time the slots of a schedule are in the table of jobs.
CREATE TABLE weighbridge.job_schedules (
  installation uuid NOT NULL,
  schedule text COLLATE "C" NOT NULL,
  planned_through timestamptz NOT NULL,
  PRIMARY KEY (installation, schedule)
);

GRANT SELECT, INSERT, UPDATE ON weighbridge.jobs, weighbridge.job_schedules TO weighbridge_service;
GRANT SELECT ON weighbridge.jobs TO weighbridge_reader;

-- Takes out the jobs of an installation that verified or exported, and were done 400 days ago. Jobs
-- that finalized stay, because billing_periods.run_id names them; those that were given up stay
-- until an operator lets them be tried again.
CREATE FUNCTION weighbridge.delete_old_jobs(of_installation uuid) RETURNS bigint
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH deleted AS (
    DELETE FROM weighbridge.jobs
    WHERE kind IN ('verify', 'export') AND state = 'done'
      AND finished_at < now() - interval '400 days' AND installation = of_installation
    RETURNING 1)
  SELECT count(*) FROM deleted
$$;
CREATE INDEX jobs_done ON weighbridge.jobs (finished_at)
  WHERE kind IN ('verify', 'export') AND state = 'done';

-- Functions may be called by everyone unless that is taken back.
REVOKE ALL ON FUNCTION weighbridge.delete_old_jobs(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION weighbridge.delete_old_jobs(uuid) TO weighbridge_service;
