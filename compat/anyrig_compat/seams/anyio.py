"""The runner that anyio's pytest plugin runs the next call in.

Problem: the plugin has one runner at a time, and a suite written for pytest-asyncio one loop for
each scope, several of them open at once.
Approach: the plugin keeps its runner in ``_current_runner`` and counts in ``_runner_leases`` who
needs it. A runner that was made by what the plugin makes its own with (``get_async_backend``) is
put there for one call; the plugin's own stays as it is, below. Seen on anyio 4.13 to 4.16.

Problem: the plugin imports trio to say that it is there, a fifth of a run's start, and a suite on
asyncio alone needs no trio.
Approach: ``anyio.get_available_backends``, which the plugin calls when it is imported, asks whether
they are installed instead; where the plugin has been imported already, nothing is gained.
Seen on anyio 4.13 to 4.16.

Problem: a fixture that is wider than ``anyio_backend`` can't ask for it, as the plugin has it do.
Approach: the plugin's own ``get_runner`` and ``extract_backend_and_options``, which its docs don't
name, around the fixture. Seen on anyio 4.13 to 4.16.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from anyrig.own import sys
from anyrig.seams.needs import Need, Table

if TYPE_CHECKING:
    from anyio.abc import TestRunner


_PLUGIN = "anyio.pytest_plugin"
NEEDS = Table(
    Need("the shim's runners", _PLUGIN, "", ("_current_runner", "_runner_leases")),
    Need(
        *("the shim's runners", _PLUGIN, ""),
        ("get_runner", "extract_backend_and_options", "get_async_backend"),
    ),
)


def import_plugin() -> None:
    """Import the plugin, and no trio with it."""
    if "anyio.pytest_plugin" in sys.modules:
        return
    if "anyio" not in sys.modules:
        # as pytest does with what `-p` and entry points name, before it imports them
        pytest.register_assert_rewrite("anyio")
    library: Any = importlib.import_module("anyio")
    before = library.get_available_backends
    library.get_available_backends = _installed_backends
    try:
        plugin: Any = importlib.import_module("anyio.pytest_plugin")
    finally:
        library.get_available_backends = before
    plugin.get_available_backends = before


def _plugin() -> Any:
    return sys.modules["anyio.pytest_plugin"]


def _installed_backends() -> tuple[str, ...]:
    from anyrig.own import anyio

    return tuple(name for name in anyio.get_all_backends() if importlib.util.find_spec(name))


def fixture_by_itself(
    function: Callable[..., AsyncGenerator[Any, None]], library: str, options: dict[str, Any]
) -> Callable[..., Iterator[Any]]:
    """An async generator fixture's function as a sync one, which holds the plugin's runner."""

    @functools.wraps(function)
    def fixture(**kwargs: Any) -> Iterator[Any]:
        __tracebackhide__ = True
        with _plugin().get_runner(library, options) as runner:
            yield from runner.run_asyncgen_fixture(function, kwargs)

    return fixture


def backend_of(value: Any) -> tuple[str, dict[str, Any]]:
    """The library that a value of ``anyio_backend`` names, and its options."""
    found: tuple[str, dict[str, Any]] = _plugin().extract_backend_and_options(value)
    return found


def new_runner(options: dict[str, Any]) -> TestRunner:
    """A runner on asyncio, as anyio's plugin would make it; to be entered."""
    runner: TestRunner = _plugin().get_async_backend("asyncio").create_test_runner(options)
    return runner


@contextmanager
def running_in(runner: TestRunner) -> Iterator[None]:
    """Have anyio's plugin run its calls in this runner while entered."""
    plugin = _plugin()
    before = plugin._current_runner, plugin._runner_leases
    # one lease more than the plugin knows of, or it would close what it has not opened
    plugin._current_runner, plugin._runner_leases = runner, 1
    try:
        yield
    finally:
        plugin._current_runner, plugin._runner_leases = before
