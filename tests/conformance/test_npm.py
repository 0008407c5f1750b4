"""npm repositories with the real clients, unpatched: they verify what they get by themselves."""

import base64
import concurrent.futures
import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile

import pytest
import requests
from conftest import message

REPOSITORIES = "npm-local npm,npm-other npm,npm virtual npm members=npm-local+npm-other deploy=npm-local"


@pytest.fixture
def registry(make_store):
    return make_store("--repositories", REPOSITORIES)


def tarball(name, version, files=None, **more):
    """A package as `npm pack` makes it."""
    out = io.BytesIO()
    files = {"package.json": json.dumps({"name": name, "version": version, **more}),
             "index.js": "module.exports = 1\n", **(files or {})}
    with gzip.GzipFile(fileobj=out, mode="w", mtime=0) as packed, \
            tarfile.open(fileobj=packed, mode="w") as tar:
        for path, text in files.items():
            info = tarfile.TarInfo("package/" + path)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def sri(data):
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def document(name, version, data, tag="latest", dist=None, **more):
    """What `npm publish` sends."""
    dist = dist or {"integrity": sri(data), "shasum": hashlib.sha1(data).hexdigest(),
                    "tarball": f"http://elsewhere/{name}/-/{name}-{version}.tgz"}
    return {"_id": name, "name": name, "dist-tags": {tag: version},
            "versions": {version: {"name": name, "version": version, "dist": dist, **more}},
            "_attachments": {f"{name}-{version}.tgz": {
                "content_type": "application/octet-stream", "length": len(data),
                "data": base64.b64encode(data).decode()}}}


def publish(store, name, version, repo="npm-local", data=None, **more):
    data = data or tarball(name, version)
    return store.put(f"/api/npm/{repo}/{name.replace('/', '%2f')}",
                     data=json.dumps(document(name, version, data, **more)))


def full(store, name, repo="npm-local", **more):
    return store.get(f"/api/npm/{repo}/{name.replace('/', '%2f')}", **more)


ABBREVIATED = {"Accept": "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*"}

# --- the API by itself ---


def test_a_published_version_is_served_whole(registry):
    data = tarball("rows", "1.0.0", bin="index.js")
    assert publish(registry, "rows", "1.0.0", data=data, readme="# rows",
                   scripts={"postinstall": "true"}).status_code == 201
    doc = full(registry, "rows").json()
    version = doc["versions"]["1.0.0"]
    assert doc["dist-tags"] == {"latest": "1.0.0"} and doc["readme"] == "# rows"
    assert version["dist"]["tarball"] == registry.base + "/api/npm/npm-local/rows/-/rows-1.0.0.tgz"
    got = requests.get(version["dist"]["tarball"], timeout=30, headers=registry.session.headers)
    assert got.content == data and sri(got.content) == version["dist"]["integrity"]
    short = full(registry, "rows", headers=ABBREVIATED)
    assert short.headers["Content-Type"] == "application/vnd.npm.install-v1+json"
    assert short.json()["versions"]["1.0.0"]["hasInstallScript"] is True
    assert "scripts" not in short.json()["versions"]["1.0.0"]
    assert registry.get("/api/npm/npm-local/rows/latest").json()["version"] == "1.0.0"
    assert registry.get("/api/npm/npm-local/rows/2.0.0").status_code == 404
    assert registry.props("/npm-local/rows/-/rows-1.0.0.tgz") == {
        "npm.name": ["rows"], "npm.version": ["1.0.0"], "npm.disttag": ["latest"]}
    assert registry.fsck().returncode == 0


