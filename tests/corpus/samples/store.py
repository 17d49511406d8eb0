"""What the samples forget to await."""

from __future__ import annotations

from collections.abc import AsyncGenerator


async def save(item: object = None) -> object:
    """A coroutine function for any event loop, and none: it returns its argument."""
    return item


async def numbers() -> AsyncGenerator[int, int | None]:
    """An async generator, for its asend, athrow and aclose."""
    yield 1
    yield 2


class Store:
    """Something with an async and a sync method, to be mocked."""

    async def save(self, item: object = None) -> object:
        return await save(item)

    def size(self) -> int:
        return 0
