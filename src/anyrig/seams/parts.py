"""What those seams need that are imported when they are first used: what start-up asks for them.

A seam that is imported with the plugin has a table of its own, ``NEEDS``. Those of the others are
here, for to import all of them for the question would cost each run milliseconds.
"""

from __future__ import annotations

from .needs import Need, Of, Table, optional

_AWAIT = "what to write in place of an await of a sync double"
REFUSED = Table(
    optional(_AWAIT, "dis", "opmap", ("GET_AWAITABLE", "GET_AITER"), Of.KEYS),
    optional(_AWAIT, "dis", "opmap", ("BEFORE_ASYNC_WITH",), Of.KEYS, before=(3, 14)),
    optional(_AWAIT, "dis", "opmap", ("LOAD_SPECIAL",), Of.KEYS, since=(3, 14)),
)

_UNTIL = "until(event) and until(future)"
WAITERS = Table(
    optional(_UNTIL, "threading", "Event", ("_cond",), Of.INSTANCES),
    optional(_UNTIL, "threading", "Condition", ("_waiters",), Of.INSTANCES),
    optional(
        *(_UNTIL, "concurrent.futures._base", "Future", ("_condition", "_done_callbacks")),
        Of.INSTANCES,
    ),
)

_LAZILY = "patches of names that are imported lazily"
LAZY_NAMES = Table(
    optional(_LAZILY, "types", "", ("LazyImportType",), Of.OWNER, (3, 15)),
    optional(_LAZILY, "sys", "", ("lazy_modules",), Of.OWNER, (3, 15)),
)

_TURNS = "what a loop has to do"
ASYNCIO_TURNS = Table(
    Need(_TURNS, "asyncio", "BaseEventLoop", ("_run_once",)),
    Need(_TURNS, "asyncio", "BaseEventLoop", ("_ready",), Of.INSTANCES),
    Need(_TURNS, "asyncio", "Handle", ("_callback", "_args")),
    Need(_TURNS, "asyncio", "Task", ("_fut_waiter",)),
)

_WRONG_THREAD = "which thread has called a loop that sleeps"
ASYNCIO_THREADS = Table(
    optional(_WRONG_THREAD, "asyncio", "BaseEventLoop", ("call_soon_threadsafe",)),
    optional(_WRONG_THREAD, "asyncio", "BaseEventLoop", ("_ready", "_scheduled"), Of.INSTANCES),
    optional(_WRONG_THREAD, "asyncio", "BaseEventLoop._run_once", ("timeout",), Of.CODE),
    optional(
        *(_WRONG_THREAD, "asyncio.selector_events", "BaseSelectorEventLoop"),
        *(("_selector", "_ssock"), Of.INSTANCES),
    ),
)

_ON_ASYNCIO = "clock and fast_sleep on asyncio"
_LOOP = "BaseEventLoop"
ASYNCIO_TIME = Table(
    optional(_ON_ASYNCIO, "asyncio", _LOOP, ("_check_closed", "_check_callback", "_check_thread")),
    optional(
        _ON_ASYNCIO,
        "asyncio",
        _LOOP,
        ("_ready", "_scheduled", "_timer_cancelled_count"),
        Of.INSTANCES,
    ),
    optional(
        *(_ON_ASYNCIO, "asyncio.selector_events", "BaseSelectorEventLoop"),
        *(("_process_events", "_selector", "_ssock"), Of.INSTANCES),
    ),
    optional(_ON_ASYNCIO, "asyncio", "TimerHandle", ("_scheduled", "_callback", "_args")),
    optional(_ON_ASYNCIO, "asyncio", "Timeout", ("_task",), Of.INSTANCES),
    optional(_ON_ASYNCIO, "asyncio.futures", "", ("_set_result_unless_cancelled",)),
)

_ON_TRIO = "clock and fast_sleep on trio"
_RUN = "trio._core._run"
_SCOPE = ("_cancel", "_registered_deadline", "_cancel_status", "deadline")
TRIO_TIME = Table(
    optional(_ON_TRIO, _RUN, "", ("_r", "_ALLOW_DETERMINISTIC_SCHEDULING")),
    optional(_ON_TRIO, _RUN, "", ("CancelReason", "SystemClock")),
    optional(_ON_TRIO, _RUN, "CancelScope", _SCOPE, Of.INSTANCES),
    optional(_ON_TRIO, _RUN, "CancelStatus", ("_tasks",), Of.INSTANCES),
    optional(_ON_TRIO, _RUN, "Deadlines", ("_heap", "next_deadline"), Of.INSTANCES),
    optional(
        _ON_TRIO, _RUN, "Runner", ("clock", "deadlines", "runq", "waiting_for_idle"), Of.INSTANCES
    ),
    optional(_ON_TRIO, "trio._timeouts", "", ("sleep_until",)),
)

_MOCKS = "anyrig.mocks"
_OF_A_MOCK = (
    *("_mock_add_spec", "_get_child_mock", "_get_call_signature_from_name", "_call_matcher"),
    *("_extract_mock_name", "_mock_new_parent", "_mock_new_name", "_mock_children"),
    *("_mock_methods", "_mock_sealed", "_mock_wraps", "_mock_return_value", "_mock_side_effect"),
    *("_mock_delegate", "_spec_class", "_spec_set", "_spec_signature", "_spec_asyncs"),
)
_OF_A_CALL = ("_mock_check_sig", "_mock_call", "_execute_mock_call", "_increment_mock_call")
_OF_AN_AWAIT = ("_mock_await_count", "_mock_await_args", "_mock_await_args_list")
DOUBLES = Table(
    optional(_MOCKS, "unittest.mock", "", ("_Call", "AsyncMockMixin")),
    optional(_MOCKS, "unittest.mock", "CallableMixin", _OF_A_CALL),
    optional(_MOCKS, "unittest.mock", "NonCallableMock", _OF_A_MOCK, Of.INSTANCES),
    optional(_MOCKS, "unittest.mock", "AsyncMockMixin", _OF_AN_AWAIT, Of.INSTANCES),
    optional(_MOCKS, "asyncio.coroutines", "", ("_is_coroutine",), Of.OWNER, before=(3, 12)),
)

_UV = "deadlocks on asyncio+uvloop"
UVLOOP = Table(
    optional(_UV, "uvloop.loop", "", ("libuv_get_loop_t_ptr",)),
    optional(_UV, "uvloop.loop", "Loop", ("_get_backend_id",)),
)

# each of them
TABLES = (
    *(REFUSED, WAITERS, LAZY_NAMES, ASYNCIO_TURNS, ASYNCIO_THREADS, ASYNCIO_TIME, TRIO_TIME),
    *(DOUBLES, UVLOOP),
)
