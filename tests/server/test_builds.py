"""A build from its submission to its end, as users and workers see it."""
import concurrent.futures
import threading
import time

import pytest

import conftest
import farm
from farm import Refused


def test_a_build_waits_runs_and_is_stored(admin, worker, source):
    build = admin.submit(source)
    assert build["state"] == "QUEUED" and build["number"] == 1
    assert build["queue"]["position"] == 1
    attempt = worker.lease()
    assert attempt.build == build["id"]
    assert attempt.lease["image"]["build"]["digest"] == farm.DIGEST
    assert attempt.lease["build"]["source"] == source
    assert admin.state(build["id"]) == "ASSIGNED"
    assert attempt.update("PREPARING").get("cancel", False) is False
    assert admin.state(build["id"]) == "PREPARING"
    attempt.update("RUNNING", steps=[{"id": "source", "state": "RUNNING"}])
    now, _ = admin.build(build["id"])
    assert now["state"] == "RUNNING" and now["steps"][0]["id"] == "source"
    attempt.upload(b"artifact")
    assert attempt.finish(files={"demo.pyz": b"artifact"})["state"] == "STORING"


def test_a_failure_of_the_users_code_ends_the_build(admin, worker, source):
    build = admin.submit(source)["id"]
    attempt = worker.lease()
    attempt.update("RUNNING")
    attempt.log("E: no such module\n")
    attempt.finish("FAILURE", reason="COMPILE", step="build", exitCode=1, message="it failed")
    now = admin.build(build)[0]
    assert now["state"] == "FAILED"
    assert now["result"]["reason"] == "COMPILE" and now["result"]["exitCode"] == 1
    assert now["log"] == {"sizeBytes": "18", "complete": True}
    assert worker.lease() is None


def test_a_timeout_ends_the_build(admin, worker, source):
    build = admin.submit(source)["id"]
    worker.lease().finish("TIMEOUT", reason="STEP_TIMEOUT")
    assert admin.state(build) == "TIMED_OUT"


def test_the_farms_own_fault_is_tried_three_times(admin, worker, source):
    build = admin.submit(source)["id"]
    for number in (1, 2, 3):
        attempt = worker.lease()
        assert attempt.lease["build"]["attempt"] == number
        attempt.finish("ERROR", reason="SANDBOX", message="no cgroup")
    now = admin.build(build)[0]
    assert now["state"] == "ERRORED" and now["result"]["reason"] == "SANDBOX"


def test_a_requeued_build_keeps_its_place(admin, worker, source):
    first, second = admin.submit(source)["id"], admin.submit(source)["id"]
    worker.lease().finish("ERROR", reason="SANDBOX")
    assert admin.build(first)[0]["queue"]["position"] == 1
    assert admin.build(second)[0]["queue"]["position"] == 2
    assert worker.lease().build == first


def test_priority_goes_before_order(admin, worker, source):
    admin.submit(source)
    high = admin.submit(source, priority="HIGH")["id"]
    assert worker.lease().build == high


def test_a_parked_slot_gets_work_as_soon_as_there_is_some(admin, worker, source):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        parked = pool.submit(worker.lease, wait=20)
        wait_until(lambda: b"sos_waits 1" in admin.raw("GET", "/metrics").content)
        build = admin.submit(source)["id"]
        begin = time.monotonic()
        assert parked.result(timeout=10).build == build
        assert time.monotonic() - begin < 5


def test_a_lease_whose_answer_was_lost_is_given_again(admin, worker, source):
    build = admin.submit(source)["id"]
    first, again = worker.lease(), worker.lease()
    assert (again.id, again.fence) == (first.id, first.fence)
    again.update("PREPARING")
    assert admin.build(build)[0]["attempt"] == 1


def test_a_slot_that_asks_anew_has_lost_its_build(admin, worker, source):
    admin.submit(source)
    first = worker.lease()
    first.update("RUNNING")
    second = worker.lease(wait=5)
    assert second.id != first.id and second.fence > first.fence
    with pytest.raises(Refused) as refused:
        first.update("RUNNING")
    assert refused.value.reason == "STALE_LEASE"


