"""Doubles that are told what to give, and not asked for it."""

from __future__ import annotations

import pytest
import store
from store import Store

from anyrig.mocks import Mocks

pytestmark = pytest.mark.anyrig(unused_stubs="fail")


async def test_list_that_is_not_used_up(mocks: Mocks) -> None:
    double = mocks.create(Store)
    mocks.of(double.save).side_effect = [1, 2, 3]  # FOUND unused_stub teardown
    assert await double.save() == 1


async def test_stub(mocks: Mocks) -> None:
    mocks.stub("hook")  # FOUND unused_stub teardown


def test_return_value_of_what_is_sync(mocks: Mocks) -> None:
    double = mocks.create(Store)
    mocks.of(double.size).return_value = 3  # FOUND unused_stub teardown


async def test_error(mocks: Mocks) -> None:
    mocks.create(Store, **{"save.side_effect": KeyError})  # FOUND unused_stub teardown


async def test_patched(mocks: Mocks) -> None:
    mocks.patch("store.save", return_value=1)  # FOUND unused_stub teardown
    assert store.save is not None


@pytest.mark.anyrig(allow=["unused_stub"])
async def test_permitted(mocks: Mocks) -> None:
    mocks.stub("hook")  # FOUND unused_stub teardown permitted
