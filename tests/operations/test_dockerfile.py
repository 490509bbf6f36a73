"""The Dockerfile as far as it can be checked without Docker."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Dockerfile").read_text()
LAST_STAGE = TEXT.rpartition("\nFROM ")[2]


def test_it_runs_as_a_numbered_user_who_is_not_root():
    assert re.search(r"^USER 10001:10001$", LAST_STAGE, re.MULTILINE)


def test_the_entry_point_is_the_occam_command():
    assert 'ENTRYPOINT ["occam"]' in LAST_STAGE
    assert 'CMD ["serve"]' in LAST_STAGE


def test_torch_is_the_cpu_build_unless_another_is_asked_for():
    assert "ARG TORCH=cpu" in TEXT
    assert "ARG TORCH_INDEX=https://download.pytorch.org/whl" in TEXT


def test_the_list_of_requirements_is_read_from_pyproject():
    program = re.search(r'RUN python -c "(import tomllib.*?)" \\\n', TEXT, re.DOTALL)
    assert program is not None
    code = program[1].replace("\\\n", "").replace("\\n", "\n")
    code = code.replace("sep='\n'", "sep='\\n'")

    listed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()

    assert [line for line in listed if line.startswith("torch")] == ["torch>=2.11,<2.14"]
    assert any(line.startswith("s3fs") for line in listed)


def test_the_build_context_holds_every_package_and_nothing_private():
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in allowed
    for name in ("pyproject.toml", "api", "core", "worker", "migrations", "client"):
        assert f"!{name}" in allowed
