"""The calls and people that the browser tests look at, and what the interface says of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.browser.keeper import Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Ids by what they are good for. `begin` is where the month of the app's charts begins."""

    kept: Kept
    api: httpx.AsyncClient
    conference: str  # two people, connections between them, issues, graphs
    sfu_conference: str
    participant: str  # one of `conference`, with sessions
    sfu: str
    playback_session: str  # of `app`: one with a timeline
    alert: str  # of `app`: one that is open

    @classmethod
    async def find(cls, kept: Kept, api: httpx.AsyncClient) -> Scene:
        """Ask for them."""

        async def listed(path: str, **parameters: str) -> list[Any]:
            answer = await api.get(f"/v1{path}", params=parameters)
            assert answer.status_code == 200, answer.text
            found: list[Any] = answer.json()["data"]
            return found

        people = await listed("/participants", appId=kept.app)
        sfu = next(one["id"] for one in people if one.get("is_sfu"))
        troubled = [
            one
            for one in await listed("/conferences", appId=kept.app, order="-created_at")
            if one["has_warnings"]
            and one["participants_count"] == 2
            and (one["duration"] or 0) > 120
        ]
        conference = troubled[0]["id"]
        sessions = await listed("/sessions", conferenceId=conference)
        [around, *_] = await listed("/conferences", participantId=sfu)
        plays = await api.get("/v1/playback/sessions", params={"appId": kept.app, "limit": "200"})
        assert plays.status_code == 200, plays.text
        played = next(one for one in plays.json()["items"] if (one["playTimeMs"] or 0) > 60_000)
        [alert, *_] = await listed("/alerts", appId=kept.app, state="open")
        return cls(
            kept=kept,
            api=api,
            conference=conference,
            sfu_conference=around["id"],
            participant=str(sessions[0]["participant"]),
            sfu=sfu,
            playback_session=played["sessionId"],
            alert=alert["id"],
        )

    async def ask(self, path: str, **parameters: str) -> Any:
        """The interface's answer, as the page gets it."""
        answer = await self.api.get(f"/v1{path}", params=parameters)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return answer.json()

    async def month_whole(self, path: str, **parameters: str) -> Any:
        """The answer for a chart of the app, over the days that the overview shows."""
        first = datetime.now(UTC).date() - timedelta(days=30)
        bounds = {"created_at_gte": f"{first}T00:00:00Z"}
        return await self.ask(path, appId=self.kept.app, **bounds, **parameters)

    async def month(self, path: str, **parameters: str) -> Any:
        """`data` of that answer."""
        return (await self.month_whole(path, **parameters))["data"]

    def at(self, path: str) -> str:
        """A page's address with this scene's ids in it."""
        return path.format(
            organization=self.kept.organization,
            app=self.kept.app,
            live_app=self.kept.live_app,
            empty_app=self.kept.empty_app,
            conference=self.conference,
            participant=self.participant,
            sfu=self.sfu,
            playback_session=self.playback_session,
            alert=self.alert,
        )
