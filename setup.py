"""What pyproject.toml cannot say: the wheel carries the migrations and the built dashboard inside of the package."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

DASHBOARD = Path("web", "dist")
WITHOUT = "SIGNALBOX_BUILD_WITHOUT_DASHBOARD"


class BuildWhole(build_py):
    """In a checkout both stand beside the package; an editable install finds them there."""

    def run(self) -> None:
        """Copy the package, then what belongs into it."""
        super().run()
        if not self.editable_mode:
            package = Path(self.build_lib) / "signalbox"
            _copy(Path("migrations"), package / "migrations")
            if _has_dashboard():
                _copy(DASHBOARD, package / "site" / "web")


def _has_dashboard() -> bool:
    """Whether there is a dashboard to be carried. Without one the build stops, unless that is wanted."""
    if (DASHBOARD / "index.html").is_file():
        return True
    if os.environ.get(WITHOUT) != "1":
        sys.exit(
            f"{DASHBOARD} is not built: run `make web` first, or set {WITHOUT}=1 for a package without the dashboard."
        )
    sys.stderr.write("warning: this package does not carry the dashboard\n")
    return False


def _copy(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".*"))


setup(cmdclass={"build_py": BuildWhole})
