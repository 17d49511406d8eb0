"""Names and texts that are not ours, made safe to print: no controls, whole lines, a limit.

Problem: a task, a thread or a test may have any name, and an exception any text. An escape clears
the reader's screen, a newline cuts a summary in two, a line that begins with ``::error::`` is an
order to the forge that runs the tests, and a megabyte buries the rest.
Approach: what `repr` would escape is escaped here in the same way, orders are spoiled, and what is
too long loses its middle. To make a text safe once more changes nothing. A `Finding` and a
`FindingError` do it with all that they are given, so nobody who makes one has to.
Limits: a backslash stays one, so an escape can't be told from its text.
"""

from __future__ import annotations

import _thread
import re
import reprlib
from collections.abc import Callable, Iterable

from .own import contextvars, traceback

NAME = 120  # characters of a name or a value
LINE = 400  # characters of a line
LINES = 400  # lines of a picture, or of another text
SECONDS = 1.0  # that an object may take to say what it is

# What a forge takes for an order: GitHub looks behind the blanks that begin a line (and a line
# may be broken at any blank), and for the older form, as Azure and TeamCity do, anywhere in it.
_ORDER = re.compile(r"(?<!\S):(?=:[A-Za-z][\w-]*(?:\s.*?)?::)|#(?=#\w*\[)")
_PLAIN = (str, int, float, complex, bool, bytes, type(None))  # these say at once what they are
# the folder of installed packages, or of Python's own modules, and what is in it
# (texts and not patterns: only a report needs them)
_INSTALLED = r".*[\\/]((?:site|dist)-packages[\\/].*)"
_PYTHONS = r"(?:[\\/]|[A-Za-z]:).*[\\/](python3\.\d+t?[\\/].*)"
# what an exception's text is made of by the interpreter alone
_PLAIN_STR = (BaseException.__str__, OSError.__str__, KeyError.__str__)
# for these `traceback` asks the user's objects for a better name
_GUESSED = (NameError, AttributeError, ImportError, SyntaxError)

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 100


def line(text: str, most: int = LINE) -> str:
    """A text as one line of at most that many characters, safe to print."""
    text = _cut(text, most)  # first: of megabytes, most is never looked at
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c == "\t" else _escaped(c) for c in text)
    if "::" in text or "##" in text:
        text = _ORDER.sub(lambda order: f"\\x{ord(order[0]):02x}", text)
    return _cut(text, most)


def name(text: object) -> str:
    """A name as a piece of a line, safe to print and short."""
    return line(text if type(text) is str else value(text), NAME)


def path(text: str) -> str:
    """A file as it is shown: of what is installed, or is Python's own, the part that says what.

    That is ``site-packages/anyio/lowlevel.py``, or ``python3.13/asyncio/locks.py``.
    """
    match = re.fullmatch(_INSTALLED, text) or re.fullmatch(_PYTHONS, text)
    return text if match is None else match[1]


def lines(texts: Iterable[str], most: int = LINES) -> tuple[str, ...]:
    """At most that many lines, each of them safe; the last one says how many there are more."""
    kept = list(texts)
    if len(kept) > most:
        kept[most - 1 :] = [f"... and {len(kept) - most + 1} lines more"]
    return tuple(map(line, kept))


def block(text: str, most: int = LINES) -> str:
    """A text of several lines, safe to print."""
    return "\n".join(lines(text.replace("\r\n", "\n").split("\n"), most))


def value(thing: object, shorten: reprlib.Repr = _short) -> str:
    """A value as its author would write it, on a line and shortened; its class where it can't be.

    Of what is not plain, its own ``__repr__`` is asked as `told` does.
    """
    if _is_plain(thing):
        return line(shorten.repr(thing), NAME)
    return line(told(lambda: shorten.repr(thing), f"<{type(thing).__name__}>"), NAME)


def _is_plain(thing: object, depth: int = 3) -> bool:
    """Whether the interpreter alone says what a value is: no code of the user's runs."""
    if type(thing) in (list, tuple, set, frozenset) and depth:
        inside = list(thing)  # type: ignore[call-overload]
    elif type(thing) is dict and depth:
        inside = [*thing, *thing.values()]
    else:
        return type(thing) in _PLAIN
    return len(inside) <= 20 and all(_is_plain(one, depth - 1) for one in inside)


def said_by(error: BaseException) -> str:
    """What an exception says, with its class before it and its notes below; of any length.

    Its own ``__str__`` is asked as `told` does; where it has no answer, its class alone is told.
    """
    if _is_plain_error(error):
        return "".join(traceback.format_exception_only(error))
    otherwise = f"{type(error).__qualname__}: <it does not say what it is>"
    return told(lambda: "".join(traceback.format_exception_only(error)), otherwise)


def _is_plain_error(error: BaseException) -> bool:
    return (
        any(type(error).__str__ is function for function in _PLAIN_STR)
        and _is_plain(error.args)
        and not isinstance(error, _GUESSED)
        and not hasattr(error, "__notes__")
    )


# The locks of those whom `told` has asked and who have not answered, of all runs in this process:
# who never answers costs one second and one thread, and not one for each finding.
_unanswered: list[_thread.LockType] = []


def can_be_shown(error: BaseException) -> bool:
    """Whether pytest may be handed an exception, which asks for its text with nobody to end that.

    False for one that is not plain while somebody who was asked has not answered.
    """
    return _is_plain_error(error) or not any(lock.locked() for lock in _unanswered)


def told(ask: Callable[[], str], otherwise: str) -> str:
    """What a function of the user's says (a ``__repr__``, a ``__str__``), as it was said.

    For where no limit of the test's can end it any more: it is asked in a thread of its own. What
    it raises, and that it does not answer within `SECONDS`, gives the other text.
    """
    _unanswered[:] = [lock for lock in _unanswered if lock.locked()]
    if _unanswered:
        return otherwise
    answers: list[object] = []
    lock = _thread.allocate_lock()
    lock.acquire()

    def answer() -> None:
        try:
            answers.append(ask())
        except BaseException:  # noqa: BLE001 - the user's own: no test is about it
            pass
        finally:
            lock.release()

    try:
        # no `Thread`: whoever looks for threads that were left is not to find this one
        _thread.start_new_thread(contextvars.copy_context().run, (answer,))
    except RuntimeError:  # no thread can be had
        return otherwise
    if not lock.acquire(timeout=SECONDS):
        _unanswered.append(lock)
    return answers[0] if answers and type(answers[0]) is str else otherwise


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    tail = most // 3
    return f"{text[: most - tail - 3]}...{text[-tail:]}"
