"""Awaiting what a sync double gives: the report says what to write, at the line that did it."""

from __future__ import annotations

import re

import pytest

from inner import Suite
from support import run_pytest

HEAD = """
import anyio
import asyncio
import pytest
from unittest.mock import AsyncMock, MagicMock, create_autospec, patch
import app
from anyrig import mocks

class Store:
    def is_known(self, name):
        return False

    async def save(self, name):
        pass

    def rows(self) -> object:
        ...

    async def pages(self):
        yield 1

    def begin(self):
        return self.engine.begin()

class Slotted:
    __slots__ = ("store",)

class Service:
    def __init__(self, store):
        self.store = store

    async def visit(self, name):
        return await self.store.is_known(name)
"""

TOLD = {
    "ours": ("await mocks.create(Store).is_known('Ada')", ""),
    "of_ours": (
        "store = mocks.create(Store)\n    await store.is_known('Ada')",
        "of what is sync (test_it.py:9), and this line has `await` for",
    ),
    "with_a_result": (
        "store = mocks.create(Store)\n    await store.is_known(\n        'Ada'\n    )",
        "`store.is_known` is a double of what is sync",
    ),
    "further_down": (
        "await Service(mocks.create(Store)).visit('Ada')",
        "`self.store.is_known` is a double of what is sync",
    ),
    "autospec": (
        "store = create_autospec(Store, instance=True)\n    await store.is_known('Ada')",
        "`store.is_known` is a MagicMock of what is sync",
    ),
    "stock": (
        "client = MagicMock()\n    await client.close()",
        "`client.close` is a MagicMock, which is sync, and nothing says what it stands",
    ),
    "two_on_a_line": (
        "client = MagicMock(); other = AsyncMock()\n    await other.run(), await client.close()",
        "`client.close` is a MagicMock",
    ),
    "async_with": (
        "store = mocks.create(Store)\n    async with store.is_known('Ada'):\n        pass",
        "of what is sync (test_it.py:9), and this line has `async with`",
    ),
    "async_for": (
        "store = mocks.create(Store)\n    async for row in store.is_known('Ada'):\n        pass",
        "of what is sync (test_it.py:9), and this line has `async for`",
    ),
    "the_double_itself": (
        "client = MagicMock(name='client')\n    await client.session",
        "`client.session` is a MagicMock",
    ),
    "second_of_two": (
        "store = mocks.create(Store)\n    async with app.opened(), store.is_known('A'):\n        0",
        "`store.is_known` is a double of what is sync (test_it.py:9), and this line has `async",
    ),
    "first_of_two": (
        "store = mocks.create(Store)\n    async with store.is_known('A'), app.opened():\n        0",
        "`store.is_known` is a double of what is sync",
    ),
    "in_a_slot": (
        (
            "slotted = Slotted(); slotted.store = mocks.create(Store)\n"
            "    await slotted.store.is_known('Ada')"
        ),
        "`slotted.store.is_known` is a double of what is sync",
    ),
    "by_another_name": (
        "client = MagicMock(name='client')\n    result = client.close()\n    await result",
        "`client.close` is a MagicMock",
    ),
    "a_group": (
        (
            "client = MagicMock(name='client')\n"
            "    async with asyncio.TaskGroup() as group:\n"
            "        group.create_task(Service(MagicMock(is_known=client.close)).visit('Ada'))"
        ),
        "`self.store.is_known` is a MagicMock",
    ),
    "behind_another": (
        (
            "client = MagicMock()\n    try:\n        await client.close()\n"
            "    except TypeError as error:\n        raise ConnectionError('lost') from error"
        ),
        "`client.close` is a MagicMock",
    ),
    "behind_a_call": (
        (
            "client = AsyncMock(**{'get.return_value': MagicMock()})\n"
            "    await (await client.get()).json()"
        ),
        "`(await client.get()).json()` was a MagicMock here, which is sync. Where that is async",
    ),
    "a_property": (
        "await type('A', (), {'x': property(lambda self: MagicMock())})().x",
        "property(lambda self:...` was a MagicMock here, which is sync.",
    ),
    "of_a_spec_that_is_async": (
        "client = MagicMock(spec=app.Client); client.close = MagicMock()\n    await client.close()",
        "`client.close` is a MagicMock in the place of what is async (app.py:4): make the double",
    ),
    "of_what_gives_a_future": (
        "store = mocks.create(Store)\n    await store.rows()",
        (
            "`store.rows` is a double of what gives an awaitable (test_it.py:15), and gave none: "
            'have it give one, store.rows = mocks.stub("rows", return_value=...)'
        ),
    ),
    "of_what_nobody_knows": (
        "store = mocks.create(Store)\n    await store.begin()",
        (
            "`store.begin` is a double, and nothing says what the real one gives (test_it.py:21): "
            'say it, store.begin = mocks.stub("begin", return_value=...)'
        ),
    ),
    "of_what_nobody_knows_that_is_entered": (
        "store = mocks.create(Store)\n    async with store.begin():\n        pass",
        (
            "`store.begin` is a double, and nothing says what the real one gives (test_it.py:21): "
            "say it, store.begin.return_value = mocks.create(...) of the class that it is of"
        ),
    ),
    "of_what_nobody_knows_that_is_iterated": (
        "store = mocks.create(Store)\n    async for row in store.begin():\n        pass",
        "say it, store.begin.return_value = ... that can be iterated over by `async for`",
    ),
    "of_an_async_generator": (
        "store = mocks.create(Store)\n    await store.pages()",
        "`store.pages` is a double of an async generator (test_it.py:18), which `async for`",
    ),
    "not_called": (
        "store = mocks.create(Store)\n    await store.save",
        (
            "`store.save` is a mock of what is async, and this line has `await` for itself: "
            "call it, `await store.save(...)`"
        ),
    ),
    "a_session": (
        "session = AsyncMock()\n    async with session.get('/'):\n        pass",
        (
            "`session.get` is an AsyncMock, so a call of it gives a coroutine, and this line has "
            "`async with` for it. Make the double of the real one"
        ),
    ),
    "patched": (
        "with patch('app.client'):\n        await app.run()",
        "`client.close()` was a MagicMock here, which is sync, and the real one is async",
    ),
    "patched_by_ours": (
        "with mocks.patch('app.client'):\n        await app.asks()",
        "`client.is_open` is a double of what is sync (app.py:7), and this line has `await`",
    ),
    "patched_attribute": (
        "with patch.object(app.client, 'close', MagicMock()):\n        await app.run()",
        "`client.close()` was a MagicMock here, which is sync, and the real one is async",
    ),
    "patched_by_a_decorator": (
        "await patch('app.client')(app.run_with)()",
        "`client.close()` was a MagicMock here, which is sync, and the real one is async",
    ),
    "monkeypatched": (
        (
            "with pytest.MonkeyPatch.context() as patching:\n"
            "        patching.setattr(app.client, 'close', MagicMock())\n        await app.run()"
        ),
        "`client.close()` was a MagicMock here, which is sync, and the real one is async",
    ),
    "with_a_timeout": (
        (
            "client = MagicMock(name='client')\n"
            "    with anyio.fail_after(9):\n        await client.close()"
        ),
        "`client.close` is a MagicMock",
    ),
    "patched_with_a_result": (
        "with patch('app.client', **{'close.return_value': 3}):\n        await app.run()",
        "`client.close` is a MagicMock, which is sync, and nothing says what it stands for",
    ),
    "patched_by_hand": (
        (
            "patching = patch('app.client')\n    patching.start()\n"
            "    try:\n        await app.run()\n    finally:\n        patching.stop()"
        ),
        (
            "`client.close()` was a MagicMock here, which is sync, and the real one is async "
            "(app.py:4): make the double of the real one"
        ),
    ),
}

