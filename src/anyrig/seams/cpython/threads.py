"""Origin tracking in threads, and who started them.

Problem: ``sys.set_coroutine_origin_tracking_depth`` is per thread, and a coroutine that dies in
a thread says nothing of the test that started the thread.
Approach: while entered, ``threading.Thread._bootstrap_inner`` (the first Python code of a new
thread) is ours: it sets the depth and notes ``token()``.
Limits: threads made with ``_thread.start_new_thread`` have no origins; the line on which their
coroutine died stands in.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Self


class ThreadStarts:
    """Notes ``token()`` for each thread that is started while it is entered."""

    def __init__(self, depth: int, token: Callable[[], object]) -> None:
        self._depth = depth
        self._token = token
        # thread -> the token at its start, as long as the thread object lives
        self._tokens: weakref.WeakKeyDictionary[threading.Thread, object] = (
            weakref.WeakKeyDictionary()
        )

    def __enter__(self) -> Self:
        self._previous = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]
        previous, depth, tokens = self._previous, self._depth, self._tokens

        def _bootstrap_inner(thread: threading.Thread) -> None:
            sys.set_coroutine_origin_tracking_depth(depth)
            tokens[thread] = self._token()
            previous(thread)

        self._ours = _bootstrap_inner
        threading.Thread._bootstrap_inner = _bootstrap_inner  # type: ignore[attr-defined]
        self._depth_before = sys.get_coroutine_origin_tracking_depth()
        sys.set_coroutine_origin_tracking_depth(max(depth, self._depth_before))
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if threading.Thread._bootstrap_inner is self._ours:  # type: ignore[attr-defined]
            threading.Thread._bootstrap_inner = self._previous  # type: ignore[attr-defined]
        sys.set_coroutine_origin_tracking_depth(self._depth_before)

    def started_at(self, thread: threading.Thread) -> object | None:
        """The token noted when this thread was started; None for one that was there before.

        Threads of a pool serve whoever asks, so they have none either.
        """
        if is_pooled(thread):
            return None
        return self._tokens.get(thread)


def is_pooled(thread: threading.Thread) -> bool:
    """Whether a thread is a pool's: an executor's, of trio's cache, or one of anyio's workers."""
    target = getattr(thread, "_target", None) or type(thread).run
    module = getattr(target, "__module__", "") or ""
    return module.startswith(("concurrent.futures.", "trio.", "anyio."))
