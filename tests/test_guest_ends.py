"""A guest's ends: who may leave when, what is left, what crashes, and what is asked too late."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Self

import anyio
import pytest
import trio
from trio.testing import MockClock

import anyrig
from anyrig_compat import Guest, bridge, call_on_trio, current_guest, on_asyncio, open_asyncio
from inner import Suite

LEAVES_TASKS = pytest.mark.anyrig(leaked_tasks="off")
USER: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")


@pytest.fixture
def anyio_backend() -> Any:
    """These tests are about a guest, so they run on trio, and in time of its own."""
    return ("trio", {"clock": MockClock(autojump_threshold=0)})


async def _says(word: str) -> str:
    await asyncio.sleep(1)
    return word


# -- who needs it ----------------------------------------------------------------------------------


async def test_the_last_one_to_leave_closes_it() -> None:
    """The block that opened the loop waits for no other: the other has it as long as it needs."""
    seen: list[str] = []

    async def other(*, task_status: trio.TaskStatus[Guest]) -> None:
        async with open_asyncio() as guest:
            task_status.started(guest)
            await guest.call(asyncio.sleep, 100)
            seen.append("the other one goes on")

    async with trio.open_nursery() as nursery:
        async with open_asyncio() as guest:
            assert await nursery.start(other) is guest
        assert current_guest() is guest
        assert not guest.loop.is_closed()
        seen.append("the first one left")
    assert seen == ["the first one left", "the other one goes on"]
    assert guest.loop.is_closed()


async def test_one_that_joins_at_the_end_has_an_open_loop() -> None:
    """A block that begins while another one ends has that loop, or one of its own."""
    found: list[str | None] = []

    async def slow() -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    async def begins(turns: int) -> None:
        for _ in range(turns):
            await trio.lowlevel.checkpoint()
        async with open_asyncio() as guest:
            found.append(await guest.call(_says, "slept"))

    async with trio.open_nursery() as nursery:
        for turns in range(30):
            nursery.start_soon(begins, turns)
        async with open_asyncio() as guest:
            task = guest.loop.create_task(slow())
    assert found == ["slept"] * 30
    assert task.done()


# -- what is left ----------------------------------------------------------------------------------


async def _fails_when_cancelled() -> None:
    try:
        await asyncio.sleep(1000)
    finally:
        raise OSError("full")


@LEAVES_TASKS
async def test_what_left_tasks_raise_is_raised() -> None:
    """A task that was left and raises as it is cancelled is heard, after the block's own error."""
    with pytest.raises(OSError, match="full"):
        async with open_asyncio() as guest:
            _task = guest.loop.create_task(_fails_when_cancelled())

    async def fails() -> None:
        async with open_asyncio() as guest:
            _task = guest.loop.create_task(_fails_when_cancelled())
            raise LookupError("the block's own")

    with pytest.raises(OSError, match="full") as caught:
        await fails()
    assert isinstance(caught.value.__context__, LookupError)


@LEAVES_TASKS
async def test_so_is_what_others_raise_that_they_begin() -> None:
    """Tasks that begin as others are cancelled are cancelled and joined, too."""

    async def begins() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            for _ in range(2):
                _task = asyncio.get_running_loop().create_task(_fails_when_cancelled())
            await asyncio.sleep(0)

    with pytest.raises(BaseExceptionGroup) as caught:
        async with open_asyncio() as guest:
            _task = guest.loop.create_task(begins())
    assert [str(error) for error in caught.value.exceptions] == ["full", "full"]


async def test_what_generators_raise_is_raised() -> None:
    """An async generator that is suspended at the end is closed, and its error is heard."""

    async def rows() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(1)
            raise OSError("full")

    kept = rows()
    with pytest.raises(OSError, match="full"):
        async with open_asyncio() as guest:
            assert await guest.call(lambda: anext(kept)) == 1


async def test_a_generator_that_does_not_end_is_told() -> None:
    """Cleanup that goes on for ever does not hang the run."""

    async def rows() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(1000)

    kept = rows()
    with pytest.raises(anyrig.TaskDidNotEnd, match=r"async generators .* within 5 seconds"):
        async with open_asyncio() as guest:
            assert await guest.call(lambda: anext(kept)) == 1


