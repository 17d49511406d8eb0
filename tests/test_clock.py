"""The fixture `clock`: order, exactness, what runs in real time beside it, and its edges."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import anyio
import anyio.abc
import pytest
import trio
from anyio import from_thread, to_thread

import anyrig
from anyrig import Clock, backends
from anyrig.clock.course import Course
from inner import BACKENDS, Suite
from keepers import Nobody

VIRTUAL = [name for name in BACKENDS if name != "asyncio+uvloop"]
_VALUES = {name: backends.BACKENDS[name].anyio_value() for name in VIRTUAL}
on_all = pytest.mark.parametrize(
    "anyio_backend", [pytest.param(value, id=name) for name, value in _VALUES.items()]
)
on_asyncio = pytest.mark.parametrize(
    "anyio_backend",
    [pytest.param(value, id=name) for name, value in _VALUES.items() if name != "trio"],
)
on_trio = pytest.mark.parametrize("anyio_backend", ["trio"])

_BRIEF = 0.002  # seconds that stand for real work in a thread


def work() -> str:
    """Take some real time."""
    time.sleep(_BRIEF)
    return "done"


# -- order -----------------------------------------------------------------------------------------


@on_all
async def test_sleeps_due_together_end_in_the_order_they_began(clock: Clock) -> None:
    """Who has begun to sleep first wakes first, whenever that was."""
    woken: list[tuple[int, float]] = []

    async def sleep(number: int) -> None:
        await anyio.sleep(number % 7)
        await anyio.sleep(10 - number % 7)
        woken.append((number, clock.time()))

    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(sleep, number)
    # the second sleep is that which is due: those that began it first slept least before
    order = sorted(range(50), key=lambda number: (number % 7, number))
    assert woken == [(number, 10) for number in order]


@on_all
async def test_deadlines_due_together_come_in_the_order_they_were_set(clock: Clock) -> None:
    """Timeouts are no other timers than sleeps."""
    ended: list[str] = []

    async def waits(name: str, before: float) -> None:
        await anyio.sleep(before)
        with anyio.move_on_after(8 - before):
            await anyio.sleep_forever()
        ended.append(name)

    async def sleeps(name: str, before: float) -> None:
        await anyio.sleep(before)
        await anyio.sleep(8 - before)
        ended.append(name)

    async with anyio.create_task_group() as group:
        for name, function, before in [
            ("e", waits, 3),
            ("a", sleeps, 1),
            ("c", waits, 2),
            ("f", sleeps, 3),
            ("b", waits, 1),
            ("d", sleeps, 2),
        ]:
            group.start_soon(function, name, before)
    assert ended == ["a", "b", "c", "d", "e", "f"]


@on_asyncio
async def test_all_of_asyncios_timers_are_in_one_order(clock: Clock) -> None:
    """``call_later``, ``call_at``, ``asyncio.sleep`` and ``asyncio.timeout``."""
    loop = asyncio.get_running_loop()
    called: list[str] = []

    async def sleep(name: str) -> None:
        await asyncio.sleep(5)
        called.append(name)

    async def timeout(name: str) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        called.append(name)

    start = loop.time()
    async with asyncio.TaskGroup() as group:
        # a task begins in the next turn, or with a factory of eager ones at once: each sets alone
        group.create_task(sleep("sleep"))
        await asyncio.sleep(0)
        loop.call_later(5, lambda: loop.call_soon(called.append, "call_later"))
        group.create_task(timeout("timeout"))
        await asyncio.sleep(0)
        loop.call_at(start + 5, lambda: loop.call_soon(called.append, "call_at"))
        loop.call_later(5, called.append, "cancelled").cancel()
        loop.call_later(4, called.append, "sooner")
    assert called == ["sooner", "sleep", "call_later", "timeout", "call_at"]
    assert loop.time() == start + 5


@on_trio
async def test_all_of_trios_deadlines_are_in_one_order(clock: Clock) -> None:
    """Scopes, ``trio.sleep_until`` and a deadline that was changed, which is as set anew."""
    ended: list[str] = []
    start = trio.current_time()
    changed = trio.CancelScope(deadline=start + 100)

    async def sleeps(name: str) -> None:
        await trio.sleep_until(start + 5)
        ended.append(name)

    async def waits(name: str, scope: trio.CancelScope) -> None:
        with scope:
            await trio.sleep_forever()
        ended.append(name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(waits, "changed", changed)
        nursery.start_soon(waits, "scope", trio.CancelScope(deadline=start + 5))
        nursery.start_soon(sleeps, "sleep")
        await trio.sleep(1)
        changed.deadline = start + 5
        nursery.start_soon(sleeps, "last")
    assert ended == ["scope", "sleep", "changed", "last"]
    assert trio.current_time() == start + 5


@on_all
async def test_many_timeouts_that_do_not_come_are_forgotten(clock: Clock) -> None:
    """Each is taken back, and none of them moves the time."""
    for _ in range(500):
        with anyio.fail_after(3600):
            await anyio.sleep(1)
    assert clock.time() == 500


# -- exactness -------------------------------------------------------------------------------------


@on_all
async def test_who_wakes_at_one_moment_sees_the_same_time(clock: Clock) -> None:
    """Whatever the number, and whoever asks: it is equal."""
    times: list[float] = []

    async def sleep(seconds: float) -> None:
        await anyio.sleep(seconds)
        times.append(anyio.current_time())

    for seconds in (0.1, 1 / 3, 1e-9, 86_400.7):
        start, before = clock.time(), anyio.current_time()
        times.clear()
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(sleep, seconds)
        assert set(times) == {before + seconds}
        assert clock.time() == round(start + seconds, 9)


@on_all
async def test_binary_fractions_add_up_exactly(clock: Clock) -> None:
    """A thousand sleeps of 1/8 second are 125 seconds, also to ``current_time``."""
    start = anyio.current_time()
    assert start == int(start)
    for _ in range(1000):
        await anyio.sleep(0.125)
    assert anyio.current_time() - start == 125
    assert clock.time() == 125


@on_all
async def test_tenths_are_what_they_are_called(clock: Clock) -> None:
    """``clock.time()`` is to the nanosecond, so that it can be compared."""
    for number in range(1, 101):
        await anyio.sleep(0.1)
        assert clock.time() == number / 10


@pytest.mark.parametrize("days", [0, 1, 40])
def test_a_machine_that_runs_for_long_makes_no_errors(days: int) -> None:
    """A loop's clock may be large from the start; what a test sees are steps, to the nanosecond."""
    course = Course(Nobody())
    course.begin(days * 86_400 + 0.7, tuple)
    for number in range(1, 10_001):
        course.jump(course.now + 0.1)
        assert course.elapsed() == number / 10


