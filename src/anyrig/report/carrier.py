"""Findings from where they are made to where they are shown, across xdist's workers.

Each test report carries the findings of its phase as plain JSON, so that what a worker has sent
is not lost when it crashes; what turns up outside of the test that made it travels on the next
report, or with the worker's end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from .. import internal, safe
from ..ends import as_told
from ..findings import ClockError, Finding, FindingError, Kind, Phase, Place
from ..internal import Failure
from ..own import sys
from ..rig import Rig
from ..rulings import warned
from . import words

if TYPE_CHECKING:
    from .jsonl import ReportFile

_FOUND = "anyrig"
_STRAYS = "anyrig_strays"
_FAILED = "anyrig_internal"
_USAGE = "anyrig_usage"
CARRIER = pytest.StashKey["Carrier"]()


def is_controller(config: pytest.Config) -> bool:
    """Whether this process only hands tests to xdist's workers."""
    return config.getoption("dist", "no") != "no" and not is_worker(config)


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is one of xdist's workers."""
    return hasattr(config, "workerinput")


class Carrier:
    """Loads findings onto reports where tests run, and unloads them where they are shown."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._is_worker = is_worker(rig.config)
        self._is_controller = is_controller(rig.config)
        self._internal = rig.internal
        self._failed: list[Failure] = []  # what failed in anyrig itself
        self._shown: list[Finding] = []
        self._strays: list[Finding] = []
        # the test in a subtest of which something has ended it, and what
        self._cut_off: tuple[pytest.Item, BaseException] | None = None
        # what the workers made when they collected: each imports all modules for itself, so this
        # is a finding where all of them have it, and then it is one. (what and where -> each)
        self._collected: dict[tuple[object, ...], list[Finding]] = {}
        self._workers = 0
        self._is_usage_error = False
        self._file: ReportFile | None = None
        # what was told of a test that has failed -> that test
        self._told: dict[tuple[object, ...], str] = {}
        self._is_told = False  # whether the section at the end has told what was found
        if rig.settings.report is not None and not self._is_worker:
            from .jsonl import ReportFile

            self._file = ReportFile(rig.settings.report, rig.facts())

    # -- where tests run -------------------------------------------------------------------------

    def load(
        self, item: pytest.Item, call: pytest.CallInfo[Any], report: pytest.TestReport
    ) -> pytest.TestReport:
        """The report with its phase's findings, and with our words where they are its failure."""
        if self._rig.limits.is_open:
            self._note_part(item, call)
            return report
        watch = self._rig.last
        watch = watch if watch is not None and watch.item is item else None
        found = watch.found if watch is not None else []
        if watch is not None and report.skipped and not hasattr(report, "wasxfail"):
            # unittest's skip takes the place of our error
            watch.has_skipped = True
            found = [*map(warned, found)]
        with self._internal.guard("handing on what it found"):
            self._hand_on(item, report, found)
        with self._internal.guard("wording what it found"):
            self._word(call, report, found)
        if watch is not None:
            with self._internal.guard("wording what there was beside a failure"):
                report.sections += [("anyrig", words.of_late(one)) for one in watch.late]
                if watch.riddle is not None:
                    report.sections.append(("anyrig", watch.riddle))
                # those that were left are told with their findings
                if watch.beside and not any(one.kind is Kind.LEAKED_TASK for one in found):
                    report.sections.append(("tasks that ran beside it", "\n".join(watch.beside)))
        if self._internal.new:
            failures = self._internal.drain()
            setattr(report, _FAILED, [failure.to_json() for failure in failures])
            report.sections.append(("anyrig: internal error", internal.text(failures)))
        return report

    def _note_part(self, item: pytest.Item, call: pytest.CallInfo[Any]) -> None:
        """A part of a phase, a subtest, has ended: what is found in the phase is not the part's.

        Nor is what ends the test: that goes on to end it.
        """
        error = call.excinfo.value if call.excinfo is not None else None
        if error is not None and self._rig.runners.is_cut_off(error):
            self._cut_off = (item, error)

    def _end_part(self, report: pytest.TestReport) -> None:
        """Raise what has ended a part, in the test, whose report gets what the part has written."""
        if self._cut_off is None:
            return
        (item, error), self._cut_off = self._cut_off, None
        for title, text in report.sections:
            word, _, key = title.removeprefix("Captured ").partition(" ")
            if key == report.when:
                item.add_report_section(key, word, text)
        raise error

    def _hand_on(
        self, item: pytest.Item, report: pytest.TestReport, found: Sequence[Finding]
    ) -> None:
        if found:
            setattr(report, _FOUND, [finding.to_json() for finding in found])
            _note_properties(item, report, found)
        if self._rig.strays:
            strays = self._rig.take_strays()
            setattr(report, _STRAYS, [stray.to_json() for stray in strays])
            # what fails nothing gets no report of its own
            _note_properties(item, report, [one for one in strays if not one.is_failing])

    def _word(
        self, call: pytest.CallInfo[Any], report: pytest.TestReport, found: Sequence[Finding]
    ) -> None:
        excinfo = call.excinfo
        error = excinfo.value if excinfo is not None else None
        if error is not None:
            # unittest keeps what was raised
            error = as_told(error, self._rig.runners.ended)
        if isinstance(error, FindingError) and report.failed and _is_ours(call):
            assert excinfo is not None
            if error is not excinfo.value:
                excinfo = pytest.ExceptionInfo.from_exception(error)
            report.longrepr = _representation(excinfo, error)
            # what cut the phase off is told first: it knew nothing of the others
            more = [one for one in found if one.is_failing and one not in error.findings]
            if more:
                report.sections.append(("anyrig", words.text(more)))
        elif isinstance(error, ClockError) and report.failed and self._is_nobodys(call):
            assert call.excinfo is not None
            report.longrepr = call.excinfo.getrepr(style="value")
        elif found:
            report.sections.append(("anyrig", words.text(found)))

    def _is_nobodys(self, call: pytest.CallInfo[Any]) -> bool:
        """Whether no line of the user's stands in the way to what was raised."""
        assert call.excinfo is not None
        frames = (str(entry.path) for entry in call.excinfo.traceback)
        return not any(map(self._rig.origins.is_users, frames))

    # -- where they are shown --------------------------------------------------------------------

    def unload(self, report: pytest.TestReport) -> None:
        """Take the findings off a report, on the process that the user looks at."""
        self._end_part(report)
        if self._is_worker:
            return
        with self._internal.guard("taking findings off a report"):
            self._take_failed(getattr(report, _FAILED, ()))
            spared = _spared(report)
            found = [Finding.from_json(one) for one in getattr(report, _FOUND, ())]
            if found and spared is None and report.failed:
                self._tell_once(report, found)
            for finding in found:
                is_spared = spared is not None and finding.is_failing
                self._show(replace(finding, permitted=spared) if is_spared else finding)
            self._take_strays(getattr(report, _STRAYS, ()))

    def _tell_once(self, report: pytest.TestReport, found: Sequence[Finding]) -> None:
        """Shorten what the report of another test tells in full, or note that this one does."""
        for finding in found:
            fault = words.fault(finding)
            if fault is None:
                continue
            first = self._told.setdefault(fault, report.nodeid)
            if first != report.nodeid:
                full, short = words.block(finding), words.again(finding, first)
                _replace(report, "\n".join(full), "\n".join(short))

    def guarded(self, narrow: Callable[..., None], *args: Any) -> None:
        """Call it; what is a usage error elsewhere is a worker's error in collecting.

        xdist takes a worker that raises for one that crashed, and shows nothing of the words. The
        last argument is the list of the tests.
        """
        try:
            narrow(*args)
        except pytest.UsageError as error:
            if not self._is_worker:
                raise
            config = self._rig.config
            config.workeroutput[_USAGE] = True  # type: ignore[attr-defined]
            args[-1].clear()  # the items: no test runs
            report = pytest.CollectReport("anyrig", "failed", longrepr=str(error), result=[])
            config.hook.pytest_collectreport(report=report)

    def unload_worker(self, output: dict[str, Any]) -> None:
        """Take what a worker had left at its end."""
        with self._internal.guard("taking what a worker had left"):
            self._workers += _STRAYS in output  # a worker that crashed has none
            self._is_usage_error |= output.get(_USAGE, False)
            self._take_failed(output.get(_FAILED, ()))
            self._take_strays(output.get(_STRAYS, ()))

    def finish(self, session: pytest.Session) -> None:
        """Judge what is left, and let what turned up late fail the run.

        Called before and after the other plugins' last words: JUnit's file is written there, and
        what they forget themselves is found out after.
        """
        was_stopped = session.exitstatus not in (
            pytest.ExitCode.OK,
            pytest.ExitCode.TESTS_FAILED,
        ) or bool(session.shouldstop or session.shouldfail)
        with self._internal.guard("judging what is left at the end of the run"):
            self._rig.finish(was_stopped=was_stopped)
        strays = [stray.to_json() for stray in self._rig.take_strays()]
        if self._is_worker:
            output = session.config.workeroutput  # type: ignore[attr-defined]
            output[_STRAYS] = [*output.get(_STRAYS, ()), *strays]
            failed = [failure.to_json() for failure in self._internal.drain()]
            output[_FAILED] = [*output.get(_FAILED, ()), *failed]
            return
        with self._internal.guard("telling what was found at the end of the run"):
            self._tell_late(session, strays)

    def _tell_late(self, session: pytest.Session, strays: Sequence[Any]) -> None:
        self._take_strays(strays)
        for of_workers in self._collected.values():
            if len(of_workers) >= self._workers:
                self._keep(of_workers[0])
        self._collected.clear()
        failing = [stray for stray in self._strays if stray.is_failing]
        self._strays = []
        late: dict[str, list[Finding]] = {}
        for stray in failing:
            late.setdefault(_nodeid(stray), []).append(stray)
        for nodeid, strays_of_one in late.items():
            self._report_late(session.config, nodeid, strays_of_one)
        if failing and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self._is_usage_error:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def write_now(self, found: Sequence[Finding]) -> None:
        """Write what no report will hand on: the process is about to end, in the middle of a test.

        From any thread. A worker has no file; pytest-xdist says which test it was lost in.
        """
        if self._file is not None:
            for finding in found:
                self._file.write(finding)
            for failure in self._internal.drain():
                self._file.write_line(failure.to_json())

    def close(self) -> None:
        """The run is over, however it ended."""
        with self._internal.guard("closing the file of --anyrig-report"):
            self._tell_failed()
            if self._file is not None:
                self._file.close()
                if self._file.problem is not None and not self._is_told:
                    from .terminal import incomplete

                    sys.stderr.write("\n".join(["", *incomplete(self._file), ""]))
        if self._failed and not self._is_worker:  # no section has told them
            sys.stderr.write("\n".join(["", *internal.summary(self._failed), ""]))

    def summarise(self, terminal: pytest.TerminalReporter) -> None:
        """Write the section at the end of the run."""
        interrupted = self._rig.limits.whereabouts.interrupted
        with self._internal.guard("writing the section at the end of the run"):
            if self._shown or interrupted:
                from .terminal import write_section

                write_section(terminal, self._shown, self._file, interrupted)
                self._is_told = True
        for line in self._rig.newly_off():  # what was loaded after the header
            terminal.line(line, yellow=True)
        self._tell_failed()
        if self._failed:
            if not (self._shown or interrupted):
                terminal.section("anyrig", sep="=", bold=True)
            for line in internal.summary(self._failed):
                terminal.line(line)
            self._failed = []

    def _tell_failed(self) -> None:
        """Take what failed in this process, and what no report has taken."""
        self._take_failed([failure.to_json() for failure in self._internal.drain()])

    def _take_failed(self, failed: Sequence[Any]) -> None:
        for line in failed:
            self._failed.append(Failure.from_json(line))
            if self._file is not None:
                with self._internal.guard("writing the file of --anyrig-report"):
                    self._file.write_line(line)

    def _show(self, finding: Finding) -> None:
        self._shown.append(finding)
        if self._file is not None:
            with self._internal.guard("writing the file of --anyrig-report"):
                self._file.write(finding)

    def _take_strays(self, strays: Any) -> None:
        for stray in map(Finding.from_json, strays):
            if self._is_controller and stray.place.phase is Phase.COLLECT:
                key = (stray.kind, stray.what, stray.origin)
                self._collected.setdefault(key, []).append(stray)
            else:
                self._keep(stray)

    def _keep(self, stray: Finding) -> None:
        self._strays.append(stray)
        self._show(stray)

    def _report_late(self, config: pytest.Config, nodeid: str, strays: Sequence[Finding]) -> None:
        # as a report of its own, so that the summary, JUnit and the exit status know of it; the
        # terminal's progress line is over by now, so its reporter gets it as a statistic alone
        report = _late_report(nodeid, strays, "teardown")
        terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
        hook = config.pluginmanager.subset_hook_caller(
            "pytest_runtest_logreport", [plugin for plugin in (terminal,) if plugin is not None]
        )
        hook(report=report)
        if terminal is not None:
            if strays[0].place.phase is Phase.COLLECT:
                report = _late_report(nodeid, strays, "collect")  # for the words in its heading
            terminal.stats.setdefault("error", []).append(report)


