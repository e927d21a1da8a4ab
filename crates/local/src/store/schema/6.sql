-- A series is read from the index alone: its values are far apart in the table, between those of other series.
DROP INDEX points_series;
CREATE INDEX points_series ON points (series, at, value);
