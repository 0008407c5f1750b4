"""What the server takes and what it refuses: bodies, queries, tokens, roles."""
import concurrent.futures
import json
import os
import subprocess
import time

import pytest
import requests

import conftest
import farm
from farm import Refused


def refused(call, *more, **named):
    with pytest.raises(Refused) as caught:
        call(*more, **named)
    return caught.value


# --- bodies ---

@pytest.mark.parametrize("change, pointer", [
    ({"verison": "v1"}, "/verison"),
    ({"project": "Demo"}, "/project"),
    ({"project": ""}, "/project"),
    ({"version": "v 1"}, "/version"),
    ({"version": None, "project": 7}, "/project"),
    ({"priority": "URGENT"}, "/priority"),
    ({"timeout": "soon"}, "/timeout"),
    ({"timeout": "-5s"}, "/timeout"),
    ({"vcs": {"dirty": "yes"}}, "/vcs/dirty"),
    ({"labels": {"a": "x" * 300}}, "/labels"),
    ({"entry": "x" * 600}, "/entry"),
])
def test_a_bad_field_is_named(admin, source, change, pointer):
    problem = refused(admin.submit, source, **change)
    assert problem.status == 400
    assert [e["pointer"] for e in problem.problem["errors"]] == [pointer]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"project":"a","project":"b"}', b"\xff",
                                  b'{"a":' * 64 + b"1" + b"}" * 64])
def test_a_body_that_is_no_message_is_refused(admin, body):
    answer = admin.raw("POST", "/v1/builds", data=body)
    assert answer.status_code == 400
    Refused(answer)


def test_a_body_that_is_too_large_is_refused(admin):
    answer = admin.raw("POST", "/v1/builds", data=b'{"message":"' + b"x" * (2 << 20) + b'"}')
    assert answer.status_code == 413


def test_an_unknown_query_parameter_is_refused(admin):
    problem = refused(admin.call, "GET", "/v1/builds?pagesize=3", None)
    assert problem.status == 400 and problem.problem["errors"][0]["pointer"] == "?pagesize"
    assert refused(admin.call, "GET", "/v1/builds?pageSize=x", None).status == 400
    assert refused(admin.call, "GET", "/v1/builds?state=SLEEPING", None).status == 400
    assert refused(admin.call, "GET", "/v1/builds?pageToken=nonsense", None).status == 400


def test_unknown_paths_and_methods(admin):
    assert admin.raw("GET", "/v1/nothing").status_code == 404
    answer = admin.raw("DELETE", "/v1/builds")
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].replace(" ", "").split(",")) >= {"GET", "POST"}


# --- what a build needs ---

def test_an_unknown_image_is_told_with_the_known_ones(admin, source):
    problem = refused(admin.submit, source, image="cobol-60", language="")
    assert (problem.status, problem.reason) == (422, "UNKNOWN_IMAGE")
    assert "python-3.13" in problem.problem["hint"]
    assert refused(admin.submit, source, language="cobol").reason == "UNKNOWN_IMAGE"
    assert refused(admin.submit, source, language="").reason == "UNKNOWN_IMAGE"


def test_an_image_that_is_made_later_is_found(admin, state, source):
    assert refused(admin.submit, source, language="go").reason == "UNKNOWN_IMAGE"
    farm.write_image(state / "images", "go-1", "go", "sha256:" + "3" * 64)
    for _ in range(100):
        images = admin.call("GET", "/v1/images", "ListImagesResponse")["images"]
        if len(images) == 2:
            break
        time.sleep(0.1)
    assert admin.submit(source, language="go")["image"]["name"] == "go-1"
    assert admin.call("GET", "/v1/images/go-1", "Image")["language"] == "go"
    assert refused(admin.call, "GET", "/v1/images/go-2", "Image").status == 404


def test_a_source_must_be_here(admin):
    nowhere = "sha256:" + "0" * 64
    problem = refused(admin.submit, nowhere)
    assert (problem.status, problem.reason) == (404, "SOURCE_NOT_FOUND")
    partial = admin.source_create({"a": b"some bytes"})["id"]
    problem = refused(admin.submit, partial)
    assert (problem.status, problem.reason) == (409, "SOURCE_INCOMPLETE")


# --- idempotency ---

def test_a_key_makes_one_build(admin, source):
    first = admin.submit(source, key="k1")
    assert admin.submit(source, key="k1")["id"] == first["id"]
    assert admin.submit(source, key="k2")["id"] != first["id"]
    problem = refused(admin.submit, source, key="k1", version="v2")
    assert (problem.status, problem.reason) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert refused(admin.submit, source, key="x" * 300).status == 400


