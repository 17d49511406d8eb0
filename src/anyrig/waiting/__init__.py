"""Waiting without sleeping: `until` something has come, and until all else is `settled`.

until     `until`: one call for whatever can be waited for
things    what can be waited for, one class each: how it wakes who waits, and what it gives
asking    a predicate, asked after each turn of the loop
bell      what wakes one task of a loop from any thread, and the thread that knows the real time
turns     a call after each turn of the loop, on either backend
words     what was waited for, and what it was like when the time was over
settled   `settled`: every other task is blocked
"""

from __future__ import annotations
