"""Findings in tests that fail, are skipped or are expected to fail by themselves."""

from __future__ import annotations

import unittest
from collections.abc import Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store import save


async def test_fails() -> None:
    save(1)  # FOUND missed_await call
    assert save is None  # FAILS call assert


def test_sync_fails() -> None:
    save(1)  # FOUND missed_await call
    raise ValueError("its own")  # FAILS call ValueError


async def test_fails_with_pytest_fail() -> None:
    save(1)  # FOUND missed_await call
    pytest.fail("its own")  # FAILS call Failed


async def test_fails_and_holds_in_its_traceback() -> None:
    coroutine = save(1)  # FOUND missed_await call
    assert coroutine is None  # FAILS call assert


async def test_fails_with_a_group() -> None:
    save(1)  # FOUND missed_await call
    raise ExceptionGroup("its own", [ValueError()])  # FAILS call ExceptionGroup


@pytest.fixture
def failing_setup() -> None:
    save(1)  # FOUND missed_await setup of test_setup_fails
    raise OSError("its own")  # FAILS setup OSError of test_setup_fails


def test_setup_fails(failing_setup: None) -> None: ...


@pytest.fixture
def failing_teardown() -> Generator[None, None, None]:
    yield
    save(1)  # FOUND missed_await teardown of test_teardown_fails
    raise OSError("its own")  # FAILS teardown OSError of test_teardown_fails


def test_teardown_fails(failing_teardown: None) -> None: ...


async def test_call_finds_teardown_fails(only_failing: None) -> None:
    save(1)  # FOUND missed_await call


@pytest.fixture
def only_failing() -> Generator[None, None, None]:
    yield
    raise OSError("its own")  # FAILS teardown OSError of test_call_finds_teardown_fails


@given(st.just(1))
async def test_hypothesis_fails(number: int) -> None:
    save(1)  # FOUND missed_await call many
    assert number == 2  # FAILS call assert


class TestUnittest(unittest.TestCase):
    def test_fails(self) -> None:
        save(1)  # FOUND missed_await call
        self.fail("its own")  # FAILS call AssertionError

    def test_skips_itself(self) -> None:
        save(1)  # FOUND missed_await call warned
        self.skipTest("it stays a skip")  # ENDS skipped call


class TestIsolated(unittest.IsolatedAsyncioTestCase):
    async def test_fails(self) -> None:
        save(1)  # FOUND missed_await call
        self.fail("its own")  # FAILS call AssertionError


async def test_skips_itself() -> None:
    save(1)  # FOUND missed_await call warned
    pytest.skip("it stays a skip")  # ENDS skipped call


@pytest.fixture
def skipping() -> None:
    save(1)  # FOUND missed_await setup of test_setup_skips warned
    pytest.skip("it stays a skip")  # ENDS skipped setup of test_setup_skips


def test_setup_skips(skipping: None) -> None: ...


@pytest.mark.xfail(reason="on purpose")
async def test_fails_as_expected() -> None:
    save(1)  # FOUND missed_await call xfail
    assert save is None  # ENDS xfailed call


async def test_says_itself_that_it_fails() -> None:
    save(1)  # FOUND missed_await call xfail
    pytest.xfail("on purpose")  # ENDS xfailed call


@pytest.mark.xfail(raises=ValueError, reason="on purpose")
async def test_expects_another_failure() -> None:
    save(1)  # FOUND missed_await call


@pytest.mark.xfail(raises=ValueError, strict=True, reason="on purpose")
async def test_fails_as_strictly_expected() -> None:
    save(1)  # FOUND missed_await call xfail
    raise ValueError  # ENDS xfailed call
