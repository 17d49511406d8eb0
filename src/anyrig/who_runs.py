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

from .findings import FindingError
from .own import inspect, sys

_ANYIO = "anyio.pytest_plugin"
_SHIM = "pip uninstall pytest-asyncio, and run `pytest -p anyrig_compat`"
_NOT_LOADED = "anyrig: anyio's pytest plugin is not loaded, and runs no async test: "
_BOTH = (
    "anyrig: anyio_mode and asyncio_mode are both auto, and pytest-asyncio runs each async test: "
    f"set one of them to strict, or have the shim run the suite: {_SHIM}"
)


# the fixtures of ours that work in our runner alone, and what tests call them
NEED_RUNNER = {
    "anyrig_clock": "clock",
    "anyrig_fast_sleep": "fast_sleep",
    "task_group": "task_group",
}
_OURS = "anyrig.fixtures"
SERVICE = "anyrig_service"  # the attribute that tells the function of a service's fixture
VIRTUAL = '`clock="virtual"`'


class Runner(NamedTuple):
    """Who runs a test that anyio's plugin does not run, and what to type so that it does."""

    name: str
    mend: tuple[str, ...]

    @property
    def ways(self) -> tuple[str, ...]:
        """What to type, a line for each way."""
        first, *rest = self.mend
        return (first, *(f"or {one}" for one in rest))

    def refusal(self, asked: str) -> FindingError:
        """The error for a test that asks for something of ours which does nothing there."""
        first, *rest = self.mend
        lines = (
            f"{asked} does nothing here: {self.name} runs this test, in a loop of its own",
            "",
            "what anyrig gives to async tests works where anyio's plugin runs them",
            "",
            f"mend:   {first}",
            *(f"or:     {one}" for one in rest),
        )
        return FindingError("\n".join(lines))


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


def runs_unmarked(config: pytest.Config) -> bool:
    """Whether an async test needs no mark to be run."""
    for name in ("anyio_mode", "asyncio_mode"):
        try:
            if _mode(config, name) == "auto":
                return True
        # that plugin is not there, or refuses what its setting says in words of its own
        except (ValueError, KeyError, TypeError, pytest.UsageError):
            continue
    return False


def is_async(item: Any) -> bool:
    """Whether the function of a test is an async one, given by Hypothesis or not."""
    function = getattr(item, "obj", None)
    handle = getattr(function, "hypothesis", None)
    return inspect.iscoroutinefunction(function if handle is None else handle.inner_test)


def needs_runner(definition: Any) -> str | None:
    """What a fixture of ours that needs our runner is called; None for any other fixture."""
    name, function = definition.argname, definition.func
    if name in NEED_RUNNER:
        is_ours = getattr(function, "__module__", None) == _OURS  # or a suite's own of that name
        return f"`{NEED_RUNNER[name]}`" if is_ours else None
    return f"the service `{name}`" if hasattr(function, SERVICE) else None


def word_for_sync(item: Any, definition: Any) -> str | None:
    """What is told of a test that is not async, and asks for a fixture of ours by an argument.

    What is asked for by its fixtures and marks may be for others, and a service may be a server.
    """
    function: Any = inspect.unwrap(item.obj)
    code = getattr(function, "__code__", None)
    name = NEED_RUNNER.get(definition.argname)
    if code is None or name not in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
        return None
    return (
        f"`{name}` does nothing in a test that is not async: make `{item.originalname}` an "
        "`async def`, or take it out of its arguments"
    )


def other_runner(item: pytest.Item) -> Runner | None:
    """Who runs an async test, where it is known that anyio's plugin does not."""
    runtest: Any = type(item).runtest
    package, _, module = runtest.__module__.partition(".")
    if is_pytest_asyncios(item):
        return _PYTEST_ASYNCIO_AUTO if _is_by_mode(item) else _PYTEST_ASYNCIO
    if package == "_pytest" and module == "unittest":
        return _UNITTEST
    is_trios = item.get_closest_marker("trio") is not None
    if is_trios and "pytest_trio" in packages(item.config.pluginmanager):
        return _PYTEST_TRIO
    return None


def is_pytest_asyncios(item: pytest.Item) -> bool:
    """Whether a test is of pytest-asyncio's class, which runs it in the end as pytest does."""
    return type(item).runtest.__module__.startswith("pytest_asyncio.")


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
    ("@pytest.mark.anyio in the place of @pytest.mark.asyncio", _SHIM),
)
_PYTEST_ASYNCIO_AUTO = Runner(
    "pytest-asyncio",
    (
        "in the settings, asyncio_mode = strict beside anyio_mode = auto",
        _SHIM,
    ),
)
_PYTEST_TRIO = Runner(
    "pytest-trio",
    ("take the mark `trio` and `trio_mode` away, and give it @pytest.mark.anyio",),
)
_UNITTEST = Runner("unittest", ("make it a function, or a method of a class of no TestCase",))
