"""Remote and virtual npm repositories before an upstream whose every answer is known."""

import hashlib
import json

import pytest
import requests
from test_npm import ABBREVIATED, full, publish, sri, tarball
from upstream import Thing


@pytest.fixture
def make_registry(make_store, upstream):
    def make(*flags, **more):
        return make_store("--repositories", f"mine npm,up npm remote url={upstream.url},"
                          "all npm virtual members=mine+up deploy=mine mix=rows", *flags, **more)
    return make


@pytest.fixture
def registry(make_registry):
    return make_registry()


def offer(upstream, name, *versions, manifests=True, told=None, **how):
    """The document, manifests and tarballs of a package, as a registry has them."""
    path = "/" + name
    base = name.split("/")[-1]
    doc = {"_id": name, "name": name, "dist-tags": {"latest": versions[-1]}, "versions": {},
           "time": {"modified": "2026-01-01T00:00:00.000Z"}, "readme": "# " + name}
    for version in versions:
        data = tarball(name, version)
        dist = {"integrity": sri(data), "shasum": hashlib.sha1(data).hexdigest(),
                "tarball": f"{upstream.url}/{name}/-/{base}-{version}.tgz", **(told or {})}
        dist = {key: value for key, value in dist.items() if value is not None}
        manifest = {"name": name, "version": version, "dist": dist, "description": "\"tarball\":",
                    "config": {"tarball": "stays", "dist": {"tarball": "stays"}}}
        doc["versions"][version] = manifest
        if manifests:
            upstream.things[f"{path}/{version}"] = Thing(json.dumps(manifest).encode())
        upstream.things[f"/{name}/-/{base}-{version}.tgz"] = Thing(data)
    upstream.things[path] = Thing(json.dumps(doc).encode(), type="application/json", **how)
    return doc


def fetch(store, url):
    assert url.startswith(store.base), url
    return store.get(url[len(store.base):])


@pytest.mark.parametrize("name", ["rows", "@scope/rows"])
@pytest.mark.parametrize("repo", ["up", "all"])
def test_a_document_tells_our_addresses_and_nothing_else_is_changed(registry, upstream, name, repo):
    theirs = offer(upstream, name, "1.0.0", "1.1.0-beta+x")
    for headers in ({}, ABBREVIATED):
        ours = full(registry, name, repo=repo, headers=headers).json()
        for version, manifest in ours["versions"].items():
            url = manifest["dist"].pop("tarball")
            data = fetch(registry, url)
            assert data.status_code == 200 and sri(data.content) == manifest["dist"]["integrity"]
            theirs["versions"][version]["dist"].pop("tarball", None)
        assert ours == theirs
    assert registry.fsck().returncode == 0


def test_a_document_is_streamed_whole_however_large_it_is(registry, upstream):
    versions = [f"1.{i}.0" for i in range(2000)]
    doc = offer(upstream, "rows", *versions[:1])
    manifest = doc["versions"].pop("1.0.0")
    for version in versions:
        doc["versions"][version] = {**manifest, "version": version, "filler": "x\\\"}{" * 500}
    upstream.things["/rows"].body = json.dumps(doc, indent=1).encode()
    ours = full(registry, "rows", repo="up").json()
    assert len(ours["versions"]) == 2000
    for version in versions:
        assert ours["versions"][version]["dist"]["tarball"] == \
            f"{registry.base}/api/npm/up/rows/-/rows-{version}.tgz"
        assert ours["versions"][version]["filler"] == manifest.get("filler", "x\\\"}{" * 500)


