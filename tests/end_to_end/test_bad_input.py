"""Everything wrong that may come over the wire, as raw bytes: refused by name, nothing stored."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest

GOOD: dict[str, Any] = {"dataset": "digits", "architecture": "mlp", "loss": "cross_entropy"}
JSON = "application/json"


def raw(text: str) -> bytes:
    """A good body with some text put into it as it is."""
    return json.dumps(GOOD)[:-1].encode() + b", " + text.encode() + b"}"


def body(**fields: Any) -> bytes:
    return json.dumps({**GOOD, **fields}).encode()


def l1(strength: Any) -> bytes:
    return body(regularizers=[{"kind": "l1", "lambda": strength}])


def layers(*items: Any) -> bytes:
    return body(architecture={"kind": "layers", "layers": list(items)})


# (body, content type, status, pointer or None, words of the sentence there)
TEXTS = {
    "nothing": (b"", JSON, 400, None, "needs a JSON body"),
    "malformed": (b'{"dataset": ', JSON, 400, None, "is not JSON"),
    "two values": (b"{} {}", JSON, 400, None, "Extra data"),
    "single quotes": (b"{'dataset': 'digits'}", JSON, 400, None, "property name"),
    "trailing comma": (b'{"dataset": "digits",}', JSON, 400, None, "line 1"),
    "a comment": (b'{/* digits */ "dataset": "digits"}', JSON, 400, None, "is not JSON"),
    "not UTF-8": (b'{"name": "\xe9"}', JSON, 400, None, "not UTF-8"),
    "UTF-16": ('{"name": "x"}'.encode("utf-16"), JSON, 400, None, "UTF-8"),
    "a byte order mark": (b"\xef\xbb\xbf{}", JSON, 400, None, "byte order mark"),
    "NaN": (raw('"practical": NaN'), JSON, 400, None, "NaN is not JSON"),
    "Infinity": (raw('"practical": -Infinity'), JSON, 400, None, "finite"),
    "1e999": (raw('"practical": 1e999'), JSON, 422, "/practical", "64-bit float"),
    "a googol": (raw(f'"epochs": 1{"0" * 100}'), JSON, 422, "/epochs", "too large"),
    "a number of a megabyte": (
        raw(f'"epochs": {"9" * 900_000}'),
        JSON,
        422,
        "/epochs",
        "too large",
    ),
    "a key twice": (raw('"epochs": 1, "epochs": 2'), JSON, 422, "/epochs", "more than once"),
    "half a surrogate": (raw(r'"name": "\ud800"'), JSON, 422, "/name", "surrogate"),
    "NUL": (raw(r'"name": "a\u0000b"'), JSON, 422, "/name", "NUL"),
    "deep nesting": (b'{"name": ' + b"[" * 100_000, JSON, 422, None, "deeper than 64"),
    "deep objects": (b'{"a":' * 1000 + b"1" + b"}" * 1000, JSON, 422, None, "deeper than 64"),
    "a large body": (body(name="x" * 1_100_000), JSON, 413, None, "OCCAM_BODY_BYTES_MAX"),
    "form data": (b"dataset=digits", "application/x-www-form-urlencoded", 415, None, "send JSON"),
    "plain text": (body(), "text/plain", 415, None, "application/json"),
    "no type": (body(), "", 415, None, "application/json"),
    "a list": (b"[]", JSON, 422, "", "a job is a JSON object"),
    "null": (b"null", JSON, 422, "", "not null"),
    "a text": (b'"digits"', JSON, 422, "", "JSON object"),
}
SPECS = {
    "an empty object": (b"{}", 422, "/dataset", '"dataset" is missing'),
    "no loss": (b'{"dataset": "iris", "architecture": "mlp"}', 422, "/loss", "is missing"),
    "a misspelt field": (body(epoch=3), 422, "/epoch", 'did you mean "epochs"?'),
    "a learning rate outside its optimizer": (body(lr=0.1), 422, "/lr", '"optimizer": {"kind"'),
    "an unknown loss": (body(loss="cross_entrpy"), 422, "/loss", 'mean "cross_entropy"?'),
    "an unknown regularizer": (body(regularizer="l7"), 422, "/regularizer", "is not a kind"),
    "an unknown optimizer": (body(optimizer="sdg"), 422, "/optimizer", 'mean "sgd"?'),
    "an unknown architecture": (body(architecture="perceiver"), 422, "/architecture", "not a kind"),
    "an unknown dataset": (body(dataset="mnist"), 422, "/dataset", "mnist"),
    "a dataset that is a path": (body(dataset="../../etc/passwd"), 422, "/dataset", "passwd"),
    "a dataset that is an address": (
        body(dataset={"kind": "upload", "id": "http://169.254.169.254/"}),
        422,
        "/dataset/id",
        "should look like ^ds_",
    ),
    "a dataset that is not there": (body(dataset="ds_gone"), 422, "/dataset", "ds_gone"),
    "text for a number": (body(epochs="30"), 422, "/epochs", 'a whole number, not "30"'),
    "a truth for a number": (body(epochs=True), 422, "/epochs", "not true"),
    "half an epoch": (body(epochs=0.5), 422, "/epochs", "whole number"),
    "no epoch": (body(epochs=0), 422, "/epochs", "at least 1"),
    "a billion epochs": (body(epochs=10**9), 422, "/epochs", "at most 100000"),
    "a billion seeds": (body(seeds=10**9), 422, "/seeds", "not a count of seeds"),
    "a negative seed": (body(seeds=[-1]), 422, "/seeds/0", "at least 0"),
    "1e308 for lambda": (l1(1e308), 422, "/regularizers/0/lambda", "1e+308"),
    "a negative lambda": (l1(-1), 422, "/regularizers/0/lambda", "at least 0, not -1"),
    "a text for lambda": (l1("much"), 422, "/regularizers/0/lambda", 'not "much"'),
    "an empty range": (l1({"values": []}), 422, "/regularizers/0/lambda/values", "not be empty"),
    "a range backwards": (l1({"range": [1, 0]}), 422, "/regularizers/0/lambda/range", "smaller"),
    "a range of logarithms from zero": (
        l1({"log_range": [0, 1]}),
        422,
        "/regularizers/0/lambda/log_range",
        "positive",
    ),
    "a huge range": (
        l1({"range": [0, 1], "num": 10**9}),
        422,
        "/regularizers/0/lambda/num",
        "1000",
    ),
    "too many runs": (
        body(
            folds=1,
            seeds=1000,
            regularizers=[{"kind": "l1", "lambda": {"range": [0, 1], "num": 1000}}],
        ),
        422,
        "",
        "1,000,000 runs",
    ),
    "a learning rate of zero": (
        body(optimizer={"kind": "sgd", "lr": 0}),
        422,
        "/optimizer/lr",
        "0",
    ),
    "dropout of everything": (
        body(regularizers=[{"kind": "dropout", "p": 1}]),
        422,
        "/regularizers/0/p",
        "less than 1",
    ),
    "a terabyte of weights": (
        body(architecture={"kind": "mlp", "hidden": [50_000, 50_000]}),
        422,
        "/architecture",
        "at most 50,000,000",
    ),
    "a layer of no units": (
        layers("flatten", "dense"),
        422,
        "/architecture/layers/1",
        "dense needs it",
    ),
    "no layer": (layers(), 422, "/architecture/layers", "not be empty"),
    "too many layers": (
        layers("flatten", *[{"kind": "dense", "units": 10}] * 200),
        422,
        "/architecture/layers",
        "at most 100, not 201",
    ),
    "an image network on a table": (
        body(dataset="iris", architecture="cnn"),
        422,
        "/architecture",
        "cnn needs images",
    ),
    "a loss of the other task": (body(dataset="diabetes"), 422, "/loss", "regression"),
    "a metric of the other task": (
        body(select={"metric": "val_r2"}),
        422,
        "/select/metric",
        "not a metric of classification",
    ),
    "a part that takes everything": (
        body(split={"validation": 1}),
        422,
        "/split/validation",
        "less than 1",
    ),
    "more folds than rows": (body(dataset="wine", folds=500), 422, "/folds", "178 rows leave"),
    "repeats of one held-out part": (body(folds=1, repeats=3), 422, "/repeats", "leave out"),
    "parts drawn by seeds": (body(split={"resample": True}), 422, "/split/resample", "repeats"),
    "an arm that is no object": (body(compare=["l1"]), 422, "/compare/0", "an arm is an object"),
    "two arms of one name": (
        body(compare=[{"name": "a"}, {"name": "a"}]),
        422,
        "/compare/1/name",
        'two arms are called "a"',
    ),
    "an arm on other data": (
        body(compare=[{}, {"dataset": "iris"}]),
        422,
        "/compare/1/dataset",
        "arms share dataset",
    ),
    "a mistake inside an arm": (
        body(compare=[{}, {"regularizers": [{"kind": "l1", "lambda": -3}]}]),
        422,
        "/compare/1/regularizers/0/lambda",
        "at least 0, not -3",
    ),
    "a search that is not there": (body(search="tpe"), 422, "/search", "not yet available"),
    "a long name": (body(name="x" * 201), 422, "/name", "at most 200 characters"),
    "a longer value": (body(device="A" * 5000), 422, "/device", 'one of "auto"'),
    "code for a kind": (
        body(loss={"kind": "__import__('os').system('id')"}),
        422,
        "/loss/kind",
        "is not a kind of loss",
    ),
    "a polluted prototype": (body(__proto__={"x": 1}), 422, "/__proto__", "is not a field"),
}


@pytest.fixture(scope="module")
def newest(service):
    """What is stored now: ids of the newest job and dataset, and every artifact."""

    def look() -> tuple[Any, ...]:
        ids = []
        for noun in ("jobs", "datasets"):
            page = service.http.get(f"/v1/{noun}", params={"limit": 1}).json()["data"]
            ids.append(page[0]["id"] if page else None)
        folders = service.folder / "data" / "uploads", service.folder / "data" / "artifacts"
        files = [p for folder in folders for p in folder.rglob("*") if p.is_file()]
        return (*ids, sorted(p for p in files if "cohort" not in str(p)))

    return look


@pytest.fixture
def refused(service, newest):
    """Send, and have it refused with this status, pointer and words; nothing is stored."""

    def send(call: Any, status: int, pointer: str | None, words: str) -> None:
        before = newest()
        answer = call(service.http)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.content) < 5000, "a client's value is never echoed at length"
        assert "Traceback" not in answer.text
        problem = answer.json()
        assert problem["status"] == status
        faults = {fault["pointer"]: fault["detail"] for fault in problem.get("errors", [])}
        if pointer is None:
            assert words in problem["detail"]
        else:
            assert pointer in faults, faults
            assert words in faults[pointer]
        assert newest() == before

    return send


@pytest.mark.parametrize("case", TEXTS)
def test_a_body_that_is_no_sane_json_is_refused(refused, case):
    content, media, status, pointer, words = TEXTS[case]
    headers = {"content-type": media} if media else {}

    refused(
        lambda http: http.post("/v1/jobs", content=content, headers=headers),
        status,
        pointer,
        words,
    )


def test_folds_that_a_rare_class_cannot_fill_are_refused_at_submit(service, refused):
    rows = "".join(f"{i},{'rare' if i == 40 else 'common'}\n" for i in range(41))
    file = {"file": ("rare.csv", f"x,y\n{rows}".encode(), "text/csv")}
    made = service.http.post("/v1/datasets", files=file, data={"spec": '{"target": "y"}'})
    assert made.json()["class_counts"] == [40, 1]
    asked = json.loads(body(dataset=made.json()["id"], folds=5))
    asked["architecture"] = "linear"

    refused(lambda http: http.post("/v1/jobs", json=asked), 422, "/folds", 'class "rare" has 1')


@pytest.mark.parametrize("case", SPECS)
def test_a_job_that_cannot_be_run_is_refused(service, refused, case):
    content, status, pointer, words = SPECS[case]
    dry = not service.served  # a dry run is refused as a post is: each in one deployment

    refused(
        lambda http: http.post(
            "/v1/jobs",
            content=content,
            headers={"content-type": JSON},
            params={"dry_run": "true"} if dry else {},
        ),
        status,
        pointer,
        words,
    )


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def claiming(rows: int) -> bytes:
    """An NPZ whose header promises more rows than there are bytes."""
    array = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (rows, 1000)}
    np.lib.format.write_array_header_1_0(array, header)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", array.getvalue() + b"\0" * 64)
        archive.writestr("y.npy", npz(y=np.zeros(4)))
    return file.getvalue()


FILES = {
    "an empty file": (b"", {}, "", "empty"),
    "a header alone": (b"a,b,y\n", {}, "", "no rows"),
    "a ragged row": (b"a,b,y\n1,2,x\n1,x\n3,4,y\n", {}, "", "row 3 has 2 cells"),
    "a text where a number belongs": (b"a,y\n1,x\nred,y\n", {}, "", "'red' is not a number"),
    "an empty cell": (b"a,y\n1,x\n,y\n", {}, "", "row 3, column 'a' is empty"),
    "a NaN": (b"a,y\n1,x\nNaN,y\n", {}, "", "not a finite number"),
    "an infinity": (b"a,y\n1,x\n-inf,y\n", {}, "", "not a finite number"),
    "1e308": (b"a,y\n1,x\n1e308,y\n", {}, "", "too large for a 32-bit float"),
    "one class only": (b"a,y\n1,x\n2,x\n3,x\n", {}, "/target", "in every example"),
    "one column only": (b"y\n1\n2\n", {}, None, "no feature is left"),
    "a column twice": (b"a,a,y\n1,2,x\n1,2,y\n", {}, "", "both called 'a'"),
    "Latin-1": ("a,y\n1,caf\xe9\n2,x\n".encode("latin-1"), {}, "", "not UTF-8"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0" * 50, {}, None, ""),
    "a target that is not there": (b"a,y\n1,x\n2,z\n", {"target": "z"}, "/target", "'z'"),
    "an unknown field": (b"a,y\n1,x\n2,z\n", {"targt": "y"}, "/targt", ""),
    "a format it is not": (b"a,y\n1,x\n2,z\n", {"format": "npz"}, "/format", "npz"),
    "images of another size": (
        b"a,b,y\n1,2,x\n2,3,z\n",
        {"image": {"height": 28, "width": 28}},
        "/image",
        "784",
    ),
    "a header that claims terabytes": (claiming(2**40), {}, "", "are there"),
    "another delimiter": (b"a;y\n1;x\n", {"delimiter": ","}, "/delimiter", "semicolons"),
    "decimal commas": (b"a;b;y\n1,5;2;x\n", {}, "", "decimal comma; write 1.5"),
    "a text column": (b"a,city,y\n1,Rome,x\n", {}, "", '"ignore": ["city"]'),
    "objects": (npz(x=np.array([[{}], [{}]], object), y=np.arange(2)), {}, "", "object"),
    "lengths that differ": (npz(x=np.zeros((3, 2)), y=np.arange(4)), {}, "", "lengths"),
    "an NPZ with a NaN": (
        npz(x=np.array([[0.0], [np.nan]]), y=np.arange(2)),
        {},
        "",
        "not a finite",
    ),
    "a torn NPZ": (npz(x=np.zeros((9, 9)), y=np.arange(9) % 2)[:300], {}, None, ""),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_cannot_be_learnt_from_is_refused(refused, case):
    content, spec, pointer, words = FILES[case]

    refused(
        lambda http: http.post(
            "/v1/datasets",
            files={"file": ("../../../tmp/evil.csv", content)},
            data={"spec": json.dumps(spec)},
        ),
        422,
        pointer,
        words,
    )


OTHERS = {
    "an unknown path": (lambda http: http.get("/v1/job"), 404, None, ""),
    "a path upwards": (lambda http: http.get("/v1/jobs/..%2f..%2fetc%2fpasswd"), 404, None, ""),
    "a run that is a path": (
        lambda http: http.get("/v1/runs/%2e%2e%2f%2e%2e%2foccam.db/weights"),
        404,
        None,
        "",
    ),
    "NUL in a path": (lambda http: http.get("/v1/jobs/a%00b"), 400, None, "NUL"),
    "an unknown method": (lambda http: http.put("/v1/jobs", json={}), 405, None, "Allow"),
    "a wait that is no number": (
        lambda http: http.get("/v1/jobs/job_x", params={"wait": "long"}),
        422,
        None,
        "",
    ),
    "a wait for ever": (
        lambda http: http.get("/v1/jobs/job_x", params={"wait": "inf"}),
        422,
        None,
        "",
    ),
    "a cursor of one's own": (
        lambda http: http.get("/v1/jobs", params={"after": "MTIz"}),
        400,
        None,
        "cursor",
    ),
    "an unknown status": (
        lambda http: http.get("/v1/jobs", params={"status": "done"}),
        422,
        None,
        'it is one of "cancelled"',
    ),
    "a misspelt dry run": (
        lambda http: http.post("/v1/jobs", json=GOOD, params={"dryrun": "true"}),
        422,
        "",
        'did you mean "dry_run"?',
    ),
    "one field too many in a report": (
        lambda http: http.post("/v1/reports", json={"jobs": ["job_x"], "foo": 1}),
        422,
        "/foo",
        "is not a field of a report",
    ),
    "an odd key": (
        lambda http: http.post("/v1/jobs", json=GOOD, headers={"idempotency-key": "a b"}),
        422,
        None,
        "",
    ),
    "no job in a report": (
        lambda http: http.post("/v1/reports", json={"jobs": []}),
        422,
        "/jobs",
        "",
    ),
    "a job that is not there in a report": (
        lambda http: http.post("/v1/reports", json={"jobs": ["job_x"]}),
        404,
        None,
        "job_x",
    ),
    "an upload without a file": (
        lambda http: http.post("/v1/datasets", files={"spec": (None, "{}")}),
        400,
        None,
        "file",
    ),
    "an upload that is JSON": (lambda http: http.post("/v1/datasets", json={}), 415, None, "form"),
    "an upload whose spec is no JSON": (
        lambda http: http.post(
            "/v1/datasets", files={"file": ("a.csv", b"a,y\n1,x\n")}, data={"spec": "{"}
        ),
        400,
        None,
        "",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_call_that_makes_no_sense_is_refused(refused, case):
    refused(*OTHERS[case])
