"""Fixtures of session scope that forget an await, and what they hold: see the conftest."""

from __future__ import annotations

from typing import Any

from store import save


async def test_first(async_of_session: None) -> None: ...


async def test_hands_one_in(async_of_session: None, kept_for_the_session: list[Any]) -> None:
    kept_for_the_session.append(save(1))  # FOUND missed_await call late


async def test_second(async_of_session: None, of_session: None) -> None: ...


async def test_third(async_of_session: None, made_for_the_session: list[Any]) -> None: ...


async def test_innocent(async_of_session: None, awaited_in_the_end: list[Any]) -> None:
    awaited_in_the_end.append(save(1))


def test_innocent_and_sync(awaited_in_the_end: list[Any]) -> None:
    awaited_in_the_end.append(save(1))


async def test_last(async_of_session: None, of_session: None) -> None: ...
