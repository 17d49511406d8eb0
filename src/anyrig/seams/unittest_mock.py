"""The names inside a mock, and the coroutines that were handed to one.

Problem: a dead coroutine of an ``AsyncMock`` is called ``_execute_mock_call`` whatever the mock,
and a coroutine that a patched ``asyncio.run`` swallowed says nothing of the mock.
Approach: the coroutine's frame still has ``self``, ``args`` and ``kwargs``; and each call of a
mock passes ``CallableMixin._increment_mock_call``, where coroutines among its arguments are noted.
Limits: private names of ``unittest.mock`` (and of its backport ``mock``): ``_execute_mock_call``,
``_increment_mock_call``, ``_extract_mock_name``, ``_mock_parent``, ``_mock_new_parent``,
``_mock_delegate``, ``_spec_class``, and ``_checksig_``, which the functions of ``create_autospec``
call; ``_patch`` and ``_patch_dict``, which a patch is undone by. Seen on CPython 3.11 to 3.13.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator
from types import CoroutineType, FrameType, TracebackType
from typing import Any, NamedTuple, Self, TypeAlias

from .. import safe
from ..libraries import library_of
from ..own import inspect, os, sys
from .needs import Of, Table, optional

AnyCoroutine: TypeAlias = "CoroutineType[Any, Any, Any]"  # subscriptable from 3.13 on

MOCK_CODE_NAME = "_execute_mock_call"
_INCREMENT = "_increment_mock_call"

_PART = "the names of mocks in findings"
_OF_A_MOCK = (
    *("_mock_parent", "_mock_new_parent", "_mock_name", "_mock_new_name", "_mock_delegate"),
    *("_spec_class", "_extract_mock_name"),
)
NEEDS = Table(
    optional(_PART, "unittest.mock", "NonCallableMock", _OF_A_MOCK, Of.INSTANCES),
    optional(_PART, "unittest.mock", "AsyncMockMixin", (MOCK_CODE_NAME,)),
    optional(_PART, "unittest.mock", "CallableMixin", (_INCREMENT,)),
    optional(_PART, "unittest.mock", "", ("_patch", "_patch_dict")),
    optional(_PART, "unittest.mock", "_set_signature", ("_checksig_",), Of.CODE),
)

# the classes of `anyrig.mocks`, whose coroutines have the same names in them
_OURS = os.path.join(os.path.dirname(__file__), "doubles.py")
_DOUBLES = f"{__package__}.doubles"

_LONG = 50
_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = 24
_repr.maxtuple = _repr.maxlist = _repr.maxdict = 4


class MockCall(NamedTuple):
    """One call of an async mock: its dotted name, its class, the arguments as text.

    ``real_is_sync`` is true where the mock stands for something whose spec says that it is not
    async, false where the spec says that it is, and None where there is no spec to ask.
    ``library`` is the installed package whose function it calls: its author's, aioresponses say.
    """

    name: str
    class_name: str
    arguments: str
    real_is_sync: bool | None
    library: str | None = None


def is_mock_file(filename: str) -> bool:
    """Whether the file is ``unittest/mock.py`` or the backport's."""
    head, tail = os.path.split(filename)
    return tail == "mock.py" and os.path.basename(head) in ("unittest", "mock")


def mock_call_of(coroutine: AnyCoroutine) -> MockCall | None:
    """The mock and the call behind an unawaited coroutine, or None where it is no mock's."""
    code = coroutine.cr_code
    if "_checksig_" in code.co_names:
        return _call_of_autospec(coroutine)
    is_ours = code.co_filename == _OURS
    if code.co_name != MOCK_CODE_NAME or not (is_ours or is_mock_file(code.co_filename)):
        return None
    frame = coroutine.cr_frame
    if frame is None:
        return None
    names = frame.f_locals
    mock = names.get("self")
    # a stock mock that `anyrig.mocks.adapt` was given is what it was
    is_ours = is_ours and mock.__dict__["_anyrig_spec"].nature is not None
    name = mock_name(mock)
    return MockCall(
        name=name,
        class_name="double" if is_ours else type(mock).__name__,
        arguments=words_of_arguments(names.get("args", ()), names.get("kwargs", {})),
        real_is_sync=False if is_ours else _real_is_sync(mock, name),
        library=None if is_ours else _library(mock),
    )


def _call_of_autospec(coroutine: AnyCoroutine) -> MockCall | None:
    """The call of an autospecced function, which is async itself from 3.13 on.

    Its name and its line are those of the real one: more is told where a library has made it.
    """
    frame = coroutine.cr_frame
    mock = None if frame is None else frame.f_globals.get("mock")
    library = None if mock is None else _library(mock)
    if frame is None or library is None:
        return None
    names = frame.f_locals
    arguments = words_of_arguments(names.get("args", ()), names.get("kwargs", {}))
    return MockCall(coroutine.cr_code.co_name, type(mock).__name__, arguments, False, library)


def is_double(mock: object) -> bool:
    """Whether a mock is of a class of `anyrig.mocks`."""
    return any(base.__module__ == _DOUBLES for base in type(mock).__mro__)


def is_async_mock(thing: object) -> bool:
    """Whether it is a mock that counts how often it was awaited, of whichever make."""
    # asked of the class alone: a mock would make an attribute of each name that it is asked for
    return hasattr(type(thing), "await_count") and hasattr(type(thing), "_extract_mock_name")


