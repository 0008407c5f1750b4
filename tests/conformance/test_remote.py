"""Remote repositories: one fetch for all who ask, nothing kept that is not what it must be."""

import concurrent.futures
import hashlib
import os
import re
import ssl
import threading

import pytest
import requests

from conftest import message, run, wait_for
from upstream import Thing

R = "/up"


@pytest.fixture
def make_remote(make_store, upstream):
    def make(*flags, **more):
        return make_store("--repositories", f"sos-dev-local,up remote url={upstream.url}/base,"
                          "other-local,all virtual members=other-local+up deploy=other-local,"
                          "bare remote", *flags, **more)
    return make


@pytest.fixture
def store(make_remote):
    return make_remote()


def test_what_was_fetched_once_is_kept(store, upstream):
    body = os.urandom(300000)
    upstream.put("base/a/b c.bin", body, etag='"1"')
    for _ in range(3):
        answer = store.get(R + "/a/b%20c.bin")
        assert answer.status_code == 200 and answer.content == body
    assert answer.headers["X-Checksum-Sha256"] == hashlib.sha256(body).hexdigest()
    assert len(upstream.asked("base/a/b c.bin")) == 1
    info = store.get("/api/storage/up/a/b%20c.bin").json()
    assert info["checksums"]["sha1"] == hashlib.sha1(body).hexdigest()


# --- freshness ---

def test_metadata_is_asked_about_again_by_etag_or_date(make_remote, upstream):
    store = make_remote("--metadata-ttl", "0")
    upstream.put("base/by-tag", b"one", etag='"a"')
    upstream.put("base/by-date", b"one", modified="Mon, 02 Feb 2026 02:40:00 GMT")
    for path, header in (("by-tag", "If-None-Match"), ("by-date", "If-Modified-Since")):
        assert [store.get(f"{R}/{path}").content for _ in range(3)] == [b"one"] * 3
        asked = upstream.asked("base/" + path)
        assert len(asked) == 3 and header not in asked[0] and header in asked[2]
    upstream.put("base/by-tag", b"two", etag='"b"')
    assert store.get(R + "/by-tag").content == b"two"
    assert store.get(R + "/by-tag").content == b"two"
    assert not store.blob(b"one").exists() or store.get(R + "/by-date").content == b"one"


def test_within_its_time_nothing_is_asked(make_remote, upstream):
    store = make_remote("--metadata-ttl", "1h")
    upstream.put("base/x", b"one", etag='"a"')
    store.get(R + "/x")
    upstream.put("base/x", b"two", etag='"b"')
    assert store.get(R + "/x").content == b"one"
    store.stop()
    store.start()
    assert store.get(R + "/x").content == b"one" and len(upstream.asked("base/x")) == 1


@pytest.mark.parametrize("status", [500, 503, 403])
def test_what_is_kept_is_given_when_the_upstream_fails(make_remote, upstream, status):
    store = make_remote("--metadata-ttl", "0")
    thing = upstream.put("base/x", b"kept", etag='"a"')
    assert "Warning" not in store.get(R + "/x").headers
    thing.status = status
    answer = store.get(R + "/x")
    assert answer.status_code == 200 and answer.content == b"kept"
    assert answer.headers["Warning"].startswith("111") and int(answer.headers["Age"]) >= 0
    assert store.get(R + "/other").status_code == 404
    upstream.put("base/other", status=status)
    answer = store.get(R + "/never")
    assert answer.status_code == 404
    upstream.put("base/none", status=status)
    answer = store.get(R + "/none")
    assert answer.status_code == 502 and str(status) in message(answer)


def test_a_warm_store_serves_with_the_upstream_off(make_remote, upstream):
    store = make_remote("--metadata-ttl", "0")
    upstream.put("base/x", b"kept", etag='"a"')
    store.get(R + "/x")
    upstream.stop()
    for _ in range(3):
        assert store.get(R + "/x").content == b"kept"
    assert store.get(R + "/y").status_code == 502
    assert store.get("/all/x").content == b"kept"
    upstream.start(upstream.port)
    assert store.get(R + "/y").status_code == 404


def test_offline_nothing_is_asked(make_remote, upstream):
    store = make_remote()
    upstream.put("base/x", b"kept")
    upstream.put("base/y", b"not kept")
    store.get(R + "/x")
    store.stop()
    store.flags += ("--upstream-offline", "--metadata-ttl", "0")
    store.start()
    asked = len(upstream.requests)
    assert store.get(R + "/x").content == b"kept"
    assert store.get(R + "/y").status_code == 404
    assert len(upstream.requests) == asked


