"""Who asks whether a function is async; asyncio's own way warns from Python 3.14 on."""

from __future__ import annotations

import asyncio
import inspect
import warnings
from typing import Any


def as_asyncio(function: Any) -> bool:
    """What ``asyncio.iscoroutinefunction`` says, which libraries ask until it is gone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return asyncio.iscoroutinefunction(function)


ASKS = [inspect.iscoroutinefunction, as_asyncio]
