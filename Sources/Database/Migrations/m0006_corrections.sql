-- Records that operators took out or in: what, why, and by whom. Rows are never changed or deleted.
CREATE TABLE weighbridge.corrections (
  partition integer NOT NULL,
  position numeric(20, 0) NOT NULL,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('void', 'amend', 'replay')),
  tenant text COLLATE "C" NOT NULL,
  hour timestamptz NOT NULL,
  record_position numeric(20, 0),
  quarantined bigint,
  revision bigint NOT NULL,
  voided jsonb,
  added jsonb,
  corrected_at timestamptz NOT NULL,
  operator text NOT NULL,
  reason text NOT NULL,
  flush_id bigint NOT NULL,
  PRIMARY KEY (partition, position),
  CHECK ((kind = 'replay') = (voided IS NULL)),
  CHECK ((kind = 'void') = (added IS NULL)),
  CHECK ((kind = 'replay') = (quarantined IS NOT NULL)),
  CHECK ((kind = 'replay') = (record_position IS NULL))
);
CREATE INDEX corrections_by_hour ON weighbridge.corrections (tenant, hour);
GRANT SELECT ON weighbridge.corrections TO weighbridge_service, weighbridge_reader;
GRANT INSERT ON weighbridge.corrections TO weighbridge_service;