def test_a_worker_that_registers_again_has_lost_its_builds(server, admin, worker, source):
    build = admin.submit(source)["id"]
    first = worker.lease()
    first.update("RUNNING")
    worker.register()
    second = worker.lease(wait=5)
    assert second.build == build and second.lease["build"]["attempt"] == 2
    with pytest.raises(Refused) as refused:
        first.finish("FAILURE", reason="TEST")
    assert (refused.value.status, refused.value.reason) == (409, "STALE_LEASE")


def test_an_old_session_gets_no_lease(server, admin, worker):
    old = worker.session
    worker.register()
    worker.session = old
    with pytest.raises(Refused) as refused:
        worker.lease()
    assert refused.value.reason == "STALE_SESSION"


def test_slots_that_an_earlier_session_parked_are_sent_away(server, admin, worker, source):
    """A killed worker's calls stay behind: they get no work and hold nobody up."""
    many = farm.Worker(server, secret_of(worker.api), "w2", slots=4).register()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        parked = [pool.submit(many.lease, wait=20, slot=slot) for slot in range(3)]
        wait_until(lambda: b"sos_waits 3" in admin.raw("GET", "/metrics").content)
        farm.Worker(server, secret_of(worker.api), "w2", slots=4).register()
        for call in parked:
            with pytest.raises(Refused) as refused:
                call.result(timeout=10)
            assert refused.value.reason == "STALE_SESSION"
    build = admin.submit(source)["id"]
    assert worker.lease(wait=5).build == build


def test_a_lease_call_tells_of_new_images(server, state, admin, worker, source):
    """An image is made anew: the worker says so as it asks, loses nothing, and knows it for good."""
    running = admin.submit(source)["id"]
    worker.lease().update("RUNNING")
    new = "sha256:" + "3" * 64
    farm.write_image(state / "images", digest=new)
    wait_until(lambda: admin.call("GET", "/v1/images/python-3.13", "Image")["build"]["digest"] ==
               new)
    build = admin.submit(source)
    assert build["queue"]["reasons"][0]["code"] == "NO_WORKER_FOR_IMAGE"
    other = farm.Worker(server, secret_of(worker.api), "w2").register()
    assert other.lease(wait=1, images=other.images()) is None
    other.digest = new
    assert other.lease(wait=5, images=other.images()).build == build["id"]
    assert admin.state(running) == "RUNNING"
    server.kill()
    server.start()
    workers = admin.call("GET", "/v1/workers", "ListWorkersResponse")["workers"]
    assert workers[1]["images"] == other.images()
    other.lease(slot=0)   # its session goes on


@pytest.mark.parametrize("images", [[{"name": "x"}], [{"buildDigest": "sha256:1"}] * 65])
def test_a_lease_call_with_bad_images_is_refused(worker, images):
    with pytest.raises(Refused) as refused:
        worker.lease(images=images)
    assert refused.value.status == 400


def test_a_silent_worker_loses_its_build(quick_server, admin, worker, source):
    build = admin.submit(source)["id"]
    zombie = worker.lease()
    zombie.update("RUNNING")
    admin.until(build, "QUEUED")
    second = worker.lease()
    assert second.fence > zombie.fence
    for call in (lambda: zombie.update("RUNNING"), lambda: zombie.log("late"),
                 lambda: zombie.upload(b"late"), lambda: zombie.finish("FAILURE", reason="TEST")):
        with pytest.raises(Refused) as refused:
            call()
        assert (refused.value.status, refused.value.reason) == (409, "STALE_LEASE")
    second.finish("FAILURE", reason="TEST")
    assert admin.state(build) == "FAILED"


def test_renewals_keep_the_lease(quick_server, admin, worker, source):
    build = admin.submit(source)["id"]
    attempt = worker.lease()
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        attempt.update("RUNNING")
        time.sleep(0.2)   # what a worker does, not a wait for anything
    assert admin.build(build)[0]["attempt"] == 1


def test_a_worker_lost_three_times_ends_the_build(quick_server, admin, worker, source):
    build = admin.submit(source)["id"]
    for _ in range(3):
        assert worker.lease(wait=10)
        admin.until(build, "QUEUED", "ERRORED")
    now = admin.build(build)[0]
    assert now["state"] == "ERRORED" and now["result"]["reason"] == "WORKER_LOST"