def test_after_many_days_it_is_to_the_microsecond() -> None:
    """Where a sum of two values of the loop's clock tells nothing finer."""
    course = Course(Nobody())
    course.begin(1000 * 86_400 + 0.7, tuple)
    for number in range(1, 10_001):
        course.jump(course.now + 0.000_001)
        assert course.elapsed() == round(number / 1_000_000, 6)


@on_all
async def test_it_stands_still_while_anything_runs(clock: Clock) -> None:
    """Turns of the loop take no time."""
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 0.000001)
        for _ in range(200):
            await anyio.lowlevel.checkpoint()
            assert clock.time() == 0


# -- cancellation ----------------------------------------------------------------------------------


@on_all
async def test_a_sleep_is_cancelled_at_the_deadline(clock: Clock) -> None:
    """At that moment, also where the sleep would end at the same one: the deadline was first."""
    for seconds in (5, 2):
        start = clock.time()
        with anyio.move_on_after(2) as scope:
            await anyio.sleep(seconds)
        assert scope.cancelled_caught
        assert clock.time() == start + 2


@on_all
async def test_a_sleep_that_ends_before_the_deadline_is_not(clock: Clock) -> None:
    """By however little."""
    with anyio.fail_after(2) as scope:
        await anyio.sleep(1.999_999_999)
    assert not scope.cancel_called
    assert clock.time() == 1.999_999_999


