"""What threads are doing, told by the frames of those who run them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

import anyio.from_thread
import anyio.to_thread
import pytest
import trio

from anyrig.findings import Kind
from anyrig.mocks import Mocks
from anyrig.seams.cpython import stacks
from anyrig.seams.cpython.stacks import Doing, at_work, frame_of, loop_in, thread_of
from inner import BACKENDS, Suite

_MANY = 100_000  # looks, before a thread is what it is
_LONG = 60.0  # seconds; what is not at its end by then failed


def _doing(thread: int | None) -> Doing | None:
    """What a thread does; None for one that has no frame, or none any more."""
    at = dict(at_work(()))
    if thread is None or frame_of(thread) is None:
        return None
    return at.get(thread, Doing.NOTHING)


def _comes_to(expected: Doing, thread: int | None) -> bool:
    """Whether a thread, which may be on its way there, is found doing this."""
    return any(_doing(thread) is expected for _ in range(_MANY))


def _is_at(name: str, thread: int | None) -> bool:
    """Whether a thread comes to a function."""
    frames = (frame_of(thread or 0) for _ in range(_MANY))
    return any(frame is not None and frame.f_code.co_name == name for frame in frames)


@contextmanager
def _running(
    work: Callable[[], object], release: Callable[[], object]
) -> Iterator[threading.Thread]:
    """A thread that runs this until it is released."""
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield thread
    finally:
        release()
        thread.join()


# -- threads that wait for other ones --------------------------------------------------------------


def test_a_wait_has_waiter_and_timeout() -> None:
    """``Condition.wait`` has ``waiter`` and ``timeout``; one without a timeout does nothing."""
    event = threading.Event()
    with _running(event.wait, event.set) as thread:
        assert _is_at("wait", thread.ident)
        assert _comes_to(Doing.NOTHING, thread.ident)
    event = threading.Event()
    with _running(lambda: event.wait(60), event.set) as thread:
        assert _is_at("wait", thread.ident)
        assert _doing(thread.ident) is Doing.OTHER


def test_a_condition_has__waiters() -> None:
    """Who was notified is at work, also while it waits for the lock yet."""
    condition: Any = threading.Condition()
    ready = threading.Event()

    def work() -> None:
        with condition:
            ready.set()
            condition.wait()

    with _running(work, lambda: None) as thread:
        ready.wait()
        with condition:
            assert _comes_to(Doing.NOTHING, thread.ident)
            assert len(condition._waiters) == 1
            condition.notify()
            assert _doing(thread.ident) is Doing.OTHER


def test_a_join_without_a_timeout_does_nothing() -> None:
    """``join`` knows its thread by ``self``."""
    event = threading.Event()
    with _running(event.wait, event.set) as other:
        joins = threading.Thread(target=other.join)
        joins.start()
        try:
            assert _comes_to(Doing.NOTHING, joins.ident)
        finally:
            event.set()
            joins.join()


def test_a_thread_that_begins_stands_in__limbo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its ``start`` and its first line it is in ``threading._limbo`` alone."""
    inner: Any = threading
    seen: list[bool] = []
    name = "_start_joinable_thread" if hasattr(threading, "_start_joinable_thread") else ""
    name = name or "_start_new_thread"
    start = getattr(threading, name)

    def heard(*args: Any, **kwargs: Any) -> Any:
        seen.append((id(thread), Doing.OTHER) in [*at_work(())])
        return start(*args, **kwargs)

    thread = threading.Thread(target=int)
    monkeypatch.setattr(threading, name, heard)
    thread.start()
    thread.join()
    assert seen == [True]
    assert inner._limbo == {}


# -- pools -----------------------------------------------------------------------------------------


def _work(thread: list[int], begun: threading.Event, go: threading.Event) -> None:
    thread.append(threading.get_ident())
    begun.set()
    while not go.is_set():
        pass


def test_pool_has__worker_and_work_queue() -> None:
    """A thread of concurrent.futures' is at work from ``submit`` to the end of what it runs."""
    threads: list[int] = []
    begun, go = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_work, threads, begun, go)
        try:
            begun.wait()
            assert _doing(threads[0]) is Doing.CALL
        finally:
            go.set()
        assert _comes_to(Doing.NOTHING, threads[0])
        frame = frame_of(threads[0])
        assert frame is not None
        assert frame.f_code.co_name == "_worker"
        assert {"work_queue", "work_item"} <= {*frame.f_code.co_varnames, *frame.f_code.co_cellvars}
        assert frame.f_locals["work_queue"].qsize() == 0


