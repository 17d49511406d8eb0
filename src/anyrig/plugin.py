"""pytest's hooks; each fetches the rig, calls one method, returns."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import pytest

from .backend_fixture import narrow, register
from .findings import Phase
from .report.carrier import CARRIER, Carrier, is_controller
from .rig import RIG, Rig
from .seams import SeamGone, check
from .settings import add_options

Wrapper = Generator[None, Any, Any]


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


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
    config.pluginmanager.register(Reports(carrier), "anyrig-reports")
    if not is_controller(config):
        rig.start()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    rig = config.stash.get(RIG, None)
    if rig is not None:
        rig.stop()
        config.stash[CARRIER].close()


def pytest_report_header(config: pytest.Config) -> str:
    return config.stash[RIG].header()


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    session.config.stash[RIG].collecting()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    config.stash[CARRIER].guarded(narrow, config, config.stash[RIG].settings, items)


def pytest_collection_finish(session: pytest.Session) -> None:
    session.config.stash[RIG].collected(session)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    if items:
        items[0].config.stash[RIG].is_whole = False


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Wrapper:
    return (yield from item.config.stash[RIG].phase(item, Phase.SETUP))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Wrapper:
    return (yield from item.config.stash[RIG].phase(item, Phase.CALL))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Wrapper:
    return (yield from item.config.stash[RIG].phase(item, Phase.TEARDOWN))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Wrapper:
    return (yield from pyfuncitem.config.stash[RIG].compared(pyfuncitem))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Wrapper:
    request.config.stash[RIG].fixture_begins(fixturedef)
    return (yield)


@pytest.hookimpl(trylast=True)
def pytest_fixture_post_finalizer(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> None:
    request.config.stash[RIG].fixtures.end(fixturedef)


class Reports:
    """The hooks that get no config: they hold the run's `Carrier`."""

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