@on_all
async def test_nested_timeouts_come_from_within(clock: Clock) -> None:
    """Each at its own time; a shield keeps the others out as long as it holds."""
    seen: list[tuple[str, float]] = []
    with anyio.move_on_after(30):
        with anyio.move_on_after(20):
            with anyio.move_on_after(10):
                await anyio.sleep_forever()
            seen.append(("10", clock.time()))
            try:
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(5)
                    seen.append(("shield", clock.time()))
        seen.append(("20", clock.time()))
        with pytest.raises(TimeoutError), anyio.fail_after(1):
            await anyio.sleep_forever()
        seen.append(("fail", clock.time()))
        await anyio.sleep_forever()
    seen.append(("30", clock.time()))
    assert seen == [("10", 10), ("shield", 25), ("20", 25), ("fail", 26), ("30", 30)]


@on_all
async def test_an_outer_timeout_ends_an_inner_one(clock: Clock) -> None:
    """The sooner of two is the one that counts."""
    with anyio.move_on_after(3) as outer, anyio.move_on_after(7) as inner:
        await anyio.sleep(50)
    assert (outer.cancelled_caught, inner.cancelled_caught) == (True, False)
    assert clock.time() == 3


@on_asyncio
async def test_asyncios_own_timeouts_follow(clock: Clock) -> None:
    """``asyncio.timeout``, nested, and ``wait_for``."""
    async with asyncio.timeout(9) as outer:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(4):
                await asyncio.sleep(50)
        assert clock.time() == 4
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(50), 3)
        assert clock.time() == 7
    assert not outer.expired()
    _, pending = await asyncio.wait({left := asyncio.ensure_future(asyncio.sleep(5))}, timeout=2)
    assert pending == {left}
    await left
    assert clock.time() == 12


@on_all
async def test_who_is_cancelled_later_sleeps_till_then(clock: Clock) -> None:
    """What a cancelled sleep was to wait for does not come."""
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 3600)
        await anyio.sleep(2.5)
        group.cancel_scope.cancel()
    assert clock.time() == 2.5


# -- a day -----------------------------------------------------------------------------------------


@on_all
async def test_a_day_of_a_cron_like_loop(clock: Clock, task_group: anyio.abc.TaskGroup) -> None:
    """Each job is at its minute for 24 hours, beside others with periods of their own."""
    ran: dict[int, list[float]] = {60: [], 900: [], 3600: []}

    async def each(period: int, takes: float) -> None:
        start = anyio.current_time()
        for number in range(1, 86_400):
            await anyio.sleep(start + number * period - anyio.current_time())
            ran[period].append(clock.time())
            await anyio.sleep(takes)

    for period, takes in ((60, 7.25), (900, 30), (3600, 0.1)):
        task_group.start_soon(each, period, takes)
    await anyio.sleep(86_400)
    await anyrig.settled()
    for period, times in ran.items():
        assert times == [*range(period, 86_401, period)]
    task_group.cancel_scope.cancel()


# -- what is real ----------------------------------------------------------------------------------


async def _echo(stream: anyio.abc.SocketStream) -> None:
    async with stream:
        async for data in stream:
            await to_thread.run_sync(work)
            await stream.send(data)


@on_all
async def test_an_echo_over_loopback_is_in_time(clock: Clock) -> None:
    """A server in the same loop has a thread at work for each answer."""
    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as server,
    ):
        server.start_soon(listener.serve, _echo)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        with anyio.fail_after(30):
            async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                for number in range(20):
                    await stream.send(b"%d" % number)
                    assert await stream.receive() == b"%d" % number
        assert clock.time() == 0
        await anyio.sleep(60)
        assert clock.time() == 60
        server.cancel_scope.cancel()


@on_all
async def test_two_ends_in_one_loop_do_not_hold_it(clock: Clock) -> None:
    """Where both wait for each other, a timeout is what comes next."""
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        with anyio.move_on_after(3600) as scope:
            await anyio.wait_readable(near)
    assert scope.cancelled_caught
    assert clock.time() == 3600


