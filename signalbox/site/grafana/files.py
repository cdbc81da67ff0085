"""All files of `deploy/grafana`, by path. The `.yaml` ones hold JSON, which is YAML too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from signalbox.site.grafana.dashboards import DASHBOARDS

_FOLDER: Final = {"folder": "Media3Watch", "folderUid": "m3w"}
SOURCES: Final = [
    {
        "name": "Playback (PostgreSQL)",
        "uid": "playback-pg",
        "type": "grafana-postgresql-datasource",
        "access": "proxy",
        "url": "$PLAYBACK_PG_HOST",
        "user": "$PLAYBACK_PG_USER",
        "jsonData": {
            "database": "$PLAYBACK_PG_DATABASE",
            "sslmode": "$PLAYBACK_PG_SSLMODE",
            "postgresVersion": 1500,
        },
        "secureJsonData": {"password": "$PLAYBACK_PG_PASSWORD"},
    },
    {
        "name": "Playback (Prometheus)",
        "uid": "playback-prom",
        "type": "prometheus",
        "access": "proxy",
        "url": "$PLAYBACK_PROMETHEUS_URL",
        "isDefault": True,
    },
]


def _rule(uid: str, title: str, expression: str, above: float, lasts: str) -> dict[str, Any]:
    """An alert rule: fires when an expression of Prometheus stays above a bound for so long."""
    last_hour = {"from": 3600, "to": 0}
    condition = {"evaluator": {"type": "gt", "params": [above]}, "operator": {"type": "and"}, "query": {"params": ["A"]}, "reducer": {"type": "last"}, "type": "query"}  # fmt: skip
    return {
        "uid": uid,
        "title": title,
        "condition": "B",
        "for": lasts,
        "noDataState": "OK",
        "execErrState": "Error",
        "data": [
            {
                "refId": "A",
                "datasourceUid": "playback-prom",
                "relativeTimeRange": last_hour,
                "model": {"refId": "A", "expr": expression, "instant": True},
            },
            {
                "refId": "B",
                "datasourceUid": "__expr__",
                "relativeTimeRange": last_hour,
                "model": {"refId": "B", "type": "classic_conditions", "conditions": [condition]},
            },
        ],
    }


_FAILED: Final = 'sum(rate(http_server_requests_total{status=~"5.."}[5m])) / sum(rate(http_server_requests_total[5m]))'
RULES: Final = (
    ("m3w-alert-open", "An alert of playback is open", "max(playback_alert_active)", 0, "0s"),
    ("m3w-server-errors", "More than 1 % of answers are 5xx", _FAILED, 0.01, "5m"),
    ("m3w-limited", "More than 1 % of reports are over a limit", "sum(rate(playback_rate_limited_total[5m])) / sum(rate(http_server_requests_total[5m]))", 0.01, "5m"),
    ("m3w-default-partition", "Sessions lie outside of their months", "max(playback_default_partition_rows)", 0, "10m"),
)  # fmt: skip

ROLE: Final = """-- A role that sees the views of playback and nothing else; run it as the owner of the database:
--   psql "$SIGNALBOX_DATABASE_URL" --variable=password="$PLAYBACK_PG_PASSWORD" --file=deploy/grafana/role.sql
SELECT 'CREATE ROLE signalbox_dashboards LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'signalbox_dashboards') \\gexec
ALTER ROLE signalbox_dashboards PASSWORD :'password';
ALTER ROLE signalbox_dashboards SET default_transaction_read_only = on;
ALTER ROLE signalbox_dashboards SET statement_timeout = '30s';
GRANT USAGE ON SCHEMA playback TO signalbox_dashboards;
{grants}
"""
VIEWS: Final = (
    *("v_tenants", "v_sessions", "v_timeline", "v_rollup_1m", "v_rollup_1h"),
    *("v_sessions_classic", "v_sessions_m3w"),
)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def files() -> Mapping[str, str]:
    """What every file holds."""
    provider = {"name": "Media3Watch", **_FOLDER, "type": "file", "disableDeletion": True, "allowUiUpdates": False, "updateIntervalSeconds": 60, "options": {"path": "/var/lib/grafana/dashboards/playback"}}  # fmt: skip
    rules = {"orgId": 1, "name": "playback", "folder": _FOLDER["folder"], "interval": "1m", "rules": [_rule(*rule) for rule in RULES]}  # fmt: skip
    grants = "\n".join(f"GRANT SELECT ON playback.{view} TO signalbox_dashboards;" for view in VIEWS)  # fmt: skip
    return {
        "provisioning/datasources/playback.yaml": _json({"apiVersion": 1, "datasources": SOURCES}),
        "provisioning/dashboards/playback.yaml": _json({"apiVersion": 1, "providers": [provider]}),
        "provisioning/alerting/playback.yaml": _json({"apiVersion": 1, "groups": [rules]}),
        "role.sql": ROLE.format(grants=grants),
        **{f"dashboards/{one.uid}.json": _json(one.made()) for one in DASHBOARDS},
    }
