"""``unittest.IsolatedAsyncioTestCase``: the exceptions that its loop loses fail its tests.

Problem: it runs its tests in a loop that it makes itself, whose exceptions asyncio only logs.
Approach: its ``asyncSetUp`` is the first that runs in that loop; for the time of the test, it has
anyrig watch the loop before. What it does otherwise stays as it is; its missed awaits and the tasks
that it leaves are told without the shim, too.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from collections.abc import Generator
from typing import Any

import pytest

import anyrig


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """The call of a test; the whole of a test case, `setUp` and `tearDown` included."""
    instance: Any = getattr(item, "instance", None)
    if not _is_isolated(instance) or not inspect.iscoroutinefunction(instance.asyncSetUp):
        return (yield)
    instance.asyncSetUp = _watching(item.config, instance.asyncSetUp)
    try:
        return (yield)
    finally:
        vars(instance).pop("asyncSetUp", None)


def _is_isolated(instance: object) -> bool:
    # without it, nobody has imported the class
    module = sys.modules.get("unittest.async_case")
    return module is not None and isinstance(instance, module.IsolatedAsyncioTestCase)


def _watching(config: pytest.Config, function: Any) -> Any:
    @functools.wraps(function)
    async def asyncSetUp() -> None:
        __tracebackhide__ = True
        anyrig.hear_loop(config, asyncio.get_running_loop())
        await function()

    return asyncSetUp