@pytest.mark.anyrig(backends=["asyncio"])
async def test_anyio_worker_has_queue() -> None:
    """A thread of anyio's is at work while its ``queue`` has ``unfinished_tasks``."""
    threads: list[int] = []
    begun, go = threading.Event(), threading.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.to_thread.run_sync, _work, threads, begun, go)
        try:
            await anyio.to_thread.run_sync(begun.wait)
            assert _doing(threads[0]) is Doing.CALL
        finally:
            go.set()
    assert _comes_to(Doing.NOTHING, threads[0])


@pytest.mark.anyrig(backends=["trio"])
async def test_trio_worker_has__idle_workers() -> None:
    """A thread of trio's is at work until its cache has it in ``_idle_workers``."""
    threads: list[int] = []
    begun, go = threading.Event(), threading.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.to_thread.run_sync, _work, threads, begun, go)
        try:
            await anyio.to_thread.run_sync(begun.wait)
            assert _doing(threads[0]) is Doing.CALL
        finally:
            go.set()
    assert _comes_to(Doing.NOTHING, threads[0])


class _Held:
    """A wake-up of a loop whose thread is held in it, once the loop is woken.

    But for a thread that nobody lists: the watchdog asks a loop that is slow to turn.
    """

    def __init__(self, wake: Callable[..., object]) -> None:
        self._wake = wake
        self._home = threading.get_ident()
        self.threads: list[int] = []
        self.go = threading.Event()

    def __call__(self, *args: Any) -> None:
        ident = threading.get_ident()
        is_held = ident != self._home and ident in [one.ident for one in threading.enumerate()]
        if is_held:
            self.threads.append(ident)
        self._wake(*args)
        if is_held:
            self.go.wait(_LONG)


@pytest.mark.anyrig(backends=["asyncio"])
@pytest.mark.parametrize("call", [asyncio.to_thread, anyio.to_thread.run_sync])
async def test_result_that_has_come_to_a_loop_is_no_work(
    call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that has given its result to the loop is at work no more."""
    loop: Any = asyncio.get_running_loop()
    held = _Held(loop._write_to_self)
    monkeypatch.setattr(loop, "_write_to_self", held)
    is_awaited = threading.Event()
    loop.call_soon(is_awaited.set)
    try:
        await call(is_awaited.wait, _LONG)
        assert [_doing(thread) for thread in held.threads] == [Doing.NOTHING]
    finally:
        held.go.set()


@pytest.mark.anyrig(backends=["asyncio"])
async def test_callback_of_a_result_is_work() -> None:
    """While a callback of somebody's own runs, who knows what it will do."""
    go = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        held = _Held(lambda future: None)
        future = pool.submit(go.wait, _LONG)
        future.add_done_callback(held)
        try:
            go.set()
            while not held.threads:
                await asyncio.sleep(0)
            assert _doing(held.threads[0]) is Doing.CALL
        finally:
            held.go.set()


@pytest.mark.anyrig(backends=["trio"])
async def test_result_that_has_come_to_trio_is_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has left ``run_sync_soon`` is in the entry queue's ``queue`` until it is called."""
    from trio._core import _wakeup_socketpair

    name = "wakeup_thread_and_signal_safe"
    held = _Held(getattr(_wakeup_socketpair.WakeupSocketpair, name))

    def wakeup_thread_and_signal_safe(self: Any) -> None:
        held(self)

    monkeypatch.setattr(_wakeup_socketpair.WakeupSocketpair, name, wakeup_thread_and_signal_safe)
    try:
        await trio.to_thread.run_sync(int)
        assert [_doing(thread) for thread in held.threads] == [Doing.NOTHING]
    finally:
        held.go.set()


@pytest.mark.anyrig(backends=["trio"])
async def test_trio_has__send_message_to_trio() -> None:
    """A call back into trio waits in the last line of it, and does nothing once it was taken."""
    event, threads = trio.Event(), []

    def work() -> None:
        threads.append(threading.get_ident())
        trio.from_thread.run(event.wait)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, work)
        while not threads or not event.statistics().tasks_waiting:
            await trio.lowlevel.checkpoint()
        assert _comes_to(Doing.NOTHING, threads[0])
        event.set()


