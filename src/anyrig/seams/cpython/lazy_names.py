"""The names of modules that a ``lazy`` import has not given anything yet (PEP 810).

Problem: such a name is given what stands in its module when it is first used, for ever, and that
may be a double. Approach: what a module's dict has until then is a ``types.LazyImportType``, and
looking it up there leaves it as it is; one that is put there again is as new. ``sys.lazy_modules``
has the dotted names of all that are not used. Limits: none before Python 3.15.
Seen on CPython 3.15.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any, NamedTuple

from ...own import sys

_TYPE = getattr(types, "LazyImportType", None)


class LazyName(NamedTuple):
    """A name in a module's dict, and what stands there until it is used."""

    names: dict[str, Any]
    name: str
    import_: object
    target: str

    @property
    def value(self) -> object:
        """What stands there now; the lazy import itself where it is not used yet."""
        return self.names.get(self.name)

    def put_back(self) -> None:
        """Have it be as if it had not been used."""
        self.names[self.name] = self.import_
        known: Any = getattr(sys, "lazy_modules", set())
        known.add(self.target)


def of_target(dotted: str) -> Iterator[LazyName]:
    """The names of loaded modules that are not used yet, where one of them is for this target."""
    if _TYPE is None or dotted not in getattr(sys, "lazy_modules", ()):
        return
    for module in list(sys.modules.values()):
        if issubclass(type(module), types.ModuleType):
            names = names_of(module)
            for name, value in list(names.items()):
                if type(value) is _TYPE:
                    yield LazyName(names, name, value, dotted)


def names_of(module: types.ModuleType) -> dict[str, Any]:
    """A module's own dict; `vars` would load one that is loaded when it is first asked."""
    names: dict[str, Any] = object.__getattribute__(module, "__dict__")
    return names
