"""Leaked context variable: a test leaves it changed for the next one.

Problem: while a wider async fixture keeps the runner, tests run in one task, so in one context;
what one sets and does not take back, the next one sees.
Approach: contexts are compared before and after the calls of a test and of its own fixtures.
Limits: where the runner is not kept there is nothing to leak to, and nothing is told. A value
that is changed in place is not seen.
"""

from __future__ import annotations

from .. import safe
from ..contexts import MISSING, Change
from ..findings import Finding, Kind, Origin, Place

kind = Kind.LEAKED_CONTEXTVAR


def finding(place: Place, change: Change, origin: Origin | None, maker: str | None) -> Finding:
    """The finding in words; ``maker`` is the fixture that set it, in words."""
    name = safe.name(change.variable.name)
    return Finding(
        kind=kind,
        place=place,
        origin=origin,
        what=f"the context variable `{name}`",
        summary=f"the context variable `{name}` is left changed",
        details=(
            f"it was {_value(change.old)}, and is {_value(change.new)} now",
            *([] if maker is None else [f"{maker} left it so"]),
        ),
        mend=(
            "reset it where that ends which sets it, with the token that `variable.set(...)` gave",
        ),
    )


def _value(value: object) -> str:
    return "not set" if value is MISSING else safe.value(value)
