"""`clock.travel`: the clocks on the wall go with virtual time, and no other test sees it."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import anyio
import pytest
from anyio import to_thread

from anyrig import Clock
from inner import Suite

pytestmark = pytest.mark.anyrig(backends=["asyncio", "trio"])


async def test_they_follow_sleeps(clock: Clock) -> None:
    """A sleep of an hour moves each of them by an hour, to the nanosecond."""
    await anyio.sleep(1)
    clock.travel("2030-01-01T00:00:00+00:00")
    monotonic, timestamp = time.monotonic_ns(), time.time()
    await anyio.sleep(3600.25)
    assert time.monotonic_ns() - monotonic == 3_600_250_000_000
    assert time.time() - timestamp == 3600.25
    assert datetime.now(UTC) == datetime(2030, 1, 1, 1, 0, 0, 250_000, tzinfo=UTC)


async def test_they_stand_still_meanwhile(clock: Clock) -> None:
    """Nothing but virtual time moves them, in other threads as well."""
    clock.travel(1_000_000_000.0)
    assert await to_thread.run_sync(time.time) == time.time() == 1_000_000_000
    assert await to_thread.run_sync(time.monotonic) == time.monotonic()


async def test_they_begin_with_the_present(clock: Clock) -> None:
    """Without a date they go on from what they say."""
    before = time.time(), time.monotonic()
    clock.travel()
    assert before[0] <= time.time()
    assert before[1] <= time.monotonic()


async def test_another_journey_takes_the_place_of_the_first(clock: Clock) -> None:
    """``travel`` may be called again."""
    clock.travel("2030-01-01")
    await anyio.sleep(60)
    clock.travel("2040-01-01T00:00:00+00:00")
    await anyio.sleep(60)
    assert datetime.now(UTC) == datetime(2040, 1, 1, 0, 1, tzinfo=UTC)


@pytest.fixture
def before_the_loop(clock: Clock) -> None:
    """What travels before a loop follows the clock."""
    clock.travel("2030-01-01T00:00:00+00:00")


@pytest.mark.usefixtures("before_the_loop")
async def test_a_sync_fixture_may_begin_it() -> None:
    """It works before a loop follows the clock."""
    await anyio.sleep(5)
    assert datetime.now(UTC) == datetime(2030, 1, 1, 0, 0, 5, tzinfo=UTC)


async def test_the_next_test_has_real_ones() -> None:
    """Nothing is left of it after the test."""
    assert datetime.now(UTC).year < 2030
    assert time.monotonic.__module__ == "time"


def test_without_the_extra_it_says_what_to_install(suite: Suite) -> None:
    """The error names the extra."""
    suite.write(
        "without.py",
        """
        import sys

        sys.modules["time_machine"] = None

        from anyrig.clock.wall import WallClocks

        WallClocks(None, 0.0)
        """,
    )
    assert (
        "ClockError: clock.travel needs the package time-machine: "
        in suite.script("without.py").text
    )
