"""pytest-mock's ``mocker``, with the promises of doubles: the setting ``anyrig_adapt_mocks``.

Problem: a suite that patches with ``mocker.patch`` in a thousand places is not rewritten in a day.
Approach: what its ``mocker`` patches, specs, stubs and spies is handed to `adapt` on the way out;
the mocker's own public names are all that is used.
Limits: its classes (``mocker.AsyncMock()``) stay the stock ones; so do those of the backport
``mock``.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from typing import Any

from ..own import inspect
from ..seams import doubles as seam
from .awaiting import Target, is_awaiting
from .ledger import Ledger

FIXTURES = frozenset(
    {"mocker", "class_mocker", "module_mocker", "package_mocker", "session_mocker"}
)
_MAKERS = ("create_autospec", "stub", "async_stub", "spy")


def adapt_mocker(mocker: Any) -> None:
    """Have a ``MockerFixture`` hand out adapted mocks from now on."""
    for name in _MAKERS:
        make = getattr(mocker, name, None)  # older ones have no `async_stub`
        if make is not None:
            setattr(mocker, name, _Making(make))
    mocker.patch = _Patching(mocker.patch)


class _Making:
    """One of the functions that make a mock."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _adapted(self._make(*args, **kwargs), None)


class _Patching:
    """``mocker.patch``."""

    def __init__(self, patch: Any) -> None:
        self._patch = patch

    def __call__(self, target: str, *args: Any, **kwargs: Any) -> Any:
        real = _at(target)
        return _adapted(self._patch(target, *args, **kwargs), real)

    def object(self, target: Any, attribute: str, *args: Any, **kwargs: Any) -> Any:
        real = inspect.getattr_static(target, attribute, None)
        return _adapted(self._patch.object(target, attribute, *args, **kwargs), real)

    def context_manager(self, target: Any, attribute: str, *args: Any, **kwargs: Any) -> Any:
        real = inspect.getattr_static(target, attribute, None)
        return _adapted(self._patch.context_manager(target, attribute, *args, **kwargs), real)

    def multiple(self, *args: Any, **kwargs: Any) -> Any:
        made = self._patch.multiple(*args, **kwargs)
        for mock in made.values():
            _adapted(mock, None)
        return made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._patch, name)


def _at(target: str) -> Any:
    """What stands at a target; None where there is nothing: the patch itself says so."""
    owner, _, name = target.rpartition(".")
    try:
        return inspect.getattr_static(pkgutil.resolve_name(owner), name, None)
    except (ImportError, AttributeError, ValueError):
        return None


def _adapted(thing: Any, real: Any) -> Any:
    target = Target(real, awaits=True) if is_awaiting(real) else None
    return seam.adapt(thing, Ledger(), target)
