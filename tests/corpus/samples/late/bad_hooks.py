"""Tests that are innocent of what the hooks of their conftest forget, but for the first."""

from __future__ import annotations

from store import save


async def test_hook_forgets() -> None: ...


async def test_innocent() -> None:
    await save(1)


def test_before_a_hook() -> None: ...


def test_innocent_after_a_hook() -> None: ...
