"""pyproject.toml says what the code needs, and imports stay as cheap as they should."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGES = ("api", "core", "worker", "migrations", "client/occam")
OURS = {"api", "core", "worker", "migrations", "occam"}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=! ]", name)[0]).lower()


def imported(folder: str) -> set[str]:
    found = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - OURS


@pytest.mark.parametrize("folder", PACKAGES)
def test_whatever_is_imported_is_declared(folder):
    declared = {normal(line) for line in PROJECT["dependencies"]}
    owners = packages_distributions()

    undeclared = {
        module
        for module in imported(folder)
        if not declared & {normal(name) for name in owners.get(module, [])}
    }

    assert undeclared == set()


def test_every_dependency_is_bounded_on_both_sides():
    extras = PROJECT["optional-dependencies"]
    for line in PROJECT["dependencies"] + [line for extra in extras.values() for line in extra]:
        assert re.search(r">=[\d.]+,<\d", line), line


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("api.app", {"torch", "sklearn", "scipy", "occam"}),
        ("worker.supervisor", {"torch", "sklearn", "scipy", "fastapi", "occam"}),
        ("occam.cli", {"torch", "numpy", "fastapi", "sqlalchemy", "api", "core", "worker"}),
    ],
)
def test_importing_it_stays_cheap(module, absent):
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) & absent == set()
