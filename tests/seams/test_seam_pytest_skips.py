"""What pytest skips by itself, in place of a test that gives something to be awaited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from _pytest import python

from anyrig.seams import pytest_skips as seam

GIVES_UP: Any = getattr(python, "async_warn_and_skip", None)


def skip_of(call: Callable[[], Any]) -> BaseException:
    """The skip that it raises."""
    with pytest.raises(pytest.skip.Exception) as raised:
        call()
    return raised.value


@pytest.mark.skipif(GIVES_UP is None, reason="from pytest 8.4 on such a test fails")
def test_pytest_skips_by_a_function_of_its_own() -> None:
    """Of the module ``_pytest.python``; it calls ``pytest.skip``."""
    with pytest.warns(Warning, match="async def functions are not natively supported"):
        error = skip_of(lambda: GIVES_UP("test_it.py::test_it"))
    assert seam.gave_up(error)


def test_a_skip_of_the_tests_own_is_none() -> None:
    """Whether it is called or raised."""

    def raises() -> None:
        raise pytest.skip.Exception("no network")

    assert not seam.gave_up(skip_of(lambda: pytest.skip("no network")))
    assert not seam.gave_up(skip_of(raises))
