"""A private name that its package calls otherwise from now on, as a new version of it would.

Whatever code of the package names it, names the new one: the package works on as ever.
"""

from __future__ import annotations

import gc
import importlib
import sys
import types
from collections.abc import Mapping
from typing import Any

# what is one package, as far as the names in it go
_PACKAGES = ({"asyncio", "concurrent", "threading"}, {"warnings", "_py_warnings"})


def rename(dotted: str, new: str) -> str:
    """Rename ``module:owner.name``, also what instances alone have; gives its new dotted name."""
    module, _, path = dotted.partition(":")
    *owners, old = path.split(".")
    owner: Any = importlib.import_module(module)
    outer, part = owner, ""
    for part in owners:
        outer, owner = owner, getattr(owner, part)
    if isinstance(owner, Mapping):  # from Python 3.15 on a frozen one
        setattr(outer, part, {new if name == old else name: owner[name] for name in owner})
    for holder in (owner, *getattr(owner, "__mro__", ())):
        if old in getattr(holder, "__dict__", ()):
            setattr(holder, new, vars(holder)[old])
            delattr(holder, old)
    top = module.partition(".")[0]
    packages = next((names for names in _PACKAGES if top in names), {top})
    for function in gc.get_objects():
        if isinstance(function, types.FunctionType) and _package(function) in packages:
            function.__code__ = _renamed(function.__code__, old, new)
    return dotted.removesuffix(old) + new


def _package(function: types.FunctionType) -> str:
    name: Any = function.__module__  # tests set it to whatever
    return name.partition(".")[0] if isinstance(name, str) else ""


def _renamed(code: types.CodeType, old: str, new: str) -> types.CodeType:
    def inside(constant: Any) -> Any:
        if isinstance(constant, types.CodeType):
            return _renamed(constant, old, new)
        if type(constant) is tuple:
            return tuple(map(inside, constant))
        return new if type(constant) is str and constant == old else constant

    return code.replace(
        co_names=inside(code.co_names),
        co_varnames=inside(code.co_varnames),
        co_freevars=inside(code.co_freevars),
        co_cellvars=inside(code.co_cellvars),
        co_consts=inside(code.co_consts),
        co_name=inside(code.co_name),
    )


def load() -> None:
    """Load what anyrig stands on, and anyrig itself not."""
    for module in ("anyio.pytest_plugin", "anyio._backends._asyncio", "anyio._backends._trio"):
        importlib.import_module(module)
    importlib.import_module("unittest.mock")
    assert "anyrig.plugin" not in sys.modules