APP = """
import contextlib

class Client:
    async def close(self):
        pass

    def is_open(self):
        return True

class Mock:
    pass

client = Client()

@contextlib.asynccontextmanager
async def opened():
    yield

async def run():
    await client.close()

async def run_with(client):
    await run()

async def asks():
    await client.is_open()
"""


def _flat(text: str) -> str:
    """The words, without pytest's margin and line breaks."""
    return " ".join(text.replace("\nE ", "\n").split())


# those that need asyncio's own task groups and futures
ON_ASYNCIO = ("a_group", "held_by_a_future")


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What a run of all of them says of each failure: by the name of the case, once a backend."""
    folder = tmp_path_factory.mktemp("misawaited")
    (folder / "pytest.ini").write_text("[pytest]\nanyio_mode = auto\n")
    (folder / "app.py").write_text(APP.lstrip())
    bodies = {name: body for name, (body, _) in TOLD.items()} | INNOCENT
    for name, body in bodies.items():
        mark = '@pytest.mark.anyrig(backends=["asyncio"])' if name in ON_ASYNCIO else ""
        test = f"{HEAD}\n{mark}\nasync def test_{name}():\n    {body}\n"
        (folder / f"test_{name}.py").write_text(test.lstrip())
    ran = run_pytest(folder)
    assert ran.counts == {"failed": 2 * len(bodies) - len(ON_ASYNCIO)}, ran.text
    shown = ran.text.partition("short test summary")[0]
    parts = re.split(r"^_+ test_(\w+)\[\w+\] _+$", shown, flags=re.MULTILINE)
    told: dict[str, list[str]] = {name: [] for name in bodies}
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        told[name].append(_flat(text))
    return told


@pytest.mark.parametrize("name", TOLD)
def test_it_is_told(failures: dict[str, list[str]], name: str) -> None:
    """The note names the double by what the line says, and what to write."""
    note = TOLD[name][1].replace("test_it.py", f"test_{name}.py")
    assert len(failures[name]) == (1 if name in ON_ASYNCIO else 2)
    for told in failures[name]:
        assert "TypeError" in told
        assert told.count("anyrig: `") == (1 if note else 0)
        assert " ".join(note.split()) in told


def test_in_a_fixture_in_a_group_and_in_a_sync_test(suite: Suite) -> None:
    """It is told wherever the error comes out: a fixture, a task group, ``asyncio.run``."""
    suite.write("app.py", APP)
    suite.write(
        "test_it.py",
        HEAD
        + """
