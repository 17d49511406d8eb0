"""Warning filters: only the author's own word on the test function itself is a permission."""

from __future__ import annotations

import warnings
from collections.abc import Generator

import pytest
from store import Store, numbers, save

NAMES_IT = "ignore:coroutine .* was never awaited:RuntimeWarning"


@pytest.mark.filterwarnings(NAMES_IT)
async def test_mark_on_the_function() -> None:
    save(1)  # FOUND missed_await call permitted


@pytest.mark.filterwarnings("ignore:.*never awaited")
def test_mark_on_a_sync_function() -> None:
    save(1)  # FOUND missed_await call permitted


@pytest.mark.filterwarnings("ignore:coroutine 'save' was never awaited")
async def test_mark_that_names_the_coroutine() -> None:
    save(1)  # FOUND missed_await call permitted


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
async def test_mark_that_does_not_name_it() -> None:
    save(1)  # FOUND missed_await call


@pytest.mark.filterwarnings("ignore")
async def test_mark_that_ignores_all() -> None:
    save(1)  # FOUND missed_await call


@pytest.mark.filterwarnings("error:.*never awaited")
async def test_mark_that_makes_it_an_error() -> None:
    save(1)  # FOUND missed_await call


@pytest.mark.filterwarnings("default:.*never awaited")
async def test_mark_that_shows_it() -> None:
    save(1)  # FOUND missed_await call


@pytest.mark.filterwarnings("ignore:something else:RuntimeWarning")
async def test_mark_for_something_else() -> None:
    save(1)  # FOUND missed_await call


@pytest.mark.filterwarnings(NAMES_IT)  # LABEL class-mark
class TestMarked:
    async def test_async(self) -> None:
        save(1)  # FOUND missed_await call near class-mark

    def test_sync(self) -> None:
        Store().save(1)  # FOUND missed_await call near class-mark

    @pytest.mark.filterwarnings(NAMES_IT)
    async def test_marked_itself(self) -> None:
        save(1)  # FOUND missed_await call permitted


@pytest.fixture
def quiet() -> None:
    warnings.filterwarnings("ignore", message=".*never awaited")  # LABEL fixture-filter


async def test_filter_in_a_fixture(quiet: None) -> None:
    save(1)  # FOUND missed_await call near fixture-filter


@pytest.fixture
def very_quiet() -> Generator[None, None, None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LABEL fixture-block
        yield


def test_block_in_a_fixture(very_quiet: None) -> None:
    save(1)  # FOUND missed_await call near fixture-block


async def test_simplefilter_in_the_test() -> None:
    warnings.simplefilter("ignore")  # LABEL test-filter
    save(1)  # FOUND missed_await call near test-filter


async def test_block_in_the_test() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # LABEL test-block
        save(1)  # FOUND missed_await call near test-block


async def test_asyncgen_method_under_a_filter() -> None:
    warnings.simplefilter("ignore")
    generator = numbers()
    generator.aclose()  # FOUND missed_await call
    await generator.aclose()


async def test_reset() -> None:
    with warnings.catch_warnings():
        warnings.resetwarnings()
        save(1)  # FOUND missed_await call


async def test_asyncgen_method_after_a_reset() -> None:
    generator = numbers()
    with warnings.catch_warnings():
        warnings.resetwarnings()
        generator.asend(None)  # FOUND missed_await call
    await generator.aclose()


async def test_list_of_filters_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    ignore_all = [("ignore", None, Warning, None, 0)]
    monkeypatch.setattr(warnings, "filters", ignore_all)
    save(1)  # FOUND missed_await call


async def test_showwarning_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "showwarning", lambda *args, **kwargs: None)
    save(1)  # FOUND missed_await call


async def test_turned_into_an_error() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save(1)  # FOUND missed_await call


@pytest.mark.filterwarnings(NAMES_IT)
async def test_innocent_with_a_permission_it_does_not_need() -> None:
    await save(1)


@pytest.mark.parametrize("number", [pytest.param(1, marks=pytest.mark.filterwarnings(NAMES_IT)), 2])
async def test_mark_on_a_parameter(number: int) -> None:
    if number == 2:
        save(number)  # FOUND missed_await call of test_mark_on_a_parameter[2]
