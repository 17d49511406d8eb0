"""A patch of a module's name whose double stays nowhere else when it is undone.

Problem: what is imported while the patch stands, a module or a ``lazy`` name that is used for the
first time, has the double by a name of its own, and keeps it for all later tests.
Approach: when the patch is undone, a lazy name that was given the double is lazy again, and a
module that was imported meanwhile has the real thing where it had the double.
Limits: a default argument, a class or a closure that has kept the double keeps it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import ModuleType, TracebackType
from typing import Any

from ..own import sys
from ..seams.cpython.lazy_names import LazyName, names_of, of_target
from ..seams.doubles import is_mock


class Bound(AbstractContextManager[Any]):
    """Enters and undoes a patch of ``owner.name``, with ``new`` in its place."""

    def __init__(
        self, patch: AbstractContextManager[Any], owner: ModuleType, name: str, new: Any
    ) -> None:
        self._patch = patch
        self._owner = owner
        self._name = name
        self._new = new
        self._lazy: list[LazyName] = []
        self._known: set[str] = set()

    def __enter__(self) -> Any:
        self._lazy = list(of_target(f"{self._owner.__name__}.{self._name}"))
        self._known = set(sys.modules)
        return self._patch.__enter__()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        try:
            return self._patch.__exit__(exc_type, exc, traceback)
        finally:
            self._unbind()

    def _unbind(self) -> None:
        for lazy in self._lazy:
            if lazy.value is self._new:
                lazy.put_back()
        imported = [module for name, module in list(sys.modules.items()) if name not in self._known]
        for module in imported:
            if issubclass(type(module), ModuleType) and module is not self._owner:
                self._unbind_in(names_of(module))

    def _unbind_in(self, names: dict[str, Any]) -> None:
        # a plain value may be anybody's: it is the patch's where it has the patch's name
        asked = list(names) if is_mock(self._new) else [self._name]
        for name in asked:
            if names.get(name) is self._new:
                names[name] = getattr(self._owner, self._name)
