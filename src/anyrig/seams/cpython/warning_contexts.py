"""Which warning filters, and which recorder, count where code runs just now.

Problem: with ``-X context_aware_warnings=1`` (Python 3.14; free-threaded builds have it by default)
``catch_warnings`` leaves ``warnings.filters`` and ``_showwarnmsg_impl`` alone. Its filters and its
log are in a context variable, and come before those of the module.
Approach: ``warnings._warnings_context`` is that variable, set in a ``catch_warnings`` alone; what
it has is asked for ``_filters``, and for ``log``, which is None where nobody records. Before Python
3.14 there is no such name. A task that outlives a test keeps the context in which it was made, so
those that were there at the beginning of a test are known as long as somebody has them.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection
from typing import Any

from ...own import weakref
from ..needs import Need, Of, Table, optional

_PART = "recorded warnings in a context"
_IN_CONTEXT = Table(
    optional(_PART, "warnings", "", ("_warnings_context",), Of.OWNER, (3, 14)),
    optional(
        *(_PART, "_py_warnings", "_Context", ("_filters", "log")),
        *(Of.INSTANCES, (3, 14)),
    ),
)
NEEDS = Table(
    *_IN_CONTEXT.needs,
    Need("the warnings that a test records", "warnings", "", ("_showwarnmsg_impl",)),
)
# the variable; None before Python 3.14. Each test asks it, and for a name that is not there an
# error is made each time
_VARIABLE: Any = getattr(warnings, "_warnings_context", None)


class Outer:
    """The contexts of whoever runs the tests: pytest makes one for each test."""

    def __init__(self) -> None:
        # none until one was noted: each test asks, and an empty set is ten calls of Python
        self._contexts: weakref.WeakSet[Any] | None = None
        self._log: object = None

    def note(self) -> None:
        """A test begins: the context and the recorder that are there now are not its own."""
        self._log = log()
        context = own()
        if context is not None:
            if self._contexts is None:
                self._contexts = weakref.WeakSet()
            self._contexts.add(context)

    def contexts(self) -> Collection[Any]:
        """The contexts that somebody still has, and the one that counts here."""
        context = own()
        if self._contexts is None:
            return () if context is None else (context,)
        return [*self._contexts, *(() if context is None else (context,))]

    def has(self, recorder: object) -> bool:
        """Whether a recorder is not a test's own."""
        return recorder is self._log or any(one.log is recorder for one in self._contexts or ())


def filters() -> Any:
    """The filters that count here."""
    context = own()
    return warnings.filters if context is None else context._filters


def own() -> Any | None:
    """The context of the innermost ``catch_warnings``, where that has one of its own."""
    return None if _VARIABLE is None or _IN_CONTEXT.gone() else _VARIABLE.get(None)


def log() -> list[warnings.WarningMessage] | None:
    """The list that an innermost ``catch_warnings(record=True)`` fills here, or None."""
    context = own()
    if context is None:
        show = getattr(warnings, "_showwarnmsg_impl", None)
        found = getattr(show, "__self__", None)
    else:
        found = context.log
    return found if isinstance(found, list) else None
