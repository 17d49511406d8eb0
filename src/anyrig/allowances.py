"""Explicit permissions: the block, the marker, and the filter mark that is its author's word.

An allowance permits findings of its kinds in one place. The block and the marker fail where
nothing needed them, so that none is left behind.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from .findings import Finding, Kind, UnusedAllowanceError
from .losses import Way
from .origins import Origins
from .seams.cpython.unawaited import installed_owner
from .settings import Settings, read_kind

MARKER = "the marker's allow="
_NEVER_AWAITED = "never awaited"
# the warnings that pytest makes of exceptions that the interpreter can raise nowhere
_PYTESTS = {
    Way.FINALISER: "PytestUnraisableExceptionWarning",
    Way.THREAD: "PytestUnhandledThreadExceptionWarning",
}


@dataclass(eq=False)
class Permit:
    """One permission: its kinds, where it stands (in words), and whether it was needed."""

    kinds: frozenset[Kind]
    words: str
    must_be_used: bool = True
    used: bool = False

    @property
    def kinds_text(self) -> str:
        return " or ".join(sorted(kind.value for kind in self.kinds))

    def covers(self, finding: Finding) -> bool:
        """Whether it permits this finding."""
        return finding.kind in self.kinds


class allow:  # noqa: N801 - read as a word: with anyrig.allow("missed_await"):
    """Permit findings of these kinds for what the block makes: ``with allow("missed_await"):``.

    Raises `UnusedAllowanceError` at the end of a block that made nothing of the kind, and
    ``ValueError`` for an unknown kind. Without a rig (``-p no:anyrig``) it does nothing.
    """

    def __init__(self, *kinds: str) -> None:
        try:
            known = frozenset(read_kind(kind, "anyrig.allow()") for kind in kinds)
        except pytest.UsageError as error:
            raise ValueError(str(error)) from None
        if not known:
            raise ValueError('anyrig.allow() takes kinds, as in allow("missed_await")')
        self._permit = Permit(known, "allow()", must_be_used=True)
        self._open = ExitStack()

    def __enter__(self) -> None:
        rig: Any = getattr(installed_owner(), "owner", None)
        if rig is None:
            self._permit.used = True
        else:
            self._open.enter_context(rig.allowing(self._permit))

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        __tracebackhide__ = True
        self._open.close()
        if error is None and not self._permit.used:
            raise UnusedAllowanceError(
                f"allow() permits a {self._permit.kinds_text}, and its block made none: "
                "take it away"
            )


def author_permits(item: pytest.Item, settings: Settings) -> list[Permit]:
    """What the marks on a test permit in it."""
    permits = []
    if settings.allowed:
        own = any(mark.name == "anyrig" and "allow" in mark.kwargs for mark in item.own_markers)
        permits.append(Permit(settings.allowed, MARKER, must_be_used=own))
    for mark in item.own_markers:
        if mark.name == "filterwarnings" and any(map(_permits, mark.args)):
            words = "the filterwarnings mark on the test"
            permits.append(Permit(frozenset({Kind.MISSED_AWAIT}), words, must_be_used=False))
    return permits


def author_permits_loss(item: pytest.Item, way: Way) -> Permit | None:
    """What a mark on a test permits that ignores the warning that pytest would give."""
    category = _PYTESTS.get(way)
    for mark in item.own_markers:
        if category is not None and mark.name == "filterwarnings":
            for text in mark.args:
                if category in _ignored(text):
                    words = "the filterwarnings mark on the test"
                    return Permit(frozenset({Kind.LOST_EXCEPTION}), words, must_be_used=False)
    return None


def _permits(text: str) -> bool:
    return _NEVER_AWAITED in _ignored(text).partition(":")[0]


def _ignored(text: str) -> str:
    """What a filter ignores, the text after its action; empty for one that does not ignore."""
    action, _, rest = text.partition(":")
    return rest if action.strip() == "ignore" else ""


def standing_filter(item: pytest.Item, hidden_by: Any, origins: Origins) -> str | None:
    """Where the mark stands that set the filter which hides a warning; None where it is no mark."""
    if hidden_by is None:
        return None
    from . import source

    pattern = getattr(hidden_by[1], "pattern", hidden_by[1]) or ""
    for node, mark in item.iter_markers_with_node("filterwarnings"):
        if node is item:
            continue
        for text in mark.args:
            action, _, rest = text.partition(":")
            if action.strip() == "ignore" and rest.partition(":")[0].strip() == pattern:
                path = str(node.path)
                name = node.name if isinstance(node, pytest.Class) else None
                where = source.find_mark(path, name, "filterwarnings")
                place = f"{origins.path(path)}" + (f":{where}" if where else "")
                return f"that filter is the mark at {place}; a mark on the test itself permits"
    return None
