"""The scripts that build the dashboard: which Node.js they take, and when they have nothing to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder of programs without Node.js."""
    folder = tmp_path / "programs"
    folder.mkdir()
    tools = "bash cat cut dirname find flock grep mkdir mv rm sha256sum sort touch tr xargs"
    for name in tools.split():
        found = shutil.which(name)
        if found:
            (folder / name).symlink_to(found)
    return folder


def install(programs: Path, name: str, says: str) -> None:
    program = programs / name
    program.write_text(f"#!{shutil.which('bash')}\n{says}\n")
    program.chmod(0o755)


def run(programs: Path, *command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env={"PATH": str(programs), "HOME": str(programs)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("version", ["v20.19.0", "v20.20.2", "v22.13.1", "v24.0.0", "v31.2.0"])
def test_a_node_of_the_system_that_is_new_enough_is_taken(
    programs: Path, tmp_path: Path, version: str
) -> None:
    install(programs, "node", f"echo {version}")
    install(programs, "npm", "exit 0")

    chosen = run(programs, "scripts/web-node", str(tmp_path / "none"))

    assert (chosen.returncode, chosen.stdout, chosen.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "version", ["v18.20.4", "v20.18.3", "v21.9.0", "v22.12.0", "v23.4.0", "none", ""]
)
def test_another_node_is_not_taken(programs: Path, tmp_path: Path, version: str) -> None:
    install(programs, "node", f"echo {version}")
    install(programs, "npm", "exit 0")

    refused = run(programs, "scripts/web-node", str(tmp_path / "none"))

    assert refused.returncode == 1
    assert "run make setup first" in refused.stderr


def test_a_node_without_npm_is_not_taken(programs: Path, tmp_path: Path) -> None:
    install(programs, "node", "echo v24.0.0")

    assert run(programs, "scripts/web-node", str(tmp_path / "none")).returncode == 1


@pytest.fixture
def checkout(tmp_path: Path, programs: Path) -> Path:
    """A checkout of little more than the scripts, with a Node.js whose programs only tell that they were started."""
    root = tmp_path / "checkout"
    (root / "scripts").mkdir(parents=True)
    for name in ("web", "web-node"):
        shutil.copy(ROOT / "scripts" / name, root / "scripts")
    (root / "web" / "src").mkdir(parents=True)
    for name in (
        "package.json",
        "package-lock.json",
        ".npmrc",
        "src/page.svelte",
        "src/page.test.ts",
    ):
        (root / "web" / name).write_text("{}")
    install(programs, "node", "echo v24.0.0")
    install(programs, "npm", "mkdir -p node_modules; echo installed >> ../log")
    page = "mkdir $SIGNALBOX_WEB_OUT && echo built >> ../log && echo page > $SIGNALBOX_WEB_OUT/index.html"
    install(programs, "vite", page)
    return root


def log_of(checkout: Path) -> list[str]:
    return (checkout / "log").read_text().split()


def test_the_dashboard_is_built_when_its_sources_have_changed(
    checkout: Path, programs: Path
) -> None:
    def build() -> list[str]:
        done = run(programs, "scripts/web", "none", "build", cwd=checkout)
        assert done.returncode == 0, done.stderr
        return log_of(checkout)

    source = checkout / "web" / "src" / "page.svelte"
    assert build() == ["installed", "built"]
    assert (checkout / "web" / "dist" / "index.html").read_text() == "page\n"
    assert build() == ["installed", "built"]

    os.utime(source, (1, 1))
    (checkout / "web" / "src" / "page.test.ts").write_text("changed")
    assert build() == ["installed", "built"]

    source.write_text("changed")
    assert build() == ["installed", "built", "built"]

    source.unlink()
    assert build() == ["installed", "built", "built", "built"]

    shutil.rmtree(checkout / "web" / "dist")
    assert build()[4:] == ["built"]

    (checkout / "web" / "package-lock.json").write_text("{ }")
    assert build()[5:] == ["installed", "built"]


def test_a_build_that_fails_leaves_the_old_one(checkout: Path, programs: Path) -> None:
    run(programs, "scripts/web", "none", "build", cwd=checkout)
    (checkout / "web" / "src" / "page.svelte").write_text("broken")
    install(programs, "vite", "mkdir $SIGNALBOX_WEB_OUT; echo line 7 is wrong; exit 1")

    failed = run(programs, "scripts/web", "none", "build", cwd=checkout)

    assert failed.returncode == 1
    assert "line 7 is wrong" in failed.stderr
    assert (checkout / "web" / "dist" / "index.html").read_text() == "page\n"


def test_several_builds_at_once_build_once(checkout: Path, programs: Path) -> None:
    if not (programs / "flock").exists():
        pytest.skip("flock is not installed")
    command = ("scripts/web", "none", "build")
    environ = {"PATH": str(programs), "HOME": str(programs)}
    started = [
        subprocess.Popen(command, cwd=checkout, env=environ, stdout=subprocess.DEVNULL)
        for _ in range(4)
    ]

    assert [process.wait(60) for process in started] == [0] * 4
    assert log_of(checkout) == ["installed", "built"]


def test_packages_that_cannot_be_installed_are_told_in_one_line(
    checkout: Path, programs: Path
) -> None:
    install(programs, "npm", "exit 1")

    failed = run(programs, "scripts/web", "none", "build", cwd=checkout)

    assert failed.returncode == 1
    assert "is npm's registry reachable" in failed.stderr
    assert not (checkout / "log").exists()
