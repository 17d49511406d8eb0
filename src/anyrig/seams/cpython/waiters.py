"""A call when a `threading.Event` is set or a `concurrent.futures.Future` is done.

Problem: a thread that waits for an event can't be called off. Approach: who waits for a condition
is a lock among its ``_waiters`` (the event's condition is ``_cond``), which `notify` releases and
takes away; ours has a ``release`` that calls. Nothing blocks, and it can be taken away at any time.

Problem: a future calls back for ever, there is no taking it away. Approach: ``_done_callbacks``,
under its ``_condition``. Seen on CPython 3.11 to 3.13.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from ...own import threading
from ..needs import SeamGone
from ..parts import WAITERS as NEEDS


class _Waiter:
    """Stands where a waiting thread's lock would."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.release = call


def on_set(event: threading.Event, call: Callable[[], object]) -> Callable[[], None]:
    """Call, in the thread that sets it, when an event is set; at once where it is.

    Returns what prevents it. The call is to be short and not to raise. Raises `SeamGone` where this
    interpreter does not have that done.
    """
    NEEDS.require()
    if not is_heard():
        raise SeamGone("off: until(event): threading.Condition does not release its waiters")
    return _on_set(event, call)


@functools.cache
def is_heard() -> bool:
    """Whether this interpreter calls us for a planted event that is set."""
    event, heard = threading.Event(), list[bool]()
    _on_set(event, lambda: heard.append(True))
    event.set()
    return heard == [True]


def _on_set(event: threading.Event, call: Callable[[], object]) -> Callable[[], None]:
    condition: Any = event._cond  # type: ignore[attr-defined]
    waiter = _Waiter(call)
    with condition:
        is_set = event.is_set()
        if not is_set:
            condition._waiters.append(waiter)
    if is_set:
        call()

    def forget() -> None:
        with condition, suppress(ValueError):
            condition._waiters.remove(waiter)

    return forget


def on_done(future: Future[Any], call: Callable[[], object]) -> Callable[[], None]:
    """Call, in the thread that ends it, when a future is done; at once where it is.

    Returns what prevents it.
    """
    NEEDS.require()

    def done(_: Future[Any]) -> None:
        call()

    future.add_done_callback(done)

    def forget() -> None:
        inner: Any = future
        with inner._condition, suppress(ValueError):
            inner._done_callbacks.remove(done)

    return forget
