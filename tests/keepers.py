"""What stands in for what holds virtual time, and for what hears of sleeps."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import FrameType
from typing import Any


class Nobody:
    """A `Keeper`: nothing holds the time, but for the pauses that it is told to make."""

    def __init__(self, *pauses: float) -> None:
        self.pauses = list(pauses)
        self.descriptors: Callable[[], Any] = tuple
        self.calls: Callable[[], int] = int

    def begin(self, descriptors: Callable[[], Any], calls: Callable[[], int]) -> None:
        """A loop follows; what it has to tell is kept."""
        self.descriptors, self.calls = descriptors, calls

    def look(self, distance: float) -> float:
        """The next pause."""
        return self.pauses.pop(0) if self.pauses else 0

    def has_threads(self) -> bool:
        """There are none."""
        return False

    def named(self, words: str) -> AbstractContextManager[None]:
        """Nobody asks for it."""
        return nullcontext()

    def words(self) -> list[str]:
        """Nothing keeps it."""
        return []


class Slept:
    """What hears of sleeps: it keeps how long they are and the functions that sleep."""

    def __init__(self) -> None:
        self.calls: list[tuple[float | None, str]] = []

    def note(self, seconds: float | None, task: str, frame: FrameType) -> None:
        """A task begins to sleep."""
        self.calls.append((seconds, frame.f_code.co_name))
