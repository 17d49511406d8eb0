"""What a function takes and gives, where its annotations have names that are not there.

Problem: names that only type checkers import, or that can't be imported at all. From Python 3.14 on
annotations are worked out when they are asked for, and asking raises what such a name raises.
Approach: they are asked for as forward references, and where that raises, too (a ``lazy`` import
that fails, ``"Name" | None``), as the text that they are written as. Names under ``TYPE_CHECKING``
are read from the source, and looked up when one of them is asked for, no sooner.
Limits: of such a block the imports and the plain assignments at the head of a module are read.
"""

from __future__ import annotations

import functools
import importlib
import re
import types
import typing
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .own import ast, inspect, linecache

if TYPE_CHECKING:
    import sys  # type checkers know versions by this name alone
else:
    from .own import sys

if sys.version_info >= (3, 14):
    import annotationlib


def signature(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of a function or a class; raises as `inspect.signature`, for no annotation."""
    if sys.version_info >= (3, 14):
        formats = annotationlib.Format
        try:
            return inspect.signature(function, annotation_format=formats.FORWARDREF)
        except Exception:  # noqa: BLE001 - an annotation is code of the user's
            return inspect.signature(function, annotation_format=formats.STRING)
    else:
        return inspect.signature(function)


_CHECKING = re.compile(r"if\s+([\w.]+\.)?TYPE_CHECKING\s*:")
_MOST_NAMES = 32  # that are looked up for one annotation
_EMPTY = inspect.Signature.empty


def hints(thing: Any) -> dict[str, Any]:
    """The annotations of a function, or of a class and its bases; none of what has none.

    Each is what it stands for, or where that is not there a forward reference or its text.
    """
    try:
        if sys.version_info >= (3, 14):
            return typing.get_type_hints(thing, format=annotationlib.Format.FORWARDREF)
        else:  # noqa: RET505 - a type checker knows which of the two there is
            return typing.get_type_hints(thing)
    except Exception:  # noqa: BLE001 - an annotation is code of the user's
        owners = reversed(thing.__mro__) if isinstance(thing, type) else [thing]
        return {name: hint for owner in owners for name in _texts(owner)
                if (hint := _one(owner, name)) is not _EMPTY}  # fmt: skip


def hint_of(thing: Any, name: str, within: type | None = None) -> Any:
    """One annotation of a function (``"return"``) or of a class, or of the first base that has it.

    `inspect.Signature.empty` where there is none. ``within`` is the class that a function is of,
    which may have type parameters. As `hints`, and with what only type checkers import.
    """
    for owner in thing.__mro__ if isinstance(thing, type) else [thing]:
        hint = _one(owner, name, within)
        if hint is not _EMPTY:
            return hint
    return _EMPTY


def worked_out(hint: Any, thing: Any, within: type | None = None) -> Any:
    """An annotation with the names in it looked up where a function or class has them.

    Its text, where that can't be done.
    """
    module = getattr(inspect.unwrap(thing), "__module__", None) or ""
    names = getattr(inspect.unwrap(thing), "__globals__", None)
    if names is None:
        names = getattr(sys.modules.get(module), "__dict__", {})
    found = {
        parameter.__name__: parameter
        for one in (within, thing)
        for parameter in getattr(one, "__type_params__", ())
    }
    for _ in range(_MOST_NAMES):
        try:
            return _as_type(hint, names, found)
        except NameError as error:
            missing = _unseen(names, str(error.name))
            if missing is _EMPTY or error.name in found:
                break
            found[str(error.name)] = missing
        except Exception:  # noqa: BLE001 - an annotation is code of the user's
            break
    return hint


def _as_type(hint: Any, names: dict[str, Any], found: dict[str, Any]) -> Any:
    def carrier() -> None: ...

    carrier.__annotations__ = {"return": hint}
    return typing.get_type_hints(carrier, names, found)["return"]


def _texts(owner: Any) -> dict[str, Any]:
    """The annotations of one function or class as they stand there."""
    try:
        if sys.version_info >= (3, 14):
            return annotationlib.get_annotations(owner, format=annotationlib.Format.STRING)
        else:  # noqa: RET505 - as above
            return inspect.get_annotations(owner)
    except Exception:  # noqa: BLE001 - as above; or it is no function, class or module
        return {}


def _one(owner: Any, name: str, within: type | None = None) -> Any:
    if sys.version_info >= (3, 14):
        try:  # what is no text knows names that a text does not: those of a function around it
            known = annotationlib.get_annotations(owner)
        except Exception:  # noqa: BLE001 - as above
            known = _texts(owner)
    else:
        known = _texts(owner)
    hint = known.get(name, _EMPTY)
    return hint if hint is _EMPTY else worked_out(hint, owner, within)


def _unseen(names: dict[str, Any], name: str) -> Any:
    """What a name stands for that is there for type checkers alone."""
    told = _for_checkers(names.get("__file__"), names.get("__package__")).get(name)
    try:
        if isinstance(told, ast.expr):
            text = ast.unparse(told)
            carrier = types.FunctionType((lambda: None).__code__, names)
            value = worked_out(text, carrier)
            return _EMPTY if value == text else value
        if told is not None:
            return found_in(*told)
    except Exception:  # noqa: BLE001 - what is imported is code of the user's
        return _EMPTY
    return _EMPTY


def found_in(module: str, name: str | None) -> Any:
    """What ``from module import name`` gives, or ``import module``; raises as these do."""
    made = importlib.import_module(module)
    if name is None:
        return made
    try:
        return getattr(made, name)
    except AttributeError:
        return importlib.import_module(f"{module}.{name}")


@functools.lru_cache(maxsize=64)  # modules whose annotations were asked for last
def _for_checkers(
    path: str | None, package: str | None
) -> dict[str, tuple[str, str | None] | ast.expr]:
    """The names under ``TYPE_CHECKING``: a module and a name in it, or what is assigned."""
    found: dict[str, tuple[str, str | None] | ast.expr] = {}
    for block in _blocks(linecache.getlines(path or "")):
        try:
            statements = ast.parse(block).body
        except SyntaxError:
            continue
        for statement in ast.walk(statements[0]):
            found.update(imported_by(statement, package or ""))
            if isinstance(statement, ast.Assign):
                names = [name.id for name in statement.targets if isinstance(name, ast.Name)]
                found.update(dict.fromkeys(names, statement.value))
            elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                found |= {statement.target.id: statement.value} if statement.value else {}
    return found


def _blocks(lines: list[str]) -> Iterator[str]:
    """The text of each block for type checkers, without its ``else``."""
    for number, line in enumerate(lines):
        if _CHECKING.match(line):
            block = [line]
            for inner in lines[number + 1 :]:
                if inner.strip() and not inner[0].isspace() and not inner.startswith("#"):
                    break
                block.append(inner)
            yield "".join(block)


def imported_by(statement: ast.AST, package: str) -> dict[str, tuple[str, str | None]]:
    """The names that an import statement gives, each with its module, and its name in that."""
    if isinstance(statement, ast.Import):
        return {
            alias.asname or alias.name.partition(".")[0]: (
                alias.name if alias.asname else alias.name.partition(".")[0],
                None,
            )
            for alias in statement.names
        }
    if isinstance(statement, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) + 1 - statement.level]
        parts = [*(above if statement.level else ()), *filter(None, [statement.module])]
        return {alias.asname or alias.name: (".".join(parts), alias.name)
                for alias in statement.names}  # fmt: skip
    return {}