def _replace(report: pytest.TestReport, before: str, after: str) -> None:
    """Put a text in the place of another one, where a report has it."""
    report.sections = [(title, text.replace(before, after)) for title, text in report.sections]
    shown: Any = report.longrepr
    # an exception is text in the entries of its traceback, also as a worker has sent it
    for traceback, *_ in getattr(shown, "chain", ()) or [(getattr(shown, "reprtraceback", None),)]:
        for entry in getattr(traceback, "reprentries", ()):
            entry.lines = "\n".join(entry.lines).replace(before, after).split("\n")


def _spared(report: pytest.TestReport) -> str | None:
    """Why what a report has found fails no test, in a word of `SPARED`; None where it does."""
    if str(report.outcome) == "rerun":  # what plugins that run a test again make of a failure
        return "rerun"
    return "xfail" if report.skipped and hasattr(report, "wasxfail") else None


def _is_ours(call: pytest.CallInfo[Any]) -> bool:
    """Whether the rig raised it, and not an ``allow()`` block of the user's."""
    assert call.excinfo is not None
    raised_in = call.excinfo.traceback[-1].frame.f_globals["__name__"]
    return bool(raised_in != "anyrig.allowances")


def _representation(excinfo: pytest.ExceptionInfo[BaseException], error: FindingError) -> Any:
    # the findings say themselves what was lost
    lost = any(finding.kind is Kind.LOST_EXCEPTION for finding in error.findings)
    shown: Any = excinfo.getrepr(style="value", chain=not lost)
    crash = getattr(shown, "reprcrash", None)
    if crash is not None and error.findings:
        # what pytest's short summary shows: our line, without the name of the class before it
        crash.message = words.short(error.findings, error.findings[0].place.test)
        origin = error.findings[0].origin
        if origin is not None:
            crash.path, crash.lineno = origin.path, origin.lineno
    return shown


