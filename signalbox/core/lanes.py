"""Queues of a writer. A fair one is emptied in turn: whoever sends much waits for itself, not others for it."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

M = TypeVar("M")


class Lane(Protocol[M]):
    """Messages that wait."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def append(self, message: M, /) -> None:
        """Put one at the end."""

    def popleft(self) -> M:
        """Take the next one. Raises IndexError when there is none."""
        ...

    def has_room(self, message: M, limit: int) -> bool:
        """Whether one more may wait when `limit` may in all."""
        ...


class PlainLane(deque[M], Generic[M]):
    """First come, first served."""

    def has_room(self, message: M, limit: int) -> bool:  # noqa: ARG002  # a fair lane asks whose it is
        """Whether fewer than `limit` wait."""
        return len(self) < limit


class FairLane(Generic[M]):
    """One message of each owner in turn; an owner may take half of the room at most."""

    def __init__(self, owner_of: Callable[[M], Hashable]) -> None:
        self._owner_of = owner_of
        self._queues: OrderedDict[Hashable, deque[M]] = OrderedDict()
        self._waiting = 0

    def __len__(self) -> int:
        """How many wait, of all owners."""
        return self._waiting

    def append(self, message: M, /) -> None:
        """Put one behind the others of its owner."""
        owner = self._owner_of(message)
        queue = self._queues.get(owner)
        if queue is None:
            queue = self._queues[owner] = deque()
        queue.append(message)
        self._waiting += 1

    def popleft(self) -> M:
        """The oldest of the owner whose turn it is; then it is the next owner's."""
        if not self._queues:
            raise IndexError
        owner, queue = next(iter(self._queues.items()))
        message = queue.popleft()
        self._waiting -= 1
        if queue:
            self._queues.move_to_end(owner)
        else:
            del self._queues[owner]
        return message

    def has_room(self, message: M, limit: int) -> bool:
        """Whether there is room in all and for its owner."""
        own = self._queues.get(self._owner_of(message), ())
        return self._waiting < limit and len(own) < max(1, limit // 2)
