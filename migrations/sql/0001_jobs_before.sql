-- The job queue lives in the PostgreSQL schema `jobs`. Its library names its things without a schema, so the search path
-- points there while the library's own statements run between this file and the next one.
CREATE SCHEMA IF NOT EXISTS jobs;
SET LOCAL search_path TO jobs, pg_catalog;