# -- what crashes ----------------------------------------------------------------------------------

CRASHES = pytest.mark.parametrize("crash", [SystemExit, KeyboardInterrupt])


@CRASHES
@pytest.mark.parametrize("seconds", [0, 1])
async def test_a_crash_is_its_callers(crash: type[BaseException], seconds: int) -> None:
    """``sys.exit()`` in what is called is raised by the call, once: the block goes on."""

    async def exits() -> None:
        if seconds:
            await asyncio.sleep(seconds)
        raise crash

    async def waits() -> None:
        await asyncio.get_running_loop().create_task(exits())

    functions: list[Callable[[], Awaitable[object]]] = [exits, waits]
    async with open_asyncio() as guest:
        for function in functions:
            with pytest.raises(crash):
                await guest.call(function)
        await trio.sleep(10)
        assert await guest.call(_says, "on it goes") == "on it goes"


@CRASHES
async def test_a_crash_of_nobodys_cuts_the_block_off(crash: type[BaseException]) -> None:
    """A task that nobody waits for ends the block, as it would end ``asyncio.run``."""

    async def exits() -> None:
        await asyncio.sleep(1)
        raise crash

    async def waits() -> None:
        async with open_asyncio() as guest:
            _task = guest.loop.create_task(exits())
            async with open_asyncio():
                await trio.sleep(1000)

    before = trio.current_time()
    with pytest.raises(crash):
        await waits()
    assert trio.current_time() - before == 1


async def test_a_crash_at_the_end_is_raised() -> None:
    """One that comes in the block's last turns is not lost."""

    async def exits() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        async with open_asyncio() as guest:
            _task = guest.loop.create_task(exits())


def test_a_crash_in_a_fixtures_loop(suite: Suite) -> None:
    """A background task of an asyncio fixture that exits fails a test on trio, and is named."""
    suite.write(
        "test_it.py",
        """
        import asyncio
        import pytest
        import pytest_asyncio
        import anyio

        @pytest.fixture
        def anyio_backend():
            return "trio"

        async def exits():
            raise SystemExit(3)

        @pytest_asyncio.fixture
        async def server():
            task = asyncio.create_task(exits())
            yield
            await asyncio.wait([task])

        @pytest.mark.anyio
        async def test_it(server):
            await anyio.sleep(0.01)

        @pytest.mark.anyio
        async def test_next():
            pass
        """,
    )
    ran = suite.spawn("-p", "anyrig_compat", "-p", "no:asyncio")
    assert "SystemExit: 3" in ran.text


# -- groups ----------------------------------------------------------------------------------------


async def test_a_nursery_that_is_cancelled_from_asyncio() -> None:
    """A trio function with tasks of its own ends as one without when its asyncio task is."""

    async def nursery() -> None:
        async with trio.open_nursery() as inner:
            inner.start_soon(trio.sleep_forever)
            inner.start_soon(trio.sleep_forever)

    async def there(guest: Guest) -> None:
        await guest.on_trio(nursery)

    async with open_asyncio() as guest:
        with trio.move_on_after(1) as scope:
            await guest.call(there, guest)
        assert scope.cancelled_caught


async def test_an_error_beside_the_cancellation() -> None:
    """What one of those tasks raises as it is cancelled is all that arrives."""

    async def fails() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise OSError("full")

    async def nursery() -> None:
        async with trio.open_nursery() as inner:
            inner.start_soon(trio.sleep_forever)
            inner.start_soon(fails)

    async def there(guest: Guest) -> None:
        await guest.on_trio(nursery)

    async with open_asyncio() as guest:
        with trio.move_on_after(1), pytest.raises(BaseExceptionGroup) as caught:
            await guest.call(there, guest)
    assert [type(error) for error in caught.value.exceptions] == [OSError]


# -- what is asked too late, or in the wrong place -------------------------------------------------


async def test_a_closed_guest_says_so() -> None:
    """What is called after the end is an error, and no coroutine is left behind."""
    async with open_asyncio() as guest:
        future = guest.loop.create_future()
    with pytest.raises(RuntimeError, match="the asyncio loop of this guest is closed"):
        await guest.call(asyncio.sleep, 1)
    with pytest.raises(RuntimeError, match="the asyncio loop of this guest is closed"):
        await guest.wait(future)


