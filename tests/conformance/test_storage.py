"""api/storage, properties, copy and move, system calls."""

import gzip
import json
import os
import subprocess

import pytest

from conftest import message, sums
from test_explode import DIR, EXPLODE, tar_of

DEV = "/sos-dev-local"
RELEASE = "/sos-release-local"
TYPE = "application/vnd.org.jfrog.artifactory.storage."


# --- info ---

def test_file_info(store):
    store.put(DEV + "/d/x.txt", b"data", headers={"X-Checksum-Sha1": sums(b"data")["sha1"]})
    answer = store.get(f"/api/storage{DEV}/d/x.txt")
    assert answer.headers["Content-Type"] == TYPE + "FileInfo+json"
    info = answer.json()
    assert info.pop("created") == info.pop("lastModified") == info.pop("lastUpdated")
    assert info == {
        "repo": "sos-dev-local", "path": "/d/x.txt", "createdBy": "farm", "modifiedBy": "farm",
        "downloadUri": store.base + DEV + "/d/x.txt", "mimeType": "text/plain", "size": "4",
        "checksums": sums(b"data"),
        "originalChecksums": {k: sums(b"data")[k] for k in ("sha1", "sha256")},
        "uri": store.base + "/api/storage" + DEV + "/d/x.txt"}


def test_folder_info(store):
    store.put(DEV + "/d/x", b"data")
    store.put(DEV + "/d/e/y", b"data")
    answer = store.get(f"/api/storage{DEV}/d")
    assert answer.headers["Content-Type"] == TYPE + "FolderInfo+json"
    assert answer.headers["Cache-Control"] == "no-store"
    info = answer.json()
    assert info["children"] == [{"uri": "/e", "folder": True}, {"uri": "/x", "folder": False}]
    assert {"created", "lastModified", "lastUpdated"} <= set(info) and "size" not in info
    root = store.get(f"/api/storage{DEV}").json()
    assert root["path"] == "/" and root["children"] == [{"uri": "/d", "folder": True}]
    assert {"created", "lastModified", "lastUpdated"} <= set(root)


@pytest.mark.parametrize("path", [DEV + "/none", "/nowhere", "/nowhere/x", DEV + "/none?list",
                                  DEV + "/none?properties", DEV + "/none?lastModified"])
def test_an_absent_item_is_404_with_the_text_clients_look_for(store, path):
    answer = store.get("/api/storage" + path)
    assert answer.status_code == 404
    assert "Unable to find item" in message(answer)


def test_lists(store):
    store.put(DEV + "/d/x", b"data")
    store.put(DEV + "/d/e/y", b"more")
    store.put(DEV + "/d/e/f/z", b"most")

    def names(query):
        answer = store.get(f"/api/storage{DEV}/d?{query}")
        assert answer.status_code == 200
        return [f["uri"] for f in answer.json()["files"]]

    assert names("list") == ["/x"]
    assert names("list=true&deep=1") == ["/x", "/e/y", "/e/f/z"]
    assert names("deep=1&list=true") == ["/x", "/e/y", "/e/f/z"]
    assert names("list&deep=1&depth=2") == ["/x", "/e/y"]
    assert names("list&deep=1&listFolders=1") == ["/e", "/x", "/e/f", "/e/y", "/e/f/z"]
    file = store.get(f"/api/storage{DEV}/d?list&mdTimestamps=1").json()["files"][0]
    modified = file.pop("lastModified")
    assert file == {"uri": "/x", "size": 4, "folder": False, "sha1": sums(b"data")["sha1"],
                    "sha2": sums(b"data")["sha256"], "mdTimestamps": {"properties": modified}}
    folder = store.get(f"/api/storage{DEV}/d?list&listFolders=1").json()["files"][0]
    assert folder["size"] == -1 and folder["folder"] is True
    assert store.get(f"/api/storage{DEV}/d/x?list").status_code == 400
    assert [f["uri"] for f in store.get(f"/api/storage{DEV}?list&deep=1").json()["files"]] == [
        "/d/x", "/d/e/y", "/d/e/f/z"]


def test_last_modified_of_a_folder_is_that_of_its_newest_file(store):
    store.put(DEV + "/d/a", b"1")
    store.put(DEV + "/d/e/b", b"2")
    told = store.get(f"/api/storage{DEV}/d?lastModified").json()
    assert told["uri"] == store.base + "/api/storage" + DEV + "/d/e/b"
    assert told["lastModified"] == store.get(f"/api/storage{DEV}/d/e/b").json()["lastModified"]