_CHILD = [sys.executable, "-S", "-c", "print(input()[::-1])"]


@on_all
async def test_a_subprocess_of_anyios_is_in_time(clock: Clock) -> None:
    """It is started, given something and read to its end in no virtual time."""
    with anyio.fail_after(30):
        done = await anyio.run_process(_CHILD, input=b"abc\n")
    assert done.stdout == b"cba\n"
    assert clock.time() == 0


@on_asyncio
async def test_a_subprocess_of_asyncios_is_in_time(clock: Clock) -> None:
    """So is one of ``asyncio.create_subprocess_exec``."""
    async with asyncio.timeout(30):
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*_CHILD, stdin=pipe, stdout=pipe)
        out, _ = await process.communicate(b"abc\n")
    assert (out, process.returncode) == (b"cba\n", 0)
    assert clock.time() == 0


@on_trio
async def test_a_subprocess_of_trios_is_in_time(clock: Clock) -> None:
    """So is one of ``trio.run_process``."""
    with trio.fail_after(30):
        done = await trio.run_process(_CHILD, stdin=b"abc\n", capture_stdout=True)
    assert done.stdout == b"cba\n"
    assert clock.time() == 0


@on_asyncio
async def test_a_call_from_a_plain_thread_is_in_time(clock: Clock) -> None:
    """``call_soon_threadsafe``, of a thread that the loop knows nothing of."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[str] = loop.create_future()
    thread = threading.Thread(
        target=lambda: loop.call_soon_threadsafe(future.set_result, work()), daemon=True
    )
    thread.start()
    assert await asyncio.wait_for(future, 30) == "done"
    assert clock.time() == 0
    thread.join()


@on_trio
async def test_a_call_from_a_plain_thread_is_in_time_on_trio(clock: Clock) -> None:
    """``run_sync_soon``, of a thread that the run knows nothing of."""
    token, event = trio.lowlevel.current_trio_token(), trio.Event()

    def run() -> None:
        work()
        token.run_sync_soon(event.set)

    thread = threading.Thread(target=run)
    thread.start()
    with trio.fail_after(30):
        await event.wait()
    assert clock.time() == 0
    thread.join()


@on_all
async def test_anyios_threads_are_in_time(clock: Clock) -> None:
    """Several at once, each under a timeout, beside one who sleeps."""
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 3600)

        async def call() -> None:
            with anyio.fail_after(1):
                assert await to_thread.run_sync(work) == "done"
            assert clock.time() == 0

        for _ in range(5):
            group.start_soon(call)
    assert clock.time() == 3600


@on_asyncio
async def test_asyncios_threads_and_executors_are_in_time(clock: Clock) -> None:
    """``asyncio.to_thread``, and ``run_in_executor`` with an own pool of threads."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(30):
        assert await asyncio.to_thread(work) == "done"
        with ThreadPoolExecutor(1) as pool:
            # the second waits for the first in the pool's queue
            calls = [loop.run_in_executor(pool, work) for _ in range(2)]
            assert await asyncio.gather(*calls) == ["done", "done"]
    assert clock.time() == 0


@on_asyncio
@pytest.mark.anyrig(leaked_threads="off")
async def test_a_pool_of_processes_is_in_time(clock: Clock) -> None:
    """``run_in_executor`` with an own pool of processes."""
    import multiprocessing

    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        async with asyncio.timeout(30):
            assert await loop.run_in_executor(pool, os.getpid) != os.getpid()
        assert clock.time() == 0


@on_trio
async def test_trios_threads_are_in_time(clock: Clock) -> None:
    """``trio.to_thread``, also a call that calls back."""

    def calls_back() -> str:
        trio.from_thread.run(trio.sleep, 5)
        return work()

    with trio.fail_after(30):
        assert await trio.to_thread.run_sync(work) == "done"
        assert clock.time() == 0
        assert await trio.to_thread.run_sync(calls_back) == "done"
    assert clock.time() == 5


