"""Every setting of anyrig, declared once: ini option, flag, marker word, help and docs table.

`OPTIONS` is the list; `read` turns what pytest parsed into `Settings`, `read_marker` what stands
in ``@pytest.mark.anyrig(...)``. A wrong word is a ``pytest.UsageError`` that says where it stands
and lists the right ones.
"""

from __future__ import annotations

import errno
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar, get_args

import pytest

from . import columns, safe
from .backends import BACKENDS, DEFAULT, Backend
from .findings import Kind, Policy
from .own import os
from .settings_file import SettingsFile

T = TypeVar("T")


class Option(NamedTuple):
    """One setting: its ini name, its flag and its word in the marker (None where it has none)."""

    ini: str | None
    flag: str | None
    marker: str | None
    values: str
    default: str
    help: str
    kind: Kind | None = None


# a guess, and what is to be typed, stand on one line of an error
_IN_ONE_PIECE = re.compile(r"\((?:did you mean|pip install) .*?\)")
_POLICIES = " | ".join(policy.value for policy in Policy)
_KIND_HELP = {
    Kind.MISSED_AWAIT: "a coroutine that was made and never awaited",
    Kind.NEVER_RAN: "an async test that is green although its body did not run to an end",
    Kind.WRONG_BACKEND: "a test that runs on another backend than the one it names",
    Kind.LEAKED_TASK: "a task that a test made and that is still there at its end",
    Kind.LOST_EXCEPTION: "an exception that was raised where nobody could see it",
    Kind.LEAKED_ASYNCGEN: "an async generator that was dropped in the middle",
    Kind.LEAKED_THREAD: "a thread that a test started and that is still alive at its end",
    Kind.BLOCKED_LOOP: "a call that holds the event loop for anyrig_blocked_loop_after seconds",
    Kind.DEADLOCK: "a test whose tasks all wait, with nothing left to wake them",
    Kind.WRONG_THREAD: "a call from another thread that makes something ready and wakes no loop",
    Kind.TIMEOUT: "a test that takes longer than anyrig_timeout seconds",
    Kind.LEAKED_CONTEXTVAR: "a context variable that a test leaves changed for the next one",
    Kind.UNUSED_STUB: "a double of the fixture mocks that has more to give than it was asked for",
}
# what is told and fails nothing, unless a setting says so
_WARNS = frozenset({Kind.LEAKED_THREAD, Kind.BLOCKED_LOOP, Kind.LEAKED_CONTEXTVAR})
# what holds of fixtures alone as well
_OF_THE_LOOP = frozenset({Kind.DEADLOCK, Kind.WRONG_THREAD, Kind.TIMEOUT, Kind.BLOCKED_LOOP})
# what nobody is told who has not asked for it
_OFF = frozenset({Kind.UNUSED_STUB})


