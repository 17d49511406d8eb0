"""What CPython and its standard library do not promise, and anyrig's watch needs.

unawaited   the interpreter's call for a coroutine that dies unawaited
filters     a warning filter that nobody can put another in front of
young       the objects made since a moment, without a look at the heap
asyncgen    whether an ``asend``, ``athrow`` or ``aclose`` was ever awaited
generators  async generators that die in the middle, and who iterated them
referrers   the instances that have a thing for an attribute
threads     origin tracking in threads; when, where and by whom a thread was started
excepthooks exceptions in threads, and those that can be raised nowhere
keeping     what is never collected
waiters     a call when a thread's event is set, and no call any more from a future
lazy_names  the names that a ``lazy`` import has not given anything yet
lines       the line of an instruction that has none
frames      the innermost frame of each thread
stacks      what the threads of this process are doing at the moment

Seen on CPython 3.11 to 3.15.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator

from . import (
    asyncgen,
    filters,
    frames,
    generators,
    stacks,
    swallowed,
    threads,
    unawaited,
    warning_contexts,
)

__all__ = ["TABLES", "moved"]

TABLES = (
    asyncgen.NEEDS,
    filters.NEEDS,
    frames.NEEDS,
    generators.NEEDS,
    stacks.NEEDS,
    swallowed.NEEDS,
    threads.NEEDS,
    unawaited.NEEDS,
    warning_contexts.NEEDS,
)


def moved() -> Iterator[str]:
    """What anyrig does without, for the interpreter has a name, and means something else by it.

    A sentence each, for the header of a run; none on a supported one. Each is asked on planted
    objects.
    """
    python = f"{platform.python_implementation()} {platform.python_version()}"
    if not asyncgen.can_read():
        yield (
            "an asend, athrow or aclose that something holds is told late, or not at all: "
            f"{python} has their state at another place"
        )
    if not unawaited.is_heard():
        yield (
            "missed awaits are told as warnings, or not at all: "
            f"{python} does not call warnings._warn_unawaited_coroutine"
        )
