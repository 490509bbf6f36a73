"""Why an attempt failed, by name, with a sentence that says what to do."""

from __future__ import annotations

import errno
import re

from core.errors import InvalidSpec
from core.store.states import Reason
from core.train.memory import out_of_memory

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_OS_ERROR = re.compile(r"\(os error (\d+)\)")  # how safetensors, in Rust, says errno


class DatasetChanged(Exception):
    """The data is not what the job was accepted with."""


def reason_of(error: BaseException) -> tuple[Reason, str]:
    """The name and the sentence of what went wrong in a trainer."""
    if isinstance(error, DatasetChanged):
        return "dataset_changed", str(error)
    if isinstance(error, InvalidSpec):  # the one thing that only the data itself can tell
        return "invalid_split", error.detail
    where = out_of_memory(error)
    if where is not None:
        reason: Reason = "oom_device" if where == "device" else "oom_host"
        return reason, f"The {where} has no memory left; use a smaller model or minibatch."
    if is_full(error):
        return "disk_full", "There is no room for the weights; free some space and try again."
    return "internal", f"{type(error).__name__}: {error}"


def is_full(error: BaseException) -> bool:
    """Whether a write failed for lack of room."""
    if isinstance(error, OSError):
        return error.errno in FULL
    said = _OS_ERROR.search(str(error))
    return said is not None and int(said[1]) in FULL
