"""Receiving an upload: a multipart body to a file on disk and a checked spec."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath

import anyio.to_thread
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from api.guard import media_type
from api.strict_json import parse_json, shown
from core.datasets.coded_spec import SPECS, AnySpec
from core.datasets.upload_spec import NAME_CHARS_MAX, UploadSpec
from core.errors import InvalidRequest, InvalidSpec, UnsupportedMedia
from core.spec.incoming import read_model

SPEC_BYTES_MAX = 256 * 1024
DRAFT_KEPT_S = 24 * 3600.0  # longer than any upload takes to be checked
_PREFIX = "upload-"
_PARTS = ("file", "spec")


@dataclass(frozen=True)
class Upload:
    """What a client sent: the file as it lies on disk, its spec, and what to call it."""

    path: Path
    spec: AnySpec
    name: str


@asynccontextmanager
async def received(request: Request, folder: Path) -> AsyncIterator[Upload]:
    """The request's upload, in a file that is gone after the block.

    Raises UnsupportedMedia, InvalidRequest for bad parts, InvalidSpec for a bad spec, TooLarge.
    """
    if media_type(request.headers) != "multipart/form-data":
        raise UnsupportedMedia(
            "Send the dataset as multipart/form-data with the parts “file” and “spec”."
        )
    form = await request.form(max_files=2, max_fields=2, max_part_size=SPEC_BYTES_MAX)
    try:
        file = _file_of(form)
        spec = _spec_of(await _spec_text(form))
        path = await anyio.to_thread.run_sync(_kept, file, folder)
        try:
            yield Upload(path, spec, spec.name or _plain_name(file.filename))
        finally:
            path.unlink(missing_ok=True)
    finally:
        await form.close()


def sweep_drafts(folder: Path, older_than_s: float = DRAFT_KEPT_S) -> None:
    """Delete what processes that were killed amid an upload left behind."""
    for draft in folder.glob(f"{_PREFIX}*"):
        with suppress(FileNotFoundError):  # another process sweeps too
            if time.time() - draft.stat().st_mtime > older_than_s:
                draft.unlink()


def _file_of(form: FormData) -> UploadFile:
    for name in form:
        if name not in _PARTS:
            raise InvalidRequest(f"There is no part “{shown(name)}”; send “file” and “spec”.")
        if len(form.getlist(name)) > 1:
            raise InvalidRequest(f"The part “{name}” was sent more than once.")
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise InvalidRequest("Send the data as a part “file” with a filename.")
    return file


async def _spec_text(form: FormData) -> bytes:
    part = form.get("spec")
    if isinstance(part, UploadFile):
        return await part.read(SPEC_BYTES_MAX)
    return (part or "").encode("utf-8", "surrogatepass")


def _spec_of(text: bytes) -> AnySpec:
    if not text.strip():
        return UploadSpec()
    value = parse_json(text)
    if not isinstance(value, dict):
        example = '{"target": "label", "ignore": ["id"]}'
        raise InvalidSpec.at("", f"The part “spec” is a JSON object, e.g. {example}.")
    kind = value.get("kind", "table")
    spec = SPECS.get(kind) if isinstance(kind, str) else None
    if spec is None:
        known = ", ".join(f'"{name}"' for name in SPECS)
        raise InvalidSpec.at("/kind", f"{shown(kind)} is no kind of data; the kinds are {known}.")
    if spec is UploadSpec:
        value = {name: said for name, said in value.items() if name != "kind"}
    return read_model(spec, value)


def _kept(file: UploadFile, folder: Path) -> Path:
    """Copy the upload to a file of our own naming: nothing of the client's enters a path."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=_PREFIX, delete=False) as kept:
        try:
            shutil.copyfileobj(file.file, kept, 1024 * 1024)
        except BaseException:
            Path(kept.name).unlink()
            raise
    return Path(kept.name)


def _plain_name(filename: str | None) -> str:
    """A readable name from what the client's disk called the file."""
    stem = PurePath((filename or "").replace("\\", "/")).stem
    return shown(stem)[:NAME_CHARS_MAX] or "dataset"
