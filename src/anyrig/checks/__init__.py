"""One file for each kind of finding, each in the same order: record, start, finish, wording.

missed_await       a coroutine was made and never awaited
never_ran          an async test is green although its body did not run to an end
wrong_backend      a test runs on another backend than the one it names
leaked_task        a task that the test made is still there when the test has ended
lost_exception     an exception was raised where nobody could see it
leaked_asyncgen    an async generator was dropped in the middle, with cleanup pending
leaked_thread      a thread that the test started is still alive when the test has ended
blocked_loop       a call held the event loop, and nothing else could run
deadlock           all tasks wait, and nothing is left that could wake one
wrong_thread       another thread made something ready, and the loop was not told
timeout            a test takes longer than it may
leaked_contextvar  a context variable that a test leaves changed for the next one
unused_stub        a double that has more to give than it was asked for

To add one: a `Kind` in ``findings.py`` with its error class (its settings follow from it), a file
here whose class has ``finding(...)`` for the words, a call in ``rig.py`` where its facts are
known, a pair of samples (bad, innocent) in ``tests/corpus/``, and a section in ``docs/kinds.md``.
"""
