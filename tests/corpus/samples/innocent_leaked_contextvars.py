"""Context variables that are taken back, or that no other test sees."""

from __future__ import annotations

import decimal
from collections.abc import AsyncGenerator, Generator
from contextvars import ContextVar, copy_context
from typing import Any

import anyio
import anyio.to_thread
import pytest

user: ContextVar[Any] = ContextVar("user", default=None)
wide_one: ContextVar[str] = ContextVar("wide_one")
lazy_one: ContextVar[str] = ContextVar("lazy_one")


async def test_nobody_keeps_the_runner() -> None:
    user.set("somebody")


async def test_next() -> None:
    assert user.get() is None


@pytest.fixture(scope="class")
async def server(anyio_backend: object) -> AsyncGenerator[None]:
    token = wide_one.set("the server's")
    yield
    wide_one.reset(token)


@pytest.fixture(scope="class")
async def lazy(server: None) -> AsyncGenerator[None]:
    lazy_one.set("later")
    yield


@pytest.fixture
async def logged_in(server: None) -> AsyncGenerator[None]:
    token = user.set("somebody")
    yield
    user.reset(token)


@pytest.fixture
async def logged_out(server: None) -> AsyncGenerator[None]:
    yield
    user.set(None)


@pytest.fixture
def sync_fixture() -> Generator[None]:
    token = user.set("not of the tests' context")
    yield
    user.reset(token)


class TestKept:
    async def test_of_a_wider_fixture(self, server: None) -> None:
        assert wide_one.get() == "the server's"

    async def test_of_one_that_is_set_up_late(self, logged_in: None, lazy: None) -> None:
        assert lazy_one.get() == "later"

    async def test_resets(self, server: None) -> None:
        token = user.set("somebody")
        user.reset(token)

    async def test_sets_what_it_was(self, server: None) -> None:
        user.set(user.get())

    async def test_fixture_resets(self, logged_in: None) -> None:
        assert user.get() == "somebody"

    async def test_fixture_resets_what_the_test_sets(self, logged_in: None) -> None:
        user.set("somebody else")

    async def test_is_set_back(self, logged_out: None) -> None:
        token = user.set("somebody")
        user.reset(token)

    async def test_child(self, server: None) -> None:
        async def child() -> None:
            user.set("somebody")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(child)

    async def test_thread(self, server: None) -> None:
        await anyio.to_thread.run_sync(user.set, "somebody")

    async def test_another_context(self, server: None) -> None:
        copy_context().run(user.set, "somebody")

    async def test_decimal(self, server: None) -> None:
        assert decimal.getcontext().prec > 0

    def test_sync(self, server: None, sync_fixture: None) -> None:
        assert user.get() is not None

    @pytest.mark.anyrig(leaked_contextvars="off")
    async def test_off(self, server: None) -> None:
        user.set("somebody")

    async def test_after_what_is_off(self, server: None) -> None:
        assert user.get() == "somebody"

    async def test_last(self, server: None) -> None:
        user.set("nobody sees it")
