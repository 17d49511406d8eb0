"""A missed await in words: whose line it was, what is known of it, and what to type."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import safe, source
from ..findings import Finding, Kind, Phase
from ..origins import Origins
from ..own import sys
from ..sites import How
from . import finalised, missed_mends, missed_sites
from .missed_await import Missed
from .missed_mends import Mend, Mending
from .missed_sites import Found

_LONG = 60  # a call that is longer than this is named in place of shown


class Words:
    """One missed await in words; ``times`` is how often it was, with these same facts.

    ``runs_async`` says that a test needs no mark to be run where it is async.
    """

    def __init__(
        self,
        origins: Origins,
        missed: Missed,
        fixture: str | None,
        *,
        times: int = 1,
        runs_async: bool = False,
    ) -> None:
        if not _names_it(origins, missed):
            missed = _where_passed(origins, missed)
        self._missed = missed
        self._fixture = fixture
        self._origins = origins
        self._origin = origins.locate(missed.frames, exact=missed.exact)
        self._names = _names_of(missed)
        self._found = missed_sites.find(origins, missed, self._names)
        self._times = times
        self._runs_async = runs_async
        self._site = self._find_site()

    def finding(self) -> Finding:
        missed = self._missed
        mend = self._mend()
        return Finding(
            kind=Kind.MISSED_AWAIT,
            place=missed.place,
            what=self._what(),
            summary=f"`{self._call_text()}` was never awaited",
            origin=self._origin,
            details=tuple(self._details()),
            mend=mend.lines,
            edits=mend.edits,
        )

    def _find_site(self) -> source.CallSite | None:
        """The call on the line that the finding names, whoever was to await it."""
        frame = self._origins.users_frame(self._missed.frames)
        if frame is None or (isinstance(self._found, Found) and self._found.how is How.PASSED):
            return None
        return source.find_call(frame[0], frame[1], self._names)

    def _call_text(self) -> str:
        """The call as the source has it; a mock's with the arguments that it got."""
        mock, site, found = self._missed.mock, self._site, self._found
        if mock is not None and (mock.library is None or site is None):
            return f"{mock.name if site is None else site.function_text}({mock.arguments})"
        if isinstance(found, Found) and not found.handed_by:
            text = source.text_of(found.node)
            text = f"{text}()" if found.how is How.PASSED else text
            if len(text) <= _LONG:
                return text
        elif site is not None and len(site.text) <= _LONG:
            return site.text
        return f"{self._missed.name}()"

    def _what(self) -> str:
        mock = self._missed.mock
        if mock is not None:
            of_library = "" if mock.library is None else f" of {mock.library}"
            return f"the {mock.class_name} `{mock.name}`{of_library}"
        if self._missed.code is None:
            return f"`{self._missed.name}()`"
        return f"the coroutine `{self._missed.name}`"

    def _details(self) -> Iterable[str]:
        missed, site = self._missed, self._site
        phase = missed.place.phase
        if self._fixture is not None:
            yield f"made by the fixture `{self._fixture}`, in the {phase.value}"
        elif phase in (Phase.SETUP, Phase.TEARDOWN):
            yield f"made in the {phase.value} of the test"
        if missed.freed_in is not None:
            yield finalised.in_words(missed.place, missed.freed_in)
        if missed.given_to is not None:
            to = f" (`{site.given_to}`)" if site is not None and site.given_to else ""
            yield f"handed to the mock `{missed.given_to}`{to}, which awaits nothing"
        elif site is not None and site.given_to_task and missed.held_by is not None:
            yield "its task never took a first step: the event loop ended before"
        if missed.held_by is not None:
            yield f"still held by {missed.held_by}"
        if missed.thread is not None:
            yield f"in the thread {missed.thread}"
        if self._origin is not None and not self._origin.exact:
            yield "the line was read off the source, or is the one that dropped it"
        if missed.hidden_by is not None:
            yield f"its warning is hidden by {self._filter_words(missed.hidden_by)}"

    def _filter_words(self, entry: Any) -> str:
        filename = getattr(entry, "filename", None)
        if filename is None or not self._origins.is_users(filename):
            return f"a warning filter ({_filter_text(entry)})"
        return f"the warning filter at {self._origins.path(filename)}:{entry.lineno}"

    def _mend(self) -> Mend:
        missed, mock = self._missed, self._missed.mock
        if missed.given_to is not None:
            return Mend(tuple(self._let_the_mock()))
        if mock is None or mock.real_is_sync is False or mock.library is not None:
            return self._await_it()
        if mock.real_is_sync:
            return Mend((f"the real `{mock.name}` is sync: give it a MagicMock",))
        where = f"where the real `{mock.name}` is async:"
        other = "where it is sync: a MagicMock in place of the AsyncMock"
        awaited = self._await_it()
        return Mend((where, *awaited.lines, other), awaited.edits)

    def _let_the_mock(self) -> Iterable[str]:
        yield (
            "let the mock await what it is given, or close it there: in a "
            f"`{self._missed.given_to}.side_effect`"
        )
        target = self._site.given_to if self._site is not None else None
        if target is not None and target.startswith("asyncio."):
            yield (
                "or patch it with the fixture `mocks`, whose double awaits it: "
                f'`mocks.patch("{target}")`'
            )

    def _await_it(self) -> Mend:
        missed, found = self._missed, self._found
        if isinstance(found, Found):
            return Mending(
                self._origins, missed, found, self._times, runs_async=self._runs_async
            ).mend()
        if found is not None:
            where = f"{safe.path(self._origins.path(found.frame[0]))}:{found.frame[1]}"
            return Mend((f"`{found.frame[2]}` made it for itself ({where}) and never awaited it",))
        of_nobody = missed_mends.of_nobody(missed)
        return of_nobody or Mend((f"await `{self._call_text()}` where it is made",))


