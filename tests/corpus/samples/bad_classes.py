"""Tests in classes, and xunit's setup and teardown methods and functions."""

from __future__ import annotations

from typing import Any

from store import save


def setup_module() -> None:
    save(1)  # FOUND missed_await setup of TestPlain::test_first


def teardown_module() -> None:
    save(1)  # FOUND missed_await teardown of test_function


class TestPlain:
    async def test_first(self) -> None: ...

    async def test_async(self) -> None:
        save(1)  # FOUND missed_await call

    def test_sync(self) -> None:
        save(1)  # FOUND missed_await call

    async def test_kept_in_self(self) -> None:
        self.kept = save(1)  # FOUND missed_await call at teardown

    async def test_in_a_method(self) -> None:
        self.helper()

    def helper(self) -> None:
        save(1)  # FOUND missed_await call of TestPlain::test_in_a_method

    class TestNested:
        async def test_async(self) -> None:
            save(1)  # FOUND missed_await call


class TestMethods:
    kept: Any = None

    def setup_method(self, method: Any) -> None:
        if method.__name__ == "test_setup":
            save(1)  # FOUND missed_await setup of TestMethods::test_setup

    def teardown_method(self, method: Any) -> None:
        if method.__name__ == "test_teardown":
            save(1)  # FOUND missed_await teardown of TestMethods::test_teardown

    def test_setup(self) -> None: ...

    def test_teardown(self) -> None: ...

    async def test_kept_and_never_awaited_by_teardown(self) -> None:
        self.kept = save(1)  # FOUND missed_await call at teardown


class TestClassMethods:
    kept: Any = None

    @classmethod
    def setup_class(cls) -> None:
        save(1)  # FOUND missed_await setup of TestClassMethods::test_first

    @classmethod
    def teardown_class(cls) -> None:
        save(1)  # FOUND missed_await teardown of TestClassMethods::test_last

    async def test_first(self) -> None: ...

    async def test_last(self) -> None: ...


def setup_function(function: Any) -> None:
    save(1)  # FOUND missed_await setup of test_function


def test_function() -> None: ...