def _representation_of(findings: Sequence[Finding], *, after: str = "") -> Any:
    """The failure as pytest would show it had it been raised."""
    __tracebackhide__ = False  # of what is hidden everywhere, pytest shows no summary
    try:
        raise words.error(findings, after=after)
    except FindingError as error:
        return _representation(pytest.ExceptionInfo.from_exception(error), error)


def _nodeid(stray: Finding) -> str:
    origin = stray.origin.path if stray.origin is not None else "anyrig"
    return stray.place.test or origin


def _late_report(nodeid: str, strays: Sequence[Finding], when: Any) -> pytest.TestReport:
    first = strays[0]
    path, lineno = (first.origin.path, first.origin.lineno) if first.origin else (nodeid, 1)
    return pytest.TestReport(
        nodeid=nodeid,
        location=(path, lineno - 1, nodeid.partition("::")[2] or nodeid),
        keywords={},
        outcome="failed",
        longrepr=_representation_of(strays, after=f"\n\n{_made(first.place)}"),
        when=when,
        user_properties=[_property(stray) for stray in strays],
    )


def _note_properties(
    item: pytest.Item, report: pytest.TestReport, found: Iterable[Finding]
) -> None:
    properties = [*map(_property, found)]
    report.user_properties.extend(properties)
    item.user_properties.extend(properties)


def _property(finding: Finding) -> tuple[str, object]:
    state = f" ({finding.permitted})" if finding.permitted is not None else ""
    return f"anyrig.{finding.kind.value}", words.summary(finding) + state


def _made(place: Place) -> str:
    if place.test is None:
        when = "while tests were collected" if place.phase is Phase.COLLECT else "between tests"
        return f"It was made {when}, so no test fails for it; the run does."
    return (
        f"It was made in the {place.phase.value} of {safe.line(place.test)}\n"
        "and was known only when that test was over, so it fails the run."
    )