def _where_passed(origins: Origins, missed: Missed) -> Missed:
    """What a library called for the user: the line that passes the function by its name, if any.

    One in the test itself is the likeliest, then one in its file, then any other of the user's; a
    name that may be called anywhere is looked for in the test alone.
    """
    names = _names_in_source(missed)
    path, _, test = (missed.place.test or "").partition("::")
    test = test.rpartition("::")[2].partition("[")[0]
    is_known = missed.code is not None
    found: list[tuple[bool, bool, str, int, str]] = []
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None) or ""
        if not origins.is_users(file) or not _may_have(module, file, missed):
            continue
        is_tests = file.endswith(path)
        lines = source.function_lines(file, test) if is_tests else range(0)
        for name in names:
            for lineno, function in source.find_passed(file, name, or_called=not is_known):
                if is_known or lineno in lines:
                    found.append((lineno not in lines, not is_tests, file, lineno, function))
    if found:
        *_, file, lineno, function = min(found)
        frame = (file, lineno, function)
    elif any(origins.is_users(frame[0]) for frame in missed.frames):
        return missed
    elif missed.code is None:
        return missed._replace(frames=())  # where it died says nothing of where it was made
    elif origins.is_users(missed.code.co_filename):
        frame = origins.definition_frame(missed.code)
    else:
        return missed
    return missed._replace(frames=(frame, *missed.frames), exact=False)


def _may_have(module: object, file: str, missed: Missed) -> bool:
    """Whether what a module calls by the function's name may be that function."""
    code = missed.code
    if code is None or code.co_filename == file or "." in missed.name:
        return True
    return missed.name in getattr(module, "__dict__", {})


def _names_it(origins: Origins, missed: Missed) -> bool:
    """Whether the frames lead to a line of the user's that is likely the right one."""
    frame = origins.users_frame(missed.frames)
    if frame is None or not origins.is_users(frame[0]):
        return False
    text = source.line(frame[0], frame[1])
    return missed.exact or any(name in text for name in _names_in_source(missed))


def _names_of(missed: Missed) -> frozenset[str]:
    names = {*_names_in_source(missed)}
    if missed.code is not None:
        names.add(missed.code.co_name)
    return frozenset(names)


def _names_in_source(missed: Missed) -> tuple[str, ...]:
    """What its function may be called at its line: the builtin ``anext()`` makes an ``asend``."""
    name = missed.name.removesuffix("()").rpartition(".")[2]
    is_anext = name == "asend" and missed.code is None and not missed.exact
    return (name, "anext") if is_anext else (name,)


def _filter_text(entry: Any) -> str:
    action, message, category, *_ = entry
    pattern = getattr(message, "pattern", message) or ""
    return f"{action}:{pattern}:{category.__name__}"
