"""Wider fixtures that follow the backend of the test, or are out of its way."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
import sniffio


@pytest.fixture(
    scope="module",
    params=[pytest.param("asyncio", id="first"), pytest.param("trio", id="second")],
)
def anyio_backend(request: pytest.FixtureRequest) -> str:
    backend: str = request.param
    return backend


@pytest.fixture(scope="module")
async def wide(anyio_backend: str) -> AsyncGenerator[str, None]:
    yield sniffio.current_async_library()


async def test_follows(anyio_backend: str, wide: str) -> None:
    assert anyio_backend == wide == sniffio.current_async_library()


async def test_needs_nothing(anyio_backend: str) -> None:
    assert anyio_backend == sniffio.current_async_library()


class TestAnother:
    @pytest.fixture
    def anyio_backend(self) -> str:
        return "trio"

    @pytest.fixture
    async def narrow(self) -> str:
        return sniffio.current_async_library()

    async def test_follows(self, narrow: str) -> None:
        assert narrow == sniffio.current_async_library() == "trio"
