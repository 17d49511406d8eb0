"""A test's body, observed: how often it started, and whether it ran to an end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import pytest

from anyrig.checks.never_ran import Body, bodies_of, is_awaited

Function = Callable[[], Coroutine[Any, Any, None]]


async def waits() -> None:
    """Gives way once."""
    await asyncio.sleep(0)


async def fails() -> None:
    """Ends in an error."""
    await asyncio.sleep(0)
    raise ValueError


def _observe(function: Function, run: Callable[[Function], object]) -> Body:
    body = Body(bodies_of(function)[-1])
    with body.observed(), contextlib.suppress(ValueError):
        run(function)
    return body


def test_body_that_ran() -> None:
    """A body that was awaited to its end ran."""
    body = _observe(waits, lambda function: asyncio.run(function()))
    assert (body.starts, body.ends, body.ran) == (1, 1, True)


def test_body_that_failed_ran() -> None:
    """An error is an end."""
    body = _observe(fails, lambda function: asyncio.run(function()))
    assert (body.starts, body.ran) == (1, True)


def test_body_that_ran_several_times() -> None:
    """A body that is run again and again ran where each run came to its end."""

    def run(function: Function) -> None:
        for _ in range(3):
            asyncio.run(function())

    body = _observe(waits, run)
    assert (body.starts, body.ends, body.ran) == (3, 3, True)


def test_body_that_ran_in_a_thread() -> None:
    """A body that another thread ran, ran."""

    def run(function: Function) -> None:
        thread = threading.Thread(target=lambda: asyncio.run(function()))
        thread.start()
        thread.join()

    assert _observe(waits, run).ran


@pytest.mark.parametrize(
    "run",
    [lambda function: None, lambda function: function().close()],
    ids=["not called", "closed"],
)
def test_body_that_never_started(run: Callable[[Function], object]) -> None:
    """A body that nobody called, or that was closed before its first step, did not run."""
    body = _observe(waits, run)
    assert not body.ran
    assert body.starts == 0


@pytest.mark.skipif(
    sys.version_info < (3, 12) and sys.platform != "linux",
    reason="3.11 can't observe other threads, and only Linux tells whether they did anything",
)
def test_body_that_never_started_beside_a_thread_that_waits() -> None:
    """A pool's thread that nobody uses is no reason not to look."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(threading.get_native_id).result()
        # it is still on its way from its last call to its wait, for a while
        assert any(not _observe(waits, lambda function: None).ran for _ in _others_turns())


def _others_turns() -> Iterator[None]:
    """Let the other threads go on, again and again."""
    for _ in range(1000):
        yield
        thread = threading.Thread(target=threading.get_native_id)
        thread.start()
        thread.join()


def test_body_that_ran_in_a_thread_made_before() -> None:
    """A body that a pool's thread ran, ran."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(threading.get_native_id).result()
        body = _observe(waits, lambda function: pool.submit(asyncio.run, function()).result())
    assert body.ran


def test_body_that_was_left_in_the_middle() -> None:
    """A body that started and was closed while it waited did not run to an end."""

    def run(function: Function) -> None:
        coroutine = function()
        coroutine.send(None)
        coroutine.close()

    body = _observe(waits, run)
    assert (body.starts, body.ran) == (1, False)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 does not tell an error from another")
def test_body_that_was_cancelled() -> None:
    """A body whose cancellation somebody swallowed did not run to an end."""

    async def main(function: Function) -> None:
        task = asyncio.create_task(function())
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    body = _observe(waits, lambda function: asyncio.run(main(function)))
    assert (body.starts, body.ran) == (1, False)


def test_interpreter_is_as_before() -> None:
    """Nothing observes once the call is over, also where it raised."""
    before = (sys.getprofile(), threading.getprofile(), _tools())
    body = Body(bodies_of(waits)[-1])
    with pytest.raises(KeyError), body.observed():
        raise KeyError
    assert (sys.getprofile(), threading.getprofile(), _tools()) == before


def _tools() -> list[str | None]:
    monitoring: Any = getattr(sys, "monitoring", None)
    return [] if monitoring is None else [monitoring.get_tool(number) for number in range(6)]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 has no tools to be taken")
def test_all_tools_are_taken() -> None:
    """Where other tools have every place, the body counts as run: nobody could look."""
    monitoring: Any = getattr(sys, "monitoring")  # noqa: B009 - Python 3.12
    free = [number for number in range(6) if monitoring.get_tool(number) is None]
    for number in free:
        monitoring.use_tool_id(number, "taken")
    try:
        body = _observe(waits, lambda function: None)
    finally:
        for number in free:
            monitoring.free_tool_id(number)
    assert body.ran
    assert not body.is_observed


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="a profiler is in the way on 3.11 alone")
def test_profiler_is_left_alone() -> None:
    """Where a profiler runs, the body counts as run, and the profiler goes on."""

    def profiler(*event: object) -> None: ...

    sys.setprofile(profiler)
    try:
        body = _observe(waits, lambda function: None)
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(None)
    assert body.ran


def _decorated() -> Any:
    @functools.wraps(waits)
    def wrapper() -> None: ...

    return wrapper


class Suite:
    """Tests as methods."""

    async def test_it(self) -> None: ...


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (waits, ["waits"]),
        (_decorated(), ["waits"]),
        (functools.partial(waits), ["waits"]),
        (Suite().test_it, ["test_it"]),
        (_observe, []),
        (None, []),
        (print, []),
    ],
)
def test_bodies_of_a_test(function: Any, names: list[str]) -> None:
    """The async functions of a test are found through its decorators; a sync test has none."""
    assert [code.co_name for code in dict.fromkeys(bodies_of(function))] == names


def test_function_that_wraps_itself() -> None:
    """A chain of wrappers that is a circle ends."""

    def wrapper() -> None: ...

    wrapper.__wrapped__ = wrapper  # type: ignore[attr-defined]
    assert bodies_of(wrapper) == []


def test_body_behind_mock_patch_needs_no_watching() -> None:
    """The mock library's own decorators await; nobody else's is taken at its word."""

    async def body(*args: object) -> None: ...

    @functools.wraps(body)
    async def forgets(*args: object) -> None: ...

    @functools.wraps(body)
    def is_sync(*args: object) -> object:
        return body(*args)

    def is_sure(function: Any) -> bool:
        return is_awaited(function, bodies_of(function))

    class Case:
        async def method(self) -> None: ...

    patched = mock.patch("os.sep")(mock.patch("os.linesep")(body))
    assert is_sure(body)
    assert is_sure(patched)
    assert is_sure(Case().method)
    assert not is_sure(forgets)
    assert not is_sure(mock.patch("os.sep")(forgets))
    assert not is_sure(is_sync)
    assert not is_sure(mock.patch("os.sep")(is_sync))
