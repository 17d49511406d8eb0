"""The private names of asyncio's futures, and what reaches the handler of a loop."""

from __future__ import annotations

import asyncio
import asyncio.tasks
import gc
import logging
import sys
import unittest
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from anyrig.backends import BACKENDS
from anyrig.losses import Loss, Way
from anyrig.seams import asyncio_errors
from anyrig.seams.asyncio_errors import (
    FUTURES,
    Listener,
    hush,
    is_heard_by_others,
    is_log_heard,
    is_unretrieved,
    loss_of,
)

Loop = asyncio.AbstractEventLoop


def _loops() -> list[Callable[[], Loop]]:
    loops: list[Callable[[], Loop]] = [asyncio.new_event_loop]
    if BACKENDS["asyncio+uvloop"].missing() is None:
        import uvloop

        loops.append(uvloop.new_event_loop)
    return loops


@pytest.fixture(params=_loops())
def loop(request: pytest.FixtureRequest) -> Any:
    """A loop of each make that does not run."""
    loop = request.param()
    yield loop
    loop.close()


def _lost(loop: Loop, main: Callable[[], Any]) -> tuple[list[Loss], list[Exception]]:
    """What a loop's handler hears while ``main()`` runs."""
    losses: list[Loss] = []
    kept: list[Exception] = []

    def lose(loss: Loss) -> bool:
        losses.append(loss)
        return True

    loop.set_exception_handler(Listener(lose, kept))
    loop.run_until_complete(main())
    return losses, kept


async def _fails() -> None:
    raise KeyError("lamp")


async def _closes_badly() -> AsyncGenerator[int]:
    try:
        yield 1
    finally:
        raise KeyError("lamp")


def test_future_has__log_traceback_and__exception(loop: Loop) -> None:
    """``_log_traceback`` is true until somebody asks; ``_exception`` can be read without asking."""
    future: Any = loop.create_future()
    assert type(future) in FUTURES
    assert not future._log_traceback
    future.set_exception(KeyError("lamp"))
    assert is_unretrieved(future)
    assert loss_of(future).error is future._exception
    assert is_unretrieved(future)
    assert isinstance(future.exception(), KeyError)
    assert not is_unretrieved(future)


def test_hushed_future_dies_without_a_word(loop: Loop) -> None:
    """A future that is hushed says nothing at its death."""
    losses: list[object] = []
    loop.set_exception_handler(lambda loop, context: losses.append(context))
    for is_hushed in (True, False):
        future = loop.create_future()
        future.set_exception(KeyError("lamp"))
        if is_hushed:
            hush(future)
        del future
        assert len(losses) == (not is_hushed)


def test_gather_gives_a__gathering_future(loop: Loop) -> None:
    """``gather`` gives an ``asyncio.tasks._GatheringFuture``."""

    async def main() -> None:
        gather: Any = asyncio.gather(_fails())
        assert type(gather) is asyncio.tasks._GatheringFuture  # type: ignore[attr-defined]
        with pytest.raises(KeyError):
            await gather

    loop.run_until_complete(main())


async def _turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_losses_of_a_loop(loop: Loop) -> None:
    """A task, a future, a callback and an async generator are each told by their names."""

    async def main() -> None:
        def callback() -> None:
            raise KeyError("lamp")

        tasks = [asyncio.create_task(_fails()), asyncio.create_task(_fails(), name="named")]
        tasks.clear()
        future = asyncio.get_running_loop().create_future()
        future.set_exception(KeyError("lamp"))
        del future
        asyncio.get_running_loop().call_soon(callback)
        asyncio.get_running_loop().call_soon(_Shop().close)
        async for _ in _closes_badly():
            break
        await _turns()

    losses, _ = _lost(loop, main)
    prefix = "test_losses_of_a_loop.<locals>.main.<locals>"
    assert {(loss.way, loss.name) for loss in losses} == {
        (Way.TASK, "_fails"),
        (Way.TASK, "named"),
        (Way.FUTURE, "future"),
        (Way.CALLBACK, f"{prefix}.callback"),
        (Way.CALLBACK, "_Shop.close"),
        (Way.GENERATOR, "_closes_badly"),
    }


