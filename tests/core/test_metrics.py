"""Figures of several processes add up in one answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from signalbox.core.metrics import Metrics, forget_all, forget_process, metrics_folder

PROCESS = """
import os, sys, prometheus_client
from pathlib import Path
from signalbox.core.metrics import open_metrics
metrics = open_metrics(Path(sys.argv[1]))
metrics.count_request("stats", 200)
metrics.depth(3, 5)
if len(sys.argv) > 2:
    print(metrics.render().decode())
else:
    print(os.getpid())
"""


def run(data: Path, *more: str) -> str:
    command = [sys.executable, "-c", PROCESS, str(data), *more]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_one_process_counts_what_ingest_tells() -> None:
    metrics = Metrics()
    for _ in range(2):
        metrics.count_request("stats", 200)
    metrics.committed(40, 0.03)
    metrics.refused("samples")
    metrics.count_refused("rate_limited")
    metrics.depth(1, 2)
    metrics.samples_thinned.inc()
    metrics.live_lost.inc()
    metrics.request_seconds.labels("stats").observe(0.01)
    metrics.job_finished("monitoring.sweep", "succeeded", 0.1)
    text = metrics.render().decode()

    for line in (
        'signalbox_http_requests_total{door="stats",status="200"} 2.0',
        'signalbox_commit_batch_size_bucket{le="50.0"} 1.0',
        "signalbox_commit_seconds_count 1.0",
        'signalbox_refused_total{reason="samples_lane_full"} 1.0',
        'signalbox_refused_total{reason="rate_limited"} 1.0',
        'signalbox_lane_depth{lane="samples"} 2.0',
        "signalbox_samples_thinned_total 1.0",
        "signalbox_live_lost_total 1.0",
        'signalbox_job_runs_total{name="monitoring.sweep",status="succeeded"} 1.0',
    ):
        assert line in text


def test_processes_share_one_folder(tmp_path: Path) -> None:
    first = int(run(tmp_path))
    assert 'signalbox_http_requests_total{door="stats",status="200"} 2.0' in run(tmp_path, "render")

    forget_process(tmp_path, first)
    text = run(tmp_path, "render")
    assert 'signalbox_http_requests_total{door="stats",status="200"} 3.0' in text
    assert 'signalbox_lane_depth{lane="facts"} 6.0' in text

    forget_all(tmp_path)
    assert list(metrics_folder(tmp_path).iterdir()) == []
