"""Composition: the ASGI app, the CLI, embedded servers and the worker."""
