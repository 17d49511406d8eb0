"""The private names of trio's tasks and nurseries."""

from __future__ import annotations

import signal
from collections.abc import AsyncGenerator

import pytest
import trio.testing

from anyrig.seams import trio as seam


@pytest.fixture
def anyio_backend() -> str:
    """trio alone."""
    return "trio"


async def test_task_has__cancel_status() -> None:
    """A task's scopes are known by ``_cancel_status``, its ``_scope`` and its ``_parent``."""
    task = trio.lowlevel.current_task()
    base = seam.innermost(task)
    assert seam.open_scopes(task, base) == []
    with trio.CancelScope() as outer, trio.CancelScope() as inner:
        assert seam.open_scopes(task, base) == [inner, outer]
    assert seam.innermost(task) is base


async def test_nursery_has__pending_excs() -> None:
    """What the tasks of an open nursery raised is in ``_pending_excs``."""

    async def fail() -> None:
        raise KeyError("one")

    async def fail_as_group() -> None:
        raise ExceptionGroup("group", [ValueError("two")])

    async def look() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail)
            nursery.start_soon(fail_as_group)
            nursery.start_soon(trio.sleep_forever)
            with trio.CancelScope(shield=True):
                await trio.testing.wait_all_tasks_blocked()
            errors = seam.errors_of(nursery)
            assert {type(error) for error in errors} == {KeyError, ExceptionGroup}

    with pytest.raises(ExceptionGroup):
        await look()


async def test_what_a_nursery_encloses() -> None:
    """Its tasks and theirs are told, and shields in them can be taken away."""

    async def outer() -> None:
        async with trio.open_nursery() as inner:
            inner.start_soon(shielded)

    async def shielded() -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(outer)
        await trio.testing.wait_all_tasks_blocked()
        tasks = seam.tasks_within(nursery)
        assert [task.name.rpartition(".")[2] for task in tasks] == ["outer", "shielded"]
        assert [seam.is_shielded(task) for task in tasks] == [False, True]
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await trio.testing.wait_all_tasks_blocked()
        seam.unshield(nursery)
    assert seam.tasks_within(nursery) == []


async def test_task_has__next_send() -> None:
    """An error is raised at a checkpoint that is passed without end; not where a lock is given."""
    lock = trio.Lock()
    ended: list[object] = []

    async def generator() -> AsyncGenerator[None, None]:
        while not ended:
            await trio.lowlevel.checkpoint()
        yield

    async def spins() -> None:
        try:
            async for _ in generator():
                pass
        except KeyError as error:
            ended.append(error)

    async def is_given() -> None:
        async with lock:
            ended.append(lock.statistics().owner)

    error = KeyError("ended")
    async with trio.open_nursery() as nursery:
        await lock.acquire()
        nursery.start_soon(spins, name="spins")
        nursery.start_soon(is_given, name="is given")
        await trio.lowlevel.cancel_shielded_checkpoint()
        await trio.lowlevel.cancel_shielded_checkpoint()
        tasks = {task.name: task for task in nursery.child_tasks}
        lock.release()
        assert seam.throw(tasks["spins"], error)
        assert not seam.throw(tasks["is given"], error)
    assert {id(one) for one in ended} == {id(error), id(tasks["is given"])}


def test_run_has_ki_pending_and_instruments() -> None:
    """From the signal of Ctrl-C to the end of what it ends, ``ki_pending`` of the run is true."""
    said: list[bool] = []

    async def interrupt() -> None:
        await trio.testing.wait_all_tasks_blocked()
        state = seam.RunState()
        said.append(state.is_interrupted())
        signal.raise_signal(signal.SIGINT)
        said.append(state.is_interrupted())
        state.when_next_awake(lambda: said.append(state.is_interrupted()))

    async def main() -> None:
        trio.lowlevel.spawn_system_task(interrupt)  # protected from Ctrl-C, as trio's own are
        await trio.sleep_forever()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            trio.run(main)
    finally:
        signal.signal(signal.SIGINT, before)
    assert said == [False, True, True]


def test_global_run_context_and_ki_manager(pytester: pytest.Pytester) -> None:
    """A guest run can be forgotten: ``GLOBAL_RUN_CONTEXT`` and its runner's ``ki_manager``."""
    script = pytester.makepyfile(
        """
        import queue, signal, trio
        from anyrig.seams.trio import abandon

        async def main():
            await trio.sleep_forever()

        turns = queue.SimpleQueue()
        # a process in a shell's background is begun with it ignored, and trio leaves that so
        before = signal.default_int_handler
        signal.signal(signal.SIGINT, before)
        trio.lowlevel.start_guest_run(
            main, run_sync_soon_threadsafe=turns.put, done_callback=print
        )
        turns.get()()
        assert signal.getsignal(signal.SIGINT) is not before
        abandon()
        assert signal.getsignal(signal.SIGINT) is before
        trio.run(trio.lowlevel.checkpoint)
        print("ran")
        """
    )
    result = pytester.runpython(script)
    assert result.outlines == ["ran"]
    assert result.errlines == []
