"""Fixtures of session scope; they are torn down after the last test, which is in this folder."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import Any

import pytest
from store import save

LAST = "zz_session/bad_scope.py::test_last"


@pytest.fixture(scope="session")
def anyio_backend(request: pytest.FixtureRequest) -> str:
    backend: str = request.config.getini("anyrig_backends")[0]
    return backend.partition("+")[0]


@pytest.fixture(scope="session")
async def async_of_session() -> AsyncGenerator[None, None]:
    save(1)  # FOUND missed_await setup of zz_session/bad_scope.py::test_first
    yield
    save(2)  # FOUND missed_await teardown of zz_session/bad_scope.py::test_last


@pytest.fixture(scope="session")
def of_session() -> Generator[None, None, None]:
    save(1)  # FOUND missed_await setup of zz_session/bad_scope.py::test_second
    yield
    save(2)  # FOUND missed_await teardown of zz_session/bad_scope.py::test_last


@pytest.fixture(scope="session")
def kept_for_the_session() -> Generator[list[Any], None, None]:
    kept: list[Any] = []
    yield kept
    kept.clear()


@pytest.fixture(scope="session")
def made_for_the_session() -> list[Any]:
    return [save(1)]  # FOUND missed_await setup late of zz_session/bad_scope.py::test_third


@pytest.fixture(scope="session")
def awaited_in_the_end() -> Generator[list[Any], None, None]:
    kept: list[Any] = []
    yield kept
    for coroutine in kept:
        coroutine.close()
