"""What people and programs are told about an alert: the JSON of a webhook, the text of a letter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from signalbox.alerts.rules.definitions import Rule
from signalbox.alerts.rules.figures import ALL, Cohort, Figure

Event = Literal["opened", "cleared", "reminder"]
SAMPLES: Final = 20
_WORDS: Final[Mapping[str, str]] = {
    "opened": "ALERT",
    "cleared": "CLEARED",
    "reminder": "STILL OPEN",
}


def alert_object(row: Mapping[str, Any]) -> dict[str, Any]:
    """An alert as programs are told it. Rates and p-values are plain numbers; `n` is how many sessions it is told from, `k` how many of them were bad."""
    return {
        "id": str(row["id"]),
        "tenant": row["tenant"],
        "rule": row["rule"],
        "cohort": Cohort(row["dimension"], row["value"]).label,
        "startedAt": stamp(row["started_at"]),
        "clearedAt": None if row["cleared_at"] is None else stamp(row["cleared_at"]),
        "severity": row["severity"],
        "n": row["n"],
        "k": row["k"],
        "rate": row["rate"],
        "baseline": row["baseline"],
        "pValue": row["p_value"],
        "sampleSessionIds": list(row["samples"])[:SAMPLES],
    }


def webhook_object(
    row: Mapping[str, Any],
    event: Event,
    *,
    rule: Rule,
    children: Sequence[Mapping[str, Any]],
    link: str | None,
    at: datetime,
) -> dict[str, Any]:
    """The body of a webhook: the alert, what happened to it, and the alerts of cohorts that are parts of it."""
    return {
        **alert_object(row),
        "event": event,
        "sentAt": stamp(at),
        "tenantId": str(row["app_id"]),
        "context": row["context"],
        "title": rule.title,
        "figure": rule.figure,
        "windowMinutes": row["window_minutes"],
        "limit": row["limit_value"],
        "children": [alert_object(child) for child in children],
        "url": link,
    }


def subject(row: Mapping[str, Any], event: Event, rule: Rule) -> str:
    """The subject of a letter: what, where, how bad."""
    where = "" if row["dimension"] == ALL else f" ({_cohort(row)})"
    return f"[{_WORDS[event]}] {row['tenant']}: {rule.title}{where}"


def letter(
    row: Mapping[str, Any],
    event: Event,
    *,
    rule: Rule,
    figure: Figure | None,
    children: Sequence[Mapping[str, Any]],
    link: str | None,
    at: datetime,
) -> str:
    """A letter for somebody who was asleep: what, since when, how bad against what, where to look."""
    unit = figure.unit if figure else "ratio"
    lines = [f"{rule.title}.", ""]
    if event == "cleared":
        lasted = (row["cleared_at"] or at) - row["started_at"]
        lines.append(f"It is over: it cleared at {_clock(row['cleared_at'] or at)}, after {duration(lasted)}.")  # fmt: skip
    elif event == "reminder":
        lines.append(f"It has been open for {duration(at - row['started_at'])} and nobody has acknowledged it.")  # fmt: skip
    lines += [
        f"App       {row['tenant']}",
        f"Who       {_cohort(row)}",
        f"What      {figure.title if figure else rule.figure}",
        f"Since     {_clock(row['started_at'])}",
        f"Now       {shown(row['rate'], unit)}{_counted(row)}, in {row['window_minutes']} minutes",
        f"Usual     {shown(row['baseline'], unit)}; the limit is {shown(row['limit_value'], unit)}",
    ]
    if row["p_value"] is not None:
        lines.append(f"By chance {_chance(row['p_value'])}")
    lines.append(f"Severity  {row['severity']}")
    if children:
        lines += ["", "Most of it may come from:"]
        lines += [f"  {_cohort(child)}: {shown(child['rate'], unit)}{_counted(child)}" for child in children]  # fmt: skip
    if row["samples"] and event != "cleared":
        lines += ["", "Sessions to look at:", *(f"  {one}" for one in row["samples"][:5])]
    if link is not None:
        lines += ["", link]
    return "\n".join([*lines, ""])


def duration(span: timedelta) -> str:
    """A time in words, such as "2 h 05 min"."""
    minutes = max(0, int(span.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest:02d} min" if hours < 48 else f"{hours // 24} days"


def shown(value: float | None, unit: str) -> str:
    """A figure as people read it; an en dash for nothing."""
    if value is None:
        return "–"
    if unit == "ratio":
        return f"{100 * value:.3g} %"
    if unit == "ms":
        return f"{value / 1000:.2f} s" if value >= 1000 else f"{value:.0f} ms"
    return f"{value:.4g}"


def stamp(at: datetime) -> str:
    """An instant as playback prints it: UTC, milliseconds."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _clock(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _cohort(row: Mapping[str, Any]) -> str:
    if row["dimension"] == ALL:
        return "everybody"
    return f"{row['dimension'].replace('_', ' ')} {row['value']}"


def _counted(row: Mapping[str, Any]) -> str:
    return f" of {row['n']}" if row["k"] is None else f" ({row['k']} of {row['n']})"


def _chance(p: float) -> str:
    return f"about once in {1 / p:.2g} looks" if p > 0 else "never"
