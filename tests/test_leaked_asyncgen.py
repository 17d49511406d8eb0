"""Leaked async generators: what is told of each, and what is done to those of others."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from anyrig import Kind, source
from inner import BACKENDS, LEAKED_ASYNCGEN, Suite
from support import Ran

ALL = len(BACKENDS)


def ran(suite: Suite, text: str, *arguments: str) -> Ran:
    """Run a module of tests on every backend, in a process of its own."""
    suite.ini(f"anyrig_backends = {' '.join(BACKENDS)}")
    suite.write("test_it.py", "import contextlib, gc, anyio, pytest\n" + text)
    return suite.spawn("-p", "no:randomly", *arguments)


# -- where closing runs code ---------------------------------------------------------------------

SHAPES = {
    "try:\n    yield 1\nfinally:\n    pass": True,
    "try:\n    pass\nfinally:\n    yield 1": False,
    "try:\n    pass\nexcept KeyError:\n    yield 1\nfinally:\n    pass": True,
    "try:\n    pass\nexcept KeyError:\n    pass\nelse:\n    yield 1\nfinally:\n    pass": True,
    "try:\n    yield 1\nexcept KeyError:\n    pass": False,
    "try:\n    yield 1\nexcept Exception:\n    pass": False,
    "try:\n    yield 1\nexcept:\n    pass": True,
    "try:\n    yield 1\nexcept BaseException:\n    pass": True,
    "try:\n    yield 1\nexcept (KeyError, GeneratorExit):\n    pass": True,
    "try:\n    yield 1\nexcept builtins.BaseException:\n    pass": True,
    "try:\n    pass\nexcept GeneratorExit:\n    yield 1": False,
    "try:\n    yield 1\nexcept* KeyError:\n    pass\nfinally:\n    pass": True,
    "with a:\n    yield 1": True,
    "async with a:\n    yield 1": True,
    "with (yield 1):\n    pass": False,
    "with suppress(KeyError):\n    yield 1": False,
    "with contextlib.suppress(KeyError):\n    yield 1": False,
    "with suppress(KeyError), a:\n    yield 1": True,
    "for x in y:\n    with a:\n        if x:\n            yield 1": True,
    "with a:\n    pass\nyield 1": False,
    "yield 1": False,
}


@pytest.mark.parametrize(("body", "has"), SHAPES.items())
def test_cleanup_is_read_off_the_source(tmp_path: Path, body: str, has: bool) -> None:
    """Cleanup is pending in a ``with`` and in a ``try`` that hears of the closing."""
    path = tmp_path / "it.py"
    text = "with b:\n    async def f():\n" + textwrap.indent(body, " " * 8)
    path.write_text(text, encoding="utf-8")
    lineno = next(n for n, line in enumerate(text.splitlines(), 1) if "yield" in line)
    assert source.has_cleanup(str(path), "f", lineno) == has


def test_cleanup_without_a_source(tmp_path: Path) -> None:
    """Where the text can't be had, or has no such function, there may be cleanup."""
    path = tmp_path / "it.py"
    path.write_text("async def f():\n    yield 1\n", encoding="utf-8")
    assert source.has_cleanup(str(tmp_path / "nothing.py"), "f", 2)
    assert source.has_cleanup(str(path), "g", 2)
    assert not source.has_cleanup(str(path), "f", 2)


# -- in a suite ----------------------------------------------------------------------------------

ROWS = """
async def rows(count=2):
    try:
        for number in range(count):
            yield number
    finally:
        await anyio.lowlevel.checkpoint()
"""


def test_mend_is_the_users_call(suite: Suite) -> None:
    """What to type has the user's own call where it stands on the line."""
    ran(
        suite,
        ROWS
        + """
async def test_call():
    async for row in rows(3):
        break

async def test_name():
    items = rows(3)
    async for row in items:
        break
    del items
""",
    )
    told = {(one.place.test or "").partition("::")[2]: one.mend[0] for one in suite.findings}
    assert len(told) == 2 * ALL
    for test, mend in told.items():
        call = "rows(3)" if test.startswith("test_call") else "rows(...)"
        assert f"`async with contextlib.aclosing({call}) as items:`" in mend


@pytest.mark.parametrize("warnings", ["default", "error"])
def test_nobody_else_tells_of_it(suite: Suite, warnings: str) -> None:
    """The close that the loop makes is no missed await, and trio's warning is not given besides."""
    done = ran(
        suite,
        ROWS
        + """
async def test_it():
    async for row in rows():
        break
    await anyio.wait_all_tasks_blocked()
    gc.collect()
""",
        "-W",
        warnings,
    )
    assert [found[0] for found in suite.found] == ["leaked_asyncgen"] * ALL
    assert "garbage collected before" not in done.text
    assert done.counts == {"failed": ALL}


def test_off_is_as_without_anyrig(suite: Suite) -> None:
    """Off, nothing is told, and trio warns as ever."""
    done = ran(
        suite,
        ROWS
        + """
async def test_it():
    async for row in rows():
        break
""",
        "--anyrig-leaked-asyncgens=off",
        "-W",
        "default",
    )
    assert suite.findings == []
    assert done.text.count("garbage collected before") >= 1


