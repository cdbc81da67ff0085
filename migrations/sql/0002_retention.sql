-- Of an app's rows in a partitioned table, all of the days up to `through` have been deleted one by one. Rows go into the
-- partition of the day on which they arrive, so a day that is over gets no more of them.
CREATE TABLE monitoring.retention (
    app_id uuid NOT NULL,
    table_name text NOT NULL,
    through date NOT NULL,
    PRIMARY KEY (app_id, table_name)
);
