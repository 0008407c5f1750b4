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


def test_the_store_knows_the_build_and_promotes_it(server_with_store, store, admin, worker, source):
    """One publication of the file and one of the build, as jf and Jenkins would have made them."""
    vcs = {"url": "https://git.example/demo", "commit": "c" * 40, "branch": "main"}
    jar, index = "a" * 64, "b" * 64
    build = admin.submit(source, vcs=vcs)["id"]
    attempt = worker.lease()
    base = f"{store.url}/artifactory"
    attempt.dependencies([
        {"repository": "maven-remote", "path": "g/a/1/a-1.jar", "url": base + "/maven-remote/g/a/1/a-1.jar", "sha256": jar, "sizeBytes": "5"},
        {"repository": "maven-remote", "path": "g/a/maven-metadata.xml", "url": base + "/maven-remote/g/a/maven-metadata.xml", "sha256": index,
         "sizeBytes": "5", "metadata": True}])
    attempt.succeed(b"x" * 20000)
    build = admin.until(build, "SUCCEEDED")
    file = build["artifact"]["files"][0]
    store.session = farm.requests.Session()
    store.session.headers["Authorization"] = f"Bearer {store.token}"
    info = store.session.get(f"{base}/api/build/demo/{build['number']}").json()["buildInfo"]
    assert info["properties"]["sos.build"] == build["id"] and info["properties"]["sos.source"] == source
    assert info["vcs"] == [{"url": vcs["url"], "revision": vcs["commit"], "branch": vcs["branch"]}]
    module, = info["modules"]
    assert module["id"] == "demo:v1"
    assert module["artifacts"] == [{"name": "demo.pyz", "type": "pyz", "path": "demo/v1/noarch/demo.pyz",
                                    "originalDeploymentRepo": "sos-release-local",
                                    **{kind: file[kind] for kind in ("sha1", "md5", "sha256")}}]
    assert module["dependencies"] == [{"id": "maven-remote/g/a/1/a-1.jar", "type": "jar", "sha256": jar}]
    promoted = store.session.post(f"{base}/api/build/promote/demo/{build['number']}",
                                  json={"status": "staged", "targetRepo": "sos-dev-local", "copy": True})
    assert promoted.status_code == 200, promoted.text
    assert store.session.get(f"{base}/sos-dev-local/demo/v1/noarch/demo.pyz").content == b"x" * 20000


def test_a_build_is_published_when_the_store_knows_it(state, store):
    """A token that may put files and no builds: the file is there and the build is not over; with the right to it, it is."""
    def scoped(*words):
        answer = farm.requests.post(f"{store.url}/access/api/v1/tokens",
                                    headers={"Authorization": f"Bearer {store.token}"},
                                    json={"username": "farm", "scope": " ".join(words)}, timeout=farm.TIMEOUT_S)
        (state / "store-token").touch(0o600)
        (state / "store-token").write_text(answer.json()["access_token"])

    files, builds = "artifact:sos-release-local:r,w,n", "artifact:artifactory-build-info:w"
    scoped(files)
    server = conftest.server_program(state, "--store-url", store.url + "/artifactory",
                                     "--store-token-file", state / "store-token").start()
    admin = farm.Api(server, conftest.token_of(server, "admin"))
    worker = farm.Worker(server, conftest.token_of(server, "worker")).register()
    build = admin.submit(admin.source({"a": b"x"}))["id"]
    worker.lease().succeed(b"artifact")
    deadline = time.monotonic() + farm.TIMEOUT_S
    while "PUT of the build-info: the store answered 403" not in server.log_text():
        assert time.monotonic() < deadline, server.log_text()[-3000:]
        time.sleep(0.05)
    assert admin.call("GET", f"/v1/builds/{build}", "Build")["state"] == "STORING"
    assert admin.raw("GET", "/v1/artifacts/demo/versions/v1").status_code == 404
    assert server.stop() == 0
    scoped(files, builds)
    server.start()
    assert admin.until(build, "SUCCEEDED")["attempt"] == 1
    assert admin.raw("GET", "/v1/artifacts/demo/versions/v1/files/demo.pyz").content == b"artifact"
    conftest.finish(server)
