"""What is open on a trio task, and what the tasks of a nursery have raised so far.

Problem: a fixture's cancel scope that cancels the test is told by nobody, and the error that it
was cancelled for appears when the fixture ends.
Approach: a task's innermost `CancelStatus` (``Task._cancel_status``), whose ``_scope`` is the
`CancelScope` and whose ``_parent`` is the next one out; ``Nursery._pending_excs``. Seen on trio
0.32 to 0.35.
"""

from __future__ import annotations

from typing import Any

import trio


def innermost(task: Any) -> object:
    """What stands for the innermost cancel scope of a task; compare it by identity."""
    return task._cancel_status


def open_scopes(task: Any, base: object) -> list[trio.CancelScope]:
    """The cancel scopes of a task that were opened since `innermost` was ``base``, those first."""
    scopes: list[trio.CancelScope] = []
    status = task._cancel_status
    while status is not None and status is not base:
        scopes.append(status._scope)
        status = status._parent
    return scopes


def errors_of(nursery: Any) -> list[BaseException]:
    """What the tasks of a nursery that still is open have raised, cancellations left out."""
    raised: list[BaseException] = nursery._pending_excs
    errors: list[BaseException] = []
    for error in raised:
        if isinstance(error, BaseExceptionGroup):
            rest = error.split(trio.Cancelled)[1]
            if rest is not None:
                errors.append(rest)
        elif not isinstance(error, trio.Cancelled):
            errors.append(error)
    return errors
