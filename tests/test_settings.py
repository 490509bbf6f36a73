from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.datasets.upload_spec import UploadLimits
from core.settings import Settings

NAMED = re.compile(r"\bOCCAM_[A-Z][A-Z_]*[A-Z](?![A-Z_]*[{*<])")


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"OCCAM_{name.upper()}", raising=False)


def test_the_defaults_work_on_a_laptop(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    assert settings.database_url == f"sqlite:///{tmp_path}/occam-data/occam.db"
    assert settings.artifacts_url == f"file://{tmp_path}/occam-data/artifacts"
    assert (settings.host, settings.port, settings.broker_url) == ("127.0.0.1", 8000, None)
    assert settings.api_keys == ()


def test_the_environment_is_read_when_asked(monkeypatch, tmp_path):
    monkeypatch.setenv("OCCAM_DATA_DIR", str(tmp_path / "d"))
    monkeypatch.setenv("OCCAM_DATABASE_URL", "postgresql+psycopg://h/d")
    monkeypatch.setenv("OCCAM_API_KEYS", "one, two,")
    settings = Settings()
    assert settings.database_url == "postgresql+psycopg://h/d"
    assert settings.artifacts_url == f"file://{tmp_path}/d/artifacts"
    assert settings.api_keys == ("one", "two")


def test_keys_are_not_printed(monkeypatch):
    monkeypatch.setenv("OCCAM_API_KEYS", "secret")
    assert "secret" not in repr(Settings())


def test_limits_are_positive_and_leases_outlast_heartbeats(monkeypatch):
    monkeypatch.setenv("OCCAM_RUNS_MAX", "0")
    with pytest.raises(ValidationError, match="runs_max"):
        Settings()
    monkeypatch.delenv("OCCAM_RUNS_MAX")
    monkeypatch.setenv("OCCAM_LEASE_S", "6")
    with pytest.raises(ValidationError, match="OCCAM_LEASE_S must be at least twice"):
        Settings()


# read by others: the client, the tests, and the files for Docker
OTHERS = {
    "OCCAM_URL",
    "OCCAM_API_KEY",
    "OCCAM_TEST_POSTGRES_URL",
    "OCCAM_TEST_REDIS_URL",
    "OCCAM_BIND",
    "OCCAM_TORCH",
    "OCCAM_DIE_WITH_PARENT",
}
SAYING = [
    "api",
    "core",
    "worker",
    "client",
    "docs",
    "README.md",
    "Dockerfile",
    "docker-compose.yml",
]


def test_every_setting_that_is_named_anywhere_exists():
    root = Path(__file__).parents[1]
    known = {f"OCCAM_{name.upper()}" for name in Settings.model_fields} | OTHERS
    files = [f for name in SAYING for f in (root / name, *(root / name).rglob("*"))]
    texts = {
        f: f.read_text() for f in files if f.suffix in {".py", ".md", ".yml", ""} and f.is_file()
    }
    found = {(f, name) for f, text in texts.items() for name in NAMED.findall(text)}
    unknown = sorted(f"{f.relative_to(root)}: {name}" for f, name in found if name not in known)
    assert len(found) > 20
    assert unknown == []


def test_the_limits_of_an_upload_are_settings():
    for limit in dataclasses.fields(UploadLimits):
        assert f"upload_{limit.name}" in Settings.model_fields
