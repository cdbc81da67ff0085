-- A role that sees the views of playback and nothing else; run it as the owner of the database:
--   psql "$SIGNALBOX_DATABASE_URL" --variable=password="$PLAYBACK_PG_PASSWORD" --file=deploy/grafana/role.sql
SELECT 'CREATE ROLE signalbox_dashboards LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'signalbox_dashboards') \gexec
ALTER ROLE signalbox_dashboards PASSWORD :'password';
ALTER ROLE signalbox_dashboards SET default_transaction_read_only = on;
ALTER ROLE signalbox_dashboards SET statement_timeout = '30s';
GRANT USAGE ON SCHEMA playback TO signalbox_dashboards;
GRANT SELECT ON playback.v_tenants TO signalbox_dashboards;
GRANT SELECT ON playback.v_sessions TO signalbox_dashboards;
GRANT SELECT ON playback.v_timeline TO signalbox_dashboards;
GRANT SELECT ON playback.v_rollup_1m TO signalbox_dashboards;
GRANT SELECT ON playback.v_rollup_1h TO signalbox_dashboards;
GRANT SELECT ON playback.v_sessions_classic TO signalbox_dashboards;
GRANT SELECT ON playback.v_sessions_m3w TO signalbox_dashboards;
