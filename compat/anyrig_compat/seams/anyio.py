"""The runner that anyio's pytest plugin runs the next call in.

Problem: the plugin has one runner at a time, and a suite written for pytest-asyncio one loop for
each scope, several of them open at once.
Approach: the plugin keeps its runner in ``_current_runner`` and counts in ``_runner_leases`` who
needs it. A runner that was made by what the plugin makes its own with (``get_async_backend``) is
put there for one call; the plugin's own stays as it is, below. Seen on anyio 4.13 to 4.16.

Problem: a fixture that is wider than ``anyio_backend`` can't ask for it, as the plugin has it do.
Approach: the plugin's own ``get_runner`` and ``extract_backend_and_options``, which its docs don't
name, around the fixture. Seen on anyio 4.13 to 4.16.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from anyio import pytest_plugin
from anyio.abc import TestRunner


def fixture_by_itself(
    function: Callable[..., AsyncGenerator[Any, None]], library: str, options: dict[str, Any]
) -> Callable[..., Iterator[Any]]:
    """An async generator fixture's function as a sync one, which holds the plugin's runner."""

    @functools.wraps(function)
    def fixture(**kwargs: Any) -> Iterator[Any]:
        __tracebackhide__ = True
        with pytest_plugin.get_runner(library, options) as runner:
            yield from runner.run_asyncgen_fixture(function, kwargs)

    return fixture


def backend_of(value: Any) -> tuple[str, dict[str, Any]]:
    """The library that a value of ``anyio_backend`` names, and its options."""
    return pytest_plugin.extract_backend_and_options(value)


def new_runner(options: dict[str, Any]) -> TestRunner:
    """A runner on asyncio, as anyio's plugin would make it; to be entered."""
    plugin: Any = pytest_plugin
    runner: TestRunner = plugin.get_async_backend("asyncio").create_test_runner(options)
    return runner


@contextmanager
def running_in(runner: TestRunner) -> Iterator[None]:
    """Have anyio's plugin run its calls in this runner while entered."""
    plugin: Any = pytest_plugin
    before = plugin._current_runner, plugin._runner_leases
    # one lease more than the plugin knows of, or it would close what it has not opened
    plugin._current_runner, plugin._runner_leases = runner, 1
    try:
        yield
    finally:
        plugin._current_runner, plugin._runner_leases = before