def test_a_key_is_known_when_its_image_is_gone(admin, state, source):
    """The answer of the first time was lost, and the image was taken away before the second."""
    first = admin.submit(source, key="k")
    (state / "images/python-3.13.json").unlink()
    deadline = time.monotonic() + 20
    while admin.call("GET", "/v1/images", "ListImagesResponse").get("images"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert admin.submit(source, key="k")["id"] == first["id"]
    assert refused(admin.submit, source, key="other").reason == "UNKNOWN_IMAGE"
    assert refused(admin.submit, source, key="k", version="v2").reason == "IDEMPOTENCY_KEY_REUSED"


def test_keys_of_two_users_never_meet(admin, user, source):
    alice, bob = user("alice", "SUBMITTER"), user("bob", "SUBMITTER")
    assert alice.submit(source, key="k")["id"] != bob.submit(source, key="k")["id"]


def test_creation_says_where(admin, source):
    answer = admin.raw("POST", "/v1/builds", json=admin.request(source))
    build = farm.checked(answer, "Build")
    assert answer.status_code == 201 and answer.headers["ETag"] == '"1"'
    assert answer.headers["Location"] == f"/v1/builds/{build['id']}"
    assert admin.build(str(build["number"]))[0]["id"] == build["id"]   # by its number as well


# --- sources ---

def test_only_missing_blobs_travel(admin):
    files = {f"f{n}.txt": b"%d" % n * 1000 for n in range(5)}
    admin.source(files)
    files["f3.txt"] = b"changed"
    again = admin.source_create(files)
    assert again["missing"] == [farm.sha256(b"changed")]


def test_blobs_may_come_twice(admin):
    """An answer that was lost, or two who send the same tree at the same time."""
    source = admin.source_create({"a": b"one", "b": b"two"})["id"]
    stream = farm.blob_stream([b"one", b"two"])
    for _ in range(2):
        answer = admin.raw("PUT", f"/v1/sources/{source}/blobs", data=stream)
        assert (answer.status_code, answer.json().get("complete")) == (200, True)


def test_the_archive_is_the_tree_and_always_the_same(admin, server, worker):
    files = {"a/b.txt": b"hello", "c.bin": bytes(range(256)) * 5000, "empty": b""}
    source = admin.source(files)
    first = worker.api.raw("GET", f"/v1/sources/{source}/archive").content
    assert farm.tar_files(first) == files
    server.stop()
    server.start()   # made anew: the cache does not outlive the process
    assert worker.api.raw("GET", f"/v1/sources/{source}/archive").content == first


def test_bad_manifests_are_refused(admin):
    good = {"path": "a", "mode": "REGULAR", "sizeBytes": "1", "sha256": "0" * 64}
    for change in ({"path": "../a"}, {"path": "/a"}, {"path": ""}, {"sha256": "xyz"},
                   {"sizeBytes": "-1"}, {"mode": "MODE_UNSPECIFIED"}):
        answer = admin.raw("POST", "/v1/sources", json={"files": [{**good, **change}]})
        assert answer.status_code == 400, (change, answer.text)
    assert admin.raw("POST", "/v1/sources", json={"files": [good, good]}).status_code == 400
    assert admin.raw("POST", "/v1/sources", json={}).status_code == 400
    huge = {**good, "sizeBytes": str(1 << 40)}
    assert admin.raw("POST", "/v1/sources", json={"files": [huge]}).status_code == 413


def test_a_manifest_that_lies_about_a_size_is_refused(admin):
    """At once where the bytes are here, else when they have come."""
    admin.source({"a": b"seven b"})
    for path, lie in (("a", 8), ("b", 8)):
        manifest = admin.manifest({path: b"seven b", "0": b"other"})
        manifest["files"][1]["sizeBytes"] = str(lie)
        with pytest.raises(Refused) as refused:
            admin.call("POST", "/v1/sources", "Source", json=manifest)
        assert (refused.value.status, refused.value.reason) == (400, "SIZE_MISMATCH")
        assert refused.value.problem["errors"][0]["pointer"] == "/files/1/sizeBytes"
    liar = admin.manifest({"c": b"not yet here"})
    liar["files"][0]["sizeBytes"] = "1"
    source = admin.call("POST", "/v1/sources", "Source", json=liar)
    admin.source({"c": b"not yet here"})
    answer = admin.raw("PUT", f"/v1/sources/{source['id']}/blobs", data=farm.blob_stream([]))
    assert (answer.status_code, answer.json()["reason"]) == (400, "SIZE_MISMATCH")
    with pytest.raises(Refused) as refused:
        admin.submit(source["id"])
    assert refused.value.reason == "SOURCE_INCOMPLETE"


def test_a_large_manifest_holds_nobody_up(admin, user, source):
    """100,000 files are recorded in a hundred parts: whoever submits waits for one at most."""
    files = [{"path": f"d{n % 97}/file-{n}", "mode": "REGULAR", "sizeBytes": "5",
              "sha256": farm.sha256(b"%05d" % n)} for n in range(100000)]
    body = json.dumps({"files": files})
    other, submitted = user("ann", "SUBMITTER"), 0
    with concurrent.futures.ThreadPoolExecutor() as pool:
        told = pool.submit(other.raw, "POST", "/v1/sources", data=body)
        while not told.done():
            admin.submit(source)
            submitted += 1
    answer = told.result().json()
    assert (answer["fileCount"], len(answer["missing"])) == (100000, 100000)
    assert submitted >= 30


def test_bad_streams_of_blobs_are_refused(admin):
    source = admin.source_create({"a": b"right"})["id"]
    put = f"/v1/sources/{source}/blobs"
    stream = farm.blob_stream([b"right"])
    for bad in (b"", b"no zstd", stream[:20], farm.blob_stream([b"other"]),
                farm.zstd(b"%s 5\nwrong" % farm.sha256(b"right").encode())):
        answer = admin.raw("PUT", put, data=bad)
        assert answer.status_code in (200, 400), answer.text
        assert not admin.source_create({"a": b"right"}).get("complete"), bad
    assert admin.raw("PUT", put, data=stream).status_code == 200
    assert admin.source_create({"a": b"right"})["complete"]
    assert admin.raw("PUT", "/v1/sources/sha256:12/blobs", data=stream).status_code == 404


def test_the_archive_of_an_incomplete_source_is_refused(admin, worker):
    source = admin.source_create({"a": b"never sent"})["id"]
    problem = refused(worker.api.call, "GET", f"/v1/sources/{source}/archive", None)
    assert (problem.status, problem.reason) == (409, "SOURCE_INCOMPLETE")


# --- lists ---

def test_builds_are_listed_page_by_page(admin, source):
    made = [admin.submit(source, project=f"p{n % 2}")["id"] for n in range(7)]
    seen, token = [], ""
    while True:
        page = admin.call("GET", f"/v1/builds?pageSize=3&pageToken={token}", "ListBuildsResponse")
        seen += [b["id"] for b in page["builds"]]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert seen == made[::-1]
    some = admin.call("GET", "/v1/builds?project=p1&state=QUEUED", "ListBuildsResponse")
    assert [b["id"] for b in some["builds"]] == made[1::2][::-1]
    assert admin.call("GET", "/v1/builds?createdBy=nobody", "ListBuildsResponse") == {}


# --- tokens and roles ---

ROUTES = [
    # method, path, least role (None: anybody), body
    ("GET", "/healthz", None), ("GET", "/readyz", None), ("GET", "/v1/version", None),
    ("GET", "/v1/openapi.json", None), ("GET", "/metrics", "VIEWER"),
    ("GET", "/v1/whoami", "VIEWER"), ("GET", "/v1/builds", "VIEWER"), ("GET", "/v1/queue", "VIEWER"),
    ("GET", "/v1/workers", "VIEWER"), ("GET", "/v1/images", "VIEWER"),
    ("GET", "/v1/artifacts", "VIEWER"), ("POST", "/v1/sources", "SUBMITTER"),
    ("POST", "/v1/builds", "SUBMITTER"), ("POST", "/v1/builds/x:cancel", "SUBMITTER"),
    ("GET", "/v1/tokens", "ADMIN"), ("POST", "/v1/tokens", "ADMIN"),
    ("DELETE", "/v1/tokens/x", "ADMIN"), ("POST", "/v1/agent/register", "WORKER"),
    ("POST", "/v1/agent/lease", "WORKER"), ("PATCH", "/v1/agent/attempts/x.1", "WORKER"),
    ("POST", "/v1/agent/attempts/x.1/log", "WORKER"),
    ("PUT", "/v1/agent/attempts/x.1/artifacts/y", "WORKER"),
    ("POST", "/v1/agent/attempts/x.1:finish", "WORKER"),
    ("GET", "/v1/sources/x/archive", "WORKER"),
]
ROLES = ["VIEWER", "SUBMITTER", "MAINTAINER", "ADMIN", "WORKER"]


def allows(role, least):
    if least is None:
        return True
    if "WORKER" in (role, least):
        return role == "WORKER" and least in ("WORKER", "VIEWER")
    return ROLES.index(role) >= ROLES.index(least)


def test_every_role_may_do_what_it_may_and_nothing_else(admin, user):
    users = {role: user(f"u-{role.lower()}", role) for role in ROLES}
    for method, path, least in ROUTES:
        anybody = farm.requests.request(method, admin.server.url + path, json={})
        assert (anybody.status_code == 401) == (least is not None), (method, path)
        for role, api in users.items():
            status = api.raw(method, path, json={}).status_code
            assert (status == 403) == (not allows(role, least)), (role, method, path, status)


def test_the_routes_are_those_of_the_document(admin):
    document = admin.raw("GET", "/v1/openapi.json").json()
    told = {(method.upper(), path) for path, methods in document["paths"].items()
            for method in methods}
    assert len(told) == 32
    for method, path in told:
        answer = farm.requests.request(method, admin.server.url + path.replace("{", "").replace("}", ""))
        assert answer.status_code not in (404, 405), (method, path, answer.text)


def test_a_token_is_made_shown_once_and_revoked(admin, user):
    alice = user("alice", "VIEWER")
    assert alice.call("GET", "/v1/whoami", "Whoami")["subject"] == "alice"
    listed = admin.call("GET", "/v1/tokens", "ListTokensResponse")["tokens"]
    assert len(listed) == 3 and not any("secret" in t for t in listed)
    assert admin.raw("DELETE", f"/v1/tokens/{alice.token_id}").status_code == 204
    assert alice.raw("GET", "/v1/whoami").status_code == 401
    assert admin.raw("DELETE", "/v1/tokens/tok_nothing").status_code == 404


def test_tokens_are_not_on_disk(admin, state, user):
    secret = user("alice", "VIEWER").session.headers["Authorization"].split()[1].encode()
    for path in (state / "server").glob("farm.db*"):
        assert secret not in path.read_bytes()


@pytest.mark.parametrize("body", [{"role": "VIEWER"}, {"subject": "a"}, {"subject": "a b", "role": "VIEWER"},
                                  {"subject": "a", "role": "VIEWER", "lifetime": "99999999s"}])
def test_a_token_needs_a_subject_and_a_role(admin, body):
    assert admin.raw("POST", "/v1/tokens", json=body).status_code == 400


def test_a_submitter_cancels_only_what_is_theirs(admin, user, source):
    alice, bob, maria = (user("alice", "SUBMITTER"), user("bob", "SUBMITTER"),
                         user("maria", "MAINTAINER"))
    build = alice.submit(source)["id"]
    assert refused(bob.cancel, build).status == 403
    assert alice.cancel(build)["result"]["reason"] == "CANCELED_BY_USER"
    build = alice.submit(source)["id"]
    assert maria.cancel(build)["result"]["reason"] == "CANCELED_BY_ADMIN"
    assert refused(bob.cancel, build).status == 403


@pytest.mark.skipif(bool(os.environ.get("SOS_SANITIZE")), reason="sanitizers need memory of their own")
def test_the_server_idles_small(server, admin):
    admin.call("GET", "/v1/queue", "Queue")
    assert server.memory_kib("VmRSS") < 12 << 10


def test_tls(state, tmp_path):
    """With a certificate the server speaks HTTPS and nothing else."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert, "-days",
                    "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    server = conftest.server_program(state, "--tls-cert", cert, "--tls-key", key).start()
    assert server.url.startswith("https://")
    admin = farm.Api(server, conftest.token_of(server, "admin"))
    with pytest.raises(requests.exceptions.SSLError):
        admin.raw("GET", "/v1/whoami")
    admin.session.verify, admin.session.trust_env = str(cert), False   # a bundle of the host's
    assert admin.call("GET", "/v1/whoami", "Whoami")["subject"] == "admin"
    assert admin.source({"a": b"x" * 300000})
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(server.url.replace("https", "http") + "/healthz", timeout=farm.TIMEOUT_S)
    conftest.finish(server)


@pytest.mark.parametrize("flags, word", [
    (["--tls-cert", "/nowhere"], "go together"), (["--tls-cert", "/nowhere", "--tls-key", "/nowhere"],
                                                   "/nowhere"),
    (["--log-level", "loud"], "log-level"), (["--lease-ttl", "1s"], "renew-interval"),
    (["--publish-retry", "0s"], "publish-retry"), (["--store-token-file", "/nowhere"], "/nowhere")])
def test_settings_that_cannot_be_are_told(state, flags, word):
    done = subprocess.run([os.environ["SOS_SERVER"], "--state", state, "--listen", "127.0.0.1:0",
                           *flags], capture_output=True, text=True, timeout=farm.TIMEOUT_S)
    assert done.returncode in (1, 2) and not done.stdout
    assert word in done.stderr.splitlines()[-1] or word in done.stderr.splitlines()[-2]
