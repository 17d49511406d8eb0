"""Fixtures of the shim's own, which run where the test runs that asks for them.

One that a project writes runs on the loop of its own scope, and a test may run on another. These
are made for the test: they run on its loop, or, where anyio's plugin runs it, on its backend.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Function = TypeVar("Function", bound=Callable[..., object])

_FOLLOWS = "anyrig_compat_follows_test"


def follows_test(function: Function) -> Function:
    """Have a fixture's async function run where the test runs."""
    setattr(function, _FOLLOWS, True)
    return function


def is_following(function: object) -> bool:
    """Whether a fixture's function is one of these."""
    return hasattr(function, _FOLLOWS)
