"""Doors that stay open. Plain ASGI: a thousand idle clients cost little."""