@pytest.mark.anyrig(backends=["trio"])
async def test_trios_wait_beside_a_host_is_no_work() -> None:
    """A guest run waits for I/O in ``get_events`` of ``trio/_core/_run.py``, in a thread."""
    found: list[list[Doing | None]] = []

    def look() -> None:
        mine = threading.get_ident()
        for _ in range(_MANY):
            frames = sys._current_frames()
            waits = [ident for ident, frame in frames.items() if _has(frame, "get_events")]
            if waits:
                found.append([_doing(ident) for ident in waits if ident != mine])
                return

    await trio.to_thread.run_sync(look)
    assert found == [[Doing.NOTHING]]


def _has(frame: Any, name: str) -> bool:
    while frame is not None:
        code = frame.f_code
        if code.co_name == name and code.co_filename.endswith(("_run.py", "_run.pyc")):
            return True
        frame = frame.f_back
    return False


# -- subprocesses ----------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="Windows waits for processes in its loop")
def test_child_watcher_has__do_waitpid() -> None:
    """Where there are no pidfds, asyncio waits for a subprocess in ``_do_waitpid``, in a thread."""
    module: Any = asyncio.unix_events
    name = "ThreadedChildWatcher"
    kind = getattr(module, name, None) or getattr(module, f"_{name}")

    async def main() -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        before = {one.ident for one in threading.enumerate()}
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
            watcher = kind()
            watcher.add_child_handler(
                process.pid, lambda *args: loop.call_soon_threadsafe(ended.set)
            )
            (thread,) = {one.ident for one in threading.enumerate()} - before
            is_told = _comes_to(Doing.CHILD, thread)
            assert process.stdin is not None
            process.stdin.close()
            process.stdin = None
            await ended.wait()
            process.returncode = 0
        assert is_told

    asyncio.run(main())


def test_a_thread_that_runs_a_loop_has_run_forever() -> None:
    """The asyncio loop that a thread runs is the ``self`` of ``run_forever``."""
    me = threading.get_ident()

    async def main() -> None:
        assert loop_in(frame_of(me)) is asyncio.get_running_loop()

    asyncio.run(main())
    assert loop_in(frame_of(me)) is None


def test_the_thread_of_a_loop_is_told_in_it_and_from_outside() -> None:
    """A loop is of the thread that runs it, whoever asks; one that does not run is of none."""
    loop = asyncio.new_event_loop()
    assert thread_of(loop) is None
    inside: list[threading.Thread | None] = []
    is_up = threading.Event()
    loop.call_soon(lambda: inside.append(thread_of(loop)))
    loop.call_soon(is_up.set)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    is_up.wait()
    assert (thread_of(loop), inside) == (thread, [thread])
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    assert thread_of(loop) is None
    loop.close()


def test_trio_at_work_is_told_from_a_task() -> None:
    """A step of trio's loop has ``trio/_core`` innermost; a task's own code has not."""
    import trio

    seen: list[bool] = []

    class Sees(trio.abc.Instrument):
        def before_task_step(self, task: object) -> None:
            seen.append(stacks.is_in_trio(sys._getframe(1)))

    async def work() -> None:
        seen.append(stacks.is_in_trio(sys._getframe()))
        await trio.lowlevel.checkpoint()

    trio.run(work, instruments=[Sees()])
    assert seen.count(False) == 1
    assert seen.count(True) >= 2
    assert not stacks.is_in_trio(None)


async def test_a_double_at_work_is_the_tests(mocks: Mocks) -> None:
    """Who asks a double again and again without an end is not ours at work: it is ended at once."""
    seen: list[bool] = []
    looks = lambda: seen.append(stacks.is_in_pytest(sys._getframe(1)))  # noqa: E731
    await mocks.stub("poll", side_effect=looks)()
    assert seen == [False]


