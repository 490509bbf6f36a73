from __future__ import annotations

import os
import time
from pathlib import Path

from api.uploads import sweep_drafts


def test_drafts_that_a_killed_process_left_are_swept_after_a_day(tmp_path: Path) -> None:
    now = time.time()
    ages_s = {"upload-old": 90_000, "upload-old.safetensors": 90_000, "upload-new": 60, "mine": 1e6}
    for name, age_s in ages_s.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (now - age_s, now - age_s))

    sweep_drafts(tmp_path)
    sweep_drafts(tmp_path / "nowhere")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "upload-new"]
