"""Python's modules as they were when anyrig was imported, for our own calls.

Problem: a test replaces `time.monotonic`, `asyncio.all_tasks`, `gc.get_objects` and their like, and
means its own code. What we call by those names is replaced as well: by a mock in the module that we
look them up in, or in our own globals, where freezegun puts its clocks into every loaded module.
Approach: a copy of each module's names, taken with the plugin's import, before any test. We write
``from .own import asyncio, time`` and call ``time.monotonic()`` as ever; tests/test_imports.py
refuses the modules themselves. A copy is no module, and neither mocks nor freezegun find it.
Limits: what a neighbour's function calls by a name of its own module is what stands there. What is
state, and no function, is looked up where it is: ``sys.stderr``, ``warnings.filters``, the hooks.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = [
    "anyio",
    "ast",
    "asyncio",
    "contextvars",
    "gc",
    "inspect",
    "json",
    "keep",
    "linecache",
    "os",
    "outcome",
    "queue",
    "selectors",
    "signal",
    "sniffio",
    "socket",
    "sys",
    "textwrap",
    "threading",
    "time",
    "traceback",
    "trio",
    "warnings",
    "weakref",
]

if TYPE_CHECKING:
    import ast
    import asyncio
    import contextvars
    import gc
    import inspect
    import json
    import linecache
    import os
    import queue
    import selectors
    import signal
    import socket
    import sys
    import textwrap
    import threading
    import time
    import traceback
    import warnings
    import weakref

    import anyio
    import anyio.abc
    import anyio.lowlevel
    import outcome
    import sniffio
    import trio

# Those that are loaded with pytest and asyncio anyway.
_AT_ONCE = (
    *("ast", "asyncio", "contextvars", "gc", "inspect", "json", "linecache", "os", "queue"),
    *("selectors", "signal", "socket", "sys", "textwrap", "threading", "time", "traceback"),
    *("warnings", "weakref"),
)
# Those that are copied as soon as they are there, by `keep` or at their first use.
_LATER = ("anyio", "outcome", "sniffio", "trio")
# The modules within a module that are copied with it.
_WITHIN = {"os": ("path",), "trio": ("lowlevel", "abc"), "anyio": ("lowlevel", "abc")}
# What is no function, and is replaced in tests as if it were, or is the same thing for ever.
_CONSTANTS = frozenset(
    {"platform", "version_info", "executable", "name", "sep", "modules", "callbacks"}
)
# Of what is private the seams read what stands there, but for these.
_PRIVATE = frozenset({"__file__", "_getframe", "_current_frames", "_exit"})


class Kept:
    """The functions, classes and constants of a module as they were; all else as it is."""

    def __init__(self, module: ModuleType) -> None:
        within = _WITHIN.get(module.__name__, ())
        for name, value in list(vars(module).items()):
            if name in within:
                value = Kept(value)
            elif not _is_kept(name, value):
                continue
            self.__dict__[name] = value
        self.__dict__["itself"] = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self.itself, name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name} is set in the module {self.itself.__name__} itself")

    def __repr__(self) -> str:
        return f"<{self.itself.__name__} as it was>"


def _is_kept(name: str, value: object) -> bool:
    if name.startswith("_"):
        return name in _PRIVATE
    # a hook is called by the interpreter: what stands there is what counts
    if name.endswith(("hook", "warning")):
        return False
    return callable(value) or name.isupper() or name in _CONSTANTS


def keep() -> None:
    """Copy what has been loaded meanwhile: before the collection, and before the first test."""
    for name in _LATER:
        if name in sys.modules and name not in globals():
            globals()[name] = Kept(sys.modules[name])


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Kept:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        kept = globals()[name] = Kept(importlib.import_module(name))
        return kept


globals().update((name, Kept(importlib.import_module(name))) for name in _AT_ONCE)
