"""Structured tasks: what takes the place of a list of tasks and a finaliser that cancels them.

group     `open_group`: a task group that is cancelled and joined at its end, within a bound
waiting   where a task waits: the user's own lines, on either backend
tree      `task_tree`: the running tasks as a picture
"""

from __future__ import annotations
