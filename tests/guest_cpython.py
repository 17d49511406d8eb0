"""CPython's own asyncio tests on a guest of trio's: ``python tests/guest_cpython.py``.

Each ``run_forever`` of a loop is a ``trio.run`` that takes the loop's turns. The tests are those of
the interpreter that runs this (its ``test.test_asyncio``), without those that `DIFFERS` names;
what their names begin with may be given. The exit status is 1 where any fails.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import selectors
import sys
import time
import unittest
import warnings
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

import trio

from anyrig_compat.guest import Guest
from anyrig_compat.guest_loop import GuestLoop

PARTS = ("test_events", "test_tasks", "test_streams", "test_timeouts", "test_taskgroups")

# the tests that a guest can't pass, as patterns without their part, and why
_SIGNALS = "signals: each run of these tests is a `trio.run`, which takes the wakeup descriptor"
DIFFERS: dict[str, str] = {
    "*.test_add_signal_handler": _SIGNALS,
    "*.test_signal_handling_*": _SIGNALS,
    # their watcher hears of children by a signal
    "*EventLoopTests.test_subprocess_*": _SIGNALS,
    "*.test_read_all_from_pipe_reader": _SIGNALS,
    "*.test_handle_source_traceback": "in debug mode the place of a call has one frame more",
}


class Monotonic(trio.abc.Clock):
    """asyncio's own clock, which the tests read outside of the run as well."""

    def start_clock(self) -> None:
        """Nothing to start."""

    def current_time(self) -> float:
        return time.monotonic()

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return deadline - time.monotonic()


class Loop(GuestLoop):
    """An asyncio loop each of whose runs is a trio run."""

    guest: Guest
    _wants_to_stop = False
    _takes_turn = False

    def stop(self) -> None:
        # the guest's own call is before each turn
        self._wants_to_stop |= self.is_running() or not self._takes_turn
        super().stop()

    def run_forever(self) -> None:
        if self._takes_turn:
            super().run_forever()
            return
        if self.is_closed():
            raise RuntimeError("Event loop is closed")
        if self.is_running():
            raise RuntimeError("This event loop is already running")
        if asyncio._get_running_loop() is not None:
            raise RuntimeError("Cannot run the event loop while another loop is running")
        try:
            trio.run(self._serve, clock=Monotonic())
        finally:
            self._wants_to_stop = False

    async def _serve(self) -> None:
        while True:
            stops = self._wants_to_stop
            self._turn()
            if stops or self._wants_to_stop:
                return
            await self.guest.until_something()

    def _turn(self) -> None:
        self._takes_turn = True
        try:
            self.guest.take_turn()
        finally:
            self._takes_turn = False


def new_loop(selector: selectors.BaseSelector | None = None) -> Loop:
    """A loop on a selector of the guest's own; one that a test asks for is not taken."""
    if selector is not None:
        selector.close()
    guest = Guest(Monotonic(), Loop)
    loop = guest.loop
    assert isinstance(loop, Loop)
    loop.guest = guest
    return loop


class Policy(asyncio.DefaultEventLoopPolicy):
    """Makes these loops."""

    def new_event_loop(self) -> Any:
        return new_loop()


def main(names: list[str]) -> int:
    """Run the tests; the exit status."""
    if importlib.util.find_spec("test.test_asyncio") is None:
        print("this interpreter came without its own tests (the package `test`)")
        return 3
    warnings.simplefilter("ignore")
    asyncio.set_event_loop_policy(Policy())
    for name in ("SelectorEventLoop", "EventLoop"):
        setattr(asyncio, name, new_loop)
    suite = unittest.TestSuite(chosen(names))
    result = unittest.TextTestRunner(verbosity=2, stream=sys.stdout).run(suite)
    bad = {_name(case) for case, _ in (*result.failures, *result.errors)}
    print(f"{result.testsRun} run, {len(result.skipped)} skipped, {len(bad)} failed, ", end="")
    print(f"{len(DIFFERS)} patterns of tests left out")
    for name in sorted(bad):
        print("FAILED", name)
    return int(bool(bad))


def chosen(names: list[str]) -> Iterator[unittest.TestCase]:
    """The tests that are run: those whose names begin so, or all."""
    for part in PARTS:
        module = importlib.import_module(f"test.test_asyncio.{part}")
        # it would put the default policy back
        vars(module)["tearDownModule"] = lambda: None
        for case in _cases(unittest.defaultTestLoader.loadTestsFromModule(module)):
            name = _name(case)
            if any(fnmatch(name, pattern) for pattern in DIFFERS):
                continue
            if not names or name.startswith(tuple(names)):
                yield case


def _cases(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from _cases(one)
        else:
            yield one


def _name(case: unittest.TestCase) -> str:
    return case.id().removeprefix("test.test_asyncio.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