def test_a_document_that_is_known_is_not_sent_again(registry):
    publish(registry, "rows", "1.0.0")
    first = full(registry, "rows")
    again = full(registry, "rows", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and not again.content
    publish(registry, "rows", "1.0.1")
    assert full(registry, "rows", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_the_same_bytes_again_are_fine_and_others_are_not(registry):
    data = tarball("rows", "1.0.0")
    assert publish(registry, "rows", "1.0.0", data=data).status_code == 201
    assert publish(registry, "rows", "1.0.0", data=data).status_code == 201
    other = publish(registry, "rows", "1.0.0", data=tarball("rows", "1.0.0", {"x": "y"}))
    assert other.status_code == 403
    assert "cannot publish over the previously published" in other.json()["error"]
    assert full(registry, "rows").json()["versions"]["1.0.0"]["dist"]["integrity"] == sri(data)


def test_nobody_lays_a_manifest_in_the_way_of_a_publication(registry):
    answer = registry.put("/npm-local/.npm/rows/1.0.0.json", data=b"{}")
    assert answer.status_code == 409 and "publishing" in message(answer)
    assert publish(registry, "rows", "1.0.0").status_code == 201
    assert full(registry, "rows").json()["versions"]["1.0.0"]["dist"]


def test_a_version_whose_tarball_was_taken_away_is_published_anew(registry):
    assert publish(registry, "rows", "1.0.0").status_code == 201
    assert registry.delete("/npm-local/rows/-/rows-1.0.0.tgz").status_code == 204
    data = tarball("rows", "1.0.0", {"x": "y"})
    assert publish(registry, "rows", "1.0.0", data=data).status_code == 201
    assert full(registry, "rows").json()["versions"]["1.0.0"]["dist"]["integrity"] == sri(data)


@pytest.mark.parametrize("dist", [
    {"integrity": sri(b"others")},
    {"shasum": hashlib.sha1(b"others").hexdigest()},
    {"integrity": "sha1-abc"},
])
def test_bytes_that_are_not_what_was_promised_are_not_kept(registry, dist):
    answer = publish(registry, "rows", "1.0.0", dist=dist)
    assert answer.status_code == 400
    assert full(registry, "rows").status_code == 404
    assert registry.get("/npm-local/rows/-/rows-1.0.0.tgz").status_code == 404


def bad_documents():
    data = tarball("rows", "1.0.0")
    good = json.dumps(document("rows", "1.0.0", data))
    yield "cut", good[:-20]
    yield "no JSON", "{nope"
    yield "an array", "[]"
    yield "another name", good.replace('"name": "rows"', '"name": "cols"', 1)
    yield "no version", good.replace('"1.0.0":', '"1.0":', 1)
    yield "not base64", good.replace('"data": "', '"data": "!', 1)
    yield "cut base64", good.replace('"data": "', '"data": "A', 1)
    yield "a tag that is a version", good.replace('"latest"', '"2.0.0"', 1)
    twice = document("rows", "1.0.0", data)
    twice["_attachments"]["rows-1.0.1.tgz"] = twice["_attachments"]["rows-1.0.0.tgz"]
    yield "two tarballs", json.dumps(twice)


@pytest.mark.parametrize("what, text", bad_documents(), ids=lambda value: value[:30])
def test_what_is_no_publication_is_refused(registry, what, text):
    answer = registry.put("/api/npm/npm-local/rows", data=text)
    assert answer.status_code == 400, what
    assert full(registry, "rows").status_code == 404
    assert registry.fsck().returncode == 0


def test_a_tarball_larger_than_the_store_takes_is_refused(make_store):
    store = make_store("--repositories", REPOSITORIES, "--upload-max", "100000")
    data = tarball("rows", "1.0.0", {"big": os.urandom(100000).hex()})
    assert publish(store, "rows", "1.0.0", data=data).status_code == 413
    assert full(store, "rows").status_code == 404


def test_publications_at_once_lose_nothing(registry):
    versions = [f"1.0.{i}" for i in range(20)]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda v: requests.put(
            registry.base + "/api/npm/npm-local/rows", timeout=60,
            headers={"Authorization": "Bearer " + registry.token},
            data=json.dumps(document("rows", v, tarball("rows", v), tag="t" + v))), versions))
    assert [answer.status_code for answer in answers] == [201] * 20
    doc = full(registry, "rows").json()
    assert sorted(doc["versions"]) == sorted(versions)
    assert {tag: doc["dist-tags"]["t" + tag] for tag in versions} == {v: v for v in versions}
    assert doc["dist-tags"]["latest"] in versions
    assert registry.fsck().returncode == 0


def test_latest_is_the_highest_when_its_version_goes(registry):
    for version in ("1.0.0", "1.10.0", "1.9.0", "2.0.0-beta.1"):
        publish(registry, "rows", version, tag="next")
    assert full(registry, "rows").json()["dist-tags"] == {"latest": "1.0.0", "next": "2.0.0-beta.1"}
    rev = full(registry, "rows").json()["_rev"]
    assert registry.delete(f"/api/npm/npm-local/rows/-/rows-1.0.0.tgz/-rev/{rev}").status_code == 200
    assert full(registry, "rows").json()["dist-tags"]["latest"] == "1.10.0"


