"""`python -m bench [names] [--seconds N] [--out folder]`: prints the figures and writes them as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import cmcd, figures, ingest, live, playback, query, web
from bench.rig import rig

BENCHES = {
    **ingest.BENCHES,
    **query.BENCHES,
    **figures.BENCHES,
    **live.BENCHES,
    **web.BENCHES,
    **playback.BENCHES,
    **cmcd.BENCHES,
}
READING = {**query.BENCHES, **figures.BENCHES}  # these change nothing that they did not make
COLUMNS = (
    ("per_s", "per s", "{:,.0f}"),
    ("p50_ms", "p50 ms", "{:.1f}"),
    ("p99_ms", "p99 ms", "{:.1f}"),
    ("serve_cpu_us", "serve µs", "{:.0f}"),
    ("postgres_cpu_us", "PostgreSQL µs", "{:.0f}"),
    ("disk_bytes_per_post", "bytes/post", "{:,.0f}"),
    ("ratio_to_copy", "of COPY", "{:.3f}"),
    ("serve_peak_rss_mb", "RSS MB", "{:.0f}"),
)


MORE = (
    ("serve_rss_mb_first_and_last", "MB at first, at last"),
    ("thinned", "thinned:"),
    ("of_empty", "of the empty database's rate:"),
    ("cpu_of_empty", "of its CPU per request:"),
    ("reports_stored", "reports stored:"),
    ("over_10_s", "answers after more than 10 s:"),
    ("idle_clients", "idle clients:"),
    ("mb_for_clients", "MB for all of them:"),
    ("cpu_share", "share of a core while they idle:"),
    ("javascript_kb_gzip", "KB of scripts, by gzip:"),
    ("biggest_script_kb_gzip", "KB of the biggest of them:"),
    ("again_ms", "ms when it is loaded again:"),
    ("each_ms", "ms of each:"),
    ("samples", "samples:"),
    ("calls_shown", "calls shown:"),
    ("heap_mb", "MB of the page's scripts, over time:"),
    ("of_plain", "of the plain upsert's rate:"),
    ("disk_bytes_per_line", "bytes on disk for each:"),
    ("sessions", "sessions:"),
    ("recovered_after_s", "s until answered at once again:"),
)


def _line(name: str, result: dict[str, Any]) -> str:
    shown = {**result, "per_s": result.get("per_s", result.get("rows_per_s"))}
    cells = [
        form.format(shown[key]) if shown.get(key) is not None else "–" for key, _, form in COLUMNS
    ]
    line = f"{name:<34}" + "".join(f"{cell:>15}" for cell in cells)
    refused = {
        status: count for status, count in result.get("statuses", {}).items() if status >= "300"
    }
    notes = [f"refused {refused}, first: {result['first_error']}"] if refused else []
    notes += [f"{result['unanswered']} unanswered"] if result.get("unanswered") else []
    notes += (
        ["NOT every acknowledged post is stored once"] if result.get("stored_once") is False else []
    )
    notes += [f"{title} {result[key]}" for key, title in MORE if key in result]
    return "\n    ".join([line, *notes])


def _is_meant(name: str, given: list[str]) -> bool:
    """By its whole name, or by the first part of it: `web` is `web-pages` and its siblings."""
    return any(name == one or name.startswith(f"{one}-") for one in given)


def main() -> int:
    """Run the benches that were named, or all."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measures this machine; figures hold for it only."
    )
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(BENCHES))
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each run counts")
    parser.add_argument(
        "--data",
        type=Path,
        help="folder that keeps the data of the benches of reading (query, figures): made there once, used again the next time",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).parent / "results",
        help="folder of the JSON file",
    )
    chosen = parser.parse_args()
    names = [name for name in BENCHES if not chosen.names or _is_meant(name, chosen.names)]
    for given in chosen.names:
        if not any(_is_meant(name, [given]) for name in BENCHES):
            parser.error(f"there is no bench {given}")
    at = datetime.now(UTC)
    results: dict[str, Any] = {
        "at": at.isoformat(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "seconds": chosen.seconds,
    }
    print(f"{os.cpu_count()} cores, shared by serve, PostgreSQL and the load generator")
    print(f"{'':<34}" + "".join(f"{title:>15}" for _, title, _ in COLUMNS))
    for name in names:
        with rig(chosen.data if name in READING else None) as running:
            found = BENCHES[name](running, chosen.seconds)
        for part, result in found.items():
            result.pop("kept", None)
            print(_line(f"{name}, {part}", result), flush=True)
        results[name] = found
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / f"{at:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(f"written to {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