async def test_the_loop_is_closed_by_its_block_alone() -> None:
    """``loop.close()`` between two turns would leave the pump waiting for nothing."""
    async with open_asyncio() as guest:
        with pytest.raises(RuntimeError, match="closes it at the end of the block"):
            guest.loop.close()
        assert await guest.call(_says, "slept") == "slept"


async def test_a_thread_may_ask_for_the_time() -> None:
    """``loop.time()`` needs no trio run around it."""
    async with open_asyncio() as guest:
        asked: asyncio.Future[float] = guest.loop.run_in_executor(None, guest.loop.time)
        assert abs(await guest.wait(asked) - trio.current_time()) < 1


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_on_asyncio_no_guest_is_opened() -> None:
    """``open_asyncio`` on asyncio says what to do, and leaves no loop behind."""
    with pytest.raises(RuntimeError, match="for code that runs on trio"):
        async with open_asyncio():
            pass


async def test_nor_on_the_guests_own_side() -> None:
    """In code that runs on the guest there is a loop already."""

    async def there() -> str:
        async with open_asyncio():
            return "open"

    async with open_asyncio() as guest:
        with pytest.raises(RuntimeError, match="for code that runs on trio"):
            await guest.call(there)


# -- context variables -----------------------------------------------------------------------------


async def _renames(name: str) -> str:
    before = USER.get()
    await anyio.sleep(1)
    USER.set(name)
    return before


class Session:
    """Notes who the user is, and says who it is now."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def __aenter__(self) -> Self:
        await asyncio.sleep(1)
        self.seen.append(await _renames("of the session"))
        return self

    async def __aexit__(self, *error: object) -> None:
        await asyncio.sleep(1)
        self.seen.append(await _renames("afterwards"))


async def _by_call(name: str) -> str:
    return await on_asyncio(_renames, name)


async def _and_back(name: str) -> str:
    async def there() -> str:
        before: str = await call_on_trio(_renames, name)
        assert USER.get() == name
        return before

    return await on_asyncio(there)


@pytest.fixture
async def keeps_user() -> AsyncIterator[None]:
    """Leaves the variable as it was."""
    token = USER.set("nobody")
    yield
    USER.reset(token)


@pytest.mark.usefixtures("keeps_user")
@pytest.mark.parametrize("call", [_by_call, _and_back])
async def test_what_a_call_sets_is_set(call: Callable[[str], Awaitable[str]]) -> None:
    """As with any ``await``: what the other side sets is set for the caller, and seen by it."""
    async with open_asyncio():
        assert [await call("Ada"), await call("Bob"), USER.get()] == ["nobody", "Ada", "Bob"]


@pytest.mark.usefixtures("keeps_user")
async def test_what_a_block_sets_is_set() -> None:
    """``__aenter__``, the body and ``__aexit__`` see what the one before has set."""
    async with open_asyncio():
        session = Session()
        async with bridge(session):
            assert USER.get() == "of the session"
            USER.set("of the body")
        assert USER.get() == "afterwards"
    assert session.seen == ["nobody", "of the body"]


def test_what_a_fixture_sets_reaches_the_test(suite: Suite) -> None:
    """On trio as on asyncio, from a coroutine and from a generator, and back for its teardown."""
    suite.write(
        "test_it.py",
        """
        import contextvars
        import pytest
        import pytest_asyncio

        USER = contextvars.ContextVar("user", default="nobody")
        SEEN = []

        @pytest_asyncio.fixture
        async def user():
            token = USER.set("Ada")
            yield
            SEEN.append(USER.get())
            USER.reset(token)

        @pytest_asyncio.fixture
        async def other(user):
            USER.set(USER.get() + " and Bob")

        @pytest.mark.anyrig(leaked_contextvars="off")
        @pytest.mark.anyio
        async def test_it(other):
            assert USER.get() == "Ada and Bob"
            USER.set("of the test")

        def test_teardown():
            assert SEEN == ["of the test"] * 2
        """,
    )
    ran = suite.spawn("-p", "anyrig_compat", "-p", "no:asyncio")
    assert ran.status == 0, ran.text
