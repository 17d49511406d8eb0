"""Awaiting what a sync double gives: the report says what to write, at the line that did it."""

from __future__ import annotations

import pytest

from inner import Suite

HEAD = """
import asyncio
import pytest
from unittest.mock import AsyncMock, MagicMock, create_autospec
from anyrig import mocks

class Store:
    def is_known(self, name):
        return False

    async def save(self, name):
        pass

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
        "`store.is_known` is a double of what is sync, and this line has `await` for",
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
        "`store.is_known` is a double of what is sync, and this line has `async with`",
    ),
    "async_for": (
        "store = mocks.create(Store)\n    async for row in store.is_known('Ada'):\n        pass",
        "`store.is_known` is a double of what is sync, and this line has `async for`",
    ),
    "the_double_itself": (
        "client = MagicMock(name='client')\n    await client.session",
        "`client.session` is a MagicMock",
    ),
}


@pytest.mark.parametrize("name", TOLD)
def test_it_is_told(suite: Suite, name: str) -> None:
    """The note names the double by what the line says, and what to write."""
    body, note = TOLD[name]
    suite.write("test_it.py", f"{HEAD}\nasync def test_it():\n    {body}\n")
    ran = suite.run()
    assert ran.counts == {"failed": 2}
    flat = " ".join(ran.text.split())
    assert "TypeError" in flat
    assert flat.count("anyrig: `") == (2 if note else 0)
    assert " ".join(note.split()) in flat


def test_in_a_fixture_in_a_group_and_in_a_sync_test(suite: Suite) -> None:
    """It is told wherever the error comes out: a fixture, a task group, ``asyncio.run``."""
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
    assert " ".join(ran.text.split()).count("is a double of what is sync") >= 3


INNOCENT = {
    "no_double": "await 3",
    "raised_by_hand": "raise TypeError(\"object int can't be used in 'await' expression\")",
    "an_async_one": "store = mocks.create(Store)\n    await (await store.save('Ada'))",
    "a_property": "await type('A', (), {'x': property(lambda self: MagicMock())})().x",
    "a_plain_result": "store = Store()\n    await store.is_known('Ada')",
}


@pytest.mark.parametrize("name", INNOCENT)
def test_others_are_left_alone(suite: Suite, name: str) -> None:
    """The same error with another source gets no note."""
    suite.write("test_it.py", f"{HEAD}\nasync def test_it():\n    {INNOCENT[name]}\n")
    ran = suite.run()
    assert ran.counts == {"failed": 2}
    assert "anyrig: `" not in ran.text
