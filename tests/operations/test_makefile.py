"""`make` from a clean checkout, as far as it can be tried without installing everything again."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def made(*arguments, cwd=ROOT, **env):
    return subprocess.run(
        ["make", *arguments], cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True
    )


def test_without_a_target_the_targets_are_listed():
    listed = made().stdout

    for name in ("setup", "demo", "serve", "test", "lint", "bench", "clean"):
        assert f"\n{name} " in f"\n{listed}"


@pytest.fixture
def checkout(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    return tmp_path


def test_an_old_python_is_refused_with_the_way_out(checkout):
    old = checkout / "python-of-old"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo Python 3.9.1 && exit\nexit 1\n')
    old.chmod(0o755)

    done = made("setup", f"PYTHON={old}", cwd=checkout)

    assert done.returncode != 0
    assert "Occam needs Python 3.11 or newer" in done.stderr
    assert "Python 3.9.1" in done.stderr
    assert "make setup PYTHON=" in done.stderr
    assert not (checkout / ".venv" / ".installed").exists()


def test_a_python_that_is_not_there_is_named(checkout):
    done = made("setup", "PYTHON=no-such-python", cwd=checkout)

    assert done.returncode != 0
    assert "'no-such-python' is not on the PATH" in done.stderr


def test_what_is_installed_is_not_installed_again(checkout):
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / ".installed").touch()

    assert "Nothing to be done" in made("setup", cwd=checkout).stdout


@pytest.mark.parametrize("script", [".ci/run", ".ci/setup", "examples/demo.sh", "examples/curl.sh"])
def test_scripts_can_be_run_and_parse(script):
    assert os.access(ROOT / script, os.X_OK)
    shell = "bash" if script == ".ci/run" else "sh"
    assert subprocess.run([shell, "-n", script], cwd=ROOT).returncode == 0