@on_all
async def test_a_worker_may_sleep_in_virtual_time(clock: Clock) -> None:
    """``from_thread.run`` of an hour's sleep takes none: the worker waits for the loop."""

    def worker() -> str:
        from_thread.run(anyio.sleep, 3600)
        return work()

    with anyio.fail_after(7200):
        assert await to_thread.run_sync(worker) == "done"
    assert clock.time() == 3600


@on_trio
async def test_so_may_one_that_trio_gives_tasks_of_its_own(clock: Clock) -> None:
    """Where a call may be abandoned, or comes from a thread that is no worker."""
    token = trio.lowlevel.current_trio_token()

    def worker(token: trio.lowlevel.TrioToken | None) -> str:
        trio.from_thread.run(trio.sleep, 3600, trio_token=token)
        return work()

    with trio.fail_after(7200):
        call = partial(worker, None)
        assert await trio.to_thread.run_sync(call, abandon_on_cancel=True) == "done"
    assert clock.time() == 3600
    event = trio.Event()

    def plain() -> None:
        worker(token)
        trio.from_thread.run_sync(event.set, trio_token=token)

    thread = threading.Thread(target=plain)
    thread.start()
    with trio.fail_after(7200):
        await event.wait()
    assert clock.time() == 7200
    thread.join()


@on_asyncio
async def test_a_pool_that_the_loop_does_not_know_is_in_time(clock: Clock) -> None:
    """``submit``, and a callback that calls the loop: for idle threads, too."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(3) as pool:
        for _ in range(20):
            futures = [asyncio.wrap_future(pool.submit(work), loop=loop) for _ in range(2)]
            assert await asyncio.wait_for(asyncio.gather(*futures), 0.001) == ["done", "done"]
    assert clock.time() == 0


# -- signals ---------------------------------------------------------------------------------------

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


def _kill_soon() -> None:
    time.sleep(_BRIEF)
    os.kill(os.getpid(), signal.SIGUSR2)


@on_posix
@on_asyncio
async def test_a_signals_handler_is_called(clock: Clock) -> None:
    """``loop.add_signal_handler``, for one at once and one that a thread sends."""
    loop, got = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR2, got.set)
    try:
        for send in (partial(os.kill, os.getpid(), signal.SIGUSR2), _kill_soon):
            got.clear()
            async with asyncio.timeout(30):
                call = asyncio.ensure_future(asyncio.to_thread(send))
                await got.wait()
                await call
            assert clock.time() == 0
    finally:
        loop.remove_signal_handler(signal.SIGUSR2)


@on_posix
@on_all
async def test_a_signal_is_received(clock: Clock, task_group: anyio.abc.TaskGroup) -> None:
    """``anyio.open_signal_receiver``, which on trio is trio's own."""
    with anyio.open_signal_receiver(signal.SIGUSR2) as signals, anyio.fail_after(30):
        os.kill(os.getpid(), signal.SIGUSR2)
        assert await anext(signals) == signal.SIGUSR2
        task_group.start_soon(to_thread.run_sync, _kill_soon)
        assert await anext(signals) == signal.SIGUSR2
    assert clock.time() == 0


# -- a runner that tests with and without the clock share ------------------------------------------

