"""Unused stubs: a double was told what to give, and nobody asked it for that.

Problem: a test goes on saying what the code under test no longer calls, and looks as if it tested
it.
Approach: the fixture ``mocks`` asks its doubles when a test that has passed is torn down.
Limits: only doubles of the fixture; see `mocks.unused`. Off unless a setting says more: what many
tests share is told more than each of them needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..findings import Finding, Kind, Place
from ..origins import Origins

if TYPE_CHECKING:
    from ..mocks.unused import Unused  # with unittest.mock: only who uses mocks needs it

kind = Kind.UNUSED_STUB


def finding(origins: Origins, place: Place, unused: Unused) -> Finding:
    """The finding in words."""
    if unused.total is None:
        summary = f"`{unused.name}` was never called"
    else:
        given = unused.total - len(unused.left)
        summary = f"`{unused.name}` was asked for {given} of {unused.total} values"
    return Finding(
        kind=kind,
        place=place,
        origin=origins.locate(unused.frames),
        what=f"the double `{unused.name}`",
        summary=summary,
        details=tuple(_details(unused)),
        mend=("have the test call it, or leave out what it does not need",),
    )


def _details(unused: Unused) -> Iterable[str]:
    if unused.total is not None:
        yield f"{len(unused.left)} of {unused.total} values left: {unused.values}"
