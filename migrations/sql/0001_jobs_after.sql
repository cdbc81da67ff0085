-- Every function of the queue keeps the search path: its triggers work for whoever changes a row, and anybody may call
-- jobs.procrastinate_defer_jobs_v1 in a transaction of their own.
DO $$
DECLARE
    routine regprocedure;
BEGIN
    FOR routine IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'jobs'::regnamespace AND prokind = 'f' LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path TO jobs, pg_catalog', routine);
    END LOOP;
END;
$$;

SET LOCAL search_path TO DEFAULT;