def mocks_at_work(frame: FrameType | None) -> list[tuple[Any, FrameType]]:
    """The async mocks whose calls a thread is in, by its innermost frame: the innermost mock first.

    Each with the frame of the code that calls it.
    """
    found: dict[int, tuple[Any, FrameType]] = {}  # by the mock's id
    inside: list[Any] = []  # the mocks of the frames since the last that is none of a mock's
    while frame is not None:
        filename = frame.f_code.co_filename
        is_autospec = "_checksig_" in frame.f_code.co_names  # a function that it has made
        if filename in (_OURS, __file__) or is_mock_file(filename) or is_autospec:
            mock = frame.f_locals.get("self")
            if is_async_mock(mock):
                inside.append(mock)
        elif inside:
            # the outermost code is who calls it: `unittest.mock` itself goes through others
            found |= {id(mock): (mock, frame) for mock in inside}
            inside = []
        frame = frame.f_back
    return list(found.values())


def mock_name(mock: Any) -> str:
    """The mock's dotted name as its author would write it, from ``name=`` or its parents."""
    try:
        name = str(mock._extract_mock_name())
    except Exception:  # noqa: BLE001 - a mock of another make: its class will do
        return type(mock).__name__
    if name != "mock" or _is_named(mock):
        return name
    # the function of `create_autospec`, which has the name of the real one
    function = mock.__dict__.get("_mock_delegate")
    return getattr(function, "__name__", type(mock).__name__)


def _is_named(mock: Any) -> bool:
    return mock.__dict__.get("_mock_name") is not None


def words_of_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The arguments of a call as one would write them, long ones shortened."""
    parts = [short(value) for value in args]
    parts += [f"{name}={short(value)}" for name, value in kwargs.items()]
    text = ", ".join(parts)
    return text if len(text) <= _LONG else text[:_LONG].rstrip(", ") + ", ..."


def short(value: object) -> str:
    """A value as one would write it, a long one shortened."""
    return safe.value(value, _repr)


def _library(mock: Any) -> str | None:
    effect = getattr(mock, "side_effect", None)
    function = getattr(effect, "__func__", effect)
    code = getattr(function, "__code__", None)
    return None if code is None else library_of(code.co_filename, str(function.__module__))


def called_mock(mock: Any) -> Any:
    """The mock whose call has given this one; this one where none has."""
    names = mock.__dict__
    is_result = names.get("_mock_new_name") == "()"
    return names.get("_mock_new_parent") or mock if is_result else mock


def real_of(mock: Any) -> Any:
    """The function that a mock stands for, by its parent's spec; None where nothing says so."""
    return _real_of(mock, mock_name(mock))


def _real_is_sync(mock: Any, name: str) -> bool | None:
    real = _real_of(mock, name)
    return None if real is None else not inspect.iscoroutinefunction(real)


def _real_of(mock: Any, name: str) -> Any:
    parent = mock.__dict__.get("_mock_new_parent") or mock.__dict__.get("_mock_parent")
    spec = getattr(parent, "__dict__", {}).get("_spec_class")
    attribute = name.rpartition(".")[2].removesuffix("()")
    real = inspect.getattr_static(spec, attribute, None) if spec is not None else None
    if isinstance(real, staticmethod | classmethod):
        real = real.__func__
    return real if callable(real) else None


class MockHooks:
    """Calls ``note(coroutine, mock)`` for each coroutine that a mock is given, while entered.

    And ``explain(error)`` before a patch is undone for an error. `ensure` puts both in once
    ``unittest.mock`` (or ``mock``) has been imported.
    """

    def __init__(
        self, note: Callable[[AnyCoroutine, Any], None], explain: Callable[[BaseException], None]
    ) -> None:
        self._note = note
        self._explain = explain
        # the class and a name in it -> (the function that was there, ours), while entered
        self._replaced: dict[tuple[type, str], tuple[Any, Any]] = {}

    def __enter__(self) -> Self:
        self.ensure()
        return self

    def ensure(self) -> None:
        """Take notes in each mock library that is imported by now."""
        for module_name in ("unittest.mock", "mock.mock"):
            module = sys.modules.get(module_name)
            self._replace(module, "CallableMixin", _INCREMENT, self._noting)
            for name in ("_patch", "_patch_dict"):
                self._replace(module, name, "__exit__", self._explaining)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for (cls, name), (previous, ours) in self._replaced.items():
            if cls.__dict__.get(name) is ours:
                setattr(cls, name, previous)
        self._replaced.clear()

    def _replace(
        self, module: Any, class_name: str, name: str, around: Callable[[Any], Any]
    ) -> None:
        cls = getattr(module, class_name, None)
        if cls is None or (cls, name) in self._replaced:
            return
        previous = cls.__dict__.get(name)
        if previous is not None:  # the seam's test names this; the source text still tells
            ours = around(previous)
            setattr(cls, name, ours)
            self._replaced[cls, name] = (previous, ours)

    def _noting(self, previous: Callable[..., Any]) -> Callable[..., Any]:
        note = self._note

        def _increment_mock_call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            for coroutine in coroutines_in(args, kwargs):
                note(coroutine, self)
            return previous(self, *args, **kwargs)

        return _increment_mock_call

    def _explaining(self, previous: Callable[..., Any]) -> Callable[..., Any]:
        explain = self._explain

        def undo(self: Any, *exc_info: Any) -> Any:
            error = exc_info[1] if len(exc_info) > 1 else None
            if error is not None:
                explain(error)
            return previous(self, *exc_info)

        return undo


def coroutines_in(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[AnyCoroutine]:
    """The coroutines among the arguments of a call, and in a list, tuple or set among them."""
    for value in (*args, *kwargs.values()):
        if type(value) is CoroutineType:
            yield value
        elif type(value) in (list, tuple, set):
            yield from (inner for inner in value if type(inner) is CoroutineType)
