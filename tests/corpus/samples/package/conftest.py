"""Fixtures of package scope, and the backend that they need."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator

import pytest
from store import save


@pytest.fixture(scope="package")
def anyio_backend(request: pytest.FixtureRequest) -> str:
    backend: str = request.config.getini("anyrig_backends")[0]
    return backend.partition("+")[0]


@pytest.fixture(scope="package")
async def async_of_package() -> AsyncGenerator[None, None]:
    save(1)  # FOUND missed_await setup of package/bad_scope.py::test_first
    yield
    save(2)  # FOUND missed_await teardown of package/bad_scope.py::test_last


@pytest.fixture(scope="package")
def of_package() -> Generator[None, None, None]:
    save(1)  # FOUND missed_await setup of package/bad_scope.py::test_second
    yield
    save(2)  # FOUND missed_await teardown of package/bad_scope.py::test_last
