"""The event loops of others, whose lost exceptions are to be findings as well."""

from __future__ import annotations

from asyncio import AbstractEventLoop

import pytest

from .rig import RIG
from .seams.asyncio_errors import Overhearer


def hear_loop(config: pytest.Config, loop: AbstractEventLoop) -> None:
    """Has the exceptions that nobody sees on an asyncio loop of your own told as lost ones.

    For plugins that run tests on loops that they make themselves; to be called before the loop
    runs. Where somebody has set an exception handler of the loop, it stays. What a test that
    listens to asyncio's log gets to see, as with ``assertLogs("asyncio")``, is not lost.
    """
    if loop.get_exception_handler() is None:
        loop.set_exception_handler(Overhearer(config.stash[RIG].runners.lose))
