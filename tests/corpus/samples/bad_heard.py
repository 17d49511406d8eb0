"""Recorders of warnings that did not hear of the coroutine, or did not ask for it."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from store import save

KEPT: list[Any] = []


async def test_warns_of_another_category_emits_again() -> None:
    with pytest.warns(DeprecationWarning):
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        save(1)  # FOUND missed_await call


async def test_warns_of_another_text_emits_again() -> None:
    with pytest.warns(RuntimeWarning, match="other"):
        warnings.warn("other", RuntimeWarning, stacklevel=1)
        save(1)  # FOUND missed_await call


def test_warns_in_a_sync_test_emits_again() -> None:
    with pytest.warns(UserWarning):
        warnings.warn("mine", stacklevel=1)
        save(1)  # FOUND missed_await call


async def test_recorder_that_ignores() -> None:
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("ignore")
        save(1)  # FOUND missed_await call
    assert log == []


async def test_block_without_a_record() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        save(1)  # FOUND missed_await call


async def test_dropped_after_the_block() -> None:
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        await save(1)
    save(2)  # FOUND missed_await call


async def test_made_in_the_block_and_dropped_after_it() -> None:
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        coroutine = save(1)  # FOUND missed_await call
    del coroutine


async def test_held_where_recwarn_listens(recwarn: pytest.WarningsRecorder) -> None:
    KEPT.append(save(1))  # FOUND missed_await call
    assert len(recwarn) == 0


async def test_heard_one_and_dropped_another() -> None:
    with pytest.warns(RuntimeWarning, match="never awaited"):
        save(1)
    save(2)  # FOUND missed_await call


async def test_did_not_warn() -> None:
    with pytest.warns(DeprecationWarning):  # FAILS call Failed
        save(1)  # FOUND missed_await call
