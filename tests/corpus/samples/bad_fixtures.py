"""Fixtures of function and class scope that forget an await, in setup and teardown."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator

import pytest
from store import save


@pytest.fixture
def sync_setup() -> None:
    save(1)  # FOUND missed_await setup of test_sync_setup


@pytest.fixture
def sync_teardown() -> Generator[None, None, None]:
    yield
    save(1)  # FOUND missed_await teardown of test_sync_teardown, test_async_test_sync_teardown


@pytest.fixture
async def async_setup() -> None:
    save(1)  # FOUND missed_await setup of test_async_setup


@pytest.fixture
async def async_teardown() -> AsyncGenerator[None, None]:
    yield
    save(1)  # FOUND missed_await teardown of test_async_teardown


@pytest.fixture
def with_finalizer(request: pytest.FixtureRequest) -> None:
    request.addfinalizer(lambda: print(save(1)))  # FOUND missed_await teardown of test_finalizer


@pytest.fixture
async def both() -> AsyncGenerator[None, None]:
    save(1)  # FOUND missed_await setup of test_both
    yield
    save(2)  # FOUND missed_await teardown of test_both


@pytest.fixture
def held_in_a_local() -> Generator[None, None, None]:
    coroutine = save(1)  # FOUND missed_await setup at teardown of test_held_in_a_local
    yield
    print(coroutine)


@pytest.fixture
def handed_out() -> object:
    return save(1)  # FOUND missed_await setup at teardown of test_handed_out


@pytest.fixture(autouse=True, scope="class")
def autouse_of_a_class(request: pytest.FixtureRequest) -> None:
    if request.cls is not None and request.cls.__name__ == "TestAutouse":
        save(1)  # FOUND missed_await setup of TestAutouse::test_first


def test_sync_setup(sync_setup: None) -> None: ...


def test_sync_teardown(sync_teardown: None) -> None: ...


async def test_async_test_sync_teardown(sync_teardown: None) -> None: ...


async def test_async_setup(async_setup: None) -> None: ...


async def test_async_teardown(async_teardown: None) -> None: ...


def test_finalizer(with_finalizer: None) -> None: ...


async def test_both(both: None) -> None: ...


def test_held_in_a_local(held_in_a_local: None) -> None: ...


def test_handed_out(handed_out: object) -> None: ...


class TestAutouse:
    async def test_first(self) -> None: ...

    async def test_second(self) -> None: ...


@pytest.fixture(scope="class")
async def of_class() -> AsyncGenerator[None, None]:
    save(1)  # FOUND missed_await setup of TestScope::test_first
    yield
    save(2)  # FOUND missed_await teardown of TestScope::test_last


class TestScope:
    async def test_first(self, of_class: None) -> None: ...

    async def test_middle(self, of_class: None) -> None: ...

    async def test_last(self, of_class: None) -> None: ...


@pytest.fixture(scope="class")
def sync_of_class() -> Generator[None, None, None]:
    save(1)  # FOUND missed_await setup of TestSyncScope::test_first
    yield
    save(2)  # FOUND missed_await teardown of TestSyncScope::test_last


class TestSyncScope:
    def test_first(self, sync_of_class: None) -> None: ...

    def test_last(self, sync_of_class: None) -> None: ...
