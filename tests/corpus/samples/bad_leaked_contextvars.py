"""Context variables that a test leaves changed for the next one."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextvars import ContextVar, Token
from typing import Any

import pytest

user: ContextVar[Any] = ContextVar("user", default=None)
request_id: ContextVar[str] = ContextVar("request_id")
wide_one: ContextVar[str] = ContextVar("wide_one")
TOKENS: list[Token[Any]] = []


@pytest.fixture(scope="module", autouse=True)
async def server(anyio_backend: object) -> AsyncGenerator[None]:
    wide_one.set("the server's")
    yield


async def test_sets() -> None:  # FOUND leaked_contextvar teardown warned
    request_id.set("1")


async def test_sets_it_once_more() -> None:  # FOUND leaked_contextvar teardown warned
    request_id.set("2")


async def test_sets_two() -> None:  # FOUND leaked_contextvar teardown times 2 warned
    TOKENS.append(user.set("somebody"))
    request_id.set("3")


async def test_takes_back_what_another_set() -> None:  # FOUND leaked_contextvar teardown warned
    user.reset(TOKENS.pop())


async def test_what_a_wider_fixture_set() -> None:  # FOUND leaked_contextvar teardown warned
    wide_one.set("the test's")


async def log_in() -> None:
    user.set("somebody else")


async def test_code_under_test() -> None:  # FOUND leaked_contextvar teardown warned
    await log_in()


@pytest.fixture
async def logged_in() -> None:  # FOUND leaked_contextvar teardown of test_fixture warned
    user.set("the fixture's")


async def test_fixture(logged_in: None) -> None:
    assert user.get() == "the fixture's"


@pytest.fixture
async def late() -> AsyncGenerator[None]:  # FOUND leaked_contextvar teardown of test_late warned
    yield
    user.set("nobody")


async def test_late(late: None) -> None:
    pass


class Unreadable:
    def __repr__(self) -> str:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]


async def test_no_repr() -> None:  # FOUND leaked_contextvar teardown warned
    user.set(Unreadable())


async def test_own_failure_stays() -> None:  # FOUND leaked_contextvar teardown warned
    user.set(Unreadable())
    raise KeyError  # FAILS call KeyError


@pytest.mark.anyrig(leaked_contextvars="fail")
async def test_failing() -> None:  # FOUND leaked_contextvar teardown
    user.set("1")


@pytest.mark.anyrig(allow=["leaked_contextvar"])
async def test_permitted() -> None:  # FOUND leaked_contextvar teardown permitted
    user.set("2")


def test_last() -> None:
    pass  # after it the runner ends
