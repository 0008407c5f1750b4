"""Publication: the real store behind the real server."""
import socket
import time

import pytest

import conftest

import farm
from farm import Refused


def publish(admin, worker, source, data, **more):
    build = admin.submit(source, **more)["id"]
    attempt = worker.lease()
    assert attempt.build == build
    attempt.succeed(data)
    return admin.until(build, "SUCCEEDED", "FAILED")


@pytest.mark.parametrize("size", [5, 9_000, 11_000, 3_000_000])
def test_an_artifact_is_published_and_comes_back(server_with_store, admin, worker, source, size):
    data = bytes(n * 7 % 251 for n in range(size))
    build = publish(admin, worker, source, data)
    assert build["state"] == "SUCCEEDED" and build["result"]["outcome"] == "SUCCESS"
    file = build["artifact"]["files"][0]
    assert file["sha256"] == farm.sha256(data) and int(file["sizeBytes"]) == size
    got = admin.call("GET", "/v1/artifacts/demo/versions/v1", "Artifact")
    assert got == build["artifact"]
    answer = admin.raw("GET", "/v1/artifacts/demo/versions/v1/files/demo.pyz")
    assert answer.content == data
    part = admin.raw("GET", "/v1/artifacts/demo/versions/v1/files/demo.pyz",
                     headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, data[1:4])
    listed = admin.call("GET", "/v1/artifacts?name=demo", "ListArtifactsResponse")["artifacts"]
    assert [a["version"] for a in listed] == ["v1"]
    assert admin.raw("GET", "/v1/artifacts/demo/versions/v1/files/other").status_code == 404
    assert admin.raw("GET", "/v1/artifacts/demo/versions/v2").status_code == 404


def test_what_the_store_knows_of_it(server_with_store, store, admin, worker, source):
    build = publish(admin, worker, source, b"x" * 20000, version="1.2+local")
    assert build["state"] == "SUCCEEDED"
    url = (f"{store.url}/artifactory/api/storage/sos-release-local/demo/1.2%2Blocal/noarch/demo.pyz"
           "?properties")
    answer = farm.requests.get(url, headers={"Authorization": f"Bearer {store.token}"})
    properties = answer.json()["properties"]
    assert properties["sos.name"] == ["demo"] and properties["sos.version"] == ["1.2+local"]
    assert properties["sos.kind"] == ["artifact"] and properties["sos.lang"] == ["python"]
    assert properties["sos.image"] == [farm.RUN_DIGEST]
    assert properties["build.number"] == [str(build["number"])]


def test_the_same_bytes_again_are_fine_and_others_a_conflict(server_with_store, admin, worker, source):
    first = publish(admin, worker, source, b"a" * 20000)
    again = publish(admin, worker, source, b"a" * 20000)
    assert (first["state"], again["state"]) == ("SUCCEEDED", "SUCCEEDED")
    other = publish(admin, worker, source, b"b" * 20000)
    assert other["state"] == "FAILED" and other["result"]["reason"] == "VERSION_CONFLICT"
    for digest in (farm.sha256(b"a" * 20000), farm.sha256(b"b" * 20000)):
        assert digest in other["result"]["message"]


def test_an_identical_build_is_answered_with_its_artifact(server_with_store, admin, worker, source):
    first = publish(admin, worker, source, b"x", noCache=False)
    second = admin.submit(source, noCache=False)
    assert second["state"] == "SUCCEEDED" and second["origin"] == "REUSED"
    assert second["originBuild"] == first["id"] and second["artifact"] == first["artifact"]
    assert second["id"] != first["id"]
    assert admin.submit(source, noCache=True)["state"] == "QUEUED"


def test_a_store_that_is_down_delays_and_loses_nothing(server_with_store, store, admin, worker, source):
    store.kill()
    builds = []
    for n in range(3):
        builds.append(admin.submit(source, version=f"v{n}")["id"])
        assert worker.lease().succeed(b"%d" % n)["state"] == "STORING"   # the worker is free at once
    store.start()
    for n, build in enumerate(builds):
        assert admin.until(build, "SUCCEEDED")["attempt"] == 1
        answer = admin.raw("GET", f"/v1/artifacts/demo/versions/v{n}/files/demo.pyz")
        assert answer.content == b"%d" % n


def test_a_store_that_is_down_is_told_to_who_asks_for_bytes(server_with_store, store, admin, worker, source):
    publish(admin, worker, source, b"x")
    store.kill()
    with pytest.raises(Refused) as refused:
        admin.call("GET", "/v1/artifacts/demo/versions/v1/files/demo.pyz", None)
    assert (refused.value.status, refused.value.reason) == (502, "STORE_UNAVAILABLE")


def test_an_artifact_never_passes_for_a_source(server_with_store, admin, worker):
    """Its bytes are the canonical manifest, so that its digest is the id of the source."""
    source = admin.source({"a": b"x"})
    text = f"100644 1 {farm.sha256(b'x')} a\n".encode()
    assert source == "sha256:" + farm.sha256(text)
    publish(admin, worker, source, text)
    answer = admin.raw("GET", "/v1/artifacts/demo/versions/v1/files/demo.pyz")
    assert answer.content == text
    archive = worker.api.raw("GET", f"/v1/sources/{source}/archive").content
    assert farm.tar_files(archive) == {"a": b"x"}


def test_a_store_that_hangs_does_not_hold_up_the_end(state):
    """It takes the connection and never answers; the server is told to stop meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = conftest.server_program(
            state, "--store-url", f"http://127.0.0.1:{silent.getsockname()[1]}/artifactory/").start()
        admin = farm.Api(server, conftest.token_of(server, "admin"))
        worker = farm.Worker(server, conftest.token_of(server, "worker")).register()
        admin.submit(admin.source({"a": b"x"}))
        worker.lease().succeed(b"artifact")
        connection, _ = silent.accept()
        with connection:
            request = connection.recv(100)
            assert request.startswith(b"PUT /artifactory/sos-release-local/demo/v1/"), request
            begin = time.monotonic()
            conftest.finish(server)
            assert time.monotonic() - begin < 10
