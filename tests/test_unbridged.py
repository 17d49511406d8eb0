"""What is told of asyncio's awaitables that reach trio without a bridge."""

from __future__ import annotations

import ast
import asyncio
import re
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from anyrig_compat import bridge
from anyrig_compat.unbridged import explain
from inner import Suite
from support import run_pytest

SUITE = """
import asyncio
import pytest

class Env:
    def __init__(self, loop):
        self.queue = asyncio.Queue()
        self.future = loop.create_future()

@pytest.fixture
def anyio_backend():
    return "trio"

@pytest.fixture
def env():
    loop = asyncio.new_event_loop()
    yield Env(loop)
    loop.close()

async def test_future(env):
    await env.future

async def test_queue(env):
    await env.queue.get()

async def test_sleep():
    await asyncio.sleep(1, result=2)

async def test_turn():
    await asyncio.sleep(0)

async def test_held(env):
    future = env.future
    await future

async def test_own():
    raise TypeError("my own")
"""

TOLD = {
    "test_future": """
        `await env.future` (test_it.py:20) is asyncio's, and the test runs on trio
        it came from the fixture `env`
        mend:   anyrig_compat.bridge(env.future)
        """,
    "test_queue": """
        `await env.queue.get()` (test_it.py:23) is asyncio's, and the test runs on trio
        it came from the fixture `env`
        mend:   await anyrig_compat.on_asyncio(env.queue.get)
        or:     env.queue = anyrig_compat.bridge(env.queue)
        """,
    "test_sleep": """
        `await asyncio.sleep(1, result=2)` (test_it.py:26) is asyncio's, and the test runs on trio
        mend:   await anyrig_compat.on_asyncio(asyncio.sleep, 1, result=2)
        """,
    "test_turn": """
        `await asyncio.sleep(0)` (test_it.py:29) is asyncio's, and the test runs on trio
        mend:   await anyrig_compat.on_asyncio(asyncio.sleep, 0)
        """,
    "test_held": """
        `await future` (test_it.py:33) is asyncio's, and the test runs on trio
        it came from the fixture `env`
        mend:   anyrig_compat.bridge(future)
        """,
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What pytest shows of each test of the suite, at any width."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "pytest.ini").write_text("[pytest]\nanyio_mode = auto\n")
    (folder / "test_it.py").write_text(SUITE.lstrip("\n"))
    plugins = ("anyio", "anyrig", "anyrig_compat.unbridged")
    ran = run_pytest(folder, plugins=plugins)
    assert ran.counts == {"failed": 6}
    pieces = re.split(r"^_+ (test_\w+) _+$|^=+ short test summary", ran.text, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


@pytest.mark.parametrize("test", TOLD)
def test_what_to_write(shown: dict[str, str], test: str) -> None:
    """The failing test shows the line, the fixture that gave the thing, and what to write."""
    lines = [line[1:].strip() for line in shown[test].splitlines() if line.startswith("E")]
    told = textwrap.dedent(TOLD[test]).strip().splitlines()
    assert lines[-len(told) :] == told


def test_other_errors_are_as_they_were(shown: dict[str, str]) -> None:
    """An error that is not about asyncio on trio gets no note."""
    assert "asyncio's" not in shown["test_own"]


LOOPS = """
import asyncio
import anyrig_compat
import pytest

async def double(number):
    return number * 2 if asyncio.get_running_loop() else 0

async def test_own():
    asyncio.get_running_loop()

async def test_helper():
    assert await double(3) == 6

async def test_gather():
    await asyncio.gather(double(1))
"""
TYPED = """
async def test_own():
    async def needs_it():
        asyncio.get_running_loop()
    await anyrig_compat.on_asyncio(needs_it)

async def test_helper():
    assert await anyrig_compat.on_asyncio(double, 3) == 6

@pytest.mark.anyrig(backends=["asyncio"])
async def test_gather():
    await asyncio.gather(double(1))
"""
ALONE = 'or:     leave the test on asyncio: @pytest.mark.anyrig(backends=["asyncio"])'
MOVED = f"""\
mend:   move what needs the loop into an `async def` of its own, and
            await anyrig_compat.on_asyncio(that_function)
{ALONE}
"""
WANTS_LOOP = {
    "test_own": f"""\
`asyncio.get_running_loop()` (sub/test_it.py:9) needs asyncio's loop, and the test runs on trio
{MOVED}""",
    "test_helper": f"""\
`asyncio.get_running_loop()` (sub/test_it.py:6) needs asyncio's loop, and the test runs on trio
mend:   await anyrig_compat.on_asyncio(double, 3)
        in the place of `await double(3)`
{ALONE}
""",
    "test_gather": f"""\
`asyncio.gather(double(1))` (sub/test_it.py:15) needs asyncio's loop, and the test runs on trio
{MOVED}""",
}


def test_what_needs_the_loop(suite: Suite) -> None:
    """A sync call that asks for asyncio's loop is told with what to type, and that works."""
    suite.ini("asyncio_mode = auto", "anyrig_compat_backends = both")
    suite.write("sub/test_it.py", LOOPS)
    found = suite.run("-p", "anyrig_compat", "--tb=short")
    assert found.counts == {"passed": 3, "failed": 3}, found.text
    shown = "".join(f"{line[4:]}\n" for line in found.text.splitlines() if line.startswith("E   "))
    for told in WANTS_LOOP.values():
        assert told in shown
    suite.write("sub/test_it.py", LOOPS.partition("async def test_own")[0] + TYPED)
    assert suite.run("-p", "anyrig_compat").counts == {"passed": 5}


ASSERTS = {
    "assert await double(3) == 6": "mend:   await anyrig_compat.on_asyncio(double, 3)",
    "assert str(await double(3)) == '6'": "mend:   await anyrig_compat.on_asyncio(double, 3)",
    "assert asyncio.get_running_loop()": "`asyncio.get_running_loop()` (suite.py:8) needs",
    "assert len([asyncio.get_running_loop()]) == 1": "`asyncio.get_running_loop()` (suite.py:8)",
    "assert await future is None": "`await future` (suite.py:8) is asyncio's",
    "assert own(await checkpoint(), 1) == 2": "no note",
}


@pytest.mark.parametrize("statement", ASSERTS)
@pytest.mark.parametrize("is_whole", [False, True])
def test_asserts(tmp_path: Path, statement: str, is_whole: bool) -> None:
    """The call in an assert is found by its columns; older pytests give the assert's own."""
    source = f"""\
import asyncio
from trio.lowlevel import checkpoint
async def double(number):
    return number * 2 if asyncio.get_running_loop() else 0
def own(*_):
    raise RuntimeError("my own")
async def waits(future):
    {statement}
"""
    file = tmp_path / "suite.py"
    file.write_text(source)
    tree = ast.parse(source)
    asserted = tree.body[-1].body[0]  # type: ignore[attr-defined]
    if is_whole:
        for node in ast.walk(asserted):
            ast.copy_location(node, asserted)
    names: dict[str, Any] = {}
    exec(compile(tree, str(file), "exec"), names)
    loop = asyncio.new_event_loop()
    with pytest.raises((RuntimeError, TypeError)) as caught:
        trio.run(names["waits"], loop.create_future())
    loop.close()
    explain(caught.value, {"anyio_backend": "trio"})
    assert ASSERTS[statement] in "".join(getattr(caught.value, "__notes__", ["no note"]))


def test_a_group_is_looked_through() -> None:
    """An error in a group is explained; one that has been is left."""
    errors = []
    for _ in range(2):
        try:
            raise TypeError("trio.run received unrecognized yield message <Future pending>")
        except TypeError as error:
            errors.append(error)
    group = ExceptionGroup("both", errors)
    explain(group)
    explain(group)
    assert [len(error.__notes__) for error in errors] == [1, 1]


class _Env:
    """A bridged thing with a future in it so deep that it is not."""

    def __init__(self, future: asyncio.Future[int]) -> None:
        self.deep = SimpleNamespace(deeper=SimpleNamespace(future=future))

    async def close(self) -> None: ...


def test_what_a_proxy_came_from() -> None:
    """A bridged value is known by its fixture, also where the test did not ask for that one."""

    async def waits() -> None:
        await given.deep.deeper.future

    loop = asyncio.new_event_loop()
    given = bridge(_Env(loop.create_future()), origin="server")
    with pytest.raises(TypeError) as caught:
        trio.run(waits)
    loop.close()
    explain(caught.value)
    assert "it came from the fixture `server`" in caught.value.__notes__[0]
