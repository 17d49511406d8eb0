"""Every use of something our neighbours do not promise, one file (or folder) per neighbour.

needs          what a seam needs, as a table that can be asked
parts          the tables of those seams that are imported when they are first used
cpython/       the interpreter and its standard library
anyio          its plugin's runners, and the cancel scopes on asyncio
trio           the cancel scopes and nurseries of a task
asyncio        the loop of a callback, and the errors of a task group
asyncio_turns  what a loop has ready, and a call after each of its turns
asyncio_threads what other threads put into a loop that sleeps, and who has
asyncio_errors the exceptions that nobody retrieved, and whose handler hears of them
asyncio_time, trio_time     the clock of a loop and of a run
uvloop         what a loop that waits in C waits for
pytest_skips   what pytest skips by itself, for nobody awaited it
pytest_timeout its timer and its handler of a signal
unittest_mock  the names inside a mock
doubles        the mock classes of anyrig.mocks, on those of unittest.mock
cython         the coroutines of compiled code

Each names its reason and the versions it was seen on, and in ``NEEDS`` the names that it needs;
``tests/seams/`` has a test for each that fails by name when upstream moves. `check` says what is
gone: at start-up, and of a module that is loaded later, as soon as it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .._version import __version__
from ..own import sys
from .needs import Gone, SeamGone, Table

__all__ = ["SeamGone", "check", "gone", "off", "tables", "unsupported"]

# trio's table is asked for where trio is loaded: a run on asyncio alone does without it.
_ON_TRIO = "trio._core._run"


def unsupported() -> str | None:
    """What of this interpreter anyrig can't stand on, whatever names it has; None on CPython's own.

    Other ones have other finalisers, frames and generations; a free-threaded one has no generations
    at all, and its coroutines may die in any thread.
    """
    name = sys.implementation.name
    if name != "cpython":
        return f"it needs CPython, and this is {name}"
    is_gil_enabled: Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)
    # words that Python's docs promise; `sysconfig` would read all that the build was made by
    if "free-threading build" in sys.version or not is_gil_enabled():
        return "it does not support free-threaded builds yet"
    return None


def check() -> None:
    """Raise `SeamGone` with one clear line where something lacks what the watch needs."""
    why = unsupported()
    if why is not None:
        raise SeamGone(
            f"anyrig {__version__} can't watch on this Python: {why}. Run with '-p no:anyrig'."
        )
    for one in gone():
        if one.need.is_vital:
            raise one.error()


def off() -> list[str]:
    """What this run does without, a line each: a name is gone, or means something else by now."""
    from .cpython import moved

    lines = [one.line() for one in gone() if not one.need.is_vital]
    return [*dict.fromkeys(lines), *moved()]


def gone() -> Iterator[Gone]:
    """What is gone, of all that is loaded by now."""
    for table in tables():
        yield from table.gone()


def tables() -> Iterator[Table]:
    """What each seam needs."""
    from . import anyio, asyncio, asyncio_errors, cpython, parts, unittest_mock

    yield from cpython.TABLES
    yield from (anyio.NEEDS, asyncio.NEEDS, asyncio_errors.NEEDS, unittest_mock.NEEDS)
    yield from parts.TABLES
    if _ON_TRIO in sys.modules:
        from . import trio

        yield trio.NEEDS