Scope = Literal["session", "package", "module", "class", "function"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


def _default(kind: Kind) -> Policy:
    if kind in _OFF:
        return Policy.OFF
    return Policy.WARN if kind in _WARNS else Policy.FAIL


OPTIONS: tuple[Option, ...] = (
    Option(
        ini="anyrig_backends",
        flag=None,
        marker="backends",
        values="names of backends",
        default=" ".join(DEFAULT),
        help="the backends that async tests run on, out of " + ", ".join(BACKENDS),
    ),
    Option(
        ini="anyrig_backend_scope",
        flag=None,
        marker=None,
        values=" | ".join(SCOPES),
        default="module",
        help="how wide the fixture anyio_backend is, and an async fixture can be",
    ),
    Option(
        ini=None,
        flag="--anyrig-backend",
        marker=None,
        values="the name of a backend",
        default="all of anyrig_backends",
        help="run async tests on this backend alone (may be given more than once)",
    ),
    *(
        Option(
            ini=kind.setting,
            flag="--" + kind.setting.replace("_", "-"),
            marker=kind.marker_word,
            values=_POLICIES,
            default=_default(kind).value,
            help=f"what to do about {_KIND_HELP[kind]}",
            kind=kind,
        )
        for kind in Kind
    ),
    Option(
        ini="anyrig_cancel_timeout",
        flag="--anyrig-cancel-timeout",
        marker="cancel_timeout",
        values="seconds",
        default="5",
        help="how long a cancelled task of task_group or of a service may take to end",
    ),
    Option(
        ini="anyrig_timeout",
        flag="--anyrig-timeout",
        marker="timeout",
        values="seconds, or off",
        default="off",
        help="how long a test may take, setup and teardown included",
    ),
    Option(
        ini="anyrig_blocked_loop_after",
        flag="--anyrig-blocked-loop-after",
        marker="blocked_loop_after",
        values="seconds",
        default="1",
        help="how long one call may hold the event loop",
    ),
    Option(
        ini="anyrig_tell_after",
        flag="--anyrig-tell-after",
        marker="tell_after",
        values="seconds, or off",
        default="60",
        help="when a test that goes on is told of on the terminal, with where its tasks wait",
    ),
    Option(
        ini="anyrig_known_tasks",
        flag=None,
        marker="known_tasks",
        values="patterns of names",
        default="nothing",
        help="tasks that are no leaks, by the names of their coroutines; * stands for any text",
    ),
    Option(
        ini="anyrig_known_threads",
        flag=None,
        marker="known_threads",
        values="patterns of names",
        default="nothing",
        help="threads that are no leaks and wake no test, by their names or what they run; "
        "* stands for any text",
    ),
    Option(
        ini="anyrig_adapt_mocks",
        flag="--anyrig-adapt-mocks",
        marker=None,
        values="on | off",
        default="off",
        help="whether what pytest-mock's mocker makes has to be awaited as mocks of anyrig's do",
    ),
    Option(
        ini=None,
        flag=None,
        marker="clock",
        values="virtual | real",
        default="real",
        help="the time that the test runs in",
    ),
    Option(
        ini=None,
        flag=None,
        marker="allow",
        values="a list of kinds: " + ", ".join(kind.value for kind in Kind),
        default="nothing",
        help="permit findings of these kinds in this test; fails where there is none",
    ),
    Option(
        ini=None,
        flag="--anyrig-report",
        marker=None,
        values="a file",
        default="no file",
        help="write each finding to this file, as JSON lines",
    ),
)


_LISTS: dict[str, list[str]] = {
    "anyrig_backends": list(DEFAULT),
    "anyrig_known_tasks": [],
    "anyrig_known_threads": [],
}
_METAVARS = {
    "--anyrig-backend": "NAME",
    "--anyrig-report": "FILE",
    "--anyrig-cancel-timeout": "SECONDS",
    "--anyrig-timeout": "SECONDS",
    "--anyrig-blocked-loop-after": "SECONDS",
    "--anyrig-tell-after": "SECONDS",
    "--anyrig-adapt-mocks": "SWITCH",
}


KNOWN = "--anyrig-known"  # a command, and no setting

_MOST_SECONDS = 1_000_000_000  # what waits in a thread can't wait for longer than some of these


class Settings(NamedTuple):
    """What the settings say, for the run or (after `narrowed`) for one test."""

    backends: tuple[Backend, ...]
    only: tuple[Backend, ...] | None
    policies: Mapping[Kind, Policy]
    cancel_timeout: float  # seconds
    timeout: float  # seconds; 0 is off
    blocked_loop_after: float  # seconds
    tell_after: float  # seconds; 0 is off
    known_tasks: tuple[str, ...]
    known_threads: tuple[str, ...]
    adapt_mocks: bool
    backend_scope: Scope = "module"
    report: Path | None = None
    chosen_kinds: frozenset[Kind] = frozenset()  # whose policy somebody has set
    allowed: frozenset[Kind] = frozenset()
    is_virtual: bool = False  # whether the test asks for virtual time

    @property
    def chosen(self) -> tuple[Backend, ...]:
        """The backends that this run tests on."""
        return self.backends if self.only is None else self.only

    def is_on(self, kind: Kind) -> bool:
        """Whether findings of this kind are made at all."""
        return self.policies[kind] is not Policy.OFF


def add_options(parser: pytest.Parser) -> None:
    """Declare every setting to pytest."""
    group = parser.getgroup("anyrig", "anyrig: async tests that tell the truth")
    for option in OPTIONS:
        text = f"{option.help} ({option.values}; default: {option.default})"
        if option.ini is not None:
            if option.ini in _LISTS:
                parser.addini(option.ini, text, type="args", default=_LISTS[option.ini])
            else:
                parser.addini(option.ini, text, type="string", default=option.default)
        if option.flag is not None:
            group.addoption(
                option.flag,
                dest=_dest(option.flag),
                action="append" if option.flag == "--anyrig-backend" else "store",
                default=None,
                metavar=_METAVARS.get(option.flag, "POLICY"),
                help=text,
            )

    group.addoption(
        KNOWN,
        dest=_dest(KNOWN),
        action="store_true",
        help="print the tasks and threads that are kept on purpose and no leaks, and end",
    )


def read(config: pytest.Config) -> Settings:
    """The settings of this run; raises ``pytest.UsageError`` for a wrong value."""
    given = _Given(config)
    names = given.texts("anyrig_backends")
    where = given.place("anyrig_backends")
    backends = tuple(_backend(name, where, BACKENDS) for name in names)
    if not backends:
        raise usage_error(f"{where}: no backend; choose among {_listed(BACKENDS)}")
    only = tuple(
        _backend(name, "--anyrig-backend", {backend.name: backend for backend in backends})
        for name in config.getoption(_dest("--anyrig-backend")) or ()
    )
    for backend in only or backends:
        missing = backend.missing()
        if missing is not None:
            raise usage_error(
                f"{'--anyrig-backend' if only else where}: the backend {backend.name!r} "
                f"needs {missing}"
            )
    report = config.getoption(_dest("--anyrig-report"))
    policies = {kind: _policy(*given(kind.setting)) for kind in Kind}
    # with --setup-only and --setup-plan no test's body runs, and most kinds are about what it does
    off = frozenset(Kind) - _OF_THE_LOOP if config.getoption("setuponly", False) else frozenset()
    return Settings(
        backends=_unique(backends),
        only=_unique(only) or None,
        policies={kind: Policy.OFF if kind in off else policy for kind, policy in policies.items()},
        cancel_timeout=_seconds(*given("anyrig_cancel_timeout")),
        timeout=_seconds_or_off(*given("anyrig_timeout")),
        blocked_loop_after=_seconds(*given("anyrig_blocked_loop_after")),
        tell_after=_seconds_or_off(*given("anyrig_tell_after")),
        known_tasks=given.patterns("anyrig_known_tasks"),
        known_threads=given.patterns("anyrig_known_threads"),
        adapt_mocks=_switch(*given("anyrig_adapt_mocks")),
        backend_scope=_scope(given),
        report=None if report is None else _report_path(config, report),
        chosen_kinds=frozenset(kind for kind in Kind if given.is_set(kind.setting)),
    )


def read_marker(settings: Settings, mark: pytest.Mark, where: str) -> Settings:
    """The settings as this one ``@pytest.mark.anyrig(...)`` changes them for a test."""
    words = {option.marker: option for option in OPTIONS if option.marker is not None}
    where = f"{where}: @pytest.mark.anyrig"
    if mark.args:
        raise usage_error(f"{where} takes keywords only: {_listed(words)}")
    for word, value in mark.kwargs.items():
        option = words.get(word)
        if option is None:
            raise usage_error(
                f"{where}: unknown word {word!r}{_guess(word, words)}; use {_listed(words)}"
            )
        place = f"{where}({word}=...)"
        if option.kind is not None:
            policies = {**settings.policies, option.kind: _policy(value, place)}
            chosen = settings.chosen_kinds | {option.kind}
            settings = settings._replace(policies=policies, chosen_kinds=chosen)
        elif word == "cancel_timeout":
            settings = settings._replace(cancel_timeout=_seconds(value, place))
        elif word == "timeout":
            settings = settings._replace(timeout=_seconds_or_off(value, place))
        elif word == "tell_after":
            settings = settings._replace(tell_after=_seconds_or_off(value, place))
        elif word == "blocked_loop_after":
            settings = settings._replace(blocked_loop_after=_seconds(value, place))
        elif word == "known_tasks":
            known = _patterns(_strings(value, place), place)
            settings = settings._replace(known_tasks=settings.known_tasks + known)
        elif word == "known_threads":
            known = _patterns(_strings(value, place), place)
            settings = settings._replace(known_threads=settings.known_threads + known)
        elif word == "clock":
            settings = settings._replace(is_virtual=_is_virtual(value, place))
        elif word == "allow":
            kinds = frozenset(read_kind(kind, place) for kind in _strings(value, place))
            settings = settings._replace(allowed=settings.allowed | kinds)
        else:
            settings = settings._replace(only=_narrowed(settings, value, place))
    return settings


def read_kind(word: object, where: str) -> Kind:
    """The kind of this name; raises ``pytest.UsageError`` that lists the right ones."""
    return _one_of({kind.value: kind for kind in Kind}, "kind", word, where)


def _narrowed(settings: Settings, value: object, place: str) -> tuple[Backend, ...]:
    # a name that the whole run lacks is a mistake; one that --anyrig-backend left out is not
    known = {backend.name: backend for backend in settings.backends}
    asked: list[Backend] = []
    for name in _strings(value, place):
        # a library stands for each of its backends where the run has not the plain one
        kin = [one for one in settings.backends if one.library == name and name not in known]
        asked += kin or [_backend(name, place, known)]
    return tuple(backend for backend in settings.chosen if backend in asked)


def _backend(name: object, where: str, known: Mapping[str, Backend]) -> Backend:
    if isinstance(name, str) and name in known:
        return known[name]
    if isinstance(name, str) and name in BACKENDS:
        raise usage_error(
            f"{where}: the backend {name!r} is not among this run's ({_listed(known)}); "
            "add it to anyrig_backends"
        )
    raise usage_error(
        f"{where}: unknown backend {safe.value(name)}{_guess(name, known)}; "
        f"choose among {_listed(known)}"
    )


class _Given:
    """What pytest parsed, and where each setting of ours stands."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._file = SettingsFile(config)
        self.place = self._file.place
        self.of_file = self._file.value

    def __call__(self, ini: str) -> tuple[object, str]:
        """The value of a setting that is a flag as well, and where it stands."""
        flag = "--" + ini.replace("_", "-")
        given = self._config.getoption(_dest(flag))
        return (self._file.value(ini), self.place(ini)) if given is None else (given, flag)

    def texts(self, ini: str) -> list[object]:
        """The value of a setting that is a list; a text is one, in words."""
        value = self._file.value(ini)
        if isinstance(value, str):
            return list(value.split())
        if isinstance(value, list):
            return value
        raise usage_error(
            f"{self.place(ini)} takes a list, as in [{safe.value(str(value))}]; it is "
            f"{safe.value(value)}"
        )

    def patterns(self, ini: str) -> tuple[str, ...]:
        """The value of a setting that is a list of patterns."""
        return _patterns(self.texts(ini), self.place(ini))

    def is_set(self, ini: str) -> bool:
        """Whether a flag, the settings file or ``-o`` has a setting."""
        return self._file.is_set(ini) or self(ini)[1] != self.place(ini)


def _scope(given: _Given) -> Scope:
    value = given.of_file("anyrig_backend_scope")
    # in quotes, as TOML has them, it is the same in an ini file
    value = value.strip("\"'") if isinstance(value, str) else value
    known: dict[str, Scope] = {scope: scope for scope in SCOPES}
    return _one_of(known, "scope", value, given.place("anyrig_backend_scope"))


def _seconds(value: object, where: str, otherwise: str = "") -> float:
    is_number = isinstance(value, str | int | float) and not isinstance(value, bool)
    try:
        seconds = float(value) if is_number else math.nan  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise usage_error(
            f"{where}: {safe.value(value)} is no number of seconds; use one such as 2.5{otherwise}"
        )
    if seconds > _MOST_SECONDS:
        raise usage_error(
            f"{where}: {safe.value(value)} seconds are too many; "
            f"use {_MOST_SECONDS} at most{otherwise}"
        )
    return seconds


def _is_off(value: object) -> bool:
    """Whether a value says "off" in one of the ways that a settings file has for it."""
    is_word = isinstance(value, str) and value in ("off", "false", "False")
    return value is None or value is False or is_word


def _seconds_or_off(value: object, where: str) -> float:
    if _is_off(value):
        return 0.0
    return _seconds(value, where, ", or 'off'")


def _switch(value: object, where: str) -> bool:
    if _is_off(value):
        return False
    if value is True or (isinstance(value, str) and value in ("true", "True")):
        return True
    return _one_of({"on": True, "off": False}, "switch", value, where)


def _is_virtual(value: object, where: str) -> bool:
    return _one_of({"virtual": True, "real": False}, "clock", value, where)


def _policy(value: object, where: str) -> Policy:
    if value is not None and _is_off(value):
        return Policy.OFF
    return _one_of({policy.value: policy for policy in Policy}, "policy", value, where)


def _one_of(words: Mapping[str, T], what: str, value: object, where: str) -> T:
    """What a word stands for; raises ``pytest.UsageError`` that lists the right ones."""
    if not isinstance(value, str) or value not in words:
        raise usage_error(
            f"{where}: unknown {what} {safe.value(value)}{_guess(value, words)}; "
            f"use {_listed(words)}"
        )
    return words[value]


def _strings(value: object, place: str) -> list[object]:
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    raise usage_error(f"{place} takes a list, as in [{safe.value(value)}]")


def _patterns(values: list[object], place: str) -> tuple[str, ...]:
    for value in values:
        if not isinstance(value, str):
            raise usage_error(
                f"{place}: {safe.value(value)} is no pattern of names; use texts, as in "
                "['Server._poll*']"
            )
    return tuple(map(str, values))


def _report_path(config: pytest.Config, given: str) -> Path:
    try:
        path = Path(config.invocation_params.dir, given)
        is_folder, has_folder = path.is_dir(), path.parent.is_dir()
        others = [config.getoption(name, None) for name in ("xmlpath", "log_file")]
        others = [Path(config.invocation_params.dir, other) for other in others if other]
        is_taken = path.resolve() in [other.resolve() for other in others]
    except RuntimeError:  # pathlib's before Python 3.13, of links in a circle
        raise no_report(given, os.strerror(errno.ELOOP)) from None
    except (OSError, ValueError) as error:  # no name
        raise no_report(given, str(error)) from None
    if is_folder:
        raise no_report(given, "is a folder")
    if not has_folder:
        raise no_report(given, f"the folder {path.parent} does not exist")
    if is_taken:
        raise no_report(given, "another option has this file")
    return path


def usage_error(text: str) -> pytest.UsageError:
    """The error with this text, in lines that fit the terminal; pytest puts ``ERROR:`` before.

    What is too long for one has where it stands in the first, what is wrong and what to type below.
    A path is never cut: it may be wanted whole.
    """
    first, then = " " * len("ERROR: "), "  "
    if len(first) + len(text) <= columns.WIDTH:
        return pytest.UsageError(text)
    where = text.partition("'")[0].rfind(": ") + 1
    parts: list[str] = []
    for part in re.split(r"(?<=;) |(?<=[a-z)]\.) (?=[A-Z])", text[where:].lstrip()):
        if parts and len(f"{then}{parts[-1]} {part}") <= columns.WIDTH:
            parts[-1] += f" {part}"
        else:
            parts.append(part)
    lines = columns.wrapped(text[:where], first, then, cuts=False) if where else []
    for part in parts:
        kept = _IN_ONE_PIECE.sub(lambda words: words[0].replace(" ", "\0"), part)
        lines += columns.wrapped(kept, then if lines else first, then, cuts=False)
    return pytest.UsageError("\n".join(lines).lstrip().replace("\0", " "))


def no_report(given: str, problem: str) -> pytest.UsageError:
    """The error for a report that can't be written there."""
    where = safe.line(f"--anyrig-report: {given}")
    return usage_error(
        f"{where}: {safe.line(problem)}. Give the report a file of its own, as in "
        "--anyrig-report=findings.jsonl"
    )


def _guess(word: object, known: Iterable[str]) -> str:
    import difflib

    close = difflib.get_close_matches(word[:100] if isinstance(word, str) else "", list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _listed(words: Iterable[str]) -> str:
    return ", ".join(repr(word) for word in words)


def _unique(backends: tuple[Backend, ...]) -> tuple[Backend, ...]:
    return tuple(dict.fromkeys(backends))


def _dest(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_") + "_flag"
