"""What the client and the command see when a part of the service dies, and when it is stopped."""

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from occam import Client
from tests.client.served import LONG, QUICK, Served

EPOCHS = 400


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    """One service for the file; its last test stops it."""
    folder = tmp_path_factory.mktemp("mortal")
    served = Served(folder / "data", OCCAM_LEASE_S="4", OCCAM_HEARTBEAT_S="1")
    yield served
    if served.process.poll() is None:
        served.stop()


def test_a_killed_worker_is_replaced_and_the_job_goes_on(served):
    with Client(served.url()) as own:
        job = own.submit({**QUICK, "epochs": EPOCHS})
        next(event for event in own.stream(job) if event.type == "metrics")
        os.kill(_child(served.process.pid, "-m worker"), signal.SIGKILL)
        assert own.wait(job).status == "succeeded"
        assert _epochs(own, job) == list(range(1, EPOCHS + 1))
    assert any("the worker ended (signal SIGKILL); starting it again" in x for x in served.lines)


def test_an_api_killed_while_a_client_follows_loses_and_repeats_nothing(served):
    with Client(served.url()) as own:
        job = own.submit({**QUICK, "epochs": EPOCHS})
        ids = []
        for event in own.stream(job):
            ids.append(int(event.id))
            if len(ids) == 5:
                os.kill(_child(served.process.pid, "-m api"), signal.SIGKILL)
        assert ids == list(range(1, len(ids) + 1))
        assert own.job(job).status == "succeeded"
        assert _epochs(own, job) == list(range(1, EPOCHS + 1))
    assert any("the API ended (signal SIGKILL); starting it again" in x for x in served.lines)


def test_the_command_stops_at_a_signal_and_leaves_nothing_behind(served):
    with Client(served.url()) as own:
        job = own.submit(LONG)
        next(event for event in own.stream(job) if event.type == "metrics")

    assert served.stop(signal.SIGINT) == 0
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert str(served.folder) not in processes


def _epochs(client: Client, job) -> list[int]:
    """The epochs that the first run has a value of."""
    run = client.runs(job).to_list()[0]
    return [point.epoch for point in client.metrics(job, run=run, name="val_loss")]


def _child(parent: int, words: str) -> int:
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(parent)], capture_output=True, text=True
    ).stdout
    (line,) = (line for line in listed.splitlines() if line.endswith(words))
    return int(line.split()[0])
