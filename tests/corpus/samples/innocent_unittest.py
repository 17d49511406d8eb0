"""``unittest``, where what was kept is awaited by tearDown, a cleanup or the test."""

from __future__ import annotations

import asyncio
import unittest
import warnings
from typing import Any

from store import save


class TestPlain(unittest.TestCase):
    later: Any

    def setUp(self) -> None:
        self.made: Any = save(1)

    def tearDown(self) -> None:
        asyncio.run(self.later)
        self.made.close()

    def test_awaited_by_tear_down(self) -> None:
        self.later = save(1)

    def test_another_awaited_by_tear_down(self) -> None:
        self.later = save(2)


class TestCleanup(unittest.TestCase):
    def test_awaited_by_a_cleanup(self) -> None:
        coroutine: Any = save(1)
        self.addCleanup(asyncio.run, coroutine)

    def test_warning_is_asserted(self) -> None:
        with self.assertWarns(RuntimeWarning):
            save(1)

    def test_warning_is_asserted_by_its_text(self) -> None:
        with self.assertWarnsRegex(RuntimeWarning, "never awaited"):
            save(1)

    def test_warning_is_recorded(self) -> None:
        with warnings.catch_warnings(record=True) as log:
            warnings.simplefilter("always")
            save(1)
        self.assertEqual(len(log), 1)


class TestAsync(unittest.IsolatedAsyncioTestCase):
    later: Any

    async def asyncSetUp(self) -> None:
        self.made = save(1)

    async def asyncTearDown(self) -> None:
        await self.made

    async def test_awaits(self) -> None:
        assert await save(1) == 1

    async def test_awaited_by_an_async_cleanup(self) -> None:
        coroutine = save(1)

        async def finish() -> None:
            await coroutine

        self.addAsyncCleanup(finish)

    async def test_warning_is_asserted(self) -> None:
        with self.assertWarns(RuntimeWarning):
            save(1)


class TestClass(unittest.TestCase):
    later: Any = None

    @classmethod
    def tearDownClass(cls) -> None:
        cls.later.close()

    def test_awaited_by_tear_down_class(self) -> None:
        type(self).later = save(1)

    def test_next(self) -> None: ...


class TestSkipped(unittest.TestCase):
    @unittest.skip("on purpose")
    def test_skipped(self) -> None:  # ENDS skipped call
        save(1)

    @unittest.expectedFailure
    def test_fails_as_expected(self) -> None:  # ENDS xfailed call
        self.fail("on purpose")