def test_what_the_upstream_has_not_is_remembered(make_remote, upstream):
    store = make_remote("--missing-ttl", "1h")
    assert [store.get(R + "/none").status_code for _ in range(5)] == [404] * 5
    assert len(upstream.asked("base/none")) == 1
    upstream.put("base/none", b"now there")
    store.stop()
    store.start()
    assert store.get(R + "/none").content == b"now there"


def test_it_is_remembered_for_a_while_only(make_remote, upstream):
    store = make_remote("--missing-ttl", "0")
    assert store.get(R + "/none").status_code == 404
    upstream.put("base/none", b"now there")
    assert store.get(R + "/none").content == b"now there"


# --- one fetch for all ---

def test_100_askers_of_a_cold_file_are_one_request(store, upstream):
    body = os.urandom(1 << 20) * 20
    gate = threading.Event()
    upstream.put("base/big", body, etag='"1"', gate=(1 << 20, gate))
    digest = hashlib.sha256(body).hexdigest()
    started = threading.Semaphore(0)

    def ask(_):
        with requests.get(store.base + R + "/big", headers=store.session.headers, stream=True,
                          timeout=60) as answer:
            got = hashlib.sha256()
            first = True
            for part in answer.iter_content(1 << 16):
                if first:
                    started.release()
                    first = False
                got.update(part)
            return answer.status_code, got.hexdigest()

    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        answers = pool.map(ask, range(100))
        # Each has its first byte while the upstream still keeps most of the file.
        assert all(started.acquire(timeout=30) for _ in range(100))
        gate.set()
        assert list(answers) == [(200, digest)] * 100
    assert len(upstream.asked("base/big")) == 1
    assert store.blob(body).stat().st_size == len(body)


def test_a_slow_upstream_is_followed_byte_by_byte(store, upstream):
    gate = threading.Event()
    upstream.put("base/slow", b"first" + b"second", gate=(5, gate))
    with requests.get(store.base + R + "/slow", headers=store.session.headers, stream=True,
                      timeout=20) as answer:
        assert answer.raw.read(5) == b"first"
        gate.set()
        assert answer.raw.read() == b"second"


def test_a_part_of_what_is_coming(store, upstream):
    body = os.urandom(1 << 20)
    gate = threading.Event()
    upstream.put("base/big", body, gate=(500000, gate))
    headers = {**store.session.headers, "Range": "bytes=1000-1999"}
    with requests.get(store.base + R + "/big", headers=headers, stream=True, timeout=20) as answer:
        assert answer.status_code == 206
        assert answer.headers["Content-Range"] == f"bytes 1000-1999/{len(body)}"
        assert answer.raw.read(999) == body[1000:1999]
        gate.set()
        assert answer.raw.read() == body[1999:2000]
    answer = store.get(R + "/big", headers={"Range": "bytes=-10"})
    assert answer.status_code == 206 and answer.content == body[-10:]


def leave_in_the_middle(store, path, enough):
    with requests.get(store.base + path, headers=store.session.headers, stream=True,
                      timeout=20) as answer:
        answer.raw.read(enough)


def test_a_client_that_leaves_stops_nothing_that_is_nearly_there(store, upstream):
    body = os.urandom(2 << 20)
    gate = threading.Event()
    upstream.put("base/x", body, gate=(1 << 20, gate))
    leave_in_the_middle(store, R + "/x", 1000)
    gate.set()
    assert store.get(R + "/x").content == body
    assert len(upstream.asked("base/x")) == 1


def test_what_nobody_waits_for_any_more_is_dropped(store, upstream):
    body = os.urandom(1 << 20) * 40
    gate = threading.Event()
    upstream.put("base/x", body, gate=(1 << 20, gate))
    leave_in_the_middle(store, R + "/x", 1000)
    tmp = store.state / "store" / "blobs" / "tmp"
    assert wait_for(lambda: not list(tmp.iterdir()))
    gate.set()
    assert store.get(R + "/x").content == body and len(upstream.asked("base/x")) == 2


# --- HEAD, caps, methods ---

