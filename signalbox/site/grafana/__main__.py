"""Write `deploy/grafana`, or say whether it is as it should be."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from signalbox.site.grafana.files import files

FOLDER: Final = Path(__file__).resolve().parents[3] / "deploy" / "grafana"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check; the exit code is 1 when a checked file is out of date."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true")
    action.add_argument("--check", action="store_true")
    if parser.parse_args(arguments).write:
        for name, text in files().items():
            path = FOLDER / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return 0
    old = [name for name, text in files().items() if not _holds(FOLDER / name, text)]
    for name in old:
        sys.stderr.write(f"deploy/grafana/{name} is out of date: run `make docs`.\n")
    return 1 if old else 0


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
