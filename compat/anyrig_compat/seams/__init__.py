"""Every use of something that the shim's neighbours do not promise, one file per neighbour.

anyio          the runner that its pytest plugin runs the next call in
asyncio_loop   what a loop has to do next, and when
asyncio_running    the loop that is running in this thread
asyncio_tasks  whether somebody has asked a task for its exception
pytest         which definition of a fixture a test sees
"""
