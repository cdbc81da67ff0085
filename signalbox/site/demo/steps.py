"""What a call to be played consists of."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One request. `at_s` counts from the start of the call.

    `body` is JSON text in which tokens and ids stand as the marks of `learns` of earlier steps: mark by field of the answer. `headers` are sent only
    together with the pass of this machine's installation.
    """

    at_s: float
    method: str
    path: str
    body: str
    learns: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its scenario, and its steps in order."""

    kind: str
    steps: list[Step]

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.steps[-1].at_s if self.steps else 0.0


def step(
    at_s: float,
    path: str,
    body: dict[str, Any],
    *,
    method: str = "POST",
    learns: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Step:
    """A step from a body that is not yet text."""
    return Step(
        at_s,
        method,
        path,
        json.dumps(body, separators=(",", ":"), ensure_ascii=False),
        learns or {},
        headers or {},
    )
