"""Go repositories against an upstream of our own: paths, merging, sums."""

import base64
import hashlib
import io
import json
import zipfile

import pytest

from conftest import message

DB = "sum.example"
X = "example.com/!x"      # as example.com/X travels


def module_zip(module, version, files=None):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted((files or {"go.mod": f"module {module}\n", "x.go": "package x\n",
                                            "ü.txt": "not ASCII"}).items(), reverse=True):
            archive.writestr(f"{module}@{version}/{name}", text)
    return data.getvalue()


def zip_sum(data):
    """Hash1 of golang.org/x/mod/sumdb/dirhash, told a second time."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        lines = "".join(f"{hashlib.sha256(archive.read(name)).hexdigest()}  {name}\n"
                        for name in sorted(archive.namelist()))
    return "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()


def lookup(module, version, total):
    return (f"1\n{module} {version} {total}\n{module} {version}/go.mod h1:x=\n\n"
            "go.sum database tree\n2\nx\n").encode()


@pytest.fixture
def make_go(make_store, upstream):
    def make(*flags):
        return make_store("--repositories", "go-local go,"
                          f"go-remote go remote url={upstream.url},"
                          f"go go virtual members=go-local+go-remote deploy=go-local mix={X}",
                          "--go-sumdb", DB, *flags)
    return make


def publish(upstream, version, data=None, total=None):
    data = data or module_zip("example.com/X", version)
    upstream.put(f"{X}/@v/{version}.zip", data)
    upstream.put(f"{X}/@v/{version}.mod", b"module example.com/X\n")
    upstream.put(f"{X}/@v/{version}.info", b'{"Version": "%s"}' % version.encode())
    upstream.put(f"sumdb/{DB}/lookup/{X}@{version}",
                 lookup("example.com/X", version, total or zip_sum(data)))
    return data


def test_a_zip_is_kept_when_its_sum_is_in_the_database(make_go, upstream):
    store = make_go()
    data = publish(upstream, "v1.0.0")
    for _ in range(2):
        answer = store.get(f"/api/go/go-remote/{X}/@v/v1.0.0.zip")
        assert answer.status_code == 200 and answer.content == data
    assert len(upstream.asked(f"sumdb/{DB}/lookup/{X}@v1.0.0")) == 1
    assert len(upstream.asked(f"{X}/@v/v1.0.0.zip")) == 1
    assert store.get(f"/go-remote/{X}/@v/v1.0.0.zip").content == data


def test_a_zip_with_another_sum_is_never_kept(make_go, upstream):
    store = make_go()
    good = publish(upstream, "v1.0.0")
    bad = module_zip("example.com/X", "v1.0.0", {"x.go": "package evil\n"})
    upstream.put(f"{X}/@v/v1.0.0.zip", bad)
    for repository in ("go-remote", "go"):
        answer = store.get(f"/api/go/{repository}/{X}/@v/v1.0.0.zip")
        assert answer.status_code == 502
        assert zip_sum(good) in message(answer) and zip_sum(bad) in message(answer)
    assert store.get(f"/api/storage/go-remote/{X}/@v/v1.0.0.zip").status_code == 404
    assert not store.blob(bad).exists()
    upstream.put(f"{X}/@v/v1.0.0.zip", good)
    assert store.get(f"/api/go/go-remote/{X}/@v/v1.0.0.zip").content == good


def test_what_is_no_zip_is_never_kept(make_go, upstream):
    store = make_go()
    publish(upstream, "v1.0.0", b"<html>a page</html>" * 100, "h1:abc=")
    answer = store.get(f"/api/go/go-remote/{X}/@v/v1.0.0.zip")
    assert answer.status_code == 502
    assert store.get(f"/api/storage/go-remote/{X}/@v/v1.0.0.zip").status_code == 404


def test_a_database_that_fails_is_not_taken_for_one_that_does_not_know(make_go, upstream):
    store = make_go()
    publish(upstream, "v1.0.0")
    upstream.put(f"sumdb/{DB}/lookup/{X}@v1.0.0", status=500)
    assert store.get(f"/api/go/go-remote/{X}/@v/v1.0.0.zip").status_code == 502


def test_only_modules_that_are_told_to_be_private_are_taken_without_a_sum(make_go, upstream):
    store = make_go("--go-private", "private.example")
    for version in ("v1.0.0", "main"):
        upstream.put(f"example.com/y/@v/{version}.zip", module_zip("example.com/y", version))    # no lookup
    for repository in ("go-remote", "go"):
        answer = store.get(f"/api/go/{repository}/example.com/y/@v/v1.0.0.zip")
        assert answer.status_code == 403
        assert "does not know example.com/y@v1.0.0" in message(answer) and "go-private" in message(answer)
        assert store.get(f"/api/go/{repository}/example.com/y/@v/main.zip").status_code == 404
    assert not upstream.asked("example.com/y/@v/v1.0.0.zip") + upstream.asked("example.com/y/@v/main.zip")
    put_local(store, "v1.0.0", module="example.com/y", name="example.com/y")
    assert store.get("/api/go/go/example.com/y/@v/v1.0.0.zip").status_code == 200
    data = module_zip("private.example/y", "v1.0.0")
    upstream.put("private.example/y/@v/v1.0.0.zip", data)
    assert store.get("/api/go/go-remote/private.example/y/@v/v1.0.0.zip").content == data
    assert not upstream.asked(f"sumdb/{DB}/lookup/private.example/y@v1.0.0")


def test_what_never_changes_is_asked_for_once(make_go, upstream):
    store = make_go("--metadata-ttl", "0", "--missing-ttl", "0")
    publish(upstream, "v1.0.0")
    upstream.put(f"{X}/@v/list", b"v1.0.0\n")
    upstream.put(f"{X}/@v/main.info", b'{"Version": "v1.0.0"}')
    upstream.put(f"sumdb/{DB}/supported")
    upstream.put(f"sumdb/{DB}/latest", b"tree")
    upstream.put(f"sumdb/{DB}/tile/8/0/x001/234.p/5", b"tile")
    paths = {f"{X}/@v/v1.0.0.mod": 1, f"{X}/@v/v1.0.0.info": 1, f"{X}/@v/list": 2,
             f"{X}/@v/main.info": 2, f"sumdb/{DB}/supported": 2, f"sumdb/{DB}/latest": 2,
             f"sumdb/{DB}/tile/8/0/x001/234.p/5": 1, f"sumdb/{DB}/lookup/{X}@v1.0.0": 1}
    for path, count in paths.items():
        for _ in range(2):
            assert store.get(f"/api/go/go/{path}").status_code == 200, path
        assert len(upstream.asked(path)) == count, path


def put_local(store, version, module=X, name="example.com/X"):
    for suffix, data in ((".zip", module_zip(name, version)),
                         (".mod", f"module {name}\n".encode())):
        answer = store.put(f"/api/go/go-local/{module}/@v/{version}{suffix};go.name=x", data)
        assert answer.status_code == 201, answer.text


def test_a_local_repository_tells_what_it_has(make_go):
    store = make_go()
    for version in ("v1.9.0", "v1.10.0", "v2.0.0-rc.1"):
        put_local(store, version)
    store.put(f"/api/go/go-local/{X}/@v/v3.0.0.mod", b"without a zip")
    base = f"/api/go/go-local/{X}"
    assert store.get(base + "/@v/list").text == "v1.9.0\nv1.10.0\nv2.0.0-rc.1\n"
    assert store.get(base + "/@latest").json()["Version"] == "v1.10.0"
    info = store.get(base + "/@v/v1.9.0.info").json()
    assert info["Version"] == "v1.9.0" and info["Time"].endswith("Z")
    assert store.get(base + "/@v/v1.9.0.mod").text == "module example.com/X\n"
    assert store.props(f"/go-local/{X}/@v/v1.9.0.zip") == {"go.name": ["x"]}
    for path in ("/@v/v9.9.9.info", "/@v/v3.0.0.zip", "/@v/v3.0.0.info"):
        assert store.get(base + path).status_code == 404, path
    assert store.get("/api/go/go-local/example.com/none/@v/list").status_code == 404
    assert "example.com/none" in message(store.get("/api/go/go-local/example.com/none/@latest"))
    assert store.get(f"/api/go/go-local/sumdb/{DB}/supported").status_code == 404


def test_a_virtual_repository_tells_what_all_have(make_go, upstream):
    store = make_go()
    data = publish(upstream, "v1.1.0")
    upstream.put(f"{X}/@v/list", b"v1.1.0 2026-02-02T02:40:00Z\nv1.0.0\njunk\n")
    upstream.put(f"{X}/@latest", b'{"Version": "v1.1.0", "Time": "2026-02-02T02:40:00Z"}')
    assert store.put(f"/api/go/go/{X}/@v/v1.0.0.zip", b"mine").status_code == 201
    put_local(store, "v1.0.1-ours")
    base = f"/api/go/go/{X}"
    assert store.get(base + "/@v/list").text == "v1.0.0\nv1.0.1-ours\nv1.1.0\n"
    assert json.loads(store.get(base + "/@latest").text)["Version"] == "v1.1.0"
    assert store.get(base + "/@v/v1.1.0.zip").content == data
    assert store.get(base + "/@v/v1.0.0.zip").content == b"mine"
    assert store.get(base + "/@v/v1.0.1-ours.info").json()["Version"] == "v1.0.1-ours"
    assert store.get("/api/go/go/example.com/none/@v/list").status_code == 404


def test_an_upstream_that_fails_leaves_no_hole_in_a_list(make_go, upstream):
    store = make_go()
    upstream.put(f"{X}/@v/list", status=500)
    assert store.get(f"/api/go/go/{X}/@v/list").status_code == 502
    put_local(store, "v1.0.0")
    assert store.get(f"/api/go/go/{X}/@v/list").text == "v1.0.0\n"


def test_what_is_no_path_of_the_protocol_is_refused(make_go):
    store = make_go()
    assert store.get("/api/go/go-remote/example.com/X/@v/list").status_code == 404
    assert store.get("/api/go/none/example.com/x/@v/list").status_code == 404
    assert store.put(f"/api/go/go-local/{X}/@v/main.zip", b"x").status_code == 400
    answer = store.put(f"/api/go/go-local/{X}/@v/list", b"x")
    assert answer.status_code == 405 and answer.headers["Allow"] == "GET, HEAD"
    assert store.put(f"/api/go/go-remote/{X}/@v/v1.0.0.zip", b"x").status_code == 405