def test_a_removal_by_an_old_revision_removes_nothing(registry):
    publish(registry, "rows", "1.0.0")
    publish(registry, "rows", "1.0.1")
    doc = full(registry, "rows").json()
    publish(registry, "rows", "1.0.2")
    del doc["versions"]["1.0.0"]
    answer = registry.put(f"/api/npm/npm-local/rows/-rev/{doc['_rev']}", data=json.dumps(doc))
    assert answer.status_code == 409
    assert sorted(full(registry, "rows").json()["versions"]) == ["1.0.0", "1.0.1", "1.0.2"]


def test_whoever_may_only_read_changes_nothing(make_store):
    store = make_store("--repositories", REPOSITORIES, "--anonymous-read")
    publish(store, "rows", "1.0.0")
    url = store.base + "/api/npm/npm-local/"
    assert requests.get(url + "rows", timeout=30).status_code == 200
    doc = json.dumps(document("rows", "2.0.0", tarball("rows", "2.0.0")))
    for method, path, body in (("PUT", "rows", doc), ("DELETE", "rows/-rev/1", None),
                               ("PUT", "-/package/rows/dist-tags/beta", '"1.0.0"'),
                               ("DELETE", "rows/-/rows-1.0.0.tgz/-rev/1", None)):
        assert requests.request(method, url + path, data=body, timeout=30).status_code == 401, path
    assert list(full(store, "rows").json()["versions"]) == ["1.0.0"]


def test_the_small_calls(registry):
    get = registry.get
    assert get("/api/npm/npm-local/-/ping").json() == {}
    assert get("/api/npm/npm-local/-/whoami").json() == {"username": "farm"}
    assert get("/api/npm/nowhere/-/ping").status_code == 404
    assert get("/api/npm/npm-local/-/nothing").status_code == 404
    assert "nowhere" in get("/api/npm/nowhere/rows").json()["error"]
    assert message(get("/api/npm/npm-local/rows")) == "package not found"
    ask = registry.ask
    assert ask("POST", "/api/npm/npm-local/-/npm/v1/security/advisories/bulk").json() == {}
    assert ask("POST", "/api/npm/npm/-/npm/v1/security/advisories/bulk").status_code == 404
    assert ask("POST", "/api/npm/npm-local/-/v1/login").status_code == 404
    user = "/api/npm/npm-local/-/user/org.couchdb.user:ci"
    login = requests.put(registry.base + user, timeout=30,
                         json={"name": "ci", "password": registry.token})
    assert login.status_code == 201 and login.json()["token"] == registry.token
    assert requests.put(registry.base + user, timeout=30,
                        json={"name": "ci", "password": "no"}).status_code == 401
    assert ask("PATCH", "/api/npm/npm-local/rows").status_code == 405


def test_search_finds_what_is_published(registry):
    for name in ("rows", "@scope/browser", "cols"):
        assert publish(registry, name, "1.0.0", description="x").status_code == 201
    answer = registry.get("/api/npm/npm-local/-/v1/search?text=row&size=20").json()
    assert [one["package"]["name"] for one in answer["objects"]] == ["@scope/browser", "rows"]
    assert answer["total"] == 2 and answer["objects"][0]["package"]["version"] == "1.0.0"
    page = registry.get("/api/npm/npm-local/-/v1/search?text=&size=1&from=1").json()
    assert page["total"] == 3 and len(page["objects"]) == 1


def test_a_virtual_repository_merges_its_members(registry):
    mine = tarball("rows", "1.0.0", {"mine": "1"})
    publish(registry, "rows", "1.0.0", data=mine, repo="npm-local")
    publish(registry, "rows", "1.0.0", repo="npm-other")
    publish(registry, "rows", "2.0.0", repo="npm-other", tag="next")
    doc = full(registry, "rows", repo="npm").json()
    assert sorted(doc["versions"]) == ["1.0.0", "2.0.0"]
    assert doc["dist-tags"] == {"latest": "1.0.0", "next": "2.0.0"}
    assert doc["versions"]["1.0.0"]["dist"]["integrity"] == sri(mine)
    for version, data in (("1.0.0", mine), ("2.0.0", None)):
        url = doc["versions"][version]["dist"]["tarball"]
        assert url.startswith(registry.base + "/api/npm/npm/rows/-/")
        got = registry.get(url[len(registry.base):])
        assert got.status_code == 200 and (data is None or got.content == data)
    assert publish(registry, "new", "1.0.0", repo="npm").status_code == 201
    assert full(registry, "new", repo="npm-local").status_code == 200
