from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import numpy as np
import pytest

from tests.api.conftest import LEAST, Service
from tests.waiting import PATIENCE_S

CSV = b"a,b,kind\n1,2,x\n3,4,y\n5,6,x\n7,8,y\n"


def upload(service: Service, content: bytes = CSV, spec: object = None) -> httpx2.Response:
    data = {} if spec is None else {"spec": json.dumps(spec)}
    return service.client.post("/v1/datasets", files={"file": ("flowers.csv", content)}, data=data)


def test_an_uploaded_table_is_checked_and_described(service: Service) -> None:
    answer = upload(service, spec={"name": "flowers", "target": "kind"})

    assert answer.status_code == 201
    found = answer.json()
    assert answer.headers["location"] == found["links"]["self"]
    assert found["object"] == "dataset"
    assert (found["name"], found["format"], found["task"]) == ("flowers", "csv", "classification")
    assert (found["examples"], found["features"], found["image"]) == (4, 2, None)
    assert (found["feature_names"], found["classes"]) == (["a", "b"], ["x", "y"])
    assert found["bytes"] == len(CSV)
    assert len(found["sha256"]) == 64
    assert service.client.get(found["links"]["self"]).json() == found
    assert not list((Path(service.settings.data_dir) / "uploads").iterdir())


def test_groups_of_an_upload_stay_together_and_too_few_for_the_folds_are_refused(
    service: Service,
) -> None:
    rows = "\n".join(f"{i},{i % 7},s{i % 3},{'xy'[i % 2]}" for i in range(60))
    content = f"a,b,site,kind\n{rows}\n".encode()

    found = upload(service, content, {"group": "site"}).json()
    body = {**LEAST, "dataset": found["id"], "architecture": "linear"}
    refused = service.client.post("/v1/jobs?dry_run=true", json={**body, "folds": 5})
    accepted = service.client.post("/v1/jobs?dry_run=true", json={**body, "folds": None})

    assert found["feature_names"] == ["a", "b"]
    assert (found["groups"], found["ordered"], found["duplicates"]) == (3, False, 0)
    (fault,) = refused.json()["errors"]
    assert fault["pointer"] == "/folds"
    assert "3 groups leave the test part empty (5 folds" in fault["detail"]
    spec = accepted.json()["spec"]
    assert (spec["folds"], spec["split"]["by"]) == (3, "group")


def test_the_same_bytes_and_spec_are_the_same_dataset(service: Service) -> None:
    first = upload(service, CSV + b"9,9,x\n", {"name": "same"}).json()

    assert upload(service, CSV + b"9,9,x\n", {"name": "same"}).json() == first
    assert upload(service, CSV + b"9,9,x\n", {"name": "other"}).json()["id"] != first["id"]
    assert upload(service, CSV + b"9,9,y\n", {"name": "same"}).json()["id"] != first["id"]


def test_saying_a_default_is_the_same_dataset(service: Service) -> None:
    first = upload(service, CSV + b"8,8,x\n").json()

    assert upload(service, CSV + b"8,8,x\n", {"target": "kind"}).json() == first


def test_ten_equal_uploads_at_once_are_one_dataset(service_on_both: Service) -> None:
    def one(_: int) -> str:
        with httpx2.Client(base_url=service_on_both.url, timeout=PATIENCE_S) as client:
            answer = client.post("/v1/datasets", files={"file": ("a.csv", CSV)})
            assert answer.status_code == 201, answer.text
            return str(answer.json()["id"])

    with ThreadPoolExecutor(10) as pool:
        ids = set(pool.map(one, range(10)))

    assert len(ids) == 1
    artifacts = list((service_on_both.settings.data_dir / "artifacts" / "datasets").iterdir())
    assert len(artifacts) == 1


def test_images_of_an_npz_file_keep_their_shape(service: Service) -> None:
    file = io.BytesIO()
    np.savez(file, x=np.zeros((6, 4, 4), np.float32), y=np.array([0, 1, 0, 1, 0, 1]))

    found = service.client.post("/v1/datasets", files={"file": ("d.npz", file.getvalue())}).json()

    assert found["name"] == "d"
    assert found["format"] == "npz"
    assert found["features"] is None
    assert found["image"] == {"height": 4, "width": 4, "channels": 1}


def test_a_preview_shows_rows_and_columns(service: Service) -> None:
    dataset = upload(service).json()

    found = service.client.get(dataset["links"]["preview"], params={"rows": 2}).json()

    assert found["object"] == "dataset_preview"
    assert found["columns"] == ["a", "b"]
    assert found["rows"] == [[1, 2], [3, 4]]
    assert found["targets"] == ["x", "y"]
    assert found["features"][0] == {"name": "a", "min": 1, "mean": 4, "max": 7, "missing": 0}
    assert found["classes"] == [{"name": "x", "count": 2}, {"name": "y", "count": 2}]
    assert service.client.get(dataset["links"]["preview"], params={"rows": 0}).status_code == 422


