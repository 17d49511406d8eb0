"""What a call across the bridge costs beside trio-asyncio's: ``python tests/benchmarks/bridge.py``.

In turn (A B A B ...), each in a trio run of its own, asyncio's function is awaited from trio many
times. The ratio is the median of the rounds' own ratios, by processor time, with the least and the
most; nothing is asserted. Needs trio-asyncio.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import trio
import trio_asyncio  # type: ignore[import-untyped]

from anyrig_compat import bridge, open_asyncio

_CALLS = 2000
_ROUNDS = 11


class Service:
    """What is called."""

    async def answer(self) -> int:
        """At once."""
        return 1

    async def turn(self) -> int:
        """After one turn of the loop."""
        await asyncio.sleep(0)
        return 1


async def called(function: Callable[[], Awaitable[int]]) -> float:
    """The processor time of a call, in microseconds."""
    start = time.process_time()
    for _ in range(_CALLS):
        await function()
    return (time.process_time() - start) / _CALLS * 1e6


async def by_guest(name: str) -> float:
    """A call by hand."""
    async with open_asyncio() as guest:
        function = getattr(Service(), name)
        return await called(lambda: guest.call(function))


async def by_proxy(name: str) -> float:
    """A call of a bridged object."""
    async with open_asyncio():
        return await called(getattr(bridge(Service()), name))


async def by_trio_asyncio(name: str) -> float:
    """The same with trio-asyncio."""
    async with trio_asyncio.open_loop():
        return await called(trio_asyncio.aio_as_trio(getattr(Service(), name)))


def main() -> None:
    """Measure and print."""
    ours: dict[str, Any] = {"guest.call": by_guest, "bridge": by_proxy}
    for name in ("answer", "turn"):
        for way, function in ours.items():
            pairs = [
                (trio.run(function, name), trio.run(by_trio_asyncio, name)) for _ in range(_ROUNDS)
            ]
            ratios = sorted(one / other for one, other in pairs)
            print(
                f"{name}, {way}: {statistics.median(ratios):.2f} "
                f"({ratios[0]:.2f}-{ratios[-1]:.2f}), "
                f"{statistics.median(one for one, _ in pairs):.0f} us a call"
            )


if __name__ == "__main__":
    main()
