"""kill -9 between every two steps of a build: nothing is lost, nothing is doubled."""
import concurrent.futures
import json
import sqlite3

import pytest

import farm
from farm import Refused

DATA = b"made" * 5000
STEPS = ["source", "submit", "lease", "prepare", "run", "log", "upload", "finish"]


def crash(server):
    server.kill()
    server.start()


class Life:
    """A build, step by step."""

    def __init__(self, admin, worker):
        self.admin, self.worker = admin, worker

    def source(self):
        self.source_id = self.admin.source({"a.py": b"print()\n", "b.py": b"x" * 100000})

    def submit(self):
        self.build = self.admin.submit(self.source_id, key="one")["id"]

    def lease(self):
        self.attempt = self.worker.lease(wait=5)
        assert self.attempt.build == self.build

    def prepare(self):
        self.attempt.update("PREPARING")

    def run(self):
        self.attempt.update("RUNNING", steps=[{"id": "build", "state": "RUNNING"}])

    def log(self):
        self.attempt.log("hello\n", offset=0)

    def upload(self):
        self.attempt.upload(DATA)

    def finish(self):
        self.attempt.finish(files={"demo.pyz": DATA})

    def check_end(self):
        build = self.admin.until(self.build, "SUCCEEDED")
        assert build["attempt"] == 1 and build["number"] == 1
        assert self.admin.log(self.build) == (b"hello\n", True)
        artifact = self.admin.raw("GET", "/v1/artifacts/demo/versions/v1/files/demo.pyz")
        assert artifact.content == DATA
        builds = self.admin.call("GET", "/v1/builds", "ListBuildsResponse")["builds"]
        artifacts = self.admin.call("GET", "/v1/artifacts", "ListArtifactsResponse")["artifacts"]
        assert len(builds) == 1 and len(artifacts) == 1


@pytest.mark.parametrize("after", STEPS)
def test_kill_after_a_step(server_with_store, admin, worker, after):
    life = Life(admin, worker)
    for step in STEPS:
        getattr(life, step)()
        if step == after:
            crash(server_with_store)
    life.check_end()


@pytest.mark.parametrize("after", STEPS[1:])
def test_kill_after_a_step_whose_answer_was_lost(server_with_store, admin, worker, after):
    """The client does not know whether it was done, and does it again."""
    life = Life(admin, worker)
    for step in STEPS:
        getattr(life, step)()
        if step == after:
            crash(server_with_store)
            getattr(life, step)()
    life.check_end()


def test_kill_after_every_step(server_with_store, admin, worker):
    life = Life(admin, worker)
    for step in STEPS:
        getattr(life, step)()
        crash(server_with_store)
    life.check_end()


def test_kill_in_the_middle_of_many_submissions(server, admin, source):
    """Whatever was acknowledged is there; with the same keys the rest comes, and none twice."""
    token = admin.session.headers["Authorization"].split()[1]
    done = {}

    def submit(n):
        try:
            done[n] = farm.Api(server, token).submit(source, key=f"k{n}", version=f"v{n}")["id"]
        except farm.requests.RequestException:
            pass

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        work = [pool.submit(submit, n) for n in range(200)]
        while len(done) < 60:
            concurrent.futures.wait(work, timeout=0.005,
                                    return_when=concurrent.futures.FIRST_COMPLETED)
        server.kill()
    acknowledged = dict(done)
    server.start()
    for n, build in acknowledged.items():
        assert admin.build(build)[0]["version"] == f"v{n}"
    for n in range(200):
        submit(n)
    assert all(done[n] == build for n, build in acknowledged.items())
    queue = admin.call("GET", "/v1/queue", "Queue")
    assert queue["queued"] == 200 and len(set(done.values())) == 200


def test_a_lost_lease_stays_lost_over_a_restart(quick_server, admin, worker, source):
    build = admin.submit(source)["id"]
    zombie = worker.lease()
    zombie.update("RUNNING")
    crash(quick_server)
    admin.until(build, "QUEUED")   # after its full ttl of grace
    with pytest.raises(Refused) as refused:
        zombie.finish("FAILURE", reason="TEST")
    assert refused.value.reason == "STALE_LEASE"
    crash(quick_server)
    assert worker.lease().lease["build"]["attempt"] == 2


def test_cancel_survives(server, admin, worker, source):
    build = admin.submit(source)["id"]
    attempt = worker.lease()
    attempt.update("RUNNING")
    admin.cancel(build, reason="enough")
    crash(server)
    assert admin.state(build) == "CANCELING"
    assert attempt.update("RUNNING")["cancel"] is True
    attempt.finish("CANCELLATION", reason="CANCELED_BY_USER")
    crash(server)
    assert admin.build(build)[0]["cancelReason"] == "enough"


def test_a_stop_by_signal_is_clean(server, admin, worker, source):
    admin.submit(source)
    assert server.stop() == 0
    server.start()
    assert worker.lease()


def test_a_stop_while_a_large_source_is_recorded_is_clean(server, admin):
    """It is recorded part by part; after the last of them the uploaders, which are stopped before, had a task."""
    manifest = admin.manifest({f"file-{n}": b"%05d" % n for n in range(10000)})
    with concurrent.futures.ThreadPoolExecutor() as pool, \
            sqlite3.connect(server.state / "server/farm.db") as rows:
        told = pool.submit(admin.raw, "POST", "/v1/sources", data=json.dumps(manifest))
        while not told.done() and rows.execute("SELECT count(*) FROM source_blobs").fetchone() == (0,):
            pass
        assert rows.execute("SELECT listed FROM sources").fetchone() == (0,)
        assert server.stop() == 0, server.log_text()[-3000:]
        assert told.exception() or told.result().status_code == 503
    server.start()
    assert len(admin.call("POST", "/v1/sources", "Source", json=manifest)["missing"]) == 10000
