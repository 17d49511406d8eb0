"""What a function takes and gives, where its annotations have names that are not there.

Problem: names that only type checkers import, or that can't be imported at all. From Python 3.14 on
annotations are worked out when they are asked for, and asking raises what such a name raises.
Approach: they are asked for as forward references, and where that raises, too (a ``lazy`` import
that fails, ``"Name" | None``), as the text that they are written as.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .own import inspect

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
        return {name: hint for owner in owners for name, hint in _one_by_one(owner).items()}


def _one_by_one(owner: Any) -> dict[str, Any]:
    """The annotations of one function or class; a text where one can't be worked out."""
    try:
        if sys.version_info >= (3, 14):
            texts = annotationlib.get_annotations(owner, format=annotationlib.Format.STRING)
        else:
            texts = inspect.get_annotations(owner)
    except Exception:  # noqa: BLE001 - as above; or it is no function, class or module
        return {}
    module = sys.modules.get(getattr(owner, "__module__", None) or "")
    names = getattr(inspect.unwrap(owner), "__globals__", None) or getattr(module, "__dict__", {})
    return {name: _worked_out(hint, names) for name, hint in texts.items()}


def _worked_out(hint: Any, names: dict[str, Any]) -> Any:
    if not isinstance(hint, str):
        return hint
    try:
        return eval(hint, dict(names))
    except Exception:  # noqa: BLE001 - as above
        return hint
