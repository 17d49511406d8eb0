"""A fixture of wider scope has started anyio's runner on another backend than a test names."""

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
async def wide() -> AsyncGenerator[str, None]:
    yield sniffio.current_async_library()


async def test_follows(wide: str) -> None:  # FOUND wrong_backend call of test_follows[second]
    assert wide == "asyncio"


class TestAnother:
    @pytest.fixture
    def anyio_backend(self) -> str:
        return "trio"

    async def test_names_another(self, wide: str) -> None: ...  # FOUND wrong_backend call

    async def test_needs_nothing(self) -> None: ...  # FOUND wrong_backend call