def test_loops_own_hooks_are_called(suite: Suite) -> None:
    """The loop closes what is dropped, and at its end what is held, as it does without us."""
    done = ran(
        suite,
        """
import asyncio, sniffio
CLOSED, HELD = [], []

async def rows(name):
    try:
        yield 1
    finally:
        await anyio.sleep(0) if sniffio.current_async_library() == "asyncio" else None
        CLOSED.append(name)

@pytest.mark.anyrig(allow=["leaked_asyncgen"])
async def test_dropped():
    async for row in rows("dropped"):
        break
    await anyio.wait_all_tasks_blocked()
    assert CLOSED.pop() == "dropped"

async def test_held():
    HELD.append(rows("held"))
    await anext(HELD[-1])

def test_after():
    assert CLOSED == ["held"] * len(HELD)
""",
    )
    assert done.counts == {"passed": 2 * ALL + 1}, done.text


def test_hooks_of_the_process_are_left_as_they_were(suite: Suite) -> None:
    """No hook of ours is left in the thread, nor in a loop that the test runs."""
    done = ran(
        suite,
        """
import asyncio, sys

async def test_it(): ...

def test_after():
    async def main():
        firstiter, finalizer = sys.get_asyncgen_hooks()
        assert "anyrig" not in (firstiter.__module__ or "")

    assert sys.get_asyncgen_hooks() == (None, None)
    asyncio.run(main())
""",
    )
    assert done.counts == {"passed": ALL + 1}, done.text


def test_allow_block(suite: Suite) -> None:
    """``allow("leaked_asyncgen")`` permits what begins in its block, and fails for none."""
    ran(
        suite,
        ROWS
        + """
import anyrig

async def test_permitted():
    with anyrig.allow("leaked_asyncgen"):
        async for row in rows():
            break

async def test_unused():
    with anyrig.allow("leaked_asyncgen"):
        pass
""",
    )
    assert [(kind, ruling) for kind, _, ruling in suite.found] == [
        ("leaked_asyncgen", "permitted")
    ] * ALL


def test_library_that_iterates_for_itself(suite: Suite) -> None:
    """A generator that a library iterates and drops is the library's, whoever called it."""
    suite.write(
        "site-packages/library.py",
        """
        import asyncio

        async def rows():
            try:
                yield 1
            finally:
                pass

        async def texts():
            async for row in rows():
                yield str(row)

        async def drop():
            async for row in rows():
                break

        def start():
            return asyncio.create_task(drop())
        """,
    )
    ran(
        suite,
        """
import sys
sys.path.insert(0, "site-packages")
import library

@pytest.mark.anyrig(backends=["asyncio"])
async def test_background():
    await library.start()

async def test_called():
    await library.drop()

async def test_behind_one_that_is_closed():
    async with contextlib.aclosing(library.texts()) as texts:
        async for text in texts:
            break
""",
    )
    assert suite.found == []


def test_run_in_process_keeps_its_own(suite: Suite) -> None:
    """A pytest run inside a pytest run tells of its own."""
    suite.write("test_it.py", LEAKED_ASYNCGEN)
    suite.run()
    assert suite.found == [("leaked_asyncgen", "test_breaks[asyncio]", "fail")]


@pytest.mark.parametrize("backend", BACKENDS)
def test_cleanup_that_the_loop_runs_is_told_by_its_line(suite: Suite, backend: str) -> None:
    """A coroutine that is made and kept where the loop closes a generator has its line."""
    suite.write(
        "test_it.py",
        """
        kept = []

        async def save():
            pass

        async def numbers():
            try:
                yield 1
                yield 2
            finally:
                kept.append(save())

        async def test_left():
            kept.append(numbers())
            await anext(kept[0])
        """,
    )
    suite.spawn("-o", "anyio_mode=auto", "-o", f"anyrig_backends={backend}")
    missed = [one for one in suite.findings if one.kind is Kind.MISSED_AWAIT]
    assert [one.origin and one.origin.lineno for one in missed] == [11]


def test_library_by_whose_way_the_user_iterates(suite: Suite) -> None:
    """What contextlib iterates for the user, and what the user takes of a library, is told."""
    suite.write(
        "site-packages/library.py",
        """
        async def rows():
            try:
                yield 1
                yield 2
            finally:
                pass
        """,
    )
    ran(
        suite,
        """
import sys
sys.path.insert(0, "site-packages")
import library

async def test_librarys():
    async for row in library.rows():
        break

async def test_by_contextlib():
    opened = contextlib.asynccontextmanager(library.rows)()
    await opened.__aenter__()
    del opened
""",
    )
    tests = [str(test).partition("[")[0] for _, test, _ in suite.found]
    assert sorted(tests) == ["test_by_contextlib"] * ALL + ["test_librarys"] * ALL


def test_what_the_failure_has_dropped_is_not_told_and_what_left_before_is(suite: Suite) -> None:
    """In a test that fails: what a ``break`` or ``return`` has dropped before is told."""
    ran(
        suite,
        """
async def rows():
    try:
        yield 1
        yield 2
    finally:
        await anyio.lowlevel.checkpoint()

async def first():
    async for row in rows():
        return row

async def test_break_before():
    async for row in rows():
        break
    assert row == 2

async def test_return_before():
    assert await first() == 2

async def test_raised_in_the_loop():
    async for row in rows():
        assert row == 2

async def test_raised_in_a_call():
    def fail():
        raise KeyError
    async for row in rows():
        fail()

async def waits():
    async for row in rows():
        await anyio.sleep_forever()

async def test_cancelled_by_a_sibling():
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(waits)
        await anyio.lowlevel.checkpoint()
        raise KeyError

async def test_held_by_a_local():
    held = rows()
    await anext(held)
    raise KeyError

async def test_skips_in_the_loop():
    async for row in rows():
        pytest.skip("no matter")
""",
    )
    tests = [str(test).partition("[")[0] for _, test, _ in suite.found]
    assert sorted(tests) == ["test_break_before"] * ALL + ["test_return_before"] * ALL
