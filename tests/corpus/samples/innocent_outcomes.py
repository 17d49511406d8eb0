"""Tests that are skipped or fail as expected, with nothing forgotten."""

from __future__ import annotations

import pytest
from store import save


@pytest.mark.skip(reason="on purpose")
async def test_skipped() -> None:  # ENDS skipped setup
    save(1)


async def test_skips_itself() -> None:
    await save(1)
    pytest.skip("on purpose")  # ENDS skipped call


@pytest.mark.xfail(reason="on purpose", strict=True)
async def test_fails_as_expected() -> None:
    await save(1)
    raise ValueError  # ENDS xfailed call


@pytest.mark.xfail(reason="on purpose", run=False)
async def test_is_not_run() -> None:  # ENDS xfailed setup
    save(1)


@pytest.mark.xfail(reason="on purpose")
async def test_passes_unexpectedly() -> None:
    await save(1)  # ENDS xpassed call


@pytest.fixture
def skipping() -> None:
    pytest.skip("on purpose")  # ENDS skipped setup of test_setup_skips


async def test_setup_skips(skipping: None) -> None: ...
