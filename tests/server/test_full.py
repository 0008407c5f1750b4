"""The server's disk is full: it refuses what it cannot keep, goes on with the rest, and recovers."""
import concurrent.futures
import ctypes
import os
import time

import pytest

import conftest
import farm
from farm import Refused

MNT_DETACH = 2


@pytest.fixture(name="small_disk")
def fixture_small_disk(state):
    """A file system of its own for the server's state, small and in memory."""
    folder = state / "server"
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", bytes(folder), b"tmpfs", 0, b"size=6m,mode=0700") != 0:
        pytest.skip(f"no mount: {os.strerror(ctypes.get_errno())}")
    yield folder
    libc.umount2(bytes(folder), MNT_DETACH)


@pytest.fixture(name="small_server")
def fixture_small_server(state, small_disk):
    server = conftest.server_program(state, "--store-url", "http://127.0.0.1:9/artifactory",
                                     "--lease-ttl", "3s", "--renew-interval", "1s").start()
    yield server
    conftest.finish(server)


def fill(folder):
    """Take all the space there is, to the last byte."""
    with open(folder / "ballast", "wb", buffering=0) as ballast:
        for size in (1 << 16, 1 << 10, 1):
            try:
                while True:
                    ballast.write(b"x" * size)
            except OSError:
                pass


def refused_with(status, call, *args, **more):
    """True once the call is refused so; what the log of the database has room for still passes."""
    for _ in range(2000):
        try:
            call(*args, **more)
        except Refused as refused:
            return refused.status == status
    return False


def test_a_full_disk_refuses_submissions_and_nothing_else(small_server, small_disk, admin, worker,
                                                          source):
    build = admin.submit(source)["id"]
    attempt = worker.lease()
    attempt.update("RUNNING")
    fill(small_disk)
    assert refused_with(507, admin.submit, source)
    begin = time.monotonic()
    while time.monotonic() - begin < 4:   # longer than a lease
        attempt.update("RUNNING")
        assert admin.state(build) == "RUNNING"
        assert admin.call("GET", "/v1/queue", "Queue")["accepting"]
        time.sleep(0.2)
    attempt.update("RUNNING", steps=[{"id": "fetch", "state": "RUNNING"}])   # renewed, not kept
    assert "steps" not in admin.build(build)[0]
    assert refused_with(507, attempt.finish, "FAILURE", reason="TEST")
    assert refused_with(507, admin.submit, source)
    (small_disk / "ballast").unlink()
    attempt.upload(b"artifact")
    assert attempt.finish(files={"demo.pyz": b"artifact"})["state"] == "STORING"
    after = admin.submit(source)
    assert admin.state(after["id"]) in ("QUEUED", "ASSIGNED")
    assert small_server.running()


def test_a_full_disk_is_not_hammered(small_server, small_disk, admin, worker, source):
    """A build and a free slot, and no lease can be kept: the farm tries again, calmly."""
    build = admin.submit(source)["id"]
    fill(small_disk)
    assert refused_with(507, admin.submit, source)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        parked = pool.submit(worker.lease, wait=20)
        time.sleep(2)
        tries = small_server.log_text().count("not saved")
        (small_disk / "ballast").unlink()
        begin = time.monotonic()
        assert parked.result(timeout=20).build == build
    assert 0 < tries < 10
    assert time.monotonic() - begin < 5


@pytest.fixture(name="admin")
def fixture_admin(small_server):
    return farm.Api(small_server, conftest.token_of(small_server, "admin"))


@pytest.fixture(name="worker")
def fixture_worker(small_server):
    return farm.Worker(small_server, conftest.token_of(small_server, "worker")).register()