def test_pytest_at_work_is_told_from_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """What calls the hooks, and pytest's own among them, are pytest at work; a test is not."""
    frame: FrameType | None = sys._getframe()
    assert not stacks.is_in_pytest(frame)
    while frame is not None and "pluggy" not in frame.f_code.co_filename:
        frame = frame.f_back
    assert stacks.is_in_pytest(frame)
    assert not stacks.is_in_pytest(None)

    seen: list[bool] = []

    @contextmanager
    def entered() -> Iterator[None]:
        seen.append(stacks.is_in_pytest(sys._getframe(1)))  # `contextlib`, called by a test
        yield

    class Told(dict[str, int]):
        def __setitem__(self, key: str, value: int) -> None:
            seen.append(stacks.is_in_pytest(sys._getframe()))  # a test's own, called by pytest
            seen.append(stacks.is_in_pytest(sys._getframe(1)))

    with entered():
        monkeypatch.setitem(Told(), "key", 1)
    assert seen[:3] == [False, False, True]


def _noting(condition: str) -> str:
    """The head of a suite that notes, for such frames, whether the end of a test is put off."""
    return f"""
import asyncio, time
import anyio
from anyrig.limits import Limits

PUT_OFF = []
put_off = Limits._is_put_off

def noted(self, limit, frame):
    is_put_off, path = put_off(self, limit, frame), frame.f_code.co_filename
    if {condition}:
        PUT_OFF.append(is_put_off)
    return is_put_off

Limits._is_put_off = noted
"""


def test_what_an_asyncio_loop_calls_in_c_is_named() -> None:
    """What has no frame is known by the frame that calls it; what has one, by that."""
    lock, said = threading.Lock(), list[str | None]()

    def in_python() -> None:
        lock.acquire()

    def look(thread: int) -> None:
        # it comes to the call, and stays in it
        for _ in range(_MANY):
            frame = frame_of(thread)
            called = None if frame is None else stacks.called_in_c(frame)
            if called == "lock.acquire" or (frame and frame.f_code is in_python.__code__):
                said.append(called)
                break
        lock.release()

    async def main(call: Callable[[], object]) -> None:
        thread = threading.Thread(target=look, args=(threading.get_ident(),))
        asyncio.get_running_loop().call_soon(call)
        thread.start()
        await asyncio.sleep(0)
        thread.join()

    for call in (lock.acquire, partial(partial(lock.acquire, True), timeout=-1), in_python):
        lock.acquire()
        asyncio.run(main(call))
        lock.release()
    assert said == ["lock.acquire", "lock.acquire", None]


def test_what_a_loop_calls_is_no_work_of_ours(suite: Suite) -> None:
    """What stands still in a loop's wait, or in C that it calls, is ended at the first signal."""
    suite.ini("anyrig_backends = asyncio", "anyrig_timeout = 0.2")
    suite.write(
        "test_it.py",
        _noting('path.endswith(("selectors.py", "events.py"))')  # its wait, and what it calls
        + """
async def test_waits():
    asyncio.get_running_loop().call_soon_threadsafe = lambda *args, **options: None
    await anyio.Event().wait()

async def test_calls():
    asyncio.get_running_loop().call_soon(time.sleep, 3600)
    await anyio.Event().wait()

def test_none_was_put_off():
    assert len(PUT_OFF) >= 2 and not any(PUT_OFF)
""",
    )
    done = suite.spawn("-p", "no:randomly", "--anyrig-deadlock=off")
    assert done.counts == {"failed": 2, "passed": 1}, done.text
    timeouts = [one for one in suite.findings if one.kind is Kind.TIMEOUT]
    assert [one.origin for one in timeouts] == [None, None]


@pytest.mark.skipif("asyncio+uvloop" not in BACKENDS, reason="uvloop is not installed")
def test_what_uvloop_calls_in_c_is_ended(suite: Suite) -> None:
    """Its frame is that of our runner, which is not at work: the run goes on."""
    suite.ini("anyrig_backends = asyncio+uvloop", "anyrig_timeout = 0.2")
    suite.write(
        "test_it.py",
        _noting('frame.f_code.co_name == "_run_loop"')
        + """
async def test_calls():
    asyncio.get_running_loop().call_soon(time.sleep, 3600)
    await anyio.Event().wait()

def test_it_was_not_put_off():
    assert PUT_OFF and not any(PUT_OFF)
""",
    )
    done = suite.spawn("-p", "no:randomly", "--anyrig-deadlock=off", "--anyrig-wrong-thread=off")
    assert done.counts == {"failed": 1, "passed": 1}, done.text
