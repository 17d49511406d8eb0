"""Each text of an error or a warning that anyrig knows by its words, asked of what says it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any
from unittest.mock import Mock

import pytest
import trio

from alone import alone
from anyrig.mocks import misawaited
from anyrig.seams import asyncio_errors
from anyrig.seams.cpython import filters
from anyrig_compat import unbridged


async def _awaits() -> None:
    await Mock()()


async def _enters() -> None:
    async with Mock()():
        pass


async def _iterates() -> None:
    async for _ in Mock()():
        pass


@pytest.mark.parametrize("function", [_awaits, _enters, _iterates])
def test_type_error_names_the_class(function: Callable[[], Awaitable[None]]) -> None:
    """Awaiting, entering or iterating what is sync is told with its class, in one of our texts."""

    async def run() -> None:
        await function()

    with pytest.raises(TypeError) as caught:
        asyncio.run(run())
    found = misawaited._TEXT.match(str(caught.value))
    assert found is not None, caught.value
    (name,) = (word for word in found.groups() if word is not None)
    assert name.rpartition(".")[2] == "Mock"


def test_warning_of_what_was_never_awaited() -> None:
    """A coroutine says so, and each method of an async generator, where one is warned of."""
    script = """
        import warnings
        from anyrig.seams.cpython.asyncgen import is_warned_of
        async def save(): ...
        async def numbers(): yield 1
        makers = [save]
        if is_warned_of():
            makers += [lambda: numbers().asend(None), lambda: numbers().aclose()]
            makers += [lambda: anext(numbers()), lambda: anext(numbers(), 0)]
        for maker in makers:
            with warnings.catch_warnings(record=True) as log:
                warnings.simplefilter("always")
                maker()
            print(*(warning.message for warning in log))
    """
    texts = alone(script).splitlines()
    assert len(texts) in (1, 5)
    for text in texts:
        assert text.startswith("coroutine ")
        assert filters._NEVER_AWAITED in text


def _no_loop() -> None:
    asyncio.get_running_loop()


def _no_current_loop() -> None:
    errors: list[Exception] = []

    def asks() -> None:
        try:
            asyncio.get_event_loop()
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=asks)
    thread.start()
    thread.join()
    raise errors[0]


def _other_loops_lock() -> None:
    lock = asyncio.Lock()

    async def holds() -> None:
        await lock.acquire()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(lock.acquire(), 0.001)

    asyncio.run(holds())
    asyncio.run(asyncio.wait_for(lock.acquire(), 5))


def _other_loops_future() -> None:
    loop = asyncio.new_event_loop()
    future = loop.create_future()

    async def waits() -> None:
        await future

    try:
        asyncio.run(waits())
    finally:
        loop.close()


def _unopened_stream() -> None:
    loop: Any = None
    loop.create_future()


@pytest.mark.parametrize(
    "function",
    [_no_loop, _no_current_loop, _other_loops_lock, _other_loops_future, _unopened_stream],
)
def test_asyncio_without_its_loop(function: Callable[[], None]) -> None:
    """What asyncio says where its loop does not run, or another one does."""
    with pytest.raises((RuntimeError, AttributeError)) as caught:
        function()
    assert any(text in str(caught.value) for text in unbridged._ASYNCIOS), caught.value


def test_trio_is_given_what_asyncio_yields() -> None:
    """What trio says of a future that was awaited in its run."""
    loop = asyncio.new_event_loop()

    async def waits() -> None:
        await loop.create_future()

    try:
        with pytest.raises(TypeError) as caught:
            trio.run(waits)
    finally:
        loop.close()
    assert str(caught.value).startswith(unbridged._TRIOS)


class _Shop:
    def sells(self) -> None:
        raise ValueError


def test_callback_is_named_in_the_message() -> None:
    """What a loop's handler is told of a callback that raises has its name."""
    told: list[str] = []

    def lost() -> None:
        raise ValueError

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(context["message"]))
        loop.call_soon(lost)
        loop.call_soon(_Shop().sells)
        ended = loop.create_future()
        loop.call_soon(ended.set_result, None)
        await ended

    asyncio.run(main())
    names = [asyncio_errors._called(message).rpartition(".")[2] for message in told]
    assert names == ["lost", "sells"]