SHARED = """
    import time

    import anyio
    import anyrig
    import pytest

    seen = []


    @pytest.fixture(scope="module", params={params}, ids=str)
    def anyio_backend(request):
        seen.clear()
        return request.param


    @anyrig.service(scope="module")
    async def server(*, task_status):
        send, receive = anyio.create_memory_object_stream(10)
        task_status.started(send)
        async with send, receive:
            async for reply in receive:
                reply.send_nowait(anyio.current_time())


    @pytest.fixture(scope="module")
    async def wide(server):
        '''Says what time it is, and that it is the real one.'''
        await real(server)
        yield
        await real(server)


    async def ask(server):
        send, receive = anyio.create_memory_object_stream(1)
        async with send, receive:
            await server.send(send)
            now = await receive.receive()
        assert now <= anyio.current_time()
        assert all(before <= now for before in seen), "time ran back"
        seen.append(now)
        return now


    async def real(server):
        '''An hour does not pass at once, and a moment does pass.'''
        real_before, before = time.perf_counter(), await ask(server)
        with anyio.move_on_after(0.001):
            await anyio.sleep(3600)
        assert time.perf_counter() - real_before >= 0.001
        assert await ask(server) - before >= 0.001


    async def virtual(server, clock):
        before, began = await ask(server), clock.time()
        with anyio.fail_after(4000):
            await anyio.sleep(3600)
        assert await ask(server) - before == 3600
        assert clock.time() - began == 3600


    async def test_real(wide, server):
        await real(server)


    async def test_virtual(wide, server, clock):
        await virtual(server, clock)


    async def test_real_again(wide, server):
        await real(server)


    @pytest.mark.anyrig(clock="virtual")
    async def test_marked(wide, server):
        before = await ask(server)
        await anyio.sleep(3600)
        assert await ask(server) - before == 3600


    async def test_virtual_again(wide, server, clock):
        assert clock.time() == 0
        await virtual(server, clock)


    async def test_real_at_last(wide, server):
        await real(server)
"""


def test_a_service_serves_tests_with_and_without_the_clock(suite: Suite) -> None:
    """It sees real time after a virtual test, and time never runs back, whatever the order."""
    suite.write("test_a.py", SHARED.format(params=[_VALUES[name] for name in ("asyncio", "trio")]))
    assert suite.run().counts == {"passed": 12}
    assert suite.found == []


@pytest.mark.skipif("asyncio+eager" not in VIRTUAL, reason="eager tasks came with 3.12")
def test_it_does_so_where_tasks_are_eager(suite: Suite) -> None:
    """The same on asyncio+eager."""
    text = SHARED.format(params="[anyrig.backends.BACKENDS['asyncio+eager'].anyio_value()]")
    suite.write("test_a.py", text.replace("import anyrig\n", "import anyrig.backends\n"))
    assert suite.run().counts == {"passed": 6}


def test_between_two_workers(suite: Suite) -> None:
    """Workers of xdist have clocks of their own."""
    suite.write("test_a.py", SHARED.format(params=["asyncio", "trio"]))
    for more in ("--dist=loadfile", "--dist=load"):
        done = suite.workers(more)
        assert done.counts == {"passed": 12}, done.text


# -- fixtures --------------------------------------------------------------------------------------

FIXTURES = """
    import time

    import anyio
    import pytest


    @pytest.fixture(scope="module", params=["asyncio", "trio"])
    def anyio_backend(request):
        return request.param


    async def is_virtual():
        before, until = anyio.current_time(), time.perf_counter() + 0.0001
        while time.perf_counter() < until:
            await anyio.lowlevel.checkpoint()
        return anyio.current_time() == before


    async def check(request):
        assert await is_virtual() is ("real" not in request.node.name)


    @pytest.fixture(scope="module")
    async def wide(anyio_backend):
        assert not await is_virtual()
        yield
        assert not await is_virtual()


    @pytest.fixture
    async def own(request, wide):
        await check(request)
        yield
        await check(request)


    @pytest.fixture(autouse=True)
    async def everywhere(request, anyio_backend):
        await check(request)
        yield
        await check(request)


    async def test_first(request, clock, wide, own):
        await check(request)


    async def test_last(request, wide, own, clock):
        await check(request)


    async def test_real(request, wide, own):
        await check(request)


    @pytest.mark.anyrig(clock="virtual")
    async def test_marked(request, wide, own):
        await check(request)


    @pytest.fixture
    async def asks(request, own, clock):
        await check(request)
        yield clock
        await check(request)


    async def test_by_a_fixture(request, own, asks):
        await check(request)
        assert asks.time() == 0


    @pytest.mark.usefixtures("clock")
    class TestInAClass:
        async def test_method(self, request, own):
            await check(request)


    @pytest.mark.anyrig(clock="virtual")
    class TestMarked:
        async def test_method(self, request, own):
            await check(request)

        @pytest.mark.anyrig(clock="real")
        async def test_real(self, request, own):
            await check(request)
"""


