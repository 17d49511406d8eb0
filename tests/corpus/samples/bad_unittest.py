"""``unittest``: its plain test cases and its async ones, in each method that may forget."""

from __future__ import annotations

import asyncio
import unittest
from typing import Any
from unittest.mock import AsyncMock

from store import save


def setUpModule() -> None:
    save(1)  # FOUND missed_await setup of TestFirst::test_first


def tearDownModule() -> None:
    save(1)  # FOUND missed_await teardown of TestSetUpClass::test_second


class TestFirst(unittest.TestCase):
    def test_first(self) -> None: ...


class TestPlain(unittest.TestCase):
    def test_dropped(self) -> None:
        save(1)  # FOUND missed_await call

    def test_under_asyncio_run(self) -> None:
        async def main() -> None:
            save(1)  # FOUND missed_await call

        asyncio.run(main())

    def test_kept_in_self(self) -> None:
        self.kept = save(1)  # FOUND missed_await call at teardown

    def test_mock(self) -> None:
        AsyncMock()(1)  # FOUND missed_await call

    def test_in_a_sub_test(self) -> None:
        for number in (1, 2):
            with self.subTest(number=number):
                save(number)  # FOUND missed_await call times 2

    def test_in_a_cleanup(self) -> None:
        self.addCleanup(lambda: print(save(1)))  # FOUND missed_await call


class TestMethods(unittest.TestCase):
    def setUp(self) -> None:
        save(1)  # FOUND missed_await call of TestMethods::test_both

    def tearDown(self) -> None:
        save(1)  # FOUND missed_await call of TestMethods::test_both

    def test_both(self) -> None: ...


class TestAsync(unittest.IsolatedAsyncioTestCase):
    async def test_dropped(self) -> None:
        save(1)  # FOUND missed_await call

    def test_sync(self) -> None:
        save(1)  # FOUND missed_await call

    async def test_kept_in_self(self) -> None:
        self.kept = save(1)  # FOUND missed_await call at teardown

    async def test_in_a_cleanup(self) -> None:
        self.addCleanup(lambda: print(save(1)))  # FOUND missed_await call

    async def test_in_an_async_cleanup(self) -> None:
        self.addAsyncCleanup(self.forget)

    async def forget(self) -> None:
        save(1)  # FOUND missed_await call of TestAsync::test_in_an_async_cleanup


class TestAsyncMethods(unittest.IsolatedAsyncioTestCase):
    kept: Any

    def setUp(self) -> None:
        save(1)  # FOUND missed_await call of TestAsyncMethods::test_all

    async def asyncSetUp(self) -> None:
        save(1)  # FOUND missed_await call of TestAsyncMethods::test_all

    async def asyncTearDown(self) -> None:
        save(1)  # FOUND missed_await call of TestAsyncMethods::test_all

    def tearDown(self) -> None:
        save(1)  # FOUND missed_await call of TestAsyncMethods::test_all

    async def test_all(self) -> None: ...


class TestSetUpClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        save(1)  # FOUND missed_await setup of TestSetUpClass::test_first

    @classmethod
    def tearDownClass(cls) -> None:
        save(1)  # FOUND missed_await teardown of TestSetUpClass::test_second

    def test_first(self) -> None: ...

    def test_second(self) -> None: ...
