"""What logs and figures tell of reports: enough to see what happens, and no key, body or address."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest

from signalbox.core.metrics import Metrics
from signalbox.playback.ingest.parts import Exchange
from signalbox.site.access_log import AccessLog
from signalbox.site.playback_figures import OTHER, TENANTS_MAX, LimitHint, PlaybackFigures
from tests.monitoring.conftest import House
from tests.playback.playing import Player, T, report

AT = datetime(2026, 3, 2, 10, 0, 0, 123_000, tzinfo=UTC)


def exchange(status: int, reason: str = "", path: str = "/v1/sessions") -> Exchange:
    told = Exchange("POST", path, "/v1/sessions", "R1", status=status, reason=reason)
    told.begun_s, told.ended_s = 10.0, 10.045
    return told


def logged(*exchanges: Exchange, as_json: bool = True, level: str = "info") -> list[str]:
    stream = io.StringIO()
    log = AccessLog(as_json=as_json, level=level, stream=stream, now=lambda: AT)
    for one in exchanges:
        log.write(one)
    return stream.getvalue().splitlines()


def test_an_answer_is_one_line() -> None:
    (line,) = logged(exchange(200))

    told = json.loads(line)
    assert list(told) == [
        *("ts", "level", "msg", "method", "path", "route", "status", "duration_ms", "tenant", "key_id"),
        *("request_id", "bytes_in", "result", "error_code", "reason", "session_id"),
    ]  # fmt: skip
    assert told["msg"] == "POST /v1/sessions - 200 (45ms)"
    assert (told["ts"], told["level"]) == ("2026-03-02T10:00:00.123Z", "INFO")


@pytest.mark.parametrize(("status", "level"), [(399, "INFO"), (401, "WARN"), (503, "ERROR")])
def test_a_status_has_its_level(status: int, level: str) -> None:
    (line,) = logged(exchange(status, "Invalid API key"))

    assert json.loads(line)["level"] == level
    assert json.loads(line)["msg"] == f"POST /v1/sessions - {status} (45ms) [Invalid API key]"


def test_lines_for_people_are_short_and_stay_one() -> None:
    lines = logged(exchange(404, path="/a\n2026 INFO forged\u2028\x9b"), as_json=False)

    assert lines == [
        "2026-03-02T10:00:00.123Z WARN POST /a\\x0a2026 INFO forged\\u2028\\x9b - 404 (45ms)"
    ]


def test_less_serious_lines_are_left_out() -> None:
    assert len(logged(exchange(200), exchange(401), exchange(500), level="warn")) == 2


async def test_no_secret_is_logged(
    house: House, player: Player, capfd: pytest.CaptureFixture[str]
) -> None:
    stream = io.StringIO()
    house.site.kernel.playback.figures._access = AccessLog(as_json=True, level="info", stream=stream)  # fmt: skip
    secret = "s3cret-value"
    body = report(custom={"who": secret}, deviceModel=secret)
    await player.post(body)
    await player.post(report(errorCount=-1, deviceModel=secret))
    await player.post(body, {"X-API-Key": f"mtk_{secret}"})
    lines = stream.getvalue()
    printed = "".join(capfd.readouterr())

    assert len(lines.splitlines()) == 3
    for text in (lines, printed):
        assert secret not in text
        assert player.key not in text
    first, second, third = (json.loads(line) for line in lines.splitlines())
    assert first["session_id"] == body["sessionId"][:8]
    assert (first["tenant"], first["result"]) == (player.app["name"], "created")
    assert (second["error_code"], third["status"]) == ("INVALID_SCHEMA", 401)


async def test_reports_are_counted(house: House, player: Player) -> None:
    name = player.app["name"]
    before = _figures(house)
    bodies = [report(sessionId="a", timestamp=T - 2_500), report(sessionId="a", timestamp=T - 5_000),
              report(timestamp=T + 400_000), report(errorCount=-1, playTimeMs=-1)]  # fmt: skip
    for body in bodies:
        await player.post(body)
    after = _figures(house)

    def more(series: str) -> float:
        return after.get(series, 0) - before.get(series, 0)

    assert more(f'playback_reports_total{{dialect="D3",result="created",tenant="{name}"}}') == 2
    assert more(f'playback_reports_total{{dialect="D3",result="stale",tenant="{name}"}}') == 1
    assert more(f'playback_clock_skew_total{{kind="future",tenant="{name}"}}') == 1
    for field in ("errorCount", "playTimeMs"):
        assert more(f'playback_rejected_total{{code="INVALID_SCHEMA",field="{field}",tenant="{name}"}}') == 1  # fmt: skip
    assert more("sessions_ingested_total") == 2
    assert more('http_server_requests_total{method="POST",route="/v1/sessions",status="200"}') == 3
    assert more('http_server_requests_total{method="POST",route="/v1/sessions",status="400"}') == 1
    assert more('http_server_request_duration_seconds_count{method="POST",route="/v1/sessions"}') == 4  # fmt: skip
    assert more('playback_ingest_lag_seconds_sum{dialect="D3"}') == pytest.approx(7.5)
    assert more('playback_ingest_lag_seconds_bucket{dialect="D3",le="5.0"}') == 3
    assert more('db_query_duration_seconds_count{query="upsert"}') >= 3
    assert after['playback_ratelimit_backend{backend="redis"}'] == 1
    assert after["db_connection_pool_max"] > 0


def _figures(house: House) -> dict[str, float]:
    text = house.site.kernel.metrics.render().decode()
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


async def test_figures_have_few_names_of_tenants() -> None:
    metrics = Metrics()
    figures = PlaybackFigures(metrics, AccessLog(as_json=True, level="error", stream=io.StringIO()))
    for n in range(TENANTS_MAX + 5):
        figures.limited(f"t{n}", "quota")
    text = metrics.render().decode()

    assert f'playback_rate_limited_total{{reason="quota",tenant="{OTHER}"}} 5.0' in text
    assert text.count("playback_rate_limited_total{") == TENANTS_MAX + 1


async def test_jobs_tell_their_figures() -> None:
    metrics = Metrics()
    figures = PlaybackFigures(metrics, AccessLog(as_json=True, level="error", stream=io.StringIO()))
    figures.partitions("sessions", 5, 0)
    figures.deleted("a", "sessions", 7)
    figures.viewers("a", 3)
    figures.spool(10, 2.5)
    text = metrics.render().decode()

    for line in (
        'playback_partitions{table="sessions"} 5.0',
        'playback_default_partition_rows{table="sessions"} 0.0',
        'playback_retention_deleted_total{table="sessions",tenant="a"} 7.0',
        'playback_concurrent_viewers{tenant="a"} 3.0',
        "playback_spool_bytes 10.0",
        "playback_spool_oldest_seconds 2.5",
    ):
        assert line in text


def test_too_low_a_limit_is_hinted_at(capfd: pytest.CaptureFixture[str]) -> None:
    hint = LimitHint()
    for n in range(200):
        hint.count(is_limited=n % 50 == 0, at_s=1_000 + n)
    hint.count(is_limited=False, at_s=1_400)
    for n in range(200):
        hint.count(is_limited=n == 0, at_s=1_400 + n)
    hint.count(is_limited=False, at_s=1_800)

    assert "".join(capfd.readouterr()).count("playback.limit_too_low") == 1
