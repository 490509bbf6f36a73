"""Tables of texts and of interactions, read to the numbers of their words."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.datasets import UploadLimits, read_upload
from core.datasets.canonical import read_canonical, read_words, write_canonical
from core.datasets.coded_spec import InteractionsSpec, TextSpec
from core.datasets.upload import Reading
from core.errors import InvalidSpec, TooLarge

REVIEWS = """review,mood,author
"Good, good film!",pos,a
a bad film,neg,b
GOOD acting,pos,a
bad bad bad bad,neg,c
,neg,c
"""
RATINGS = "who,what,stars\nu1,m1,4\nu2,m1,3.5\nu1,m2,1\nu3,m2,2\nu2,m3,5\n"


def text(
    folder: Path, content: str = REVIEWS, limits: UploadLimits | None = None, **spec: object
) -> Reading:
    path = folder / "reviews.csv"
    path.write_text(content)
    body = {"kind": "text", "text": "review", "target": "mood", **spec}
    return read_upload(path, TextSpec.model_validate(body), limits or UploadLimits())


def ratings(folder: Path, content: str = RATINGS, **spec: object) -> Reading:
    path = folder / "ratings.csv"
    path.write_text(content)
    body = {"kind": "interactions", "user": "who", "item": "what", "rating": "stars", **spec}
    return read_upload(path, InteractionsSpec.model_validate(body), UploadLimits())


def test_texts_become_the_numbers_of_their_words_and_signs(tmp_path: Path) -> None:
    reading = text(tmp_path)
    dataset = reading.dataset
    # bad 5 times, good 3, film 2; the others are there once
    assert dataset.words == {"text": ("bad", "good", "film")}
    assert dataset.inputs["text"].tolist() == [
        [3, 1, 3, 4, 1],
        [1, 2, 4, 0, 0],
        [3, 1, 0, 0, 0],
        [2, 2, 2, 2, 0],
        [1, 0, 0, 0, 0],
    ]
    (field,) = dataset.facts.inputs
    assert (field.kind, field.shape, field.known, field.size) == ("tokens", (5,), 5, 5)
    assert dataset.facts.classes == ("neg", "pos")
    assert dataset.targets.tolist() == [1, 0, 1, 0, 0]
    assert "1 of 5 texts are empty" in reading.warnings


def test_texts_are_cut_split_into_characters_and_grouped_where_a_spec_says_so(
    tmp_path: Path,
) -> None:
    cut = text(tmp_path, length=2, vocabulary=2, group="author")
    assert cut.dataset.inputs["text"].shape == (5, 2)
    assert cut.dataset.facts.inputs[0].size == 4
    assert cut.dataset.facts.groups == 3
    assert "3 of 5 texts are longer than 2 words; the rest of them is not read" in cut.warnings
    letters = text(tmp_path, tokens="character").dataset
    assert letters.words["text"][:2] == (" ", "a")
    assert letters.facts.inputs[0].shape == (16,)


def test_interactions_become_ids(tmp_path: Path) -> None:
    reading = ratings(tmp_path)
    dataset = reading.dataset
    assert dataset.words == {"user": ("u1", "u2"), "item": ("m1", "m2")}
    assert dataset.inputs["user"].tolist() == [2, 3, 2, 1, 3]
    assert dataset.inputs["item"].tolist() == [2, 2, 3, 3, 1]
    assert dataset.targets.ravel().tolist() == [4, 3.5, 1, 2, 5]
    assert reading.warnings == (
        "1 of 3 users are there once: all are one",
        "1 of 3 items are there once: all are one",
    )


def test_what_is_kept_is_what_was_read(tmp_path: Path) -> None:
    for reading in (text(tmp_path), ratings(tmp_path)):
        path = tmp_path / "kept.safetensors"
        write_canonical(reading.dataset, path)
        kept = read_canonical(path)
        assert kept.facts == reading.dataset.facts
        assert kept.words == reading.dataset.words == read_words(path)
        for name, array in reading.dataset.inputs.items():
            assert kept.inputs[name].tolist() == array.tolist()


def test_saying_what_is_taken_anyway_is_the_same_dataset(tmp_path: Path) -> None:
    one = text(tmp_path, target="mood", task="classification", delimiter=",")
    other = text(tmp_path, text=0, target=1)
    assert one.dataset.facts.sha256 == other.dataset.facts.sha256
    assert one.dataset.facts.sha256 != text(tmp_path, length=3).dataset.facts.sha256


@pytest.mark.parametrize(
    ("content", "spec", "pointer", "words"),
    [
        (REVIEWS, {"text": "revue"}, "/text", "did you mean 'review'?"),
        (REVIEWS, {"text": "mood"}, "/text", "column 'mood' is the target"),
        ("review,mood\n", {}, "", "the file has no rows of data"),
        ("review,mood\nx,a\ny,b\n", {}, "/text", "no word of column 'review' is in two texts"),
        ("review,mood\nx,a\nx,\n", {}, "", "row 3, column 'mood' is empty"),
    ],
)
def test_a_table_of_texts_that_cannot_be_read_is_told_where(
    tmp_path: Path, content: str, spec: dict[str, object], pointer: str, words: str
) -> None:
    with pytest.raises(InvalidSpec) as caught:
        text(tmp_path, content, **spec)
    (fault,) = caught.value.faults
    assert fault.pointer == pointer
    assert words in fault.detail


@pytest.mark.parametrize(
    ("content", "spec", "words"),
    [
        (RATINGS, {"item": "who"}, "user, item and rating are three columns"),
        (RATINGS.replace("u3", ""), {}, "row 5, column 'who' is empty; name a user"),
        (RATINGS.replace("3.5", "good"), {}, "row 3, column 'stars'"),
        ("who,what,stars\na,m,1\nb,m,2\n", {}, "every user is there once"),
    ],
)
def test_interactions_that_cannot_be_read_are_told_where(
    tmp_path: Path, content: str, spec: dict[str, object], words: str
) -> None:
    with pytest.raises(InvalidSpec) as caught:
        ratings(tmp_path, content, **spec)
    assert words in caught.value.detail


def test_the_limits_hold_for_texts(tmp_path: Path) -> None:
    for limit in ("rows_max", "unpacked_bytes_max", "columns_max"):
        with pytest.raises(TooLarge, match=limit.upper()):
            text(tmp_path, limits=UploadLimits(**{limit: 3}))
