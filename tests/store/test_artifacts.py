from __future__ import annotations

import errno
import hashlib
import os

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from core.store.artifacts import Artifacts, TornArtifact


@pytest.fixture(params=["folder", "object store"])
def artifacts(request, data_dir):
    if request.param == "folder":
        yield Artifacts((data_dir / "artifacts").as_uri())
        return
    yield Artifacts("memory://artifacts")
    MemoryFileSystem.store.clear()


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(b"weights" * 500_000)
    return path


def test_what_is_put_is_found_with_its_size_and_checksum(artifacts, source):
    stored = artifacts.put("cohorts/coh_1/3.safetensors", source)
    assert stored.bytes == 3_500_000
    assert stored.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    with artifacts.local(stored.key, sha256=stored.sha256) as path:
        assert path.read_bytes() == source.read_bytes()
    with artifacts.open(stored.key) as file:
        file.seek(7)
        assert file.read(7) == b"weights"


def test_a_second_put_replaces_the_first_whole(artifacts, source, tmp_path):
    artifacts.put("a/b", source)
    shorter = tmp_path / "shorter"
    shorter.write_bytes(b"short")
    stored = artifacts.put("a/b", shorter)
    with artifacts.local("a/b", sha256=stored.sha256) as path:
        assert path.read_bytes() == b"short"


def test_torn_and_missing_artifacts_are_told_apart(artifacts, source):
    artifacts.put("a/b", source)
    with pytest.raises(TornArtifact, match="a/b"), artifacts.local("a/b", sha256="0" * 64):
        pass
    artifacts.delete("a/b")
    artifacts.delete("a/b")
    assert not artifacts.exists("a/b")
    with pytest.raises(FileNotFoundError), artifacts.local("a/b"):
        pass


def test_a_full_disk_leaves_the_old_artifact_and_no_litter(data_dir, source, monkeypatch):
    artifacts = Artifacts(str(data_dir / "artifacts"))
    stored = artifacts.put("a/b", source)

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            artifacts.put("a/b", source)
    with artifacts.local("a/b", sha256=stored.sha256):
        assert [path.name for path in (data_dir / "artifacts" / "a").iterdir()] == ["b"]


def test_a_key_that_we_did_not_make_is_a_mistake_of_ours(artifacts):
    for key in ("../etc/passwd", "/etc/passwd", "a//b", "a/../b", "", "a\\b", "a/.b"):
        with pytest.raises(AssertionError, match="no key"):
            artifacts.exists(key)


def test_what_lies_below_a_folder_goes_but_for_what_is_kept(artifacts, source):
    for key in ("jobs/a/1/x", "jobs/a/2/x", "jobs/a/2/y", "jobs/ab/1/x"):
        artifacts.put(key, source)
    artifacts.delete_below("jobs/a", keep=["jobs/a/2/y"])
    artifacts.delete_below("jobs/never")
    left = [k for k in ("jobs/a/1/x", "jobs/a/2/x") if artifacts.exists(k)]
    assert left == []
    assert artifacts.exists("jobs/a/2/y")
    assert artifacts.exists("jobs/ab/1/x")
