"""What a seam needs of its neighbour, as a table that can be asked, and what of it is gone.

Problem: a name that is gone shows as an `AttributeError` in somebody's test. Approach: each seam
names what it needs, by text, so that nothing is imported for the question; what is asked is what
is loaded. A name is asked for once: at start-up, or when its module has been loaded meanwhile.
What only instances have stands in the code of their class, as an attribute that its methods set or
read; the variables of a function stand in its code.
Limits: whether a name still means the same is asked on planted objects, by the seam itself.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Container, Iterator
from enum import Enum
from importlib import metadata
from itertools import chain
from types import SimpleNamespace
from typing import Any, NamedTuple

from .._version import __version__
from ..own import inspect, sys

_FIRST, _NEVER = (3, 11), (4, 0)


class SeamGone(Exception):
    """A neighbour changed something that anyrig stands on; the message says which."""


class Of(Enum):
    """Where a name is to be found."""

    OWNER = "an attribute of the owner itself"
    INSTANCES = "an attribute of the instances of a class"
    CODE = "a variable of a function"
    KEYS = "a key of a dict"
    LIBRARY = "a function that an extension module exports"


class Need(NamedTuple):
    """Names that one owner has to have, for a part of anyrig.

    ``module`` is asked where it is loaded, for the ``owner`` in it, as a dotted name; "" is the
    module itself. Where ``is_vital`` is false, the run can go without that part. ``since`` and
    ``before`` are versions of Python.
    """

    part: str
    module: str
    owner: str
    names: tuple[str, ...]
    of: Of = Of.OWNER
    since: tuple[int, int] = _FIRST
    before: tuple[int, int] = _NEVER
    is_vital: bool = True


def optional(
    part: str,
    module: str,
    owner: str,
    names: tuple[str, ...],
    of: Of = Of.OWNER,
    since: tuple[int, int] = _FIRST,
    before: tuple[int, int] = _NEVER,
) -> Need:
    """Names of a part that the run can go without."""
    return Need(part, module, owner, names, of, since, before, is_vital=False)


class Gone(NamedTuple):
    """What is gone, and what rests on it."""

    need: Need
    names: tuple[str, ...]  # dotted

    @property
    def package(self) -> str:
        """Whose it is: the name of an installed package, or of the interpreter."""
        top = self.need.module.partition(".")[0]
        is_pythons = top in sys.stdlib_module_names
        return platform.python_implementation() if is_pythons else top.removeprefix("_")

    @property
    def version(self) -> str:
        """The version that lacks it."""
        top = self.need.module.partition(".")[0]
        is_pythons = top in sys.stdlib_module_names
        return platform.python_version() if is_pythons else _version(self.package)

    def error(self) -> SeamGone:
        """One line: which name of which package, what rests on it, and what to do."""
        if not self.need.is_vital:
            return SeamGone(f"{self.line()}. Install a newer anyrig, or an older {self.package}.")
        return SeamGone(
            f"anyrig {__version__} can't watch with {self.package} {self.version}: "
            f"{_listed(self.names)} gone ({self.need.part}). Install a newer anyrig, or an older "
            f"{self.package}, or run with '-p no:anyrig'."
        )

    def line(self) -> str:
        """For the header of a run: what is off, and why."""
        names = ", ".join(self.names)
        return f"off: {self.need.part}: {self.package} {self.version} has no {names}"


class Table:
    """What one seam needs; `gone` is what of that is not there."""

    def __init__(self, *needs: Need) -> None:
        self.needs = needs
        version = sys.version_info[:2]
        # those whose module was not loaded yet
        self._to_ask = [one for one in needs if one.since <= version < one.before]
        self._loaded = 0  # how many modules there were when it was last asked
        self._gone: list[Gone] = []

    def gone(self) -> list[Gone]:
        """What is gone, of the modules that are loaded by now."""
        if self._to_ask and self._loaded != len(sys.modules):
            self._loaded = len(sys.modules)
            later = []
            for need in self._to_ask:
                if need.module not in sys.modules:
                    later.append(need)
                    continue
                names = tuple(lacking(need))
                if names:
                    self._gone.append(Gone(need, names))
            self._to_ask = later
        return self._gone

    def require(self) -> None:
        """Raise `SeamGone` where something is gone: it is called where a part is used."""
        for gone in self.gone():
            raise gone.error()

    def require_vital(self) -> None:
        """The same for what the run can't go without: where a seam is first imported."""
        for gone in self.gone():
            if gone.need.is_vital:
                raise gone.error()


def lacking(need: Need) -> Iterator[str]:
    """The names, dotted, that the owner of a need has not, whose module is loaded."""
    owner: Any = sys.modules[need.module]
    where = need.module
    for part in filter(None, need.owner.split(".")):
        where += f".{part}"
        owner = getattr(owner, part, _NOTHING)
        if owner is _NOTHING:
            yield where
            return
    has = _HAS[need.of](owner, need.names)
    yield from (f"{where}.{name}" for name in need.names if name not in has)


_NOTHING = object()


def _of_owner(owner: Any, names: tuple[str, ...]) -> set[str]:
    return {name for name in names if hasattr(owner, name)}


def _of_instances(owner: Any, names: tuple[str, ...]) -> set[str]:
    found = _of_owner(owner, names)
    kinds = getattr(owner, "__mro__", ())
    # most are set in the first
    first = (vars(kind).get("__init__") for kind in kinds)
    others = (one for kind in kinds for one in list(vars(kind).values()))
    for function in chain(first, others):
        if found.issuperset(names):
            break
        found |= _named(_code(function))
    return found


def _in_code(owner: Any, names: tuple[str, ...]) -> set[str]:
    code = _code(owner)
    return {*_named(code), *code.co_varnames, *code.co_freevars, *code.co_cellvars}


def _of_library(owner: Any, names: tuple[str, ...]) -> set[str]:
    import ctypes  # where it is asked, it is loaded anyway

    try:
        library = ctypes.PyDLL(owner.__file__)
    except (AttributeError, OSError):  # it is no file of its own, or no extension module
        return set()
    return _of_owner(library, names)


def _named(code: Any) -> set[str]:
    """What a function names, as an attribute or by its text."""
    found = {*code.co_names}
    for constant in code.co_consts:
        if type(constant) is str:
            found.add(constant)
        elif type(constant) is tuple:  # the keys of a dict
            found.update(one for one in constant if type(one) is str)
    return found


def _code(function: Any) -> Any:
    """The code of a function, of one that another stands around; nobody's where it has none."""
    if isinstance(function, property):
        function = function.fget
    for _ in range(_AROUND):
        inner = getattr(function, "__wrapped__", None)
        if inner is None:
            break
        function = inner
    code = getattr(function, "__code__", None)
    return code if inspect.iscode(code) else _NOBODYS


_AROUND = 5  # functions that stand around another
_NOBODYS = SimpleNamespace(
    co_names=(), co_consts=(), co_varnames=(), co_freevars=(), co_cellvars=()
)
# what an owner has of some names, and maybe others
_HAS: dict[Of, Callable[[Any, tuple[str, ...]], Container[str]]] = {
    Of.OWNER: _of_owner,
    Of.INSTANCES: _of_instances,
    Of.CODE: _in_code,
    Of.KEYS: lambda owner, names: owner,
    Of.LIBRARY: _of_library,
}


def _listed(names: tuple[str, ...]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last} are" if first else f"{last} is"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # it is on the path, and not installed
        return "(of no known version)"
