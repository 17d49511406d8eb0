"""The runners that anyio's plugin hands tests and async fixtures to.

base         what both backends share: calls, what cancelled one, each error told once
on_asyncio   calls in one task of an asyncio event loop
on_trio      calls in the main task of a trio run

Problem: anyio runs the tests and the fixtures of a scope in one task, so that a fixture's cancel
scope encloses the test. Where that scope is cancelled (a background task crashed), the task of
anyio's own runner is cancelled too: the error is never shown, and on trio nothing ever ends.
Approach: a runner that can't be cancelled between calls, that finds out who cancelled a call, and
fails it with what the background task raised. Seen with anyio 4.13 to 4.16 (its issue 805).
Limits: what a test awaits under a shield of its own is not cut off; it fails when it ends.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from .base import OWNER, Fixture, Host, Runner, owner_in

__all__ = ["OWNER", "Fixture", "Host", "Runner", "create", "owner_in"]


def create(host: Host, library: str, options: dict[str, object]) -> Runner:
    """A new runner for an async library; raises ``LookupError`` for one that is not known here.

    ``options`` are those of the ``anyio_backend`` fixture; a wrong one raises ``TypeError``.
    """
    return _kind(library)(host, **options)


@functools.cache
def _kind(library: str) -> Callable[..., Runner]:
    if library == "asyncio":
        from .on_asyncio import AsyncioRunner

        return AsyncioRunner
    if library == "trio":
        from .on_trio import TrioRunner

        return TrioRunner
    raise LookupError(f"No such backend: {library}")
