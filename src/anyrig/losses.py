"""An exception that nobody saw: the facts, taken where it was lost.

What records one (an interpreter's hook, the handler of an event loop) knows no more than this.
"""

from __future__ import annotations

import enum
from contextvars import Context
from typing import NamedTuple


class Way(enum.Enum):
    """The way in which an exception was lost."""

    TASK = enum.auto()
    FUTURE = enum.auto()
    CALLBACK = enum.auto()
    LOOP = enum.auto()  # told to the event loop, by a transport or a library
    FINALISER = enum.auto()  # what the interpreter calls can pass nothing on
    THREAD = enum.auto()
    GENERATOR = enum.auto()  # the cleanup of an async generator that was left in the middle


class Loss(NamedTuple):
    """One exception, the way it was lost, and the name of what lost it.

    ``made`` are the frames that made that thing, innermost first; ``key`` is the id of a future;
    ``context`` is the one that a task or a callback ran in.
    """

    way: Way
    name: str
    error: BaseException
    made: tuple[tuple[str, int, str], ...] = ()
    key: int = 0
    context: Context | None = None
