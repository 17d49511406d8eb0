"""A call after each turn of the running loop, on either backend."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ..backends import running_library


@contextmanager
def after_turns(call: Callable[[], object]) -> Iterator[Callable[[], object]]:
    """While entered, call a function after each turn, before the loop waits; it is not to raise.

    Gives what a loop that was woken is to call: nothing, for it has turned. uvloop has no place for
    calls after its turns, so there it is the function.
    """
    if running_library() == "trio":
        from trio.lowlevel import add_instrument, remove_instrument

        instrument = _Turns(call)
        add_instrument(instrument)  # type: ignore[arg-type]  # it has the one method that is asked
        try:
            yield int
        finally:
            with suppress(KeyError, RuntimeError):  # the run has ended
                remove_instrument(instrument)  # type: ignore[arg-type]
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


def _as_asyncio(call: Callable[[], object]) -> Callable[[], None]:
    """The call, for which sniffio says that asyncio is running: it is in no task."""
    from sniffio import thread_local

    def named() -> None:
        before, thread_local.name = thread_local.name, "asyncio"
        try:
            call()
        finally:
            thread_local.name = before

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
