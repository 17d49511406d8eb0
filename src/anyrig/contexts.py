"""What calls leave changed in the context that they share.

Calls that run in one task run in one context: what a test sets there and does not take back, the
next one sees. To copy a context costs the same however much is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import Context, ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple

MISSING = object()  # the value of a variable that is not set, and has no default

# what others set for themselves, by name: decimal does so when it is merely asked
_OTHERS = frozenset({"anyrig_owner", "anyrig_course", "sniffio_cvar", "decimal_context"})


@dataclass(slots=True, eq=False)
class Step:
    """The context before some calls in a row, and after them: all of one fixture, or the test's."""

    owner: object  # who they were for: a test's id, or a wider fixture
    fixture: Any  # None for the test itself
    before: Context
    after: Context


class Change(NamedTuple):
    """A variable that a test leaves changed."""

    variable: ContextVar[Any]
    old: object
    new: object
    fixture: Any  # of the test's, that set it; None where the test itself did


def changes(steps: Sequence[Step], test: str) -> list[Change]:
    """What a test and its own fixtures leave changed; what wider ones set is meant to stay."""
    first = next((n for n, step in enumerate(steps) if step.owner == test), None)
    if first is None:
        return []
    steps = steps[first:]
    variables = _differing(steps[0].before, steps[-1].after)
    found = (_change(variable, steps, test) for variable in variables)
    return [change for change in found if change is not None]


def _change(variable: ContextVar[Any], steps: Sequence[Step], test: str) -> Change | None:
    """How a variable was changed by the test since a wider fixture last set it."""
    old, fixture = steps[0].before.get(variable, MISSING), None
    for step in steps:
        before, after = step.before.get(variable, MISSING), step.after.get(variable, MISSING)
        if before is not after:
            if step.owner == test:
                fixture = step.fixture
            else:
                old = after
    old, new = _seen(variable, old), _seen(variable, steps[-1].after.get(variable, MISSING))
    return None if _is_same(old, new) else Change(variable, old, new, fixture)


def _seen(variable: ContextVar[Any], value: object) -> object:
    """What is seen of a variable with this value: where it is not set, its default, if any."""
    if value is not MISSING:
        return value
    try:
        return Context().run(variable.get)
    except LookupError:
        return MISSING


def _differing(before: Context, after: Context) -> list[ContextVar[Any]]:
    changed = [one for one in after if before.get(one, MISSING) is not after[one]]
    # what is not set any more
    changed += [one for one in before if one not in after]
    return [one for one in changed if one.name not in _OTHERS]


def _is_same(old: object, new: object) -> bool:
    """Whether nobody can tell the values apart; two of them may not know how to be compared."""
    if old is new:
        return True
    try:
        return bool(old == new)
    except Exception:  # noqa: BLE001 - the user's own
        return False
