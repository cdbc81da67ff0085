"""What pyproject.toml cannot say: the wheel carries the migrations inside of the package."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithMigrations(build_py):
    """In a checkout the migrations stand beside the package; an editable install finds them there."""

    def run(self) -> None:
        """Copy the package, then the migrations into it."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "signalbox" / "migrations"
            shutil.rmtree(target, ignore_errors=True)
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree("migrations", target, ignore=ignored)


setup(cmdclass={"build_py": BuildWithMigrations})
