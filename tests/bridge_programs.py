"""Random programs of calls that cross between trio and asyncio, from a seed; a script.

``bridge_programs.py FIRST LAST`` prints each seed before its program runs, so that one that hangs
is the last one printed, and a line for each seed whose program lost something. What is raised is
numbered: it has to arrive once. No program replaces an error by another one on the way (by an await
in a cleanup, or a task that nobody waits for): there an error may be lost in plain asyncio too.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import trio
from trio.testing import MockClock

from anyrig_compat import bridge, call_on_trio, current_guest, open_asyncio

ATTEMPTS = 3  # calls of one program
DEPTH = 6  # crossings of one call


class Boom(Exception):
    """An error with a number."""


class Block:
    """An async context manager of asyncio's."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def __aenter__(self) -> None:
        await asyncio.sleep(self._seconds)

    async def __aexit__(self, *error: object) -> None: ...


class Program:
    """One program: what it raised, what arrived, and how many functions are still running."""

    def __init__(self, seed: int) -> None:
        self._chance = Random(seed)
        self.raised: list[int] = []
        self.arrived: list[int] = []
        self.running = 0

    async def run(self) -> None:
        """Make a few calls, each in a scope that may end it."""
        async with open_asyncio():
            for _ in range(ATTEMPTS):
                try:
                    with trio.move_on_after(self._chance.choice([0.15, 0.35, 5])):
                        await self._trio(self._chance.randint(1, DEPTH))
                except Boom as error:
                    self.arrived.append(error.args[0])
                except (asyncio.CancelledError, TimeoutError):
                    pass

    def _seconds(self) -> float:
        return self._chance.choice([0, 0, 0.1, 0.2])

    def _boom(self) -> Boom:
        number = len(self.raised)
        self.raised.append(number)
        return Boom(number)

    async def _asyncio(self, depth: int) -> int:
        self.running += 1
        try:
            await asyncio.sleep(self._seconds())
            kind = self._chance.randrange(8)
            if kind == 0:
                raise self._boom()
            if kind == 7:
                await self._until_cancelled(asyncio.sleep, asyncio.CancelledError)
            if kind == 1:
                task: Any = asyncio.current_task()
                task.cancel()
                await asyncio.sleep(1)
            if kind == 2:
                await self._timed(depth)
            elif depth:
                await call_on_trio(self._trio, depth - 1)
            return depth
        finally:
            self.running -= 1

    async def _until_cancelled(self, sleep: Any, cancelled: type[BaseException]) -> None:
        """Wait, and raise an error where that is cut off."""
        try:
            await sleep(1)
        except cancelled:
            raise self._boom() from None

    async def _timed(self, depth: int) -> None:
        try:
            async with asyncio.timeout(self._seconds()):
                await (call_on_trio(self._trio, depth - 1) if depth else asyncio.sleep(5))
        except TimeoutError:
            pass

    async def _trio(self, depth: int) -> int:
        self.running += 1
        try:
            await trio.sleep(self._seconds())
            kind = self._chance.randrange(8)
            if kind == 0:
                raise self._boom()
            if kind == 7:
                await self._until_cancelled(trio.sleep, trio.Cancelled)
            if depth:
                await self._chance.choice(self._ways())(depth - 1)
            return depth
        finally:
            self.running -= 1

    def _ways(self) -> list[Callable[[int], Awaitable[object]]]:
        return [
            self._plainly,
            self._for_a_while,
            self._shielded,
            self._in_a_block,
            self._in_a_timeout,
            self._as_a_cancelled_task,
        ]

    async def _plainly(self, depth: int) -> None:
        assert await bridge(self._asyncio)(depth) == depth

    async def _for_a_while(self, depth: int) -> None:
        with trio.move_on_after(self._seconds()):
            await self._plainly(depth)

    async def _shielded(self, depth: int) -> None:
        with trio.CancelScope(shield=True):
            await self._plainly(depth)

    async def _in_a_block(self, depth: int) -> None:
        async with bridge(Block)(self._seconds()):
            await self._plainly(depth)

    async def _in_a_timeout(self, depth: int) -> None:
        async with bridge(asyncio.timeout)(self._seconds()):
            await self._plainly(depth)

    async def _as_a_cancelled_task(self, depth: int) -> None:
        guest = current_guest()
        assert guest is not None
        task = bridge(guest.loop).create_task(self._asyncio(depth))
        task.cancel()
        await task


def main(first: int, last: int) -> None:
    """Run the programs of these seeds, in virtual time."""
    for seed in range(first, last):
        print(f"seed {seed}", flush=True)
        program = Program(seed)
        trio.run(program.run, clock=MockClock(autojump_threshold=0))
        if sorted(program.arrived) != program.raised or program.running:
            print(f"lost in {seed}: {program.raised} {program.arrived} {program.running}")
    print("done")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
