"""Every use of something that the shim's neighbours do not promise, one file per neighbour.

anyio     the runner that its pytest plugin runs the next call in
pytest    which definition of a fixture a test sees
"""
