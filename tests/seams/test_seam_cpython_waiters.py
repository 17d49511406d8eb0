"""The private names of a thread's event and of an executor's future."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any

from anyrig.seams.cpython.waiters import on_done, on_set


def test_event_releases_its__waiters() -> None:
    """``_cond._waiters`` of an event are released when it is set, and gone."""
    event: Any = threading.Event()
    calls: list[str] = []
    on_set(event, lambda: calls.append("set"))
    forget = on_set(event, lambda: calls.append("forgotten"))
    assert len(event._cond._waiters) == 2
    forget()
    event.set()
    assert calls == ["set"]
    assert not event._cond._waiters
    on_set(event, lambda: calls.append("at once"))
    assert calls == ["set", "at once"]


def test_thread_that_waits_is_woken_beside() -> None:
    """A real thread in the same event's `wait` is woken as well."""
    event = threading.Event()
    on_set(event, lambda: None)
    thread = threading.Thread(target=event.wait)
    thread.start()
    event.set()
    thread.join()


def test_future_has__done_callbacks() -> None:
    """``_done_callbacks`` of a future can be taken away under its ``_condition``."""
    future: Any = Future()
    calls: list[str] = []
    on_done(future, lambda: calls.append("done"))
    forget = on_done(future, lambda: calls.append("forgotten"))
    forget()
    forget()
    future.set_result(None)
    assert calls == ["done"]
