"""Tests that assert on the warning itself: they have seen it."""

from __future__ import annotations

import asyncio
import gc
import sys
import warnings
from typing import Any

import pytest
import trio
from store import Store, numbers, save

KEPT: list[Any] = []


async def test_warns() -> None:
    with pytest.warns(RuntimeWarning):
        save(1)


async def test_warns_with_a_match() -> None:
    with pytest.warns(RuntimeWarning, match="coroutine 'save' was never awaited"):
        save(1)


async def test_warns_of_any_kind() -> None:
    with pytest.warns():
        save(1)


def test_warns_in_a_sync_test() -> None:
    with pytest.warns(RuntimeWarning, match="never awaited") as record:
        Store().save(1)
    assert len(record) == 1


def test_warns_of_a_cycle() -> None:
    with pytest.warns(RuntimeWarning, match="never awaited"):
        cycle: list[Any] = [save(1)]
        cycle.append(cycle)
        del cycle
        gc.collect()


async def test_warns_of_two() -> None:
    with pytest.warns(RuntimeWarning, match="never awaited") as record:
        save(1)
        save(2)
    assert len(record) == 2


async def test_recwarn(recwarn: pytest.WarningsRecorder) -> None:
    warnings.simplefilter("always")
    save(1)
    assert "never awaited" in str(recwarn.pop(RuntimeWarning).message)


async def test_recwarn_without_a_pop(recwarn: pytest.WarningsRecorder) -> None:
    warnings.simplefilter("always")
    save(1)
    assert len(recwarn) == 1


async def test_record_is_kept() -> None:
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        save(1)
    KEPT.append(log)


async def test_record() -> None:
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        save(1)
    assert [warning.category for warning in log] == [RuntimeWarning]


def test_record_under_asyncio_run() -> None:
    async def main() -> None:
        save(1)

    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        asyncio.run(main())
    assert len(log) == 1


def test_record_under_trio_run() -> None:
    async def main() -> None:
        save(1)

    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        trio.run(main)
    assert len(log) == 1


async def test_warns_inside_a_record() -> None:
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        with pytest.warns(RuntimeWarning):
            save(1)
    assert log == []


@pytest.mark.skipif(sys.version_info < (3, 13), reason="the interpreter does not warn of it")
async def test_warns_of_an_asyncgen_method() -> None:  # ENDS skipped setup if python < (3, 13)
    generator = numbers()
    with pytest.warns(RuntimeWarning, match="never awaited"):
        generator.aclose()
    await generator.aclose()


def test_other_warnings_are_let_through() -> None:
    with pytest.warns(UserWarning, match="mine") as record:
        warnings.warn("mine", stacklevel=1)
    assert len(record) == 1


def test_trio_checks_its_argument() -> None:
    coroutine: Any = save(1)
    with pytest.raises(TypeError, match="async function"):
        trio.run(coroutine)


def test_trio_checks_the_argument_of_start_soon() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            coroutine: Any = save(1)
            nursery.start_soon(coroutine)

    with pytest.raises(ExceptionGroup) as caught:
        trio.run(main)
    assert isinstance(caught.value.exceptions[0], TypeError)
