"""docker-compose.yml as far as it can be checked without Docker: every command runs by hand."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from core.settings import Settings
from core.store import workers

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = ("api", "worker", "worker-gpu")


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_restarts(name):
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"api"}))
def test_every_service_is_checked(name):
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_the_api_uses_the_check_of_the_image():
    assert "healthcheck" not in SERVICES["api"]
    assert "HEALTHCHECK" in (ROOT / "Dockerfile").read_text()


def test_secrets_must_be_set_and_none_is_written_down():
    text = (ROOT / "docker-compose.yml").read_text()
    for name in ("OCCAM_API_KEY", "POSTGRES_PASSWORD"):
        uses = re.findall(r"\$\{" + name + r"([^}]*)\}", text)
        assert uses
        assert all(use.startswith(":?") for use in uses)


def test_all_processes_share_the_artifacts():
    for name in OURS:
        assert SERVICES[name]["volumes"] == ["artifacts:/data"]
        assert SERVICES[name]["environment"]["OCCAM_ARTIFACTS_URL"].startswith("file:///data/")


def test_only_the_api_is_published_and_on_this_machine_alone():
    assert [name for name in SERVICES if "ports" in SERVICES[name]] == ["api"]
    assert SERVICES["api"]["ports"] == ["${OCCAM_BIND:-127.0.0.1}:${OCCAM_PORT:-8000}:8000"]


def test_the_gpu_worker_starts_only_on_request():
    assert SERVICES["worker-gpu"]["profiles"] == ["gpu"]
    assert SERVICES["worker-gpu"]["environment"]["OCCAM_DEVICE"] == "cuda"


@pytest.mark.parametrize("name", OURS)
def test_every_setting_exists(name):
    known = {f"OCCAM_{field.upper()}" for field in Settings.model_fields}
    assert set(SERVICES[name]["environment"]) <= known


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_of_occam(name):
    (command,) = SERVICES[name]["command"]
    done = subprocess.run(
        [sys.executable, "-m", "occam", command, "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert f"occam {command}" in done.stdout


@pytest.mark.parametrize("database_url", [pytest.param("postgresql")], indirect=True)
@pytest.mark.postgres
def test_a_worker_is_healthy_while_the_database_sees_it(database, database_url):
    assert checked(database_url) == 1

    with database.write() as session:
        workers.seen(session, "w1", host=socket.gethostname(), pid=1, device="cpu")

    assert checked(database_url) == 0


def checked(database_url) -> int:
    _, program, *arguments = SERVICES["worker"]["healthcheck"]["test"]
    assert program == "python"
    env = {**os.environ, "OCCAM_DATABASE_URL": database_url}
    return subprocess.run([sys.executable, *arguments], env=env).returncode
