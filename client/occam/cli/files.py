"""Files that a command reads and writes; what goes wrong with them is one sentence."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from occam.errors import OccamError

STDIN = "-"


class Unusable(OccamError):
    """A file that cannot be read, written or understood."""


def read_json(path: str) -> Any:  # Any: JSON, which the service checks
    """What a file holds, or standard input for `-`."""
    name = "standard input" if path == STDIN else path
    try:
        text = sys.stdin.read() if path == STDIN else Path(path).read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as error:
        raise Unusable(f"cannot read {name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Unusable(f"{name} is not JSON: byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise Unusable(
            f"{name} is not JSON: line {error.lineno}, column {error.colno}: "
            f"{error.msg[:1].lower()}{error.msg[1:]}"
        ) from error
    except RecursionError as error:
        raise Unusable(f"{name} is nested too deeply to be a job") from error


def write(path: Path, content: str | bytes) -> None:
    """Write text (as UTF-8) or bytes."""
    try:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise Unusable(f"cannot write {path}: {error.strerror}") from error
