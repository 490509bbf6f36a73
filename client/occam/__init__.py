"""Occam's client: submit a comparison, follow it, read the verdict.

from occam import Client

client = Client()
job = client.submit({"dataset": "digits", "architecture": "mlp", "loss": "cross_entropy",
                     "regularizer": "l2", "lambda": {"log_range": [1e-5, 1e-1]}})
client.wait(job)
print(client.report(job).verdict)
"""

from occam.answers import (
    Action,
    ArmReport,
    Chosen,
    Dataset,
    Estimate,
    Event,
    Job,
    Pair,
    Point,
    Prediction,
    Progress,
    Report,
    Run,
    Score,
    Summary,
)
from occam.client import Client
from occam.errors import (
    Conflict,
    Fault,
    InvalidRequest,
    InvalidSpec,
    JobFailed,
    NotFound,
    OccamError,
    ServiceError,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from occam.figure import Figure
from occam.pages import Listing
from occam.stream import StreamEvent

__all__ = [
    "Action",
    "ArmReport",
    "Chosen",
    "Client",
    "Conflict",
    "Dataset",
    "Estimate",
    "Event",
    "Fault",
    "Figure",
    "InvalidRequest",
    "InvalidSpec",
    "Job",
    "JobFailed",
    "Listing",
    "NotFound",
    "OccamError",
    "Pair",
    "Point",
    "Prediction",
    "Progress",
    "Report",
    "Run",
    "Score",
    "ServiceError",
    "StreamEvent",
    "Summary",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "Unreachable",
]
