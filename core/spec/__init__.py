"""The specification of a job: from a client's JSON to arms, settings and runs."""

from core.spec.check import default_metric, measure_fault
from core.spec.experiment import Experiment
from core.spec.job import Arm, JobSpec, Select
from core.spec.limits import Limits
from core.spec.rebuild import experiment_at
from core.spec.resolve import Resolved, ResolvedArm, resolve, runs_of

__all__ = [
    "Arm",
    "Experiment",
    "JobSpec",
    "Limits",
    "Resolved",
    "ResolvedArm",
    "Select",
    "default_metric",
    "experiment_at",
    "measure_fault",
    "resolve",
    "runs_of",
]