def test_head_asks_the_upstream_and_keeps_nothing(make_store, upstream):
    store = make_store("--repositories", f"g go remote url={upstream.url}")
    upstream.put("p.example/p/@v/v1.0.0.mod", b"x" * 5000)
    there = "/api/go/g/p.example/p/@v/v1.0.0.mod"
    answer = store.ask("HEAD", there)
    assert answer.status_code == 200 and answer.headers["Content-Length"] == "5000"
    assert store.ask("HEAD", "/api/go/g/p.example/p/@v/v1.0.1.mod").status_code == 404
    assert [command for command, _, _ in upstream.requests] == ["HEAD", "HEAD"]
    assert store.get(there).content == b"x" * 5000
    assert store.ask("HEAD", there).headers["Content-Length"] == "5000"
    assert len(upstream.requests) == 3


def test_a_remote_takes_nothing_and_a_virtual_gives_it_on(store, upstream):
    answer = store.put(R + "/x", b"mine")
    assert answer.status_code == 405 and answer.headers["Allow"] == "GET, HEAD"
    assert message(answer).startswith("Repository 'up' is a remote one")
    upstream.put("base/x", b"theirs")
    assert store.get("/all/x").content == b"theirs"
    assert store.put("/all/x", b"mine").status_code == 201
    assert store.get("/all/x").content == b"mine"
    assert store.get("/other-local/x").content == b"mine"
    assert store.get(R + "/x").content == b"theirs"
    assert store.get("/all/none").status_code == 404
    info = store.get("/api/storage/all/x")
    assert info.status_code == 200 and info.json()["size"] == "4"


def test_a_remote_without_an_upstream_says_what_to_set(store):
    answer = store.get("/bare/x")
    assert answer.status_code == 502 and "url=" in message(answer)


def test_what_is_too_large_is_not_taken(make_remote, upstream):
    store = make_remote("--upload-max", "100kB")
    upstream.put("base/x", b"x" * 200000)
    upstream.put("base/chunked", b"x" * 200000, chunked=True)
    assert "larger" in message(store.get(R + "/x"))
    answer = broken(store, R + "/chunked")
    assert answer is None or answer.status_code == 502
    assert store.get("/api/storage/up/chunked").status_code == 404


# --- bytes that are not what they must be ---

def broken(store, path):
    """The answer, or None when the connection was cut in the middle."""
    try:
        answer = store.get(path)
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        return None
    whole = len(answer.content) == int(answer.headers.get("Content-Length", len(answer.content)))
    return answer if whole else None


@pytest.mark.parametrize("how", [{"etag": '"1"'}, {"modified": "Mon, 02 Feb 2026 02:40:00 GMT"},
                                 {"etag": '"1"', "ranges": False}])
def test_a_cut_transfer_goes_on_where_it_was(store, upstream, how):
    body = os.urandom(3 << 20)
    upstream.put("base/x", body, cut=[1 << 20, (2 << 20) + 5], **how)
    assert store.get(R + "/x").content == body
    asked = upstream.asked("base/x")
    assert len(asked) == 3 and asked[1]["Range"] == f"bytes={1 << 20}-"
    assert asked[1]["If-Range"] in how.values()


def test_what_is_always_cut_is_never_kept(store, upstream):
    upstream.put("base/x", os.urandom(3 << 20), etag='"1"', cut=[1 << 20] * 10)
    assert broken(store, R + "/x") is None
    assert len(upstream.asked("base/x")) == 4
    assert store.get("/api/storage/up/x").status_code == 404
    upstream.put("base/y", os.urandom(3 << 20), cut=[1 << 20])    # nothing names it: no way on
    assert broken(store, R + "/y") is None
    assert store.get("/api/storage/up/y").status_code == 404
    assert len(upstream.asked("base/y")) == 1


def test_what_changed_in_the_middle_is_not_mixed(store, upstream):
    thing = upstream.put("base/x", b"a" * (3 << 20), etag='"1"', cut=[1 << 20])

    def change(handler):
        if handler.headers.get("Range"):
            thing.body, thing.etag = b"b" * (3 << 20), '"2"'

    upstream.hook = change
    assert broken(store, R + "/x") is None
    assert store.get(R + "/x").content == b"b" * (3 << 20)


@pytest.mark.parametrize("how", [{"length": 5000}, {"length": "none"}])
def test_a_length_that_is_wrong_or_missing_is_an_error(store, upstream, how):
    upstream.put("base/x", b"x" * 1000, **how)
    answer = store.get(R + "/x")
    assert answer.status_code == 502
    assert store.get("/api/storage/up/x").status_code == 404


