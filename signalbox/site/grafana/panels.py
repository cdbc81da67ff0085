"""Panels and dashboards as Grafana 11 reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

POSTGRES: Final = {"type": "grafana-postgresql-datasource", "uid": "playback-pg"}
PROMETHEUS: Final = {"type": "prometheus", "uid": "playback-prom"}
WIDTH: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel: SQL statements or PromQL expressions, and how they are shown. `steps` are bounds of green, yellow and red."""

    title: str
    kind: str
    sql: str | None = None
    prom: Sequence[tuple[str, str]] = ()  # expression, legend
    unit: str = "short"
    steps: tuple[float, float] | None = None
    width: int = 6
    height: int = 6
    stacked: bool = False
    link: str | None = None  # column whose values lead to the page of a session
    text: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    def made(self, number: int, x: int, y: int) -> dict[str, Any]:
        """As Grafana reads it, at a place."""
        return {
            "id": number,
            "title": self.title,
            "description": self.text,
            "type": self.kind,
            "datasource": PROMETHEUS if self.prom else POSTGRES,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": self._targets(),
            "fieldConfig": {"defaults": self._defaults(), "overrides": self._links()},
            "options": self._options(),
        }

    def _targets(self) -> list[dict[str, Any]]:
        if self.sql is not None:
            shape = "time_series" if self.kind in ("timeseries", "state-timeline") else "table"
            return [
                {
                    "refId": "A",
                    "datasource": POSTGRES,
                    "format": shape,
                    "rawQuery": True,
                    "editorMode": "code",
                    "rawSql": self.sql,
                }
            ]
        return [
            {"refId": chr(65 + place), "datasource": PROMETHEUS, "expr": expression, "legendFormat": legend}
            for place, (expression, legend) in enumerate(self.prom)
        ]  # fmt: skip

    def _defaults(self) -> dict[str, Any]:
        made: dict[str, Any] = {"unit": self.unit, "custom": {}, **self.more}
        if self.stacked:
            made["custom"] = {
                "stacking": {"mode": "normal"},
                "fillOpacity": 60,
                "drawStyle": "bars",
            }
        if self.steps is not None:
            yellow, red = self.steps
            steps = [("green", None), ("yellow", yellow), ("red", red)]
            made["thresholds"] = {
                "mode": "absolute",
                "steps": [{"color": color, "value": value} for color, value in steps],
            }
        return made

    def _links(self) -> list[dict[str, Any]]:
        if self.link is None:
            return []
        url = (
            "/d/m3w-session-detail?var-tenant=${tenant}&var-sessionId=${__value.raw:percentencode}"
        )
        link = {"title": "This session", "url": url}
        return [
            {
                "matcher": {"id": "byName", "options": self.link},
                "properties": [{"id": "links", "value": [link]}],
            }
        ]

    def _options(self) -> dict[str, Any]:
        if self.kind == "stat":
            return {"reduceOptions": {"calcs": ["lastNotNull"], "values": False}, "colorMode": "value", "textMode": "value_and_name"}  # fmt: skip
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """Something that can be chosen above the panels. `sql` None: typed in (`words` empty), or one of `words`."""

    name: str
    label: str
    sql: str | None = None
    words: Sequence[str] = ()
    with_all: bool = False

    def made(self) -> dict[str, Any]:
        """As Grafana reads it. All is the literal '*', quotes included: Grafana does not quote it."""
        every = {"text": "All", "value": "$__all"}
        common: dict[str, Any] = {"name": self.name, "label": self.label, "hide": 0}
        if self.with_all:
            common |= {"includeAll": True, "allValue": "'*'", "current": every}
        if self.sql is not None:
            query = {"rawSql": self.sql, "refId": self.name, "format": "table"}
            return common | {"type": "query", "datasource": POSTGRES, "query": query["rawSql"], "refresh": 2}  # fmt: skip
        if not self.words:
            return common | {"type": "textbox", "query": ""}
        options = [{"text": word, "value": word} for word in self.words]
        current = {} if self.with_all else {"current": options[0]}
        return common | current | {"type": "custom", "query": ",".join(self.words), "options": options}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """A dashboard: panels in rows from left to right, as far as they fit."""

    uid: str
    title: str
    panels: Sequence[Panel]
    variables: Sequence[Variable] = ()
    span: str = "now-24h"
    refresh: str = ""

    def made(self) -> dict[str, Any]:
        """As Grafana reads it."""
        placed: list[dict[str, Any]] = []
        x = y = tallest = 0
        for number, panel in enumerate(self.panels, start=1):
            if x + panel.width > WIDTH:
                x, y, tallest = 0, y + tallest, 0
            placed.append(panel.made(number, x, y))
            x, tallest = x + panel.width, max(tallest, panel.height)
        links = [{"title": "Media3Watch", "type": "dashboards", "tags": ["media3watch"], "asDropdown": True, "keepTime": True, "includeVars": True}]  # fmt: skip
        return {
            "uid": self.uid,
            "title": self.title,
            "tags": ["media3watch"],
            "schemaVersion": 39,
            "version": 1,
            "editable": True,
            "timezone": "browser",
            "time": {"from": self.span, "to": "now"},
            "refresh": self.refresh,
            "links": links,
            "templating": {"list": [variable.made() for variable in self.variables]},
            "panels": placed,
        }
