"""An exception that one thread raises in another.

Problem: where no signal can be had (Windows, a run that is not in the main thread, a test that has
taken all of them away), nothing ends a call that goes on. Approach: ``PyThreadState_SetAsyncExc``
of the C API, which is documented, by `ctypes`. Limits: it is raised at the next instruction of
Python's, so a call that stays in C is not ended. Seen on CPython 3.11 to 3.15.
"""

from __future__ import annotations


def raise_in(thread: int, kind: type[BaseException]) -> bool:
    """Raise an exception of this class in the thread of this id; whether there is such a thread.

    False as well where this Python has no ctypes, or not that function.
    """
    try:
        import ctypes

        function = ctypes.pythonapi.PyThreadState_SetAsyncExc
    except (ImportError, AttributeError):
        return False
    return bool(function(ctypes.c_ulong(thread), ctypes.py_object(kind)))
