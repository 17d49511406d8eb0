"""The migration shim: asyncio-only suites on anyrig. Reserved: nothing is here yet."""
