"""The database, away for less and for longer than the lease, or locked by somebody else."""

from __future__ import annotations

import contextlib
import select
import socket
import sqlite3
import threading
import time

import pytest
from sqlalchemy import make_url

from tests.waiting import is_alive, until

pytestmark = pytest.mark.slow


class Proxy:
    """A TCP forwarder that can be cut."""

    def __init__(self, host, port):
        self.target = host, port
        self.cut = threading.Event()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.server.accept()
                threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client):
        with client, contextlib.suppress(OSError):
            if self.cut.is_set():
                return
            with socket.create_connection(self.target) as upstream:
                ends = {client: upstream, upstream: client}
                while not self.cut.is_set():
                    for end in select.select(list(ends), [], [], 0.05)[0]:
                        data = end.recv(65536)
                        if not data:
                            return
                        ends[end].sendall(data)


@pytest.fixture
def proxied(house):
    url = make_url(house.database.url)
    proxy = Proxy(url.host, url.port or 5432)
    through = url.set(host="127.0.0.1", port=proxy.port)
    house.env["OCCAM_DATABASE_URL"] = through.render_as_string(hide_password=False)
    yield proxy
    proxy.server.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_away_for_less_than_the_lease_costs_nothing(house, proxied, undisturbed):
    house.start(OCCAM_LEASE_S="20")
    job_id = house.submit()
    house.checkpointed(job_id)
    proxied.cut.set()
    time.sleep(4)
    proxied.cut.clear()
    assert house.ends(job_id).status == "succeeded"
    assert house.cohort(job_id).attempts == 1
    assert (house.metrics(job_id), house.weights(job_id)) == undisturbed


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_away_for_longer_than_the_lease_makes_the_worker_drop_its_cohort(
    house, proxied, undisturbed
):
    worker = house.start()
    trainer = house.trainer_of(worker)
    job_id = house.submit()
    house.checkpointed(job_id)
    proxied.cut.set()
    until(lambda: not is_alive(trainer))
    assert "cohort lost" in house.log(worker)
    proxied.cut.clear()
    assert house.ends(job_id).status == "succeeded"
    assert house.cohort(job_id).attempts == 2
    assert (house.metrics(job_id), house.weights(job_id)) == undisturbed
    assert worker.poll() is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_database_locked_by_another_for_a_while_costs_nothing(house, undisturbed):
    house.start(OCCAM_LEASE_S="20")
    job_id = house.submit()
    house.checkpointed(job_id)
    other = sqlite3.connect(house.data_dir / "occam.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    time.sleep(3)
    other.execute("COMMIT")
    other.close()
    assert house.ends(job_id).status == "succeeded"
    assert house.cohort(job_id).attempts == 1
    assert (house.metrics(job_id), house.weights(job_id)) == undisturbed
