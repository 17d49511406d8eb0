"""What a patch replaces: where it is, that it is there, and who holds it by another name.

Problem: a name that is not there is found deep in `importlib`; and a patch that nobody sees is not
found at all, as the code under test has imported the name that was patched.
Approach: a target is walked part by part, and the part that is missing is named. Who else holds
what was replaced is looked for when an assertion fails on a double that was never called.
Limits: a name that is held in a class, a default argument or a closure is not seen.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ..findings import MockError
from ..origins import Origins
from ..own import sys
from ..seams.doubles import told_below, was_called
from .mistakes import close, error, may_have

__tracebackhide__ = True  # a traceback ends at the line of the user's

_MISSING = object()


def resolve(target: Any) -> tuple[Any, str]:
    """The owner of a patch's target, and the name in it; raises `MockError`."""
    parts = _parts(target)
    if len(parts) == 1:
        held = [f'patch("{module}.{target}")' for module, names in _modules() if target in names]
        raise error(
            f"the target {target!r} has no module in it",
            *held or [f'patch("module.{target}"), with the module whose code uses it'],
        )
    return _walked(parts[:-1], target), parts[-1]


def find(target: Any) -> Any:
    """What stands at a dotted name; raises `MockError`."""
    return _walked(_parts(target), target)


def _parts(target: Any) -> list[str]:
    if not isinstance(target, str):
        where = getattr(target, "__module__", None), getattr(target, "__qualname__", None)
        raise error(
            f"the target {target!r} is no dotted name",
            'patch("{}.{}")'.format(*where) if all(where) else 'patch.object(owner, "name")',
        )
    parts = target.split(".")
    if not all(map(str.isidentifier, parts)):
        raise error(f"the target {target!r} is no dotted name", 'patch("module.name")')
    return parts


def _walked(parts: list[str], target: str) -> Any:
    found = _imported(parts[0], target)
    known = {name.partition(".")[0] for name in sys.modules}
    for index, part in enumerate(parts):
        path = ".".join(parts[: index + 1])
        if index:
            owner, found = found, _part(found, part, path, target)
            known = {*dir(owner), *_submodules(owner)}
        if found is _MISSING:
            raise _not_there(target, parts, index, known)
    return found


def _not_there(target: str, parts: list[str], index: int, known: set[str]) -> MockError:
    what = f"the target {target!r} is not there: "
    if index == 0:
        what += f"no module is named `{parts[0]}`"
    else:
        what += f"`{'.'.join(parts[:index])}` has no `{parts[index]}`"
    rest = target.split(".")[index + 1 :]
    near = [".".join([*parts[:index], name, *rest]) for name in close(parts[index], known)]
    names = [f'patch("{one}")' for one in near]
    return error(what, *names or ['patch("module.name"), as the code under test looks it up'])


def _imported(path: str, target: str) -> Any:
    try:
        return importlib.import_module(path)
    except Exception as cause:  # noqa: BLE001 - a module of the user's may raise anything
        if isinstance(cause, ModuleNotFoundError) and cause.name == path:
            return _MISSING
        origins, at = Origins(Path.cwd()), cause.__traceback__
        while at is not None and not origins.is_users(at.tb_frame.f_code.co_filename):
            at = at.tb_next
        raise error(
            f"the target {target!r} is not there: `{path}` can't be imported "
            f"({type(cause).__name__}: {cause})",
            f"import {path}  # what this raises",
        ) from cause.with_traceback(at)


def _part(owner: Any, part: str, path: str, target: str) -> Any:
    """An attribute, or a module of a package, which comes first, as in ``unittest.mock``."""
    module = _imported(path, target) if hasattr(owner, "__path__") else _MISSING
    return getattr(owner, part, _MISSING) if module is _MISSING else module


def _submodules(owner: Any) -> Iterator[str]:
    return (module.name for module in pkgutil.iter_modules(getattr(owner, "__path__", ())))


def check_there(owner: Any, name: str, patch: str) -> None:
    """Raise `MockError` where nothing of this name is there; ``patch`` is what to type, with {}."""
    if hasattr(owner, name):
        return
    where = getattr(owner, "__name__", None) or type(owner).__name__
    if isinstance(owner, type) and may_have(owner, name):
        raise error(f"`{where}` has no `{name}` itself: an object of it may",
                    f'patch.object({where.lower()}, "{name}"), with the object')  # fmt: skip
    if isinstance(owner, str):
        raise error(f"{owner!r} is no object: a name goes to patch", f'patch("{owner}.{name}")')
    known = [one for one in dir(owner) if not one.startswith("__")]
    raise error(
        f"`{where}` has no `{name}` to be replaced",
        *[patch.format(one) for one in close(name, known)] or [new_attribute(owner, name)],
    )


def new_attribute(owner: Any, name: str) -> str:
    """What to type for an attribute that is to be there in the test alone."""
    where = getattr(owner, "__name__", None) or "owner"
    return f'monkeypatch.setattr({where}, "{name}", mocks.stub("{name}"), raising=False)'


@dataclass(frozen=True, slots=True, eq=False)
class Replaced:
    """What a patch has replaced in a module: the dotted name, the real thing, who patched."""

    owner: ModuleType
    name: str
    real: Any
    patcher: str | None
    double: Any

    def hint(self) -> str | None:
        """Who holds a name of its own for the real thing, where nobody has called the double."""
        if self.double.mock_calls or any(map(was_called, told_below(self.double))):
            return None
        holders = sorted(self._holders(), key=self._is_unlikely)
        if not holders:
            return None
        target = f"{self.owner.__name__}.{self.name}"
        held = ", ".join(f"`{module}` holds its own `{name}`" for module, name in holders)
        module, name = holders[0]
        return f"patched `{target}`, but {held}: patch `{module}.{name}`"

    def _holders(self) -> Iterator[tuple[str, str]]:
        known = {self.owner.__name__, getattr(self.real, "__module__", None), self.patcher}
        for module, names in _modules():
            if module not in known:
                held = [name for name, value in names.items() if value is self.real]
                yield from ((module, name) for name in held)

    def _is_unlikely(self, holder: tuple[str, str]) -> bool:
        """Whether it only hands the name on, as the package that the real thing is in does."""
        parts = holder[0].split(".")
        return self.owner.__name__.startswith(holder[0] + ".") or parts[0] in ("test", "tests")


def _modules() -> Iterator[tuple[str, dict[str, Any]]]:
    """The user's modules that are loaded, each once, without the files of tests; their names."""
    origins = Origins(Path.cwd())
    seen: set[int] = set()
    for name, module in list(sys.modules.items()):
        if not issubclass(type(module), ModuleType) or id(module) in seen or _is_tests(name):
            continue
        seen.add(id(module))
        names = object.__getattribute__(module, "__dict__")  # `vars` would load a lazy one
        file = names.get("__file__")
        if isinstance(file, str) and origins.is_users(file):
            yield name, dict(names)


def _is_tests(module: str) -> bool:
    name = module.rpartition(".")[2]
    return name == "conftest" or name.startswith("test_") or name.endswith("_test")
