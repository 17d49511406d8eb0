"""Random programs that cross between trio and asyncio: ``python tests/crossing_programs.py``.

A program sleeps, raises, catches, sets timeouts, shields, and crosses to the other side, at random
places and depths, in virtual time. Arguments: the seed, and how many. Each is run and compared with
a model; and whatever it does, each error that was raised is caught once or ends the program, each
block that was entered is left, and nothing hangs. The exit status is 1 where one differs.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import trio
from trio.testing import MockClock

from anyrig_compat import Guest, open_asyncio


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its kind, a number of its own, seconds, and the steps within."""

    kind: str
    number: int
    seconds: float = 0.0
    within: tuple[Step, ...] = ()


class Boom(Exception):
    """What a program raises."""


def programs(seed: int, count: int) -> list[tuple[Step, ...]]:
    """That many programs; the same for the same seed."""
    return [_Maker(random.Random(f"{seed}/{index}")).steps(0) for index in range(count)]


class _Maker:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._number = 0

    def steps(self, depth: int) -> tuple[Step, ...]:
        return tuple(self._step(depth) for _ in range(self._chance.randint(1, 3)))

    def _step(self, depth: int) -> Step:
        kinds = ["sleep", "sleep", "raise"] if depth > 4 else [*_KINDS]
        kind = self._chance.choice(kinds)
        self._number += 1
        seconds = round(self._chance.uniform(0.1, 10), 6)
        is_block = kind not in ("sleep", "raise")
        return Step(kind, self._number, seconds, self.steps(depth + 1) if is_block else ())


_KINDS = ("sleep", "sleep", "raise", "catch", "timeout", "timeout", "cross", "cross", "shield")


# -- the programs, for real ------------------------------------------------------------------------


