"""pytest's hooks for the run; each fetches the rig, calls one method, returns.

Those that frame a test, `Phases`, hold their rig: each test pays for what they do.
"""

from __future__ import annotations

import functools
from collections.abc import Generator, Sequence
from typing import Any

import pytest

from . import fixtures
from .backend_fixture import narrow, register
from .checks.lost_exception import LostExceptions
from .own import sys
from .phases import Phases
from .report.carrier import CARRIER, Carrier, is_controller
from .rig import RIG, Rig
from .seams import SeamGone, check
from .seams.cpython import lines
from .settings import add_options, read
from .who_runs import anyios_plugin, is_async, not_loaded, other_runner, told

Wrapper = Generator[None, Any, Any]


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    if not config.getoption("anyrig_known_flag"):
        return None
    from .known import lines

    settings = read(config)
    sys.stdout.write("\n".join(lines(settings.known_tasks, settings.known_threads)))
    return 0


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "anyrig(backends=[...], allow=[...], missed_awaits='fail|warn|off', ...): "
        "what anyrig does with this test (its docs list the settings)",
    )
    try:
        check()
    except SeamGone as error:
        raise pytest.UsageError(str(error)) from None
    rig = config.stash[RIG] = Rig(config)
    register(config, rig.settings)
    carrier = config.stash[CARRIER] = Carrier(rig)
    config.pluginmanager.register(fixtures, "anyrig-fixtures")
    config.pluginmanager.register(Ends(carrier), "anyrig-ends")
    rig.announce = functools.partial(_hear_reports, config, carrier)
    rig.write_now = carrier.write_now
    if anyios_plugin(config.pluginmanager) is None:
        config.pluginmanager.register(WithoutAnyio(), "anyrig-without-anyio")
    if is_controller(config):
        rig.announce()
    else:
        checks = rig.start()
        config.pluginmanager.register(Phases(rig, checks), "anyrig-phases")
        if config.getoption("usepdb", False):
            from .postmortem import Postmortem

            config.pluginmanager.register(Postmortem(config.rootpath), "anyrig-postmortem")
        if rig.settings.adapt_mocks:
            config.pluginmanager.register(Mockers(), "anyrig-mockers")
        if pytest.version_tuple < (8, 4):
            config.pluginmanager.register(InnerHooks(checks.lost), "anyrig-inner-hooks")


def _hear_reports(config: pytest.Config, carrier: Carrier) -> None:
    if not config.pluginmanager.has_plugin("anyrig-reports"):
        config.pluginmanager.register(Reports(carrier), "anyrig-reports")


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    rig = config.stash.get(RIG, None)
    if rig is not None:
        with rig.internal.guard("putting the interpreter back as it was"):
            rig.stop()
    carrier = config.stash.get(CARRIER, None)  # there is none where the configuring has failed
    if carrier is not None:
        carrier.close()


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [config.stash[RIG].header(), *told(config)]


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    rig = session.config.stash[RIG]
    with rig.internal.guard("beginning to watch the collection"):
        rig.collecting()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    config.stash[CARRIER].guarded(narrow, config, config.stash[RIG].settings, items)


def pytest_collection_finish(session: pytest.Session) -> None:
    rig = session.config.stash[RIG]
    with rig.internal.guard("ending to watch the collection"):
        rig.collected(session)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    rig = session.config.stash[RIG]
    with rig.internal.guard("beginning to watch the tests"):
        rig.testing()


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    if items:
        items[0].config.stash[RIG].is_whole = False


class WithoutAnyio:
    """The hooks for a run without anyio's plugin: async tests that nobody runs are told why."""

    def __init__(self) -> None:
        self._has_unrun = False

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._has_unrun = any(is_async(one) and other_runner(one) is None for one in session.items)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        manager = terminalreporter.config.pluginmanager
        if self._has_unrun and anyios_plugin(manager) is None:
            terminalreporter.line(not_loaded(manager), yellow=True)


class InnerHooks:
    """The hooks for each phase inside of pytest's own: before 8.4 it hears exceptions there."""

    def __init__(self, lost: LostExceptions) -> None:
        self._lost = lost

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_runtest_setup(self) -> Generator[None]:
        with self._lost.hooks(stands_back=True):
            yield

    pytest_runtest_call = pytest_runtest_teardown = pytest_runtest_setup


class Mockers:
    """The hook for pytest-mock's fixtures, where ``anyrig_adapt_mocks`` is on."""

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any]
    ) -> Generator[None, Any, None]:
        from .mocks.mocker import FIXTURES, adapt_mocker

        outcome = yield
        value = None if outcome.exception is not None else outcome.get_result()
        is_theirs = type(value).__module__.partition(".")[0] == "pytest_mock"
        if fixturedef.argname in FIXTURES and is_theirs:
            adapt_mocker(value)


class Reports:
    """The hooks for a report, from the first finding on: a healthy run does without them."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        return self._carrier.load(item, call, (yield))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._carrier.unload(report)


class Ends:
    """The hooks for the end of a run or of a worker: they hold the run's `Carrier`."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._carrier.unload_worker(getattr(node, "workeroutput", {}))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Wrapper:
        self._carrier.finish(session)
        result = yield
        self._carrier.finish(session)
        return result

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        self._carrier.summarise(terminalreporter)

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        tb = lines.mended(excinfo.value).__traceback__
        if tb is not None:
            excinfo.traceback = type(excinfo.traceback)(tb)
