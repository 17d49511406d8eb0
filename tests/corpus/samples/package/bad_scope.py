"""Fixtures of package scope that forget an await: see the conftest."""

from __future__ import annotations


async def test_first(async_of_package: None) -> None: ...


async def test_second(async_of_package: None, of_package: None) -> None: ...


async def test_last(async_of_package: None, of_package: None) -> None: ...
