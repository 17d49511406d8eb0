"""Every use of something our neighbours do not promise, one file (or folder) per neighbour.

cpython/       the interpreter and its standard library
asyncio        the loop of a callback
unittest_mock  the names inside a mock
cython         the coroutines of compiled code

Each names its reason and the versions it was seen on; ``tests/seams/`` has a test for each that
fails by name when upstream moves. `check` says at start-up what is gone.
"""

from __future__ import annotations

from collections.abc import Iterator


class SeamGone(Exception):
    """A neighbour changed something that anyrig stands on; the message says which."""


def check() -> None:
    """Raise `SeamGone` with one clear line where the interpreter lacks what the watch needs."""
    from .cpython import missing as missing_cpython

    gone: Iterator[str] = missing_cpython()
    first = next(gone, None)
    if first is not None:
        import platform

        from .._version import __version__

        raise SeamGone(
            f"anyrig {__version__} can't watch on {platform.python_implementation()} "
            f"{platform.python_version()}: {first} is gone. "
            "Install a newer anyrig, or run with '-p no:anyrig'."
        )