class Run:
    """One program on both sides."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self._start = trio.current_time()
        self.log: list[tuple[str, int, float]] = []

    def note(self, word: str, number: int) -> None:
        """Note that something has happened, and when."""
        self.log.append((word, number, round(trio.current_time() - self._start, 3)))

    async def on_trio(self, steps: tuple[Step, ...]) -> None:
        """Run some steps on trio's side."""
        for step in steps:
            await self._each(step, self._trio_block, trio.sleep)

    async def on_asyncio(self, steps: tuple[Step, ...]) -> None:
        """Run some steps on asyncio's side."""
        for step in steps:
            await self._each(step, self._asyncio_block, asyncio.sleep)

    async def _each(
        self,
        step: Step,
        block: Callable[[Step], Awaitable[None]],
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        if step.kind == "sleep":
            await sleep(step.seconds)
            self.note("slept", step.number)
        elif step.kind == "raise":
            self.note("raised", step.number)
            raise Boom(step.number)
        else:
            self.note("in", step.number)
            try:
                await block(step)
            finally:
                self.note("out", step.number)

    async def _trio_block(self, step: Step) -> None:
        if step.kind == "timeout":
            with trio.move_on_after(step.seconds) as scope:
                await self.on_trio(step.within)
            if scope.cancelled_caught:
                self.note("cut", step.number)
        elif step.kind == "shield":
            with trio.CancelScope(shield=True):
                await self.on_trio(step.within)
        elif step.kind == "cross":
            await self._guest.call(self.on_asyncio, step.within)
        else:
            await self._catch(step, self.on_trio)

    async def _asyncio_block(self, step: Step) -> None:
        if step.kind == "timeout":
            try:
                async with asyncio.timeout(step.seconds):
                    await self.on_asyncio(step.within)
            except TimeoutError:
                self.note("cut", step.number)
        elif step.kind == "cross":
            await self._guest.on_trio(self.on_trio, step.within)
        else:  # asyncio has no scope that shields
            await self._catch(step, self.on_asyncio)

    async def _catch(self, step: Step, run: Callable[..., Awaitable[None]]) -> None:
        try:
            await run(step.within)
        except Boom as error:
            self.note("caught", error.args[0])


async def _run_all(chosen: list[tuple[Step, ...]]) -> list[list[tuple[str, int, float]]]:
    logs = []
    for steps in chosen:
        async with open_asyncio() as guest:
            run = Run(guest)
            try:
                await run.on_trio(steps)
            except Boom as error:
                run.note("ended", error.args[0])
            left = [task for task in asyncio.all_tasks(guest.loop) if not task.done()]
            run.log += [("left", 0, 0.0) for _ in left]
        logs.append(run.log)
    return logs


# -- the model -------------------------------------------------------------------------------------


class Cut(Exception):
    """The timeout of this number has cut a step off."""


class Model:
    """What a program without shields does: the first deadline cuts, and its block goes on."""

    def __init__(self) -> None:
        self.now = 0.0
        self.log: list[tuple[str, int, float]] = []
        self._deadlines: list[tuple[float, int]] = []

    def note(self, word: str, number: int) -> None:
        """As `Run.note`."""
        self.log.append((word, number, round(self.now, 3)))

    def steps(self, steps: tuple[Step, ...]) -> None:
        """Run some."""
        for step in steps:
            self._step(step)

    def _step(self, step: Step) -> None:
        if step.kind == "sleep":
            self._sleep(step)
        elif step.kind == "raise":
            self.note("raised", step.number)
            raise Boom(step.number)
        else:
            self.note("in", step.number)
            try:
                self._block(step)
            finally:
                self.note("out", step.number)

    def _sleep(self, step: Step) -> None:
        first = min(self._deadlines, default=(float("inf"), 0))
        if first[0] < self.now + step.seconds:
            self.now = first[0]
            raise Cut(first[1])
        self.now += step.seconds
        self.note("slept", step.number)

    def _block(self, step: Step) -> None:
        if step.kind == "timeout":
            self._deadlines.append((self.now + step.seconds, step.number))
        try:
            self.steps(step.within)
        except Boom as error:
            if step.kind not in ("catch", "shield"):
                raise
            self.note("caught", error.args[0])
        except Cut as cut:
            if cut.args[0] != step.number:
                raise
            self.note("cut", step.number)
        finally:
            if step.kind == "timeout":
                self._deadlines.pop()


def _expected(steps: tuple[Step, ...]) -> list[tuple[str, int, float]]:
    model = Model()
    try:
        model.steps(steps)
    except Boom as error:
        model.note("ended", error.args[0])
    return model.log


def _has_shield(steps: tuple[Step, ...]) -> bool:
    return any(step.kind == "shield" or _has_shield(step.within) for step in steps)


def _is_like(log: list[tuple[str, int, float]], other: list[tuple[str, int, float]]) -> bool:
    """Whether the same has happened, at the same times but for the last digit."""
    is_same = [one[:2] for one in log] == [one[:2] for one in other]
    return is_same and all(
        abs(one[2] - two[2]) < 0.002 for one, two in zip(log, other, strict=True)
    )


def _faults(steps: tuple[Step, ...], log: list[tuple[str, int, float]]) -> list[str]:
    """What is wrong with what a program did."""
    words: dict[str, list[int]] = {}
    for word, number, _ in log:
        words.setdefault(word, []).append(number)
    get: Callable[[str], list[Any]] = lambda word: sorted(words.get(word, []))  # noqa: E731
    faults = []
    if get("raised") != sorted(get("caught") + get("ended")):
        faults.append("an error was lost, or heard twice")
    if get("in") != get("out"):
        faults.append("a block was not left")
    if get("left"):
        faults.append("a task was left")
    if not _has_shield(steps) and not _is_like(log, _expected(steps)):
        faults.append(f"the model says {_expected(steps)}")
    return faults


def main(seed: int, count: int) -> int:
    """Run them; the exit status."""
    chosen = programs(seed, count)
    logs = trio.run(_run_all, chosen, clock=MockClock(autojump_threshold=0))
    bad = 0
    for index, (steps, log) in enumerate(zip(chosen, logs, strict=True)):
        for fault in _faults(steps, log):
            bad += 1
            print(f"seed {seed}, program {index}: {fault}\n  {steps}\n  {log}")
    crossings = sum("cross" in str(steps) for steps in chosen)
    print(f"seed {seed}: {count} programs, {crossings} with crossings, {bad} faults")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:] or (2026, 300))))