def test_a_finish_may_be_repeated(admin, worker, source):
    admin.submit(source)
    attempt = worker.lease()
    attempt.upload(b"x")
    assert attempt.finish(files={"x.pyz": b"x"})["state"] == "STORING"
    assert attempt.finish(files={"x.pyz": b"x"})["state"] == "STORING"
    admin.submit(source)
    attempt = worker.lease()
    attempt.finish("FAILURE", reason="TEST")
    assert attempt.finish("FAILURE", reason="TEST")["state"] == "FAILED"
    with pytest.raises(Refused):
        attempt.finish("TIMEOUT", reason="STEP_TIMEOUT")


# --- artifacts of a worker ---

def test_a_finish_may_come_twice_at_once(server, admin, worker, source):
    """The first is still on its way to the disk when its sender has given up waiting."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for n in range(10):
            admin.submit(source, version=f"v{n}")
            attempt = worker.lease()
            attempt.upload(b"artifact")
            other = farm.Attempt(farm.Api(server, secret_of(worker.api)), attempt.lease)
            both = [pool.submit(each.finish, files={"demo.pyz": b"artifact"})
                    for each in (attempt, other)]
            assert [call.result()["state"] for call in both] == ["STORING"] * 2


def test_a_success_needs_its_files(admin, worker, source):
    admin.submit(source)
    attempt = worker.lease()
    with pytest.raises(Refused) as refused:
        attempt.finish(files={"demo.pyz": b"never sent"})
    assert (refused.value.status, refused.value.reason) == (409, "ARTIFACT_MISSING")
    with pytest.raises(Refused) as refused:
        attempt.finish(files={})
    assert refused.value.status == 400
    with pytest.raises(Refused) as refused:
        attempt.finish(files={"../demo.pyz": b"x"})
    assert refused.value.status == 400
    attempt.upload(b"never sent")
    assert attempt.finish(files={"demo.pyz": b"never sent"})["state"] == "STORING"


def test_bytes_that_are_not_their_digest_are_refused(admin, worker, source):
    admin.submit(source)
    attempt = worker.lease()
    with pytest.raises(Refused) as refused:
        attempt.upload(b"these", digest=farm.sha256(b"those"))
    assert refused.value.status == 400
    big = b"x" * 3_000_000
    told = attempt.upload(big)
    assert told["sha256"] == farm.sha256(big) and told["sizeBytes"] == "3000000"
    assert attempt.upload(b"").get("sizeBytes", "0") == "0"


def test_an_artifact_past_its_cap_is_refused(server, state, admin, worker, source):
    admin.submit(source)
    attempt = worker.lease()
    with pytest.raises(Refused) as refused:
        attempt.upload(b"x" * ((64 << 20) + 1))
    assert (refused.value.status, refused.value.reason) == (413, "ARTIFACT_TOO_BIG")


# --- cancel ---

def test_cancel_while_queued_is_at_once(admin, worker, source):
    build = admin.submit(source)["id"]
    now = admin.cancel(build, reason="not needed")
    assert now["state"] == "CANCELED" and now["cancelReason"] == "not needed"
    assert now["result"]["outcome"] == "CANCELLATION"
    assert admin.cancel(build)["state"] == "CANCELED"   # again: the same
    assert worker.lease() is None


@pytest.mark.parametrize("states", [[], ["PREPARING"], ["PREPARING", "RUNNING"]])
@pytest.mark.parametrize("outcome", ["CANCELLATION", "SUCCESS", "FAILURE", "ERROR"])
def test_cancel_of_a_leased_build_ends_with_its_worker(admin, worker, source, states, outcome):
    build = admin.submit(source)["id"]
    attempt = worker.lease()
    for state in states:
        attempt.update(state)
    assert admin.cancel(build)["state"] == "CANCELING"
    assert attempt.update("RUNNING")["cancel"] is True
    files = {}
    if outcome == "SUCCESS":
        attempt.upload(b"x")
        files = {"x.pyz": b"x"}
    assert attempt.finish(outcome, files=files)["state"] == "CANCELED"
    assert admin.state(build) == "CANCELED"


def test_cancel_ends_with_the_lease_when_the_worker_is_gone(quick_server, admin, worker, source):
    build = admin.submit(source)["id"]
    worker.lease().update("RUNNING")
    admin.cancel(build)
    assert admin.until(build, "CANCELED")["result"]["outcome"] == "CANCELLATION"


def test_cancel_of_what_ended_is_refused(admin, worker, source):
    build = admin.submit(source)["id"]
    attempt = worker.lease()
    attempt.upload(b"x")
    attempt.finish(files={"x.pyz": b"x"})
    with pytest.raises(Refused) as refused:
        admin.cancel(build)   # STORING
    assert (refused.value.status, refused.value.reason) == (409, "BUILD_STATE")
    build = admin.submit(source)["id"]
    worker.lease().finish("FAILURE", reason="TEST")
    with pytest.raises(Refused) as refused:
        admin.cancel(build)
    assert (refused.value.status, refused.value.reason) == (409, "BUILD_STATE")
    with pytest.raises(Refused) as refused:
        admin.cancel("bld_01JD8Q3V6Z0000000000000000")
    assert refused.value.status == 404


# --- many at once ---

def test_200_submissions_at_once_with_duplicates(admin, server, source):
    def submit(n):
        return farm.Api(server, admin.session.headers["Authorization"].split()[1]).submit(
            source, key=f"key-{n % 100}", version=f"v{n % 100}")

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        builds = list(pool.map(submit, range(200)))
    by_version = {}
    for build in builds:
        by_version.setdefault(build["version"], set()).add(build["id"])
    assert len(by_version) == 100
    assert all(len(ids) == 1 for ids in by_version.values())
    listed = admin.call("GET", "/v1/builds?pageSize=200", "ListBuildsResponse")["builds"]
    assert sorted(b["number"] for b in listed) == list(range(1, 101))
    queue = admin.call("GET", "/v1/queue", "Queue")
    assert queue["queued"] == 100 and len(queue["builds"]) == 100


# --- the queue and why ---

def test_why_a_build_waits(admin, server, source):
    build = admin.submit(source)
    assert [r["code"] for r in build["queue"]["reasons"]] == ["NO_WORKER_FOR_IMAGE"]


def test_the_queue_tells_what_runs_and_what_waits(admin, worker, source):
    builds = [admin.submit(source)["id"] for _ in range(3)]
    worker.lease()
    answer = admin.raw("GET", "/v1/queue")
    queue = farm.checked(answer, "Queue")
    assert queue["accepting"] and queue["running"] == 1 and queue["queued"] == 2
    assert [b["id"] for b in queue["builds"]] == builds
    assert queue["pools"][0]["slots"] == 1 and queue["pools"][0]["busy"] == 1
    again = admin.raw("GET", "/v1/queue", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    admin.submit(source)
    again = admin.raw("GET", "/v1/queue", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 200
    workers = admin.call("GET", "/v1/workers", "ListWorkersResponse")["workers"]
    assert workers[0]["state"] == "BUSY" and workers[0]["builds"] == builds[:1]


def test_a_build_that_waits_too_long_expires(state):
    server = conftest.server_program(state, "--queue-ttl", "2s").start()
    admin = farm.Api(server, conftest.token_of(server, "admin"))
    worker = farm.Worker(server, conftest.token_of(server, "worker")).register()
    source = admin.source({"a": b"x"})
    leased = admin.submit(source)["id"]
    attempt = worker.lease()
    waits = admin.submit(source)["id"]
    server.kill()
    server.start()   # it waited before as well
    result = admin.until(waits, "EXPIRED")["result"]
    assert (result["outcome"], result["reason"]) == ("SKIP", "QUEUE_TTL")
    assert result["hint"]
    attempt.update("RUNNING")
    assert admin.state(leased) == "RUNNING"
    assert b'sos_builds_total{language="python",outcome="skip"} 1' in \
        admin.raw("GET", "/metrics").content
    conftest.finish(server)


def test_the_queue_is_measured(admin, worker, source):
    for priority in ("NORMAL", "HIGH", "NORMAL"):
        admin.submit(source, priority=priority)
    worker.lease().finish("FAILURE", reason="TEST", steps=[
        {"id": "build", "state": "FAILED", "startTime": "2026-01-01T00:00:00Z",
         "finishTime": "2026-01-01T00:00:07Z"}])
    text = admin.raw("GET", "/metrics").text
    for line in ('sos_queue_depth{pool="python-3.13",priority="NORMAL"} 2',
                 'sos_queue_depth{pool="python-3.13",priority="HIGH"} 0',
                 'sos_queue_wait_seconds_count{pool="python-3.13"} 1',
                 'sos_build_step_duration_seconds_sum{language="python",step="build"} 7',
                 'sos_builds_total{language="python",outcome="failure"} 1'):
        assert line in text.splitlines(), text
    assert 'sos_queue_oldest_seconds{pool="python-3.13"} ' in text


# --- waiting for a change ---

def test_a_long_poll_answers_with_the_change(admin, worker, source):
    build = admin.submit(source)["id"]
    _, etag = admin.build(build)
    assert admin.build(build, etag)[0] is None
    told = {}

    def follow():
        told["build"], told["etag"] = admin2.build(build, etag, wait=20)
        told["time"] = time.monotonic()

    admin2 = farm.Api(admin.server, secret_of(admin))
    thread = threading.Thread(target=follow)
    thread.start()
    wait_until(lambda: b"sos_waits 1" in admin.raw("GET", "/metrics").content)
    worker.lease()
    changed = time.monotonic()
    thread.join(10)
    assert told["build"]["state"] == "ASSIGNED" and told["etag"] != etag
    assert told["time"] - changed < 5   # a cap for a stuck one; bench/ has the figure


def test_a_long_poll_ends_unchanged_when_its_time_is_up(admin, source):
    build = admin.submit(source)["id"]
    _, etag = admin.build(build)
    begin = time.monotonic()
    assert admin.build(build, etag, wait=1)[0] is None
    assert time.monotonic() - begin >= 0.9


# --- logs ---

def test_a_log_is_followed_by_offset(admin, worker, source):
    build = admin.submit(source)["id"]
    assert admin.log(build) == (b"", False)
    attempt = worker.lease()
    attempt.log("one\n")
    attempt.log("two\n")
    attempt.log("two\n", offset=4)            # a repeat does no harm
    assert admin.log(build) == (b"one\ntwo\n", False)
    assert admin.log(build, 4) == (b"two\n", False)
    assert admin.log(build, 8) == (b"", False)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(farm.Api(admin.server, admin.session.headers["Authorization"]
                                       .split()[1]).log, build, 8, 20)
        wait_until(lambda: b"sos_waits 1" in admin.raw("GET", "/metrics").content)
        attempt.log("three\n")
        assert waiting.result(10) == (b"three\n", False)
        waiting = pool.submit(farm.Api(admin.server, admin.session.headers["Authorization"]
                                       .split()[1]).log, build, 14, 20)
        wait_until(lambda: b"sos_waits 1" in admin.raw("GET", "/metrics").content)
        attempt.finish("FAILURE", reason="TEST")
        assert waiting.result(10) == (b"", True)
    assert admin.log(build, 14) == (b"", True)
    assert admin.log(build) == (b"one\ntwo\nthree\n", True)
    with pytest.raises(Refused) as refused:
        admin.log(build, 15)
    assert refused.value.status == 416


def test_log_ranges(admin, worker, source):
    build = admin.submit(source)["id"]
    attempt = worker.lease()
    attempt.log("0123456789")
    answer = admin.raw("GET", f"/v1/builds/{build}/log", headers={"Range": "bytes=2-4"})
    assert (answer.status_code, answer.text) == (206, "234")
    assert answer.headers["Content-Range"] == "bytes 2-4/10"
    assert answer.headers["Sos-Log-Attempt"] == "1"
    answer = admin.raw("GET", f"/v1/builds/{build}/log", headers={"Range": "bytes=-3"})
    assert (answer.status_code, answer.text) == (206, "789")
    answer = admin.raw("GET", f"/v1/builds/{build}/log")
    assert (answer.status_code, answer.text) == (200, "0123456789")


def test_a_gap_in_a_log_is_refused(admin, worker, source):
    admin.submit(source)
    attempt = worker.lease()
    with pytest.raises(Refused) as refused:
        attempt.log("later", offset=5)
    assert (refused.value.status, refused.value.reason) == (409, "LOG_GAP")


def test_each_attempt_has_its_own_log(admin, worker, source):
    build = admin.submit(source)["id"]
    first = worker.lease()
    first.log("first\n")
    first.finish("ERROR", reason="SANDBOX")
    second = worker.lease()
    second.log("second\n")
    assert admin.log(build) == (b"second\n", False)
    assert admin.log(build, attempt=1) == (b"first\n", True)
    with pytest.raises(Refused) as refused:
        admin.log(build, attempt=3)
    assert refused.value.status == 404


def secret_of(api):
    return api.session.headers["Authorization"].split()[1]


def wait_until(true, seconds=20):
    """For what no answer tells: that a request has begun to wait inside the server."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
