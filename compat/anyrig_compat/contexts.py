"""Context variables that trio's code and asyncio's have in common while one awaits the other.

Problem: what is awaited sets context variables for whoever awaits it, as in one library; but a
context that has been entered can't be entered again, and a loop enters one for each turn of a task.
Approach: the other side has a copy. What either has set meanwhile is set on the other where they
meet: when a call ends, when a block is entered and left.
Limits: a variable can't be taken away, so a token's reset to nothing stays on its side.
"""

from __future__ import annotations

from contextvars import Context, ContextVar
from typing import Any

from anyrig.own import contextvars

_MISSING = object()


class SharedContext:
    """The caller's context variables, for code on the other side."""

    def __init__(self) -> None:
        self.theirs = contextvars.copy_context()
        self._agreed = self.theirs.copy()  # what both sides had when they met last

    def fetch(self) -> None:
        """Set here what was set there since."""
        if self.theirs != self._agreed:
            _bring(self.theirs, self._agreed)
            self._agreed = self.theirs.copy()

    def hand_over(self) -> None:
        """Set there what was set here since; not while the other side runs."""
        here = contextvars.copy_context()
        if here != self._agreed:
            self.theirs.run(_bring, here, self._agreed)
            self._agreed = here


def changed(after: Context, before: Context) -> list[tuple[ContextVar[Any], Any]]:
    """The variables that have another value than before, with that value."""
    return [(one, value) for one, value in after.items() if before.get(one, _MISSING) is not value]


def _bring(context: Context, agreed: Context) -> None:
    for variable, value in changed(context, agreed):
        variable.set(value)
