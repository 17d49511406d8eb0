"""Keeping an object for ever, past the end of the interpreter.

Problem: a coroutine that catches whatever is raised in it and goes on, as a worker with a bare
``except`` in a loop does, never ends when it is collected: it takes ``GeneratorExit``, too.
Approach: one reference more than there are (``Py_IncRef``), so that it is never collected, not even
by the interpreter's last round. Seen on CPython 3.11 to 3.13.
"""

from __future__ import annotations

import ctypes


def keep(thing: object) -> None:
    """Have an object, and all that it refers to, never be collected."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
