"""The modules ``pytest_asyncio`` and ``pytest_asyncio.plugin``, where the real ones are not."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest

from anyrig.own import sys

from .marks import is_async, mark_of
from .names import Scope

ORIGIN = "anyrig_compat"
_LOOP_SCOPE = "_anyrig_compat_loop_scope"


def fixture(
    fixture_function: Callable[..., Any] | None = None,
    *,
    loop_scope: Scope | None = None,
    **options: Any,
) -> Any:
    """A fixture, async or not, that runs on an asyncio event loop.

    Takes what ``pytest.fixture`` takes, and ``loop_scope``: the scope of the loop, where that is
    another than the options say.
    """
    if fixture_function is None:
        return lambda function: fixture(function, loop_scope=loop_scope, **options)
    function: Any = getattr(fixture_function, "__func__", fixture_function)
    setattr(function, _LOOP_SCOPE, loop_scope)
    return pytest.fixture(fixture_function, **options)


def is_async_fixture(function: Any) -> bool:
    """Whether a fixture's function was given to `fixture`."""
    return hasattr(getattr(function, "__func__", function), _LOOP_SCOPE)


def loop_scope_of(function: Any) -> Scope | None:
    """The scope of the loop that it asks for."""
    return getattr(getattr(function, "__func__", function), _LOOP_SCOPE, None)


def is_async_test(item: pytest.Item) -> bool:
    """Whether a test is one that runs on an asyncio event loop."""
    return is_async(getattr(item, "obj", None)) and mark_of(item) is not None


class Finder(Loader):
    """Gives ``pytest_asyncio`` to whoever imports it and would find no other.

    Problem: a suite imports it at the top of its files, before any hook of pytest's is called.
    Approach: it stands last in ``sys.meta_path``, so that the real one wins.
    """

    NAMES = ("pytest_asyncio", "pytest_asyncio.plugin")

    @classmethod
    def find_spec(cls, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """The module's spec, for the import system."""
        if name not in cls.NAMES:
            return None
        return ModuleSpec(name, cls(), origin=ORIGIN, is_package=name == cls.NAMES[0])

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module, for the import system."""
        # pytest would warn of a plugin that it can no longer rewrite
        return ModuleType(spec.name, f"{spec.name}, as {ORIGIN} has it. PYTEST_DONT_REWRITE")

    def exec_module(self, module: ModuleType) -> None:
        """Fill it, for the import system."""
        from . import fixtures

        names = vars(module)
        names.update(fixture=fixture, is_async_test=is_async_test, __version__="1.5.0+anyrig")
        if module.__name__ == "pytest_asyncio.plugin":
            for name in ("unused_tcp_port", "unused_udp_port"):
                names[name] = getattr(fixtures, name)
                names[f"{name}_factory"] = getattr(fixtures, f"{name}_factory")


def is_stand_in(module: object) -> bool:
    """Whether a module is ours, and not the real one."""
    return getattr(getattr(module, "__spec__", None), "origin", None) == ORIGIN


def is_real() -> bool:
    """Whether importing ``pytest_asyncio`` gives the real one.

    What `pip uninstall` leaves behind is a folder with nothing but bytecode that pytest wrote. To
    Python it is a namespace package, which has no file of its own.
    """
    try:
        found = importlib.util.find_spec("pytest_asyncio")
    except ValueError:  # somebody has put a module without a spec there: no plugin of a file
        return False
    return found is not None and found.has_location


def is_installed() -> bool:
    """Whether pytest finds the real one among what is installed, with a module to load."""
    if not is_real():
        return False
    try:
        metadata.distribution("pytest-asyncio")
    except metadata.PackageNotFoundError:
        return False  # sources on the path, or what is left of it
    return True


def install() -> None:
    """Have ``import pytest_asyncio`` find the shim's module where there is no other."""
    if not any(getattr(finder, "NAMES", None) == Finder.NAMES for finder in sys.meta_path):
        sys.meta_path.append(Finder)


@contextmanager
def importable() -> Iterator[None]:
    """Have it found while entered also where the real one is installed, and switched off."""
    real = {name: sys.modules.pop(name) for name in Finder.NAMES if name in sys.modules}
    finders = list(sys.meta_path)
    sys.meta_path.insert(0, Finder)
    try:
        yield
    finally:
        sys.meta_path[:] = finders
        for name in Finder.NAMES:
            sys.modules.pop(name, None)
        sys.modules.update(real)
