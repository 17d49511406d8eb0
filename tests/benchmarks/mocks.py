"""What a call of a double costs beside a stock one's: ``python tests/benchmarks/mocks.py``.

Each is called and awaited in turn (A B A B ...), without a checkpoint, in one asyncio loop. The
ratio is the median of the rounds' own ratios, with the least and the most; nothing is asserted.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import create_autospec

from anyrig import mocks

_CALLS = 2000
_ROUNDS = 15


class Store:
    """What the mocks stand for."""

    async def save(self, name: str, *, force: bool = False) -> None: ...


async def save(name: str, *, force: bool = False) -> None:
    """A function that mocks stand for."""


async def measured(make: Callable[[], Any]) -> float:
    """The processor time of a number of calls of a new mock, in seconds."""
    mock = make()
    start = time.process_time()
    for _ in range(_CALLS):
        await mock("name", force=True)
    return time.process_time() - start


PAIRS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "a method": (
        lambda: mocks.create(Store, checkpoint=False).save,
        lambda: create_autospec(Store, instance=True).save,
    ),
    "a function": (
        lambda: mocks.create(save, checkpoint=False, return_value=None),
        lambda: create_autospec(save, return_value=None),
    ),
    "a method, with checkpoints": (
        lambda: mocks.create(Store).save,
        lambda: create_autospec(Store, instance=True).save,
    ),
}


async def main() -> None:
    """Measure, and print a row for each pair."""
    print(f"{'':<30}{'ours µs':>9}{'stock µs':>10}{'ratio':>7}")
    for name, (ours, stock) in PAIRS.items():
        rounds = [(await measured(ours), await measured(stock)) for _ in range(_ROUNDS + 1)][1:]
        ratios = [one / other for one, other in rounds]
        one, other = (
            statistics.median(times) / _CALLS * 1e6 for times in zip(*rounds, strict=True)
        )
        print(
            f"{name:<30}{one:>9.1f}{other:>10.1f}{statistics.median(ratios):>7.2f}"
            f"  {min(ratios):.2f}-{max(ratios):.2f}"
        )


if __name__ == "__main__":
    asyncio.run(main())