def test_chunks_are_a_length(store, upstream):
    body = os.urandom(300000)
    upstream.put("base/x", body, chunked=True)
    upstream.put("base/empty", b"", chunked=True)
    assert store.get(R + "/x").content == body
    assert store.get(R + "/empty").content == b"" and store.get(R + "/empty").status_code == 200


# --- where it leads ---

def test_redirects_are_followed_a_few_times(store, upstream):
    upstream.put("base/a", status=302, headers={"Location": "/base/b"})
    upstream.put("base/b", status=301, headers={"Location": upstream.url + "/base/c"})
    upstream.put("base/c", b"there")
    upstream.put("base/loop", status=302, headers={"Location": "/base/loop"})
    upstream.put("base/file", status=302, headers={"Location": "file:///etc/passwd"})
    assert store.get(R + "/a").content == b"there"
    for path in ("loop", "file"):
        answer = store.get(f"{R}/{path}")
        assert answer.status_code == 502, answer.content
    assert 2 < len(upstream.asked("base/loop")) < 10


@pytest.mark.parametrize("line,header", [("up me:secret", "Basic bWU6c2VjcmV0"),
                                         ("up bearer tok", "Bearer tok")])
def test_credentials_are_for_their_host_alone(make_remote, upstream, make_upstream, tmp_path, line,
                                              header):
    file = tmp_path / "credentials"
    file.write_text(f"# a comment\nother x:y\n{line}\n")
    file.chmod(0o600)
    store = make_remote("--upstream-credentials", str(file), "--upstream-private", "127.0.0.0/8")
    other = make_upstream()
    upstream.put("base/x", b"x")
    upstream.put("base/away", status=302,
                 headers={"Location": f"http://localhost:{other.port}/y"})
    upstream.put("base/port", status=302, headers={"Location": other.url + "/y"})
    other.put("y", b"y")
    assert store.get(R + "/x").content == b"x"
    assert store.get(R + "/away").content == b"y"
    assert store.get(R + "/port").content == b"y"
    assert upstream.asked("base/x")[0]["Authorization"] == header
    assert all("Authorization" not in asked for asked in other.asked("y"))
    assert len(other.asked("y")) == 2


def test_credentials_that_others_may_read_are_refused(make_remote, tmp_path):
    file = tmp_path / "credentials"
    file.write_text("up me:secret\n")
    file.chmod(0o644)
    with pytest.raises(AssertionError, match="others may read it"):
        make_remote("--upstream-credentials", str(file))


