"""Who runs a test: anyio's plugin, in a runner of ours, or somebody else, in a loop of their own.

Problem: a test that pytest-asyncio, pytest-trio or unittest runs may ask for fixtures that work in
our runner alone, and gets them: they do nothing there, and nothing says so.
Approach: one function tells who runs a test, by its class and its marks. Of plugins that nobody
here knows it can't be told before: where the body of a test begins, we ask what is running.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from .own import inspect, sys

_ANYIO = "anyio.pytest_plugin"
_SHIM = "pip uninstall pytest-asyncio, and run `pytest -p anyrig_compat`"
_NOT_LOADED = "anyrig: anyio's pytest plugin is not loaded, and runs no async test: "
_BOTH = (
    "anyrig: anyio_mode and asyncio_mode are both auto, and pytest-asyncio runs each async test: "
    f"set one of them to strict, or have the shim run the suite: {_SHIM}"
)


class Runner(NamedTuple):
    """Who runs a test that anyio's plugin does not run, and what to type so that it does."""

    name: str
    mend: tuple[str, ...]


def anyios_plugin(manager: pytest.PytestPluginManager) -> ModuleType | None:
    """anyio's plugin, by whichever name a run has loaded it; None where it has not."""
    plugin: ModuleType | None = sys.modules.get(_ANYIO)
    return plugin if plugin is not None and manager.is_registered(plugin) else None


def packages(manager: pytest.PytestPluginManager) -> frozenset[str]:
    """The packages whose plugins a run has loaded, from files."""
    plugins = (plugin for _, plugin in manager.list_name_plugin())
    modules = (one for one in plugins if isinstance(one, ModuleType) and hasattr(one, "__file__"))
    return frozenset(module.__name__.partition(".")[0] for module in modules)


def is_crowded(manager: pytest.PytestPluginManager) -> bool:
    """Whether a run has plugins that run async tests marked for them in loops of their own."""
    return not packages(manager).isdisjoint(("pytest_asyncio", "pytest_trio"))


def told(config: pytest.Config) -> Iterator[str]:
    """The lines under pytest's header on who runs what, where that is not what it seems."""
    manager = config.pluginmanager
    if anyios_plugin(manager) is None:
        if not is_crowded(manager):
            yield not_loaded(manager)
    elif "pytest_asyncio" in packages(manager):
        modes = (_mode(config, name) for name in ("anyio_mode", "asyncio_mode"))
        if all(mode == "auto" for mode in modes):
            yield _BOTH


def not_loaded(manager: pytest.PytestPluginManager) -> str:
    """The line that says why anyio's plugin runs nothing, and what to type."""
    is_blocked = manager.is_blocked("anyio")
    return _NOT_LOADED + ("take '-p no:anyio' away" if is_blocked else "add '-p anyio'")


def _mode(config: pytest.Config, name: str) -> Any:
    return config.getoption(name, None) or config.getini(name)


def is_async(item: Any) -> bool:
    """Whether the function of a test is an async one, given by Hypothesis or not."""
    function = getattr(item, "obj", None)
    handle = getattr(function, "hypothesis", None)
    return inspect.iscoroutinefunction(function if handle is None else handle.inner_test)


def other_runner(item: pytest.Item) -> Runner | None:
    """Who runs an async test, where it is known that anyio's plugin does not."""
    runtest: Any = type(item).runtest
    package, _, module = runtest.__module__.partition(".")
    if package == "pytest_asyncio":
        return _PYTEST_ASYNCIO_AUTO if _is_by_mode(item) else _PYTEST_ASYNCIO
    if package == "_pytest" and module == "unittest":
        return _UNITTEST
    is_trios = item.get_closest_marker("trio") is not None
    if is_trios and "pytest_trio" in packages(item.config.pluginmanager):
        return _PYTEST_TRIO
    return None


def unknown_runner(item: pytest.Item) -> Runner:
    """Who has run a test in another loop than ours: the plugins that may have."""
    hooks = item.ihook.pytest_pyfunc_call.get_hookimpls()
    names = [
        impl.plugin_name.rpartition("/")[2]
        for impl in hooks
        if not impl.function.__module__.startswith(("_pytest.", "anyio.", "anyrig"))
    ]
    said = f"another plugin ({', '.join(names)})" if names else "another plugin"
    return Runner(said, ("have that plugin leave the test to anyio's",))


def _is_by_mode(item: pytest.Item) -> bool:
    """Whether pytest-asyncio has taken a test for its auto mode, which marks what it takes."""
    own = getattr(item.obj if isinstance(item, pytest.Function) else None, "pytestmark", ())
    above = item.parent.iter_markers("asyncio") if item.parent is not None else ()
    is_marked = any(mark.name == "asyncio" for mark in (*own, *above))
    return not is_marked and _mode(item.config, "asyncio_mode") == "auto"


_PYTEST_ASYNCIO = Runner(
    "pytest-asyncio",
    ("@pytest.mark.anyio in the place of @pytest.mark.asyncio", f"or {_SHIM}"),
)
_PYTEST_ASYNCIO_AUTO = Runner(
    "pytest-asyncio",
    (
        "in the settings, asyncio_mode = strict beside anyio_mode = auto",
        f"or {_SHIM}",
    ),
)
_PYTEST_TRIO = Runner(
    "pytest-trio",
    ("take the mark `trio` and `trio_mode` away, and give it @pytest.mark.anyio",),
)
_UNITTEST = Runner("unittest", ("make it a function, or a method of a class of no TestCase",))