class _Shop:
    def close(self) -> None:
        raise KeyError("lamp")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_eager_task_that_has_ended(loop: Loop) -> None:
    """A task that ended at once has no coroutine any more: its traceback names it."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        eager: Any = asyncio.Task  # Python 3.11 knows no eager_start
        task: asyncio.Task[None] = eager(_fails(), loop=loop, eager_start=True)
        loss = loss_of(task)
        assert (loss.way, loss.name, loss.made) == (Way.TASK, "_fails", ())
        assert isinstance(task.exception(), KeyError)

    loop.run_until_complete(main())


def test_what_is_not_taken_is_kept(loop: Loop) -> None:
    """An exception that nobody takes is kept while the loop is open."""
    kept: list[Exception] = []
    loop.set_exception_handler(Listener(lambda loss: False, kept))
    error = KeyError("lamp")
    loop.call_exception_handler({"message": "", "exception": error})
    assert kept == [error]


def test_handler_of_somebody_else(loop: Loop) -> None:
    """A future knows whether its loop's handler is somebody else's."""
    future = loop.create_future()
    assert not is_heard_by_others(future)
    loop.set_exception_handler(Listener(lambda loss: True, []))
    assert not is_heard_by_others(future)
    loop.set_exception_handler(lambda loop, context: None)
    assert is_heard_by_others(future)


def test_message_without_a_name() -> None:
    """A message of another form has no name, and none is invented."""
    called: Any = vars(asyncio_errors)["_called"]
    assert called("Exception in callback <built-in thing>") == ""


def test_assert_logs_has_its_handler_in_unittest__log() -> None:
    """What ``assertLogs`` puts in the place of a logger's handlers is of ``unittest._log``."""
    log = logging.getLogger("asyncio")
    case = unittest.TestCase()
    assert not is_log_heard()
    for name in ("asyncio", None):
        with case.assertLogs(name):
            assert is_log_heard()
            log.error("something")
    with case.assertLogs("another"):
        assert not is_log_heard()
        logging.getLogger("another").error("something")
    handler = logging.NullHandler()
    log.addHandler(handler)
    assert is_log_heard()
    log.removeHandler(handler)


@pytest.mark.anyrig(lost_exceptions="off")
@pytest.mark.parametrize("taken", [True, False], ids=["taken", "not taken"])
def test_what_is_overheard_and_not_taken_is_left_to_asyncio(
    loop: Loop, taken: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """What is told is not logged; all else is, in asyncio's own words."""
    losses: list[Loss] = []

    def lose(loss: Loss, of: object) -> bool:
        losses.append(loss)
        assert of is loop
        return taken

    async def main() -> None:
        task = asyncio.get_running_loop().create_task(_fails())
        await asyncio.wait([task])

    with asyncio_errors.overhearing(lose):
        loop.run_until_complete(main())
        gc.collect()
        loop.call_exception_handler({"message": "no exception"})
    assert [loss.way for loss in losses] == [Way.TASK]
    assert ("Task exception was never retrieved" in caplog.text) is not taken
    assert "no exception" in caplog.text


@pytest.mark.anyrig(lost_exceptions="off")
def test_loops_have_default_exception_handler(loop: Loop) -> None:
    """It is overheard while entered; a loop that has somebody's handler tells that one."""
    kinds = (asyncio.BaseEventLoop, type(loop))
    before = [kind.default_exception_handler for kind in kinds]
    with asyncio_errors.overhearing(lambda loss, of: pytest.fail("it was told to somebody")):
        loop.set_exception_handler(lambda loop, context: loop.default_exception_handler(context))
        loop.call_exception_handler({"message": "lost", "exception": KeyError("lost")})
        assert [kind.default_exception_handler for kind in kinds] != before
    assert [kind.default_exception_handler for kind in kinds] == before
