"""Prometheus metrics of all processes of one installation on one machine.

Every process writes its figures to files in one folder; whichever process is asked for `/metrics` adds them up. Without
a folder the figures are this process's own.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
FLUSH_AFTER_S: Final = 1.0
_BATCH_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_SECONDS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """What ingest, limits, live state and jobs count. Labels have few values: never an id.

    Make it with `open_metrics`, once per process.
    """

    def __init__(self, folder: Path | None = None) -> None:
        # Imported here: the library decides at import by the environment whether it shares its figures.
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._folder = folder
        self._registry = CollectorRegistry()
        made: dict[str, Any] = {"registry": self._registry, "namespace": "signalbox"}
        self._requests = Counter("http_requests", "Answered requests.", ("door", "status"), **made)
        self.request_seconds = Histogram(
            "http_request_seconds", "Time to the answer.", ("door",), buckets=_SECONDS, **made
        )
        self.commit_batch_size = Histogram(
            "commit_batch_size", "Messages in one commit.", buckets=_BATCH_SIZES, **made
        )
        self.commit_seconds = Histogram(
            "commit_seconds", "Duration of one commit.", buckets=_SECONDS, **made
        )
        lanes = Gauge(
            "lane_depth", "Messages waiting.", ("lane",), multiprocess_mode="livesum", **made
        )
        self.samples_thinned = Counter(
            "samples_thinned", "Samples stored without raw part.", **made
        )
        self._live_clients = Gauge(
            "live_clients", "Open live streams.", multiprocess_mode="livesum", **made
        )
        self._refused = Counter("refused", "Requests refused.", ("reason",), **made)
        self.live_lost = Counter("live_lost", "Times that Redis went away.", **made)
        self._job_runs = Counter("job_runs", "Finished jobs.", ("name", "status"), **made)
        self.job_seconds = Histogram(
            "job_seconds", "Duration of a job.", ("name",), buckets=_SECONDS, **made
        )
        # Under the name that dashboards of playback know. Of several workers the last to look is right.
        self._alert_active = Gauge(
            "playback_alert_active",
            "Whether an alert of playback is open.",
            ("tenant", "rule", "cohort"),
            multiprocess_mode="livemostrecent",
            registry=self._registry,
        )
        self._facts_waiting, self._samples_waiting = lanes.labels("facts"), lanes.labels("samples")
        self._children: dict[tuple[str, ...], Counter] = {}
        self._answered: dict[tuple[str, int], int] = {}
        self._due = False
        self.before_render: list[
            Callable[[], None]
        ] = []  # whoever counts elsewhere and adds it here

    @property
    def registry(self) -> CollectorRegistry:
        """Where further figures are entered, under names of their own."""
        return self._registry

    def count_request(self, door: str, status: int) -> None:
        """One answer of `door` (a route's name, such as "stats") with an HTTP status."""
        key = (door, status)
        self._answered[key] = self._answered.get(key, 0) + 1
        if not self._due:
            self._due = True
            try:
                asyncio.get_running_loop().call_later(FLUSH_AFTER_S, self._flush)
            except RuntimeError:  # no loop runs here
                self._flush()

    def _flush(self) -> None:
        # Writing to the shared file costs 3 µs each time; once a second is soon enough to be seen.
        self._due = False
        answered, self._answered = self._answered, {}
        for (door, status), count in answered.items():
            self._child(self._requests, door, str(status)).inc(count)

    def count_thinned(self) -> None:
        """One sample was stored without its raw part."""
        self.samples_thinned.inc()

    def count_refused(self, reason: str) -> None:
        """One refused request; `reason` is an error code, such as "rate_limited"."""
        self._child(self._refused, reason).inc()

    def committed(self, messages: int, seconds: float) -> None:
        """One transaction of so many messages took so long."""
        self.commit_batch_size.observe(messages)
        self.commit_seconds.observe(seconds)

    def refused(self, lane: str) -> None:
        """A message found the lane "facts" or "samples" full."""
        self.count_refused(f"{lane}_lane_full")

    def depth(self, facts: int, samples: int) -> None:
        """How much waits in each lane of this process."""
        self._facts_waiting.set(facts)
        self._samples_waiting.set(samples)

    def live_clients(self, count: int) -> None:
        """So many live streams are open in this process."""
        self._live_clients.set(count)

    def job_finished(self, name: str, status: str, seconds: float) -> None:
        """One run of the job `name` that "succeeded" or "failed"."""
        self._child(self._job_runs, name, status).inc()
        self.job_seconds.labels(name).observe(seconds)

    def playback_alert(self, tenant: str, rule: str, cohort: str, *, is_open: bool) -> None:
        """Whether an alert of playback is open; `cohort` such as "all"."""
        self._alert_active.labels(tenant, rule, cohort).set(1 if is_open else 0)

    def render(self) -> bytes:
        """All figures in the text format, every process's added up."""
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        self._flush()
        for add in self.before_render:
            add()
        if self._folder is None:
            return generate_latest(self._registry)
        gathered: CollectorRegistry = CollectorRegistry()
        MultiProcessCollector(gathered, path=str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(gathered)

    def _child(self, counter: Counter, *labels: str) -> Counter:
        # `labels` takes a lock and builds a key for 1 µs; the hot path looks up a plain dict instead.
        key = (counter._name, *labels)  # noqa: SLF001
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = counter.labels(*labels)
        return child


def open_metrics(data: Path) -> Metrics:
    """Figures shared by the processes of one installation, under its data folder."""
    folder = metrics_folder(data)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ[_FOLDER_VARIABLE] = str(folder)
    from prometheus_client import values

    # Whoever imported the library before us made it choose figures of one process: choose again.
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
    return Metrics(folder)


def metrics_folder(data: Path) -> Path:
    """Where the figures lie: beside, not inside, anything that must be kept."""
    return data / "metrics"


def forget_all(data: Path) -> None:
    """Begin anew. For the parent of all processes, before it starts the first one."""
    for path in metrics_folder(data).glob("*.db"):
        path.unlink(missing_ok=True)


def forget_process(data: Path, pid: int) -> None:
    """Drop the gauges of a process that has ended; its counters stay in the sums."""
    for path in metrics_folder(data).glob(f"gauge_live*_{pid}.db"):
        path.unlink(missing_ok=True)
