"""A call after each turn of the running loop, on either backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ..backends import running_library
from ..own import asyncio, threading
from ..runners.base import HOST


@contextmanager
def after_turns(call: Callable[[], object]) -> Iterator[Callable[[], object]]:
    """While entered, call a function after each turn, before the loop waits; it is not to raise.

    Gives what a loop that was woken is to call: nothing, for it has turned. uvloop has no place for
    calls after its turns, so there it is the function.
    """
    if running_library() == "trio":
        from ..own import trio

        instrument = _Turns(call)
        trio.lowlevel.add_instrument(instrument)  # type: ignore[arg-type]  # it has the one method that is asked
        try:
            yield int
        finally:
            with suppress(KeyError, RuntimeError):  # the run has ended
                trio.lowlevel.remove_instrument(instrument)  # type: ignore[arg-type]
        return
    from ..seams import asyncio_turns as seam

    loop = asyncio.get_running_loop()
    named = _as_asyncio(call)
    forget = seam.after_turns(loop, named)
    try:
        yield named if forget is None else int
    finally:
        if forget is not None:
            forget()


@contextmanager
def heard_calls() -> Iterator[None]:
    """While entered, the run hears of each call that makes something ready from another thread.

    Who keeps a loop awake lets it go on with that, as it would not have done without.
    """
    host = HOST.get()
    if host is None or running_library() == "trio":
        yield
        return
    from ..seams import asyncio_threads as seam

    notes = seam.note_calls(asyncio.get_running_loop(), threading.get_ident(), host.start_of)
    hears = [] if notes is None else notes.hears
    hears.append(host.called_from_thread)
    try:
        yield
    finally:
        hears.remove(host.called_from_thread)


def _as_asyncio(call: Callable[[], object]) -> Callable[[], None]:
    """The call, for which sniffio says that asyncio is running: it is in no task."""
    from ..own import sniffio

    def named() -> None:
        before, sniffio.thread_local.name = sniffio.thread_local.name, "asyncio"
        try:
            call()
        finally:
            sniffio.thread_local.name = before

    return named


class _Turns:
    """A `trio.abc.Instrument` with this method alone: trio looks for what there is."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call

    def __dir__(self) -> list[str]:
        return ["before_io_wait"]

    def before_io_wait(self, timeout: float) -> None:
        """A batch of tasks has run."""
        self._call()
