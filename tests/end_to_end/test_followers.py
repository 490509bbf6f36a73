"""Two hundred clients that follow one job on one API process."""

from __future__ import annotations

import asyncio

import httpx2

from tests.end_to_end.deployment import pages
from tests.waiting import PATIENCE_S

FOLLOWERS = 200
BODY = {
    "name": "followed",
    "dataset": "iris",
    "architecture": {"kind": "mlp", "hidden": [16]},
    "loss": "cross_entropy",
    "regularizers": [{"kind": "l2", "lambda": {"values": [0.001, 0.01]}}],
    "epochs": 200,
    "batch_size": 8,
    "folds": 1,
    "seeds": 2,
}


async def _follow(port: int, path: str) -> list[bytes]:
    """The ids of a stream until its end; plain sockets, since the clients share our cores."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    ids: list[bytes] = []
    while line := await reader.readline():
        if line.startswith(b"id: "):
            ids.append(line[4:].strip())
        elif line.startswith(b"event: end"):
            break
    else:
        ids.append(b"cut")
    writer.close()
    return ids


async def _asked(url: str, path: str, ended: asyncio.Event) -> list[int]:
    """How many epochs were trained, by plain requests answered meanwhile."""
    found = []
    async with httpx2.AsyncClient(base_url=url, timeout=PATIENCE_S) as client:
        while not ended.is_set():
            answer = await client.get(path)
            assert answer.status_code == 200
            found.append(answer.json()["progress"]["epochs_done"])
            await asyncio.sleep(0.05)
    return found


async def _watched(service, job):
    ended = asyncio.Event()
    asked = asyncio.create_task(_asked(service.url, job["links"]["self"], ended))
    streams = (_follow(service.port, job["links"]["stream"]) for _ in range(FOLLOWERS))
    heard = await asyncio.gather(*streams)
    ended.set()
    return heard, await asked


def test_two_hundred_followers_hear_all_of_it_once_while_plain_requests_are_answered(service):
    job = service.http.post("/v1/jobs", json=BODY).json()
    heard, answers = asyncio.run(_watched(service, job))

    ended = service.client.job(job["id"])
    assert ended.status == "succeeded"
    events = pages(service.http, job["links"]["events"], limit=1000)
    last = events[-1]["seq"]
    assert last > BODY["epochs"]
    whole = [str(i).encode() for i in range(1, last + 1)]
    assert [ids for ids in heard if ids != whole] == []
    assert min(answers) < ended.progress.epochs_total, "none was answered before the job's end"
    assert answers == sorted(answers)