@pytest.fixture
async def known():
    store = mocks.create(Store)
    yield
    await store.is_known("Ada")

async def test_teardown(known):
    pass

async def test_group(task_group):
    task_group.start_soon(Service(mocks.create(Store)).visit, "Ada")
    await asyncio.sleep(10)

def test_run():
    asyncio.run(Service(mocks.create(Store)).visit("Ada"))
""",
    )
    ran = suite.run("--anyrig-backend=asyncio")
    assert _flat(ran.text).count("is a double of what is sync") >= 3


INNOCENT = {
    "no_double": "await 3",
    "raised_by_hand": "raise TypeError(\"object int can't be used in 'await' expression\")",
    "an_async_one": "store = mocks.create(Store)\n    await (await store.save('Ada'))",
    "held_by_a_future": (
        "client = MagicMock(); future = asyncio.get_running_loop().create_future()\n"
        "    future.set_exception(TypeError(\"object int can't be used in 'await' expression\"))\n"
        "    client.close.return_value = future\n    await client.close()"
    ),
    "another_of_two": (
        "store = mocks.create(Store)\n"
        "    async with app.opened(), 3, store.is_known('Ada'):\n        pass"
    ),
    "a_class_of_that_name": ("Mock = type('Mock', (), {})\n    await Mock()"),
    "an_imported_class_of_that_name": "await app.Mock()",
    "a_real_one_in_a_patch": "with patch('app.client'):\n        await 3",
    "a_plain_result": "store = Store()\n    await store.is_known('Ada')",
}


@pytest.mark.parametrize("name", INNOCENT)
def test_others_are_left_alone(failures: dict[str, list[str]], name: str) -> None:
    """The same error with another source gets no note."""
    assert len(failures[name]) == (1 if name in ON_ASYNCIO else 2)
    assert not any("anyrig: `" in told for told in failures[name])
