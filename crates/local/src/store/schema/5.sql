-- Time in each phase of HTTP, summed over the requests of the last attempt; NULL where no request reached the phase, and in runs of
-- older programs.
ALTER TABLE runs ADD COLUMN dns_ms REAL;
ALTER TABLE runs ADD COLUMN connect_ms REAL;
ALTER TABLE runs ADD COLUMN tls_ms REAL;
ALTER TABLE runs ADD COLUMN first_byte_ms REAL;
ALTER TABLE runs ADD COLUMN transfer_ms REAL;
