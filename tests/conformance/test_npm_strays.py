"""npm tarballs that came by another way than publishing: a plain PUT, a copy, a move, an archive."""

import hashlib
import io
import json
import tarfile

import pytest

from conftest import message
from test_explode import EXPLODE, tar_of
from test_npm import full, publish, sri, tarball


@pytest.fixture
def registry(make_store):
    return make_store("--repositories", "a npm,b npm,all npm virtual members=a+b,files")


def put(store, name, version, repo="a", data=None, **more):
    data = data or tarball(name, version, **more)
    path = f"/{repo}/{name}/-/{name.split('/')[-1]}-{version}.tgz"
    assert store.put(path, data).status_code == 201
    return data


def told(store, name="rows", repo="a"):
    answer = full(store, name, repo=repo)
    return {version: manifest["dist"]["integrity"] for version, manifest in answer.json()["versions"].items()} \
        if answer.status_code == 200 else {}


def transfer(store, verb, where, to):
    answer = store.ask("POST", f"/api/{verb}{where}?to={to}")
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("name", ["rows", "@scope/rows"])
def test_a_tarball_that_is_put_is_a_version(registry, name):
    data = put(registry, name, "1.0.0", bin={"rows": "index.js"}, dependencies={"x": "^1"})
    newer = put(registry, name, "1.1.0")
    for repo in ("a", "all"):
        doc = full(registry, name, repo=repo).json()
        assert sorted(doc["versions"]) == ["1.0.0", "1.1.0"] and doc["dist-tags"] == {"latest": "1.1.0"}
        manifest = doc["versions"]["1.0.0"]
        assert manifest["dist"]["integrity"] == sri(data)
        assert manifest["dist"]["shasum"] == hashlib.sha1(data).hexdigest()
        assert manifest["bin"] == {"rows": "index.js"} and manifest["dependencies"] == {"x": "^1"}
        url = manifest["dist"]["tarball"]
        assert registry.get(url[len(registry.base):]).content == data
    assert registry.get(f"/api/npm/a/{name}/1.1.0").json()["dist"]["integrity"] == sri(newer)
    base = name.split("/")[-1]
    assert registry.props(f"/a/{name}/-/{base}-1.0.0.tgz") == {"npm.name": [name], "npm.version": ["1.0.0"]}
    assert publish(registry, name, "1.0.0", repo="a", data=data).status_code == 201
    assert publish(registry, name, "1.0.0", repo="a").status_code in (201, 403)
    assert registry.fsck().returncode == 0


def test_the_tags_of_one_never_read_are_told_as_well(registry):
    put(registry, "rows", "1.0.0")
    assert registry.get("/api/npm/a/-/package/rows/dist-tags").json() == {"latest": "1.0.0"}
    put(registry, "cols", "1.0.0")
    assert registry.get("/api/npm/a/cols/latest").json()["version"] == "1.0.0"


def test_a_version_goes_where_its_tarball_is_copied_or_moved(registry):
    data = tarball("rows", "1.0.0")
    assert publish(registry, "rows", "1.0.0", repo="a", data=data).status_code == 201
    transfer(registry, "copy", "/a/rows/-/rows-1.0.0.tgz", "/b/rows/-/rows-1.0.0.tgz")
    assert told(registry, repo="a") == told(registry, repo="b") == {"1.0.0": sri(data)}
    assert publish(registry, "rows", "2.0.0", repo="a").status_code == 201
    transfer(registry, "move", "/a/rows", "/b/")    # the folder, with all versions
    assert sorted(told(registry, repo="b")) == ["1.0.0", "2.0.0"] and told(registry, repo="a") == {}
    assert full(registry, "rows", repo="b").json()["dist-tags"] == {"latest": "2.0.0"}
    transfer(registry, "copy", "/b/", "/a/")        # with what lies in .npm
    assert sorted(told(registry, repo="a")) == ["1.0.0", "2.0.0"]
    registry.put("/files/x/rows-3.0.0.tgz", tarball("rows", "3.0.0"))
    transfer(registry, "copy", "/files/x/rows-3.0.0.tgz", "/a/rows/-/rows-3.0.0.tgz")
    assert "3.0.0" in told(registry)
    for to in ("/a/.npm/rows/4.0.0.json", "/a/.npm"):
        assert registry.ask("POST", f"/api/copy/files/x/rows-3.0.0.tgz?to={to}").status_code == 409


def test_an_archive_of_tarballs_is_their_versions(registry):
    archive = tar_of({f"rows/-/rows-{i}.0.0.tgz": tarball("rows", f"{i}.0.0") for i in range(1, 41)})
    assert registry.put("/a/x.tar", archive, headers=EXPLODE).status_code == 200
    assert len(told(registry)) == 40
    answer = registry.put("/a/x.tar", tar_of({".npm/rows/9.0.0.json": b"{}"}), headers=EXPLODE)
    assert answer.status_code == 409 and "publishing" in message(answer)


def test_what_replaces_a_tarball_is_what_is_told(registry):
    assert publish(registry, "rows", "1.0.0", repo="a").status_code == 201
    for turn in range(3):
        data = put(registry, "rows", "1.0.0", files={"turn": str(turn)})
        assert told(registry) == {"1.0.0": sri(data)}
    assert registry.delete("/a/rows/-/rows-1.0.0.tgz").status_code == 204
    assert told(registry) == {}
    data = put(registry, "rows", "1.0.0")
    assert told(registry) == {"1.0.0": sri(data)}


def package(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


GOOD = json.dumps({"name": "rows", "version": "1.0.0"}).encode()


@pytest.mark.parametrize("why,data", [
    ("of another", tarball("other", "1.0.0")), ("of another", tarball("rows", "1.0.1")),
    ("no package.json", package({"package/index.js": b"1"})), ("no package.json", package({"package.json": GOOD})),
    ("cannot be read", b"no tarball"), ("no JSON object", package({"package/package.json": b"[]"})),
    ("no JSON object", package({"package/package.json": b"{" + GOOD})),
    ("more than", package({"package/package.json": b" " * (1 << 20) + GOOD})),
    ("too far", package({"package/zeros": bytes(257 << 20), "package/package.json": GOOD})),
], ids=range(9))
def test_what_is_no_version_is_not_told_and_says_why(registry, why, data):
    good = put(registry, "rows", "0.9.0")
    put(registry, "rows", "1.0.0", data=data)
    for _ in range(2):
        assert told(registry) == {"0.9.0": sri(good)}
    assert why in registry.props("/a/rows/-/rows-1.0.0.tgz")["npm.refused"][0]
    data = put(registry, "rows", "1.0.0", data=package({"x/package.json": GOOD}))
    assert told(registry)["1.0.0"] == sri(data)


def test_a_tarball_at_a_wrong_place_is_a_version_at_the_right_one(registry):
    put(registry, "cols", "1.0.0", data=tarball("rows", "1.0.0"))
    assert told(registry, "cols") == {}
    transfer(registry, "move", "/a/cols/-/cols-1.0.0.tgz", "/a/rows/-/rows-1.0.0.tgz")
    assert list(told(registry)) == ["1.0.0"]
