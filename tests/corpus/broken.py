"""A pytest plugin that breaks one part of anyrig (``--break PART``), to see that it is missed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from anyrig.backends import Backend
from anyrig.checks.leaked_asyncgen import LeakedGenerators
from anyrig.checks.leaked_thread import LeakedThreads
from anyrig.checks.lost_exception import LostExceptions
from anyrig.checks.missed_await import MissedAwaits
from anyrig.checks.never_ran import Body
from anyrig.mocks.unused import Told
from anyrig.runners import Runner

# part -> (its class, its name, what stands in its place)
PARTS: dict[str, tuple[type, str, Any]] = {
    "settle": (MissedAwaits, "settle", lambda self: None),
    "deaths": (MissedAwaits, "_note_death", lambda self, coroutine: True),
    "bodies": (Body, "ran", property(lambda self: True)),
    "backends": (Backend, "is_running", lambda self: True),
    "threads": (LeakedThreads, "left", lambda self, test, is_live, keeper_of, let_go: []),
    "contexts": (Runner, "left_changed", lambda self, test: []),
    "losses": (LostExceptions, "note", lambda self, loss, thread=None: False),
    "held losses": (LostExceptions, "keep", lambda self, future: None),
    "dropped": (LeakedGenerators, "note", lambda self, dropped: False),
    "unused": (Told, "unused", lambda self, doubles: iter(())),
    "left": (Runner, "left", lambda self, owner=None: []),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare ``--break``."""
    parser.addoption("--break", choices=sorted(PARTS), required=True)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Break the part, before anyrig builds anything of it, until the run ends."""
    owner, name, stand_in = PARTS[str(config.getoption("--break"))]
    original: Callable[..., Any] = getattr(owner, name)
    setattr(owner, name, stand_in)
    config.add_cleanup(lambda: setattr(owner, name, original))