def test_a_tests_own_fixtures_are_in_its_time(suite: Suite) -> None:
    """From setup to teardown, wherever ``clock`` stands; wider ones are in real time."""
    suite.write("test_a.py", FIXTURES)
    done = suite.run()
    assert done.counts == {"passed": 16}, done.text


def test_a_suite_may_have_a_clock_of_its_own(suite: Suite) -> None:
    """Then only the marker gives virtual time, and the fixture is what the suite says."""
    suite.write(
        "test_a.py",
        """
        import anyio
        import pytest
        import anyrig


        @pytest.fixture
        def clock():
            return "on the wall"


        async def test_own(clock):
            assert clock == "on the wall"
            before = anyio.current_time()
            await anyio.sleep(0.001)
            assert anyio.current_time() - before != 0.001


        @pytest.mark.anyrig(clock="virtual")
        async def test_marked(clock):
            assert clock == "on the wall"
            with anyio.fail_after(7200):
                await anyio.sleep(3600)


        async def test_by_its_other_name(anyrig_clock):
            assert isinstance(anyrig_clock, anyrig.Clock)
            await anyio.sleep(3600)
            assert anyrig_clock.time() == 3600
        """,
    )
    assert suite.run().counts == {"passed": 6}


def test_a_sync_test_may_ask_for_it(suite: Suite) -> None:
    """Nothing moves it, and nothing breaks; what the test runs itself is in real time."""
    suite.write(
        "test_a.py",
        """
        import time

        import anyio
        import pytest


        def test_sync(clock):
            assert (clock.time(), clock.held_by()) == (0, [])
            real = time.perf_counter()
            anyio.run(anyio.sleep, 0.001)
            assert time.perf_counter() - real >= 0.001
            assert clock.time() == 0


        @pytest.mark.anyrig(clock="virtual")
        def test_marked():
            pass


        """,
    )
    done = suite.run()
    assert done.counts == {"passed": 3}, done.text


# -- where it can't be -----------------------------------------------------------------------------


@pytest.mark.skipif("asyncio+uvloop" not in BACKENDS, reason="uvloop is not installed")
def test_uvloop_is_told_with_the_remedy(suite: Suite) -> None:
    """The timers are libuv's; the marker leaves that backend out, and helps."""
    suite.ini("anyrig_backends = asyncio asyncio+uvloop trio")
    test = "async def test_asks(clock):\n    await anyio.sleep(3600)\n"
    suite.write("test_a.py", f"import anyio\n\n{test}")
    done = suite.run()
    assert done.counts == {"passed": 2, "error": 1}, done.text
    assert "the clock of asyncio+uvloop can't be virtual" in done.text
    assert "@pytest.mark.anyrig(backends=['asyncio', 'trio'])" in done.text
    marker = "@pytest.mark.anyrig(backends=['asyncio', 'trio'])"
    suite.write("test_a.py", f"import anyio, pytest\n\n{marker}\n{test}")
    assert suite.run().counts == {"passed": 2}


def test_a_loop_that_can_t_be_set_is_told(suite: Suite) -> None:
    """A loop of an unknown kind, and a trio run with a clock of its own."""
    suite.write(
        "test_a.py",
        """
        import pytest
        import trio.testing

        BACKEND = ("trio", {"clock": trio.testing.MockClock()})


        @pytest.mark.parametrize("anyio_backend", [pytest.param(BACKEND, id="mock")])
        async def test_asks(clock):
            raise AssertionError("it runs")


        @pytest.mark.parametrize("anyio_backend", [pytest.param(BACKEND, id="mock")])
        async def test_asks_not():
            pass
        """,
    )
    done = suite.run()
    assert done.counts == {"passed": 1, "failed": 1}, done.text
    assert "the clock can't be virtual: the trio run has a clock of its own" in done.text
    assert "leave its `clock` out" in done.text


