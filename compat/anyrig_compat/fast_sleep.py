"""`fast_sleep` as suites for asyncio have it: ``asyncio.sleep`` takes one turn of the loop.

anyrig's own fixture of this name moves the loop's clock. In tests that the shim runs, and in those
that are not async and run a loop themselves, its part is taken by this one: no time moves, and no
loop has to be one whose clock can be set. In tests that anyio's plugin runs, it is anyrig's own.
Limits, as ever: what has ``from asyncio import sleep``, as anyio does, goes on to sleep.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

import anyrig
from anyrig.own import inspect

from . import marks
from .deprecations import note_use_by
from .fixtures import BACKEND, NAMES
from .marks import ANYIO_BACKEND
from .seams.pytest import substitute

if TYPE_CHECKING:
    import sys  # type checkers know versions and platforms by this name alone
else:
    from anyrig.own import sys

_ANYRIGS = "anyrig_fast_sleep"  # what its `fast_sleep` gives
_OURS = "anyrig_compat_fast_sleep"
_INSTEAD = "@pytest.mark.anyio: the same fixture moves the loop's clock there, and records sleeps"


class OldFastSleep:
    """What stands in the place of ``asyncio.sleep``, and who called it.

    It has what `anyrig.FastSleep` has, for tests that move: `calls` and `total`.
    """

    def __init__(self) -> None:
        self._sleep = asyncio.sleep
        self.calls: list[anyrig.Sleep] = []

    @property
    def total(self) -> float:
        """The sum of what the calls asked for, in seconds."""
        return sum(call.seconds or 0.0 for call in self.calls)

    async def __call__(self, delay: float, result: Any = None) -> Any:
        """Sleep for one turn of the loop."""
        task = asyncio.current_task()
        if delay > 0:
            self.calls.append(anyrig.Sleep(delay, "" if task is None else task.get_name(), None))
        await self._sleep(0)
        return result


@pytest.fixture(name=_OURS)
def old_fast_sleep(request: pytest.FixtureRequest) -> Iterator[OldFastSleep]:
    """Sleeps of ``asyncio.sleep`` that take one turn of the loop, to the end of the test."""
    note_use_by(request.node, "fast_sleep", _INSTEAD)
    fast = OldFastSleep()

    async def sleep(delay: float, result: Any = None, **options: Any) -> Any:
        return await fast(delay, result)

    sleep.__qualname__ = "sleep"  # the name that a missed await of it is told with
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "sleep", sleep)
        yield fast


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that is not async runs once, as it did: `fast_sleep` alone has no backend for it."""
    definition: Any = metafunc.definition
    is_sync = _ANYRIGS in metafunc.fixturenames and not marks.is_async(metafunc.function)
    if is_sync and ANYIO_BACKEND in metafunc.fixturenames and not _asks_for_backend(definition):
        metafunc.fixturenames.remove(ANYIO_BACKEND)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """The fixture of this test is the shim's, where that is its kind of test."""
    if _ANYRIGS not in getattr(item, "fixturenames", ()):
        return
    if not marks.is_async(getattr(item, "obj", None)):
        if ANYIO_BACKEND not in marks.params_of(item):
            substitute(item, ANYIO_BACKEND, BACKEND)
            substitute(item, _ANYRIGS, _OURS)
    elif marks.is_ours(item, item.config.stash[NAMES]) and marks.library_of_test(item) != "trio":
        substitute(item, _ANYRIGS, _OURS)


def _signature(function: Callable[..., object]) -> inspect.Signature:
    """Its names alone: an annotation may be a name that only a type checker knows."""
    options: dict[str, Any] = {}
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        options["annotation_format"] = Format.STRING
    return inspect.signature(function, **options)


def _asks_for_backend(definition: Any) -> bool:
    """Whether a test names the backend itself, as an argument or in a mark."""
    asked = set(_signature(definition.obj).parameters)
    for mark in definition.iter_markers():
        if mark.name == "usefixtures":
            asked.update(mark.args)
        elif mark.name == "parametrize" and mark.args:
            names = mark.args[0]
            asked.update(names.replace(" ", "").split(",") if isinstance(names, str) else names)
    return ANYIO_BACKEND in asked