@pytest.mark.parametrize("harm", ["lost", "torn"])
def test_stored_data_that_were_harmed_are_a_409_and_mended_by_the_same_upload(
    service: Service, harm: str
) -> None:
    content = CSV + f"1,{len(harm)},x\n9,9,{harm}\n".encode()
    dataset = upload(service, content).json()
    artifact = service.settings.data_dir / "artifacts" / "datasets" / f"{dataset['id']}.safetensors"
    whole = artifact.read_bytes()
    if harm == "lost":
        artifact.unlink()
    else:
        artifact.write_bytes(whole[:-3])

    answer = service.client.get(dataset["links"]["preview"])
    assert answer.status_code == 409
    assert "upload it again" in answer.json()["detail"]

    assert upload(service, content).json() == dataset
    assert artifact.read_bytes() == whole
    assert service.client.get(dataset["links"]["preview"]).status_code == 200


def test_a_table_that_cannot_be_read_is_refused_with_its_place(service: Service) -> None:
    answer = upload(service, b"a,b\n1,x\nfoo,y\n")

    assert answer.status_code == 422
    assert "row" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("spec", "pointer"),
    [({"odd": 1}, "/odd"), ({"format": "pickle"}, "/format"), ({"image": {"height": 0}}, "/image")],
)
def test_a_bad_spec_is_pointed_at(service: Service, spec: object, pointer: str) -> None:
    answer = upload(service, spec=spec)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)


def test_a_spec_may_be_a_file_part_too(service: Service) -> None:
    answer = service.client.post(
        "/v1/datasets",
        files={
            "file": ("a.csv", CSV),
            "spec": ("spec.json", b'{"name": "from a file"}', "application/json"),
        },
    )

    assert answer.json()["name"] == "from a file"


def test_parts_that_are_missing_doubled_or_unknown_are_a_400(service: Service) -> None:
    post = service.client.post
    assert post("/v1/datasets", files={"spec": (None, "{}")}).status_code == 400
    twice = [("file", ("a.csv", CSV)), ("file", ("b.csv", CSV))]
    assert post("/v1/datasets", files=twice).status_code == 400
    odd = {"file": ("a.csv", CSV), "path": (None, "/etc/passwd")}
    assert post("/v1/datasets", files=odd).status_code == 400
    assert upload(service, spec=[1]).status_code == 422
    broken = post(
        "/v1/datasets",
        content=b"--x\r\nnonsense",
        headers={"content-type": "multipart/form-data; boundary=x"},
    )
    assert broken.status_code == 400
    without = post("/v1/datasets", content=b"--x", headers={"content-type": "multipart/form-data"})
    assert without.status_code == 400
    for answer in (broken, without):
        assert answer.headers["content-type"] == "application/problem+json"


def test_json_is_not_an_upload(service: Service) -> None:
    assert service.client.post("/v1/datasets", json={"file": "x"}).status_code == 415


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\nb.csv", "C:\\x\\y.csv", "", "é.csv"])
def test_a_filename_is_only_a_name(service: Service, name: str) -> None:
    answer = service.client.post("/v1/datasets", files={"file": (name or "x", CSV + name.encode())})

    assert answer.status_code in (201, 422)
    if answer.status_code == 201:
        assert "/" not in answer.json()["name"]


def test_a_job_uses_an_upload_which_then_cannot_be_deleted(service: Service) -> None:
    rows = b"".join(b"%d,%d,%s\n" % (i, i * i % 7, b"xy"[i % 2 : i % 2 + 1]) for i in range(40))
    dataset = upload(service, b"a,b,kind\n" + rows).json()
    job = service.post(dataset=dataset["id"])
    assert job["spec"]["dataset"] == {"kind": "upload", "id": dataset["id"]}

    refused = service.client.delete(dataset["links"]["self"])
    assert refused.status_code == 409
    assert job["id"] in refused.json()["detail"]
    assert service.client.delete(job["links"]["self"]).status_code == 204
    assert service.client.delete(dataset["links"]["self"]).status_code == 204
    assert service.client.get(dataset["links"]["self"]).status_code == 404


def test_a_job_on_an_unknown_upload_is_told_so(service: Service) -> None:
    answer = service.client.post("/v1/jobs", json={**LEAST, "dataset": "ds_none"})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/dataset"


def test_datasets_are_listed_newest_first(service: Service) -> None:
    made = [upload(service, CSV + b"%d,0,x\n" % i).json()["id"] for i in range(3)]

    first = service.client.get("/v1/datasets", params={"limit": 2}).json()
    rest = service.client.get("/v1/datasets", params={"after": first["next"]}).json()

    found = [dataset["id"] for dataset in (*first["data"], *rest["data"])]
    assert found[:3] == made[::-1]
    assert len(set(found)) == len(found)
