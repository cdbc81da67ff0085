"""`python -m signalbox`."""

from __future__ import annotations

from signalbox.site.cli import main

main(prog_name="signalbox")
