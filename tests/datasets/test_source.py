import json
import subprocess
import sys

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from core.datasets import Dataset, DatasetFacts, DatasetSource, Field

SOURCES = TypeAdapter(tuple[DatasetSource])


def source(body: object) -> DatasetSource:
    return SOURCES.validate_python([body])[0]


@pytest.mark.parametrize(
    ("shorthand", "full"),
    [
        ("digits", {"kind": "builtin", "name": "digits"}),
        ("moons", {"kind": "moons"}),
        ("ds_01ABC", {"kind": "upload", "id": "ds_01ABC"}),
    ],
)
def test_a_bare_string_is_shorthand_for_a_source(shorthand: str, full: dict[str, str]) -> None:
    assert source(shorthand) == source(full)


def test_an_unknown_name_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(ValidationError, match="'digits', 'breast_cancer', 'wine'"):
        source("digitz")


@pytest.mark.parametrize("identity", ["ds_", "ds_../../etc/passwd", "ds_a/b", "ds_" + "a" * 65])
def test_an_upload_is_named_by_id_only(identity: str) -> None:
    with pytest.raises(ValidationError):
        source(identity)


@pytest.mark.parametrize("kind", list(DatasetSource.members()))
def test_a_source_documents_itself(kind: str) -> None:
    assert len(DatasetSource.members()[kind].documentation()["summary"]) > 20


def test_facts_survive_the_way_through_json() -> None:
    image = Field("photo", "image", (1, 2, 2))
    text = Field("caption", "tokens", (7,), known=90, size=50)
    facts = DatasetFacts("classification", 3, (image, text), ("a", "b"), sha256="0", name="n")

    document = json.loads(json.dumps(facts.document()))

    assert DatasetFacts.of(document) == facts
    assert document["inputs"][1]["size"] == 50


def test_facts_stored_before_data_had_fields_are_read() -> None:
    facts = DatasetFacts.of_numbers("regression", 3, (4,), sha256="0")
    document = facts.document()
    del document["inputs"]
    assert DatasetFacts.of({**document, "shape": [4]}) == facts


def test_the_arrays_of_a_dataset_cannot_be_written() -> None:
    facts = DatasetFacts.of_numbers("classification", 2, (1,), ("a", "b"))
    dataset = Dataset.of_numbers(facts, np.zeros((2, 1), np.float32), np.array([0, 1]))

    with pytest.raises(ValueError, match="read-only"):
        dataset.features[0] = 1


def test_importing_datasets_and_asking_facts_imports_no_heavy_library() -> None:
    code = (
        "import sys; from core.datasets import DatasetSource\n"
        "for kind, member in DatasetSource.members().items():\n"
        "    if kind == 'upload': continue\n"
        "    member(**({'name': 'digits'} if kind == 'builtin' else {})).facts()\n"
        "print([m for m in ('sklearn', 'scipy', 'torch', 'pandas') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