# --- properties ---

def test_properties_are_set_told_and_removed(store):
    store.put(DEV + "/x", b"data")
    path = f"/api/storage{DEV}/x?properties"
    answer = store.get(path)
    assert answer.status_code == 404 and message(answer) == "No properties could be found."
    assert store.put(path + "=qa=ok%2Ca%5C%2Cb;rel=yes&recursive=0").status_code == 204
    answer = store.get(path)
    assert answer.headers["Content-Type"] == TYPE + "ItemProperties+json"
    assert answer.json() == {"properties": {"qa": ["a,b", "ok"], "rel": ["yes"]},
                             "uri": store.base + "/api/storage" + DEV + "/x"}
    assert store.put(path + "=rel=no|more=1").status_code == 204
    assert store.props(DEV + "/x") == {"qa": ["a,b", "ok"], "rel": ["no"], "more": ["1"]}
    assert store.get(path + "=rel,more").json()["properties"] == {"rel": ["no"], "more": ["1"]}
    assert store.get(path + "=none").status_code == 404
    assert store.delete(path + "=rel,qa,none").status_code == 204
    assert store.props(DEV + "/x") == {"more": ["1"]}
    assert store.get(DEV + "/x?properties").json() == {"uri": "sos-dev-local/x",
                                                       "properties": {"more": ["1"]}}


def test_an_item_has_at_most_256_properties(store):
    store.put(DEV + "/x", b"data")
    path = f"/api/storage{DEV}/x?properties"
    for part in ("a", "b"):
        some = ";".join(f"{part}{i}=v" for i in range(128))
        assert store.put(f"{path}={some}").status_code == 204
    answer = store.put(path + "=c=v")
    assert answer.status_code == 400 and "256" in message(answer)
    assert store.put(path + "=a0=w").status_code == 204
    assert len(store.get(path).json()["properties"]) == 256


def test_properties_of_a_folder_go_down_unless_told_otherwise(store):
    store.put(DEV + "/d/e/x", b"data")
    store.put(f"/api/storage{DEV}/d?properties=a=1")
    store.put(f"/api/storage{DEV}/d?properties=b=1&recursive=0")
    assert store.props(DEV + "/d") == {"a": ["1"], "b": ["1"]}
    assert store.props(DEV + "/d/e") == store.props(DEV + "/d/e/x") == {"a": ["1"]}
    store.delete(f"/api/storage{DEV}/d?properties=a")
    assert store.props(DEV + "/d/e/x") == {}


def test_bad_properties_are_400_and_change_nothing(store):
    store.put(DEV + "/x;k=v", b"data")
    for bad in ("1k=v", "a%20b=c", "k=new;b/d=1", "k=%00"):
        assert store.put(f"/api/storage{DEV}/x?properties={bad}").status_code == 400
    assert store.put(f"/api/storage{DEV}/x").status_code == 400
    assert store.put(f"/api/storage{DEV}/none?properties=k=v").status_code == 404
    assert store.props(DEV + "/x") == {"k": ["v"]}


def test_metadata_are_patched(store):
    store.put(DEV + "/d/x;old=1;keep=2", b"data")
    body = b'{"props": {"qa": "ok", "multi": ["a,b", "c"], "old": null}}'
    path = f"/api/metadata{DEV}/d/x?recursive=0&recursiveProperties=0"
    assert store.ask("PATCH", path, data=body).status_code == 204
    assert store.props(DEV + "/d/x") == {"qa": ["ok"], "multi": ["a,b", "c"], "keep": ["2"]}
    for bad in (b"", b"{", b"[]", b'{"props": 1}', b'{"props": {"a": 1}}',
                b'{"props": {"a": ["b", 1]}}', b'{"props": {"1a": "b"}}',
                b'{"props": {"qa": "new", "b c": "d"}}', b'{"props": {"qa": "x", "qa": "y"}}'):
        assert store.ask("PATCH", path, data=bad).status_code == 400
    assert store.props(DEV + "/d/x")["qa"] == ["ok"]
    assert store.ask("PATCH", f"/api/metadata{DEV}/none", data=body).status_code == 404


# --- copy and move ---

