"""Virtual time, which moves where nothing else can happen.

course         what a test's time is, and whether it may move
holds          what keeps it: threads, subprocesses, sockets, and what somebody names
descriptors    what is at the other end of a descriptor that a loop waits for
face           what tests see of it

The loops follow a course by ``seams/asyncio_time.py`` and ``seams/trio_time.py``.
"""
