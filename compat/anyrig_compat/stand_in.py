"""The modules ``pytest_asyncio`` and ``pytest_asyncio.plugin``, where the real ones are not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest

from .marks import is_async, mark_of
from .names import Scope

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


def modules() -> dict[str, ModuleType]:
    """The modules, by the names that they are imported by."""
    from . import fixtures

    package = _module("pytest_asyncio", is_package=True)
    plugin = _module("pytest_asyncio.plugin")
    for module in (package, plugin):
        vars(module).update(
            fixture=fixture, is_async_test=is_async_test, __version__="1.5.0+anyrig"
        )
    for name in ("unused_tcp_port", "unused_udp_port"):
        vars(plugin)[name] = getattr(fixtures, name)
        vars(plugin)[f"{name}_factory"] = getattr(fixtures, f"{name}_factory")
    vars(package)["plugin"] = plugin
    return {module.__name__: module for module in (package, plugin)}


def _module(name: str, *, is_package: bool = False) -> ModuleType:
    module = ModuleType(name, f"{name}, as anyrig_compat has it")
    module.__spec__ = ModuleSpec(name, None, origin="anyrig_compat", is_package=is_package)
    if is_package:
        module.__path__ = []
    return module


@contextmanager
def importable() -> Iterator[None]:
    """Have ``import pytest_asyncio`` find them while entered."""
    ours = modules()
    before = {name: sys.modules[name] for name in ours if name in sys.modules}
    sys.modules.update(ours)
    try:
        yield
    finally:
        for name in ours:
            sys.modules.pop(name, None)
        sys.modules.update(before)
