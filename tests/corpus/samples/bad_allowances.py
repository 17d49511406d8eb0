"""Allowances: what they permit, what they do not, and those that nothing needed."""

from __future__ import annotations

from typing import Any

import decorators
import pytest
from store import numbers, save

import anyrig

KEPT: list[Any] = []


async def test_block() -> None:
    with anyrig.allow("missed_await"):
        save(1)  # FOUND missed_await call permitted


def test_block_in_a_sync_test() -> None:
    with anyrig.allow("missed_await"):
        save(1)  # FOUND missed_await call permitted


async def test_block_around_what_is_held() -> None:
    with anyrig.allow("missed_await"):
        KEPT.append(save(1))  # FOUND missed_await call permitted


async def test_block_around_what_is_dropped_later() -> None:
    with anyrig.allow("missed_await"):
        coroutine = save(1)  # FOUND missed_await call permitted
    del coroutine


async def test_block_around_an_asyncgen_method() -> None:
    generator = numbers()
    with anyrig.allow("missed_await"):
        generator.aclose()  # FOUND missed_await call permitted
    await generator.aclose()


async def test_block_ends() -> None:
    with anyrig.allow("missed_await"):
        save(1)  # FOUND missed_await call permitted
    save(2)  # FOUND missed_await call


async def test_block_begins_too_late() -> None:
    coroutine = save(1)  # FOUND missed_await call
    with anyrig.allow("missed_await"):
        save(2)  # FOUND missed_await call permitted
        del coroutine


async def test_block_that_nothing_needed() -> None:
    with anyrig.allow("missed_await"):  # FAILS call UnusedAllowanceError
        await save(1)


async def test_block_of_another_kind() -> None:
    with anyrig.allow("never_ran"):  # FAILS call UnusedAllowanceError
        save(1)  # FOUND missed_await call


@pytest.mark.anyrig(allow=["missed_await"])
async def test_marker() -> None:
    save(1)  # FOUND missed_await call permitted


@pytest.mark.anyrig(allow=["missed_await"])
async def test_marker_for_all_phases(forgetful: None) -> None: ...


@pytest.fixture
def forgetful() -> None:
    save(1)  # FOUND missed_await setup permitted of test_marker_for_all_phases


@pytest.mark.anyrig(allow=["missed_await"])
async def test_marker_that_nothing_needed() -> None:
    await save(1)  # FAILS teardown UnusedAllowanceError


@pytest.mark.anyrig(allow=["never_ran"])
async def test_marker_of_another_kind() -> None:
    save(1)  # FOUND missed_await call


@pytest.mark.anyrig(allow=["missed_await"])
class TestMarked:
    async def test_needs_it(self) -> None:
        save(1)  # FOUND missed_await call permitted

    async def test_does_not_need_it(self) -> None:
        await save(1)


@pytest.mark.anyrig(allow=["never_ran"])
@decorators.never_calls
async def test_never_ran() -> None: ...  # FOUND never_ran call permitted


@pytest.mark.anyrig(allow=["never_ran"])
@decorators.drops
async def test_never_ran_and_dropped() -> None: ...  # FOUND never_ran call permitted


@pytest.mark.anyrig(missed_awaits="warn")
async def test_warned() -> None:
    save(1)  # FOUND missed_await call warned


@pytest.mark.anyrig(missed_awaits="off")
@pytest.mark.filterwarnings("ignore:.*never awaited")  # the interpreter warns as ever
async def test_off() -> None:
    save(1)


@pytest.mark.anyrig(missed_awaits="off")
async def test_off_and_held() -> None:
    KEPT.append(save(1))


async def test_on_again() -> None:
    save(1)  # FOUND missed_await call


@pytest.mark.anyrig(allow=["missed_await"])
async def test_fails_and_needs_no_allowance() -> None:
    raise ValueError  # FAILS call ValueError
