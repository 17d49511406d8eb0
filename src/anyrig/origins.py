"""From the interpreter's frames to the user's own line.

Frames of anyrig, of the mock library, of the standard library and of installed packages are not
the user's; the innermost frame that is left is the line that a finding names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from .findings import Frame, Origin
from .own import os, traceback
from .seams.cpython import lines
from .seams.unittest_mock import is_mock_file

_HERE = os.path.dirname(__file__) + os.sep
_SHIM = f"{os.sep}anyrig_compat{os.sep}"
_STDLIB = os.path.dirname(os.__file__) + os.sep
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
# texts and not patterns, which take longer to compile than all else here takes to import
_RUNNERS = r"[\\/](_pytest|pytest|pluggy|xdist|execnet|pytest_asyncio|pytest_trio)[\\/]"
_HOSTS = rf"{_RUNNERS}|[\\/]anyio[\\/]pytest_plugin\.py$"
_DOCTEST = r"<doctest (.+)\[(\d+)\]>$"
_CHAIN_LENGTH = 6

RawFrame = tuple[str, int, str]
_FRAMES = ("cr_frame", "gi_frame", "ag_frame")


def frame_within(thing: Any) -> FrameType | None:
    """The frame of a coroutine or generator; None where it has ended, or is none."""
    return next((getattr(thing, name) for name in _FRAMES if hasattr(thing, name)), None)


def raw_frames(walk: Iterable[tuple[FrameType, int | None]]) -> list[RawFrame]:
    """The frames of ``traceback.walk_tb`` or ``walk_stack``, in their order.

    A compiled coroutine's frame (Cython's, say) is at no line: the first of its code stands for it.
    """
    return [
        (
            frame.f_code.co_filename,
            lines.near(frame.f_code, frame.f_lasti) if line is None else line,
            frame.f_code.co_name,
        )
        for frame, line in walk
    ]


def stack_of(frame: FrameType | None) -> list[RawFrame]:
    """A running frame and those that called it, innermost first."""
    return raw_frames(traceback.walk_stack(frame))


class Origins:
    """Turns raw frames (innermost first) into an `Origin`, relative to the run's root directory.

    ``doctests`` maps the names of the doctests that are running to their ``DocTest`` objects, so
    that a line of an example is named by the file that holds it.
    """

    def __init__(self, root: Path, doctests: dict[str, Any] | None = None) -> None:
        self.root = root
        self.doctests = doctests or {}

    def locate(self, frames: Sequence[RawFrame], *, exact: bool = True) -> Origin | None:
        """The user's own line among the frames; where none is the user's, the innermost one."""
        kept = [frame for frame in self.within(frames) if not _is_machinery(frame[0])]
        if not kept:
            return None
        index = next((i for i, frame in enumerate(kept) if self.is_users(frame[0])), None)
        inside: Frame | None = None
        if index is None:
            index = 0
        elif index > 0:
            inside = next((self._frame(f) for f in kept[:index] if _is_installed(f[0])), None)
        filename, lineno, function = kept[index]
        file, real_lineno = self._readable(filename, lineno)
        chain: list[Frame] = []
        for frame in kept[index + 1 :]:
            if re.search(_RUNNERS, frame[0]) or len(chain) == _CHAIN_LENGTH:
                break
            if self.is_users(frame[0]):
                chain.append(self._frame(frame))
        from . import source

        return Origin(
            path=self.path(file),
            lineno=real_lineno,
            function=function,
            source=source.line(file, real_lineno),
            chain=tuple(chain),
            inside=inside,
            exact=exact,
        )

    def locate_held(self, frames: Sequence[RawFrame]) -> Origin | None:
        """The same of a call that holds its thread: nobody's where it is a loop's own wait, or C.

        What has run the test is then the innermost frame, and no line to look at.
        """
        held = self.users_frame(frames)
        is_told = held is None or self.is_users(held[0]) or not re.search(_HOSTS, held[0])
        return self.locate(frames) if is_told else None

    def definition(self, code: CodeType) -> Origin | None:
        """The line that defines a function, below its decorators."""
        return self.locate([self.definition_frame(code)])

    def definition_frame(self, code: CodeType) -> RawFrame:
        """The raw frame of the line that defines a function."""
        from . import source

        lineno = source.definition_line(code.co_filename, code.co_firstlineno)
        return code.co_filename, lineno, code.co_name

    def users_frame(self, frames: Sequence[RawFrame]) -> RawFrame | None:
        """The raw frame that `locate` names, for questions to `source`."""
        kept = [frame for frame in self.within(frames) if not _is_machinery(frame[0])]
        users = (frame for frame in kept if self.is_users(frame[0]))
        return next(users, kept[0] if kept else None)

    def caller(self, frames: Sequence[RawFrame]) -> RawFrame | None:
        """The innermost frame that is neither anyrig's nor Python's own."""
        return next((frame for frame in frames if not _is_machinery(frame[0])), None)

    def within(self, frames: Sequence[RawFrame]) -> Sequence[RawFrame]:
        """The frames but for those that have called pytest itself: a script, whosever it is."""
        for index in range(len(frames) - 1, -1, -1):
            filename = frames[index][0]
            if re.search(_RUNNERS, filename) and not self.is_users(filename):
                return frames[: index + 1]
        return frames

    def of_test(self, frames: Sequence[RawFrame]) -> Sequence[RawFrame]:
        """The frames up to pytest's innermost: what called pytest itself is nobody's test."""
        for index, (filename, *_) in enumerate(frames):
            # a project of the user's may lie in a folder of such a name
            if re.search(_RUNNERS, filename) and not self.is_users(filename):
                return frames[:index]
        return frames

    def is_users(self, filename: str) -> bool:
        """Whether the file is the user's: not installed, not Python's own, not anyrig's."""
        if filename.startswith("<"):
            return re.match(_DOCTEST, filename) is not None
        if filename.startswith(_HERE) or _SHIM in filename or is_mock_file(filename):
            return False
        if filename.startswith(str(self.root) + os.sep):
            return not _is_installed(filename[len(str(self.root)) :])
        return not (filename.startswith(_STDLIB) or _is_installed(filename))

    def path(self, filename: str) -> str:
        """The file as the user would type it."""
        try:
            return str(Path(filename).relative_to(self.root))
        except ValueError:
            return filename

    def _frame(self, frame: RawFrame) -> Frame:
        file, lineno = self._readable(frame[0], frame[1])
        return Frame(self.path(file), lineno, frame[2])

    def _readable(self, filename: str, lineno: int) -> tuple[str, int]:
        match = re.match(_DOCTEST, filename)
        test = self.doctests.get(match[1]) if match else None
        if match is None or test is None:
            return filename, lineno
        example = test.examples[int(match[2])]
        return test.filename, (test.lineno or 0) + example.lineno + lineno


def _is_installed(filename: str) -> bool:
    return any(folder in filename for folder in _INSTALLED)


def is_in_between(filename: str) -> bool:
    """Whether the file is anyrig's or a mock library's, which stand for what they call."""
    return filename.startswith(("<frozen", _HERE)) or is_mock_file(filename)


def _is_machinery(filename: str) -> bool:
    if is_in_between(filename):
        return True
    return filename.startswith(_STDLIB) and not _is_installed(filename)