def test_copies_share_bytes_and_properties(store):
    store.put(DEV + "/x;k=v", b"data")
    answer = store.ask("POST", f"/api/copy{DEV}/x?to=sos-release-local%2Fcopied%2Fy.bin")
    assert answer.status_code == 200
    assert "1 artifacts and 0 folders were copied" in answer.json()["messages"][0]["message"]
    assert store.get(RELEASE + "/copied/y.bin").content == b"data"
    assert store.props(RELEASE + "/copied/y.bin") == {"k": ["v"]}
    assert store.get(DEV + "/x").ok


def test_a_folder_is_moved_whole(store):
    store.put(DEV + "/d/x;k=v", b"one")
    store.put(DEV + "/d/e/y", b"two")
    assert store.ask("POST", f"/api/move{DEV}/d?to=/sos-dev-local/f/g").status_code == 200
    assert store.get(DEV + "/f/g/x").content == b"one"
    assert store.get(DEV + "/f/g/e/y").content == b"two"
    assert store.props(DEV + "/f/g/x") == {"k": ["v"]}
    assert store.get(f"/api/storage{DEV}/d").status_code == 404
    assert store.ask("POST", f"/api/move{DEV}/f/g?to=/sos-dev-local/f").status_code == 409
    assert store.ask("POST", f"/api/move{DEV}/f?to=/sos-dev-local/f/g").status_code == 409
    assert store.fsck().returncode == 0


def test_into_a_folder_means_below_it(store):
    store.put(DEV + "/x", b"one")
    store.put(DEV + "/d/")
    store.ask("POST", f"/api/copy{DEV}/x?to=/sos-dev-local/d")
    store.ask("POST", f"/api/copy{DEV}/x?to=/sos-logs-local/")
    assert store.get(DEV + "/d/x").ok and store.get("/sos-logs-local/x").ok
    store.ask("POST", f"/api/copy{DEV}/x?to=/sos-logs-local/dry/x&dry=1")
    assert store.get("/sos-logs-local/dry/x").status_code == 404


def test_copies_obey_the_overwrite_rule(store):
    store.put(DEV + "/x", b"one")
    store.put(RELEASE + "/x", b"two")
    answer = store.ask("POST", f"/api/copy{DEV}/x?to=/sos-release-local/x")
    assert answer.status_code == 403 and "needs DELETE" in message(answer)
    assert store.get(RELEASE + "/x").content == b"two"
    assert store.ask("POST", f"/api/copy{DEV}/none?to=/sos-dev-local/y").status_code == 404
    assert store.ask("POST", f"/api/copy{DEV}/x?to=/nowhere/y").status_code == 404
    assert store.ask("POST", f"/api/copy{DEV}/x").status_code == 400


def test_properties_of_very_many_items_are_refused_whole(store):
    """All of a call is one commit, which has a bound."""
    for i in range(200):
        store.put(f"{DEV}/many/{i}", b"x")
    body = json.dumps({"props": {f"k{i}": "v" * 4000 for i in range(200)}})
    answer = store.ask("PATCH", f"/api/metadata{DEV}/many?recursiveProperties=1", data=body)
    assert answer.status_code == 400 and "too much for one call" in message(answer)
    assert store.props(f"{DEV}/many/7") == {}
    assert store.put(DEV + "/after", b"x").status_code == 201


# --- system ---

def test_system_calls(store):
    assert store.get("/api/system/ping").text == "OK"
    version = store.get("/api/system/version").json()
    assert version["version"] == "7.77.0" and version["addons"] == []
    usage = store.ask("POST", "/api/system/usage", data=b'{"productId":"x","features":[]}')
    assert usage.status_code == 200 and usage.json() == {}
    assert store.get("/api/v1/uploads/config").json() == {"supported": False}
    keys = [r["key"] for r in store.get("/api/repositories").json()]
    assert keys == sorted(keys) and keys[0] == "artifactory-build-info"
    assert {"sos-dev-local", "sos-logs-local", "sos-release-local"} < set(keys)
    one = store.get("/api/repositories/sos-dev-local").json()
    assert one["rclass"] == "local" and one["packageType"] == "generic"
    assert store.get("/api/repositories/none").status_code == 404
    answer = store.get("/api/security/users")
    assert answer.status_code == 404 and message(answer)
    assert "sos_store_uploads_total" in store.get("/metrics").text