def test_a_document_that_is_known_is_not_sent_again(registry, upstream):
    offer(upstream, "rows", "1.0.0")
    first = full(registry, "rows", repo="up")
    again = full(registry, "rows", repo="up", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and not again.content
    assert len(upstream.asked("rows")) == 1


@pytest.mark.parametrize("told", [
    {"integrity": sri(b"others"), "shasum": None},
    {"integrity": None, "shasum": "0" * 40},
    {"integrity": None, "shasum": None},
])
@pytest.mark.parametrize("path", ["/api/npm/up/rows/-/rows-1.0.0.tgz", "/up/rows/-/rows-1.0.0.tgz",
                                  "/api/npm/all/rows/-/rows-1.0.0.tgz", "/up/rows/-/rows-1.0.0.tgz;a=b"])
def test_a_tarball_that_is_not_what_was_promised_is_not_kept(registry, upstream, told, path):
    offer(upstream, "rows", "1.0.0", told=told)
    for _ in range(2):
        try:
            assert registry.get(path).status_code >= 400
        except requests.exceptions.RequestException:
            pass    # cut, so that the client notices
    assert registry.get("/api/storage/up/rows/-/rows-1.0.0.tgz").status_code == 404


@pytest.mark.parametrize("told", [{}, {"integrity": None}])
def test_a_tarball_asked_for_first_is_verified_by_its_manifest(registry, upstream, told):
    offer(upstream, "rows", "1.0.0", told=told)
    data = tarball("rows", "1.0.0")
    assert registry.get("/api/npm/up/rows/-/rows-1.0.0.tgz").content == data
    assert registry.get("/api/npm/up/rows/-/rows-1.0.0.tgz").content == data
    assert len(upstream.asked("rows/-/rows-1.0.0.tgz")) == 1
    assert not upstream.asked("rows"), "the manifest is enough"


def test_an_upstream_without_manifests_is_asked_for_the_document(registry, upstream):
    offer(upstream, "rows", "1.0.0", "2.0.0", manifests=False)
    data = tarball("rows", "1.0.0")
    assert registry.get("/api/npm/up/rows/-/rows-1.0.0.tgz").content == data
    assert registry.get("/api/npm/up/rows/latest").json()["version"] == "2.0.0"
    assert registry.get("/api/npm/up/rows/1.0.0").json()["dist"]["tarball"] == \
        registry.base + "/api/npm/up/rows/-/rows-1.0.0.tgz"
    assert registry.get("/api/npm/up/rows/3.0.0").status_code == 404
    assert registry.get("/api/npm/up/rows/-/rows-3.0.0.tgz").status_code == 404


def test_a_tarball_is_taken_from_where_the_upstream_says(registry, upstream):
    url = upstream.url + "/download/rows/1.0.0/abc"
    offer(upstream, "rows", "1.0.0", told={"tarball": url})
    upstream.things["/download/rows/1.0.0/abc"] = upstream.things.pop("/rows/-/rows-1.0.0.tgz")
    assert full(registry, "rows", repo="up").json()["versions"]["1.0.0"]["dist"]["tarball"] == \
        registry.base + "/api/npm/up/rows/-/rows-1.0.0.tgz"
    assert registry.get("/api/npm/up/rows/-/rows-1.0.0.tgz").content == tarball("rows", "1.0.0")


def test_but_not_from_another_host(registry, upstream, make_upstream):
    other = make_upstream()
    offer(upstream, "rows", "1.0.0", told={"tarball": other.url + "/rows/-/rows-1.0.0.tgz"})
    assert registry.get("/api/npm/up/rows/-/rows-1.0.0.tgz").content == tarball("rows", "1.0.0")
    assert not other.requests


def test_what_was_kept_is_served_while_the_upstream_is_away(make_registry, upstream):
    registry = make_registry("--metadata-ttl", "0s")
    offer(upstream, "rows", "1.0.0")
    assert full(registry, "rows", repo="up").status_code == 200
    assert registry.get("/api/npm/up/rows/-/rows-1.0.0.tgz").status_code == 200
    upstream.stop()
    assert full(registry, "rows", repo="all").json()["dist-tags"] == {"latest": "1.0.0"}
    assert registry.get("/api/npm/all/rows/-/rows-1.0.0.tgz").status_code == 200
    assert full(registry, "cols", repo="up").status_code == 502
    publish(registry, "cols", "1.0.0", repo="mine")
    assert full(registry, "cols", repo="all").status_code == 200
    upstream.start(upstream.port)


def test_what_the_upstream_has_not_is_missing(registry, upstream):
    assert full(registry, "rows", repo="up").status_code == 404
    assert full(registry, "rows", repo="all").status_code == 404
    assert len(upstream.asked("rows")) == 1
    assert registry.get("/api/npm/up/rows/-/rows-1.0.0.tgz").status_code == 404


def test_ours_come_first_and_theirs_are_added(registry, upstream):
    theirs = offer(upstream, "rows", "1.0.0", "2.0.0")
    mine = tarball("rows", "1.0.0", {"mine": "1"})
    publish(registry, "rows", "1.0.0", data=mine, repo="mine")
    publish(registry, "rows", "1.5.0", repo="all", tag="next")
    for headers in ({}, ABBREVIATED):
        doc = full(registry, "rows", repo="all", headers=headers).json()
        assert sorted(doc["versions"]) == ["1.0.0", "1.5.0", "2.0.0"]
        assert doc["dist-tags"] == {"latest": "1.0.0", "next": "1.5.0"}
        assert doc["versions"]["1.0.0"]["dist"]["integrity"] == sri(mine)
        assert doc["versions"]["2.0.0"]["dist"]["integrity"] == \
            theirs["versions"]["2.0.0"]["dist"]["integrity"]
        for manifest in doc["versions"].values():
            data = fetch(registry, manifest["dist"]["tarball"])
            assert sri(data.content) == manifest["dist"]["integrity"]
    assert registry.get("/api/npm/all/-/package/rows/dist-tags").json() == doc["dist-tags"]
    assert registry.get("/api/npm/all/rows/2.0.0").json()["version"] == "2.0.0"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"versions":[]}', b"\x00\xff" * 100,
                                  b"[" * 100000])
def test_a_document_that_is_none_hurts_nobody(registry, upstream, body):
    upstream.things["/rows"] = Thing(body)
    publish(registry, "rows", "1.0.0", repo="mine")
    for path in ("/api/npm/all/rows", "/api/npm/up/rows", "/api/npm/up/rows/latest",
                 "/api/npm/up/rows/-/rows-1.0.0.tgz", "/api/npm/all/-/package/rows/dist-tags"):
        try:
            registry.get(path)
        except requests.exceptions.RequestException:
            pass
    assert registry.get("/api/system/ping").text == "OK"


def test_nothing_is_published_to_a_remote(registry):
    answer = publish(registry, "rows", "1.0.0", repo="up")
    assert answer.status_code == 405 and answer.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("repo", ["up", "all"])
def test_a_plain_path_that_is_no_tarball_reaches_no_upstream(registry, upstream, repo):
    """Else it would lie in the way of what comes later, or be remembered as missing."""
    offer(upstream, "rows", "1.0.0")
    for path in ("rows", "rows/1.0.0", ".npm/rows/install-v1.json"):
        assert registry.get(f"/{repo}/{path}").status_code == 404
    assert not upstream.asked("rows") and not upstream.asked("rows/1.0.0")
    assert full(registry, "rows", repo=repo).status_code == 200
    assert registry.get(f"/api/npm/{repo}/rows/-/rows-1.0.0.tgz").status_code == 200
