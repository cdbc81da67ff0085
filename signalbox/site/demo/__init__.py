"""`signalbox demo`: calls to look at, played through the public API as browsers would report them."""

from __future__ import annotations

from signalbox.site.demo.command import demo

__all__ = ["demo"]
