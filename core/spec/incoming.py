"""Bodies other than a job's: any model of ours, read with the same sentences about mistakes."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from core.spec.collect import Faults
from core.spec.faults import explain
from core.spec.limits import Limits
from core.term import Wire

Model = TypeVar("Model", bound=Wire)


def read_model(model: type[Model], body: object) -> Model:
    """The model that `body` spells. Raises InvalidSpec with a fault for each mistake."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        faults = Faults(body, Limits())
        for path, sentence in explain(error, model, body):
            faults.add(path, sentence)
        raise faults.error() from None
