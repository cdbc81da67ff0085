"""What holds for apps that say nothing else is what the installation was told."""

from __future__ import annotations

from tests.monitoring.conftest import Houses


async def test_the_defaults_are_the_settings(houses: Houses) -> None:
    chosen = {
        "SIGNALBOX_STATS_INTERVAL_MS": "5000",
        "SIGNALBOX_EVENTS_DAYS": "7",
        "SIGNALBOX_SAMPLES_DAYS": "3",
        "SIGNALBOX_ROLLUPS_DAYS": "90",
        "SIGNALBOX_KEEP_DAYS": "400",
        "SIGNALBOX_MASKS": "addresses,sdp",
    }
    async with houses(**chosen) as house:
        key = await house.bearer(await house.app(), "read")
        told = (await house.client.get("/v1/apps/defaults", headers=key)).json()["data"]

    assert told == {
        "interval": 5000,
        "retention_events_days": 7,
        "retention_points_days": 3,
        "retention_rollups_days": 90,
        "retention_days": 400,
        "masks": ["addresses", "sdp"],
    }