def test_the_images_tell_upstreams(make_store, upstream, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    (images / "a.json").write_text('{"name": "a"}')
    (images / "b.json").write_text('{"upstreams": {"go": "%s/"}}' % upstream.url)
    store = make_store("--images", str(images), "--repositories", "n npm remote,g go remote")
    upstream.put("p.example/p/@v/list", b"v1.0.0\n")
    assert store.get("/api/go/g/p.example/p/@v/list").content == b"v1.0.0\n"
    assert store.get("/api/npm/n/p").status_code == 502


def test_a_proxy_tells_what_urls_begin_with(make_remote):
    store = make_remote("--anonymous-read")
    store.put("/sos-dev-local/x", b"x")
    told = {"X-JFrog-Override-Base-Url": "http://127.0.0.1:8624/artifactory"}
    uri = store.get("/api/storage/sos-dev-local/x", headers=told).json()["downloadUri"]
    assert uri == "http://127.0.0.1:8624/artifactory/sos-dev-local/x"
    uri = store.get("/api/storage/sos-dev-local/x",
                    headers={"X-JFrog-Override-Base-Url": "https://h:1"}).json()["downloadUri"]
    assert uri == "https://h:1/artifactory/sos-dev-local/x"
    for bad in ("http://h/a/", "file:///x", "http://", "http://h/<b>", "http://a b/c"):
        answer = store.get("/api/storage/sos-dev-local/x",
                           headers={"X-JFrog-Override-Base-Url": bad})
        assert answer.json()["downloadUri"] == store.base + "/sos-dev-local/x"
    answer = requests.get(store.base + "/api/storage/sos-dev-local/x", headers=told, timeout=20)
    assert answer.json()["downloadUri"] == store.base + "/sos-dev-local/x"


# --- what is on disk ---

def test_kill_9_in_the_middle_leaves_nothing_false(store, upstream):
    body = os.urandom(4 << 20)
    gate = threading.Event()
    upstream.put("base/x", body, gate=(2 << 20, gate))
    with requests.get(store.base + R + "/x", headers=store.session.headers, stream=True,
                      timeout=20) as answer:
        answer.raw.read(1 << 20)
        store.kill()
    gate.set()
    store.start()
    assert not list((store.state / "store" / "blobs" / "tmp").iterdir())
    assert store.get("/api/storage/up/x").status_code == 404
    assert store.get(R + "/x").content == body
    assert store.fsck().returncode == 0


def test_a_store_stops_in_the_middle_of_a_fetch(make_remote, upstream):
    store = make_remote()
    gate = threading.Event()
    upstream.put("base/x", os.urandom(4 << 20), gate=(2 << 20, gate))
    with requests.get(store.base + R + "/x", headers=store.session.headers, stream=True,
                      timeout=20) as answer:
        answer.raw.read(1 << 20)
        assert store.stop() == 0
    gate.set()


def test_metrics_tell_hits_and_fetches(store, upstream):
    upstream.put("base/x", b"x" * 1000)
    for _ in range(3):
        store.get(R + "/x")
    text = store.get("/metrics").text
    figures = dict(re.findall(r"^sos_store_remote_(\w+)_total (\d+)$", text, re.M))
    assert figures["hits"] == "2" and figures["fetches"] == "1" and figures["bytes"] == "1000"


def test_a_full_disk_is_507_and_what_is_kept_is_served(make_remote, upstream, small_disk):
    store = make_remote("--disk-floor", "8MiB", state=small_disk)
    upstream.put("base/small", b"x" * 100000)
    upstream.put("base/large", b"x" * (40 << 20), etag='"1"')
    upstream.put("base/unknown", os.urandom(1 << 20) * 40, chunked=True)
    assert store.get(R + "/small").status_code == 200
    answer = store.get(R + "/large")
    assert answer.status_code == 507 and "must stay free" in message(answer)
    answer = broken(store, R + "/unknown")
    assert answer is None or answer.status_code == 507
    assert store.get(R + "/small").content == b"x" * 100000
    assert not list((small_disk / "store" / "blobs" / "tmp").iterdir())


# --- TLS, proxies ---

@pytest.fixture
def secure(make_upstream, tmp_path):
    """An upstream with a certificate of its own CA (itself)."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-days", "2", "-subj", "/CN=upstream", "-addext", "subjectAltName=IP:127.0.0.1",
        "-keyout", key, "-out", cert)
    made = make_upstream()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    made.server.socket = context.wrap_socket(made.server.socket, server_side=True)
    made.url = made.url.replace("http:", "https:")
    return made, cert


def test_a_certificate_of_a_ca_of_ours(make_store, upstream, secure):
    made, cert = secure
    made.put("x", b"secure")
    upstream.put("plain", b"plain")
    made.put("down", status=302, headers={"Location": upstream.url + "/plain"})
    store = make_store("--repositories", f"up remote url={made.url}")
    answer = store.get(R + "/x")
    assert answer.status_code == 502 and "certificate" in message(answer)
    store.stop()
    store.flags += ("--upstream-ca", str(cert))
    store.start()
    assert store.get(R + "/x").content == b"secure"
    # What came over TLS is not given up for what did not.
    assert store.get(R + "/down").status_code == 502 and not upstream.asked("plain")


def test_a_proxy_is_asked_but_never_for_this_machine(make_store, upstream, make_upstream, monkeypatch):
    proxy = make_upstream()
    upstream.put("base/x", b"direct")
    with monkeypatch.context() as environment:
        environment.setenv("http_proxy", proxy.url)
        store = make_store("--repositories", f"up remote url={upstream.url}/base,"
                           "far remote url=http://elsewhere.example/base")
    proxy.things["http://elsewhere.example/base/y"] = Thing(b"by the proxy")
    assert store.get(R + "/x").content == b"direct" and not proxy.requests
    assert store.get("/far/y").content == b"by the proxy"
    # The proxy is the operator's; what it is asked for may still be a stranger's choice.
    for host in ("files.example", "10.1.2.3", "1.2.3.4"):
        proxy.things[f"http://elsewhere.example/base/{host}"] = Thing(
            status=302, headers={"Location": f"http://{host}/z"})
        proxy.things[f"http://{host}/z"] = Thing(b"of a stranger")
    assert store.get("/far/files.example").content == store.get("/far/1.2.3.4").content == b"of a stranger"
    assert store.get("/far/10.1.2.3").status_code == 502
    assert "http://10.1.2.3/z" not in [path for _, path, _ in proxy.requests]