def test_storage_info_is_exact_at_once(store):
    store.put(DEV + "/a/x", b"d" * 2048)
    store.put(RELEASE + "/y", b"d" * 2048)
    info = store.get("/api/storageinfo").json()
    assert info["binariesSummary"]["binariesCount"] == "1"
    assert info["binariesSummary"]["artifactsCount"] == "2"
    assert info["binariesSummary"]["binariesSize"] == "2.00 KB"
    assert info["binariesSummary"]["optimization"] == "50.00%"
    rows = {r["repoKey"]: r for r in info["repositoriesSummaryList"]}
    assert rows["sos-dev-local"]["filesCount"] == 1 and rows["sos-dev-local"]["foldersCount"] == 1
    assert rows["TOTAL"]["usedSpaceInBytes"] == 4096
    store.delete(DEV + "/a")
    store.delete(RELEASE + "/y")
    info = store.get("/api/storageinfo").json()
    assert info["binariesSummary"]["binariesCount"] == "0"


def test_repositories_are_made_by_setting_and_kept(make_store, tmp_path):
    store = make_store("--repositories", "one immutable,two")
    store.put("/one/x", b"data")
    keys = [r["key"] for r in store.get("/api/repositories").json()]
    assert keys == ["artifactory-build-info", "one", "two"]
    store.stop()
    store.flags = ("--repositories", "two")
    store.start()
    assert store.get("/one/x").content == b"data"
    assert store.put("/one/x", b"more").status_code == 403


def test_repositories_of_all_kinds_are_told(make_store):
    store = make_store("--repositories", "npm-local npm\nnpm-far npm remote url=http://127.0.0.1:9/npm/\n"
                       "npm npm virtual members=npm-local+npm-far deploy=npm-local,snapshots maven snapshots")
    rows = {r["key"]: r for r in store.get("/api/repositories").json()}
    assert [rows[k]["type"] for k in ("npm-local", "npm-far", "npm")] == ["LOCAL", "REMOTE", "VIRTUAL"]
    assert rows["npm"]["packageType"] == "Npm" and rows["npm-far"]["url"] == "http://127.0.0.1:9/npm"
    assert [r["key"] for r in store.get("/api/repositories?type=local&packageType=maven").json()] == ["snapshots"]
    one = store.get("/api/repositories/npm").json()
    assert one["rclass"] == "virtual" and one["repositories"] == ["npm-local", "npm-far"]
    assert one["defaultDeploymentRepo"] == "npm-local"
    assert store.get("/api/repositories/snapshots").json()["handleReleases"] is False
    assert store.get("/api/repositories/npm-far").json()["url"] == "http://127.0.0.1:9/npm"


@pytest.mark.parametrize("repositories, said", [
    ("one,one", "told twice"),
    ("v virtual members=none", "its member none"),
    ("a,v npm virtual members=a", "its member a"),
    ("a,v virtual members=a deploy=b", "deploy=b"),
    ("a npx", "'npx' is not understood"),
])
def test_repositories_that_cannot_be_are_refused(tmp_path, repositories, said):
    ended = subprocess.run([os.environ["SOS_STORE"], "--state", str(tmp_path), "--listen",
                            "127.0.0.1:0", "--repositories", repositories],
                           capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1 and said in ended.stderr, ended.stderr


def test_a_store_on_an_ipv6_address_tells_where(make_store):
    store = make_store("--listen", "[::1]:0")
    assert store.root.startswith("http://[::1]:")
    assert store.put("/sos-dev-local/x", b"x").json()["uri"].startswith(store.root)


def test_more_repositories_than_can_be_served_are_refused(tmp_path):
    many = ",".join(f"r{i}" for i in range(257))
    ended = subprocess.run([os.environ["SOS_STORE"], "--state", str(tmp_path), "--listen",
                            "127.0.0.1:0", "--repositories", many],
                           capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1 and "at most 256 repositories" in ended.stderr


def test_a_long_list_is_whole(store):
    names = [f"d/{i:05}" for i in range(9000)]
    archive = gzip.compress(tar_of({name: DIR for name in names}))
    assert store.put(DEV + "/x.tgz", archive, headers=EXPLODE).status_code == 200
    answer = store.get(f"/api/storage{DEV}?list&deep=1&listFolders=1&mdTimestamps=1")
    assert len(answer.content) > 1 << 20     # more than is kept in memory
    assert [f["uri"] for f in answer.json()["files"]] == ["/d"] + ["/" + name for name in names]
    assert store.fsck().returncode == 0
