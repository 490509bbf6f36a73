"""Memory that does not suffice."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from core.store.models import Cohort

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]

WIDE = {
    "dataset": "iris",
    "architecture": {"kind": "mlp", "hidden": [2000, 2000]},  # 16 MB of weights a run
    "regularizers": [],
    "folds": 1,
    "seeds": 6,
    "epochs": 1,
}


def test_a_cohort_that_does_not_fit_is_trained_in_halves(house):
    worker = house.start()
    trainer = house.trainer_of(worker)
    status = Path(f"/proc/{trainer}/status").read_text().splitlines()
    now = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmSize"))
    resource.prlimit(trainer, resource.RLIMIT_AS, (now + 200 * 2**20,) * 2)
    job_id = house.submit(**WIDE)
    job = house.ends(job_id)
    assert (job.status, job.runs_done, job.error) == ("succeeded", 6, None)
    assert "cohort_halved" in house.said(job_id)
    with house.database.read() as session:
        halves = session.query(Cohort).filter_by(job_id=job_id).order_by(Cohort.ordinal).all()
    assert [(half.rows, half.attempts) for half in halves] == [(3, 1), (3, 1)]
