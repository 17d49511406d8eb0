"""The frames of threads, and other interpreters."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import FrameType

import pytest

from alone import alone
from anyrig.seams.cpython import frames
from inner import Suite
from support import run

has_interpreters = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="before Python 3.12 all interpreters share a lock"
)


def test_threads_have_frames() -> None:
    """``sys._current_frames`` has the innermost frame of each thread, and of ours who asks us."""

    def asks() -> dict[int, FrameType] | None:
        return frames.current()

    found = asks()
    assert found is not None
    assert found[threading.get_ident()] is sys._getframe()


def test_frames_do_not_outlive_who_asks() -> None:
    """Who keeps the frames while it looks at them is not in them: they would hold each other."""
    script = """
        import asyncio, gc
        from anyrig.seams.cpython import frames, stacks

        def keeps():
            found = frames.current()
            return len(found)

        loop = asyncio.new_event_loop()
        asks = [
            keeps,
            lambda: frames.of(1),
            stacks.threads,
            lambda: stacks.busy_threads(()),
            lambda: list(stacks.at_work(())),
            lambda: next(stacks.at_work(()), None),
            lambda: stacks.is_in_any("f", "x.py"),
            lambda: stacks.thread_of(loop),
        ]
        gc.collect()
        gc.set_debug(gc.DEBUG_SAVEALL)
        for ask in asks:
            ask()
        gc.collect()
        print([one for one in gc.garbage if type(one).__name__ == "frame"])
    """
    assert alone(script) == "[]"


@has_interpreters
def test_list_all_knows_other_interpreters(tmp_path: Path) -> None:
    """``_interpreters.list_all`` knows them; beside one, no frames are asked for."""
    script = """
import sys
from anyrig.seams.cpython import frames

if sys.version_info < (3, 13):
    import _xxsubinterpreters as interpreters
else:
    import _interpreters as interpreters

said = [frames.current() is None]
other = interpreters.create()
said.append(frames.current() is None)
interpreters.destroy(other)
said.append(frames.current() is None)
print(*said)
"""
    done = run([sys.executable, "-c", script], tmp_path)
    beside = not frames.IS_HARMLESS
    assert (done.status, done.text) == (0, f"False {beside} False\n")


@pytest.mark.parametrize(
    ("version", "is_harmless"),
    [
        ((3, 11, 0), True),
        ((3, 12, 1), False),
        ((3, 12, 99), False),
        ((3, 13, 0), False),
        ((3, 13, 18), True),
        ((3, 14, 7), False),
        ((3, 14, 10), True),
        ((3, 15, 0), False),
        ((3, 15, 2), True),
        ((3, 16, 0), True),
    ],
)
def test_releases_that_leave_other_interpreters_out(
    version: tuple[int, int, int], is_harmless: bool
) -> None:
    """``sys._current_frames`` is asked beside other interpreters where that was seen to go well."""
    assert frames.is_harmless(version) is is_harmless


@has_interpreters
def test_deadlock_is_told_beside_other_interpreters(suite: Suite) -> None:
    """Where frames can be asked for; elsewhere a limit ends the test."""
    suite.ini("anyrig_backends = asyncio", "anyrig_timeout = 3")
    suite.write(
        "test_it.py",
        """
        import sys
        import anyio

        if sys.version_info < (3, 13):
            import _xxsubinterpreters as interpreters
        else:
            import _interpreters as interpreters

        KEPT = []  # Python 3.12 ends an interpreter that nobody has the id of

        def test_keeps_one():
            KEPT.append(interpreters.create())

        async def test_waits_for_ever():
            await anyio.Event().wait()
        """,
    )
    done = suite.spawn()
    kind = "deadlock" if frames.IS_HARMLESS else "timeout"
    assert suite.found == [(kind, "test_waits_for_ever[asyncio]", "fail")], done.text


@has_interpreters
def test_tests_that_use_other_interpreters_go_well(suite: Suite) -> None:
    """The watchdog's looks leave them alone: it would abort the process within a second."""
    suite.ini("anyrig_backends = asyncio")
    suite.write(
        "test_it.py",
        """
        import sys
        import anyio.to_thread

        if sys.version_info < (3, 13):
            import _xxsubinterpreters as interpreters
            execute = interpreters.run_string
        else:
            import _interpreters as interpreters
            execute = interpreters.exec

        def work():
            for _ in range(40):
                other = interpreters.create()
                execute(other, "import asyncio, decimal, json, logging")
                interpreters.destroy(other)

        async def test_it():
            await anyio.to_thread.run_sync(work)
        """,
    )
    done = suite.spawn()
    assert done.counts == {"passed": 1}, done.text