def test_a_wrong_word_is_told_with_the_right_ones(suite: Suite) -> None:
    """The marker takes "virtual" and "real"."""
    suite.write(
        "test_a.py",
        """
        import pytest


        @pytest.mark.anyrig(clock="virtaul")
        async def test_asks():
            pass
        """,
    )
    done = suite.run()
    assert "unknown clock 'virtaul' (did you mean 'virtual'?)" in done.text
    assert "use 'virtual', 'real'" in done.text
    assert done.status != 0


# -- deadlocks, and a clock that stands still ------------------------------------------------------

DEADLOCK = """
    import anyio
    import pytest

    pytestmark = pytest.mark.anyrig(timeout=20)


    async def waits_for(event):
        await event.wait()


    async def test_dead(clock, task_group):
        task_group.start_soon(waits_for, anyio.Event())
        await anyio.sleep(3600)
        await anyio.Event().wait()


    async def test_halted(clock):
        clock.autojump = False
        await anyio.sleep(5)


    async def test_moved(clock, task_group):
        clock.autojump = False
        woken = anyio.Event()

        async def sleeps():
            await anyio.sleep(5)
            woken.set()

        task_group.start_soon(sleeps)
        await clock.advance(4)
        assert not woken.is_set()
        await clock.advance(1)
        assert woken.is_set()
        assert clock.time() == 5


    async def test_no_deadlock(clock):
        await anyio.sleep(10 ** 9)
"""


@pytest.mark.parametrize("backend", VIRTUAL)
def test_a_deadlock_is_told_with_the_tree(suite: Suite, backend: str) -> None:
    """All wait and no timer is left; or there is one, and nobody moves the time."""
    suite.ini(f"anyrig_backends = {backend}")
    suite.write("test_a.py", DEADLOCK)
    done = suite.spawn()
    assert done.counts == {"failed": 2, "passed": 2}, done.text
    assert suite.found == [
        ("deadlock", f"test_dead[{backend}]", "fail"),
        ("deadlock", f"test_halted[{backend}]", "fail"),
    ]
    dead, halted = suite.findings
    assert "waits_for" in "\n".join(dead.picture)
    assert dead.origin is not None
    assert dead.origin.source == "await anyio.Event().wait()"
    assert not any("autojump" in line for line in dead.mend)
    assert any("`clock.autojump` is off" in line for line in halted.mend)
    assert halted.origin is not None
    assert halted.origin.source == "await anyio.sleep(5)"


@on_all
@pytest.mark.anyrig(blocked_loop_after=0.4, blocked_loop="fail")
async def test_a_loop_that_waits_for_a_thread_is_not_blocked(clock: Clock) -> None:
    """It waits with a clock that is held as it does without."""
    with anyio.fail_after(30):
        await to_thread.run_sync(time.sleep, 0.6)
    assert clock.time() == 0


def test_a_long_timeout_beside_fast_sleep_is_no_deadlock(suite: Suite) -> None:
    """There time is real, and a timeout of two hours may yet come."""
    suite.write(
        "test_a.py",
        """
        import anyio
        import pytest


        @pytest.mark.anyrig(timeout=1.5, deadlock="fail")
        async def test_waits(fast_sleep):
            with anyio.move_on_after(7200):
                await anyio.Event().wait()
        """,
    )
    suite.spawn()
    assert {kind for kind, *_ in suite.found} == {"timeout"}


@on_all
async def test_advance_moves_what_stands_still(clock: Clock) -> None:
    """All that is due on the way comes at its own time, and in its order."""
    clock.autojump = False
    seen: list[tuple[str, float]] = []

    async def sleep(name: str, seconds: float) -> None:
        await anyio.sleep(seconds)
        seen.append((name, clock.time()))

    async with anyio.create_task_group() as group:
        for name, seconds in (("b", 2.0), ("a", 1.0), ("c", 2.0), ("d", 9.0)):
            group.start_soon(sleep, name, seconds)
        await anyrig.settled()
        await clock.advance(3)
        assert seen == [("a", 1), ("b", 2), ("c", 2)]
        assert clock.time() == 3
        clock.autojump = True
    assert seen[3:] == [("d", 9)]
