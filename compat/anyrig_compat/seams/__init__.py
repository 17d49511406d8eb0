"""Every use of something that the shim's neighbours do not promise, one file per neighbour.

anyio          the runner that its pytest plugin runs the next call in
asyncio_loop   what a loop has to do next, and when
asyncio_running    the loop that is running in this thread
asyncio_tasks  whether somebody has asked a task for its exception
pytest         which definition of a fixture a test sees

Each names in ``NEEDS`` what it needs; `gone` asks for it at start-up.
"""

from __future__ import annotations

from collections.abc import Iterator

from anyrig.seams.needs import Gone


def gone() -> Iterator[Gone]:
    """What is gone of what the shim stands on."""
    from . import anyio, asyncio_loop, asyncio_running, asyncio_tasks, pytest

    for seam in (anyio, asyncio_loop, asyncio_running, asyncio_tasks, pytest):
        yield from seam.NEEDS.gone()
