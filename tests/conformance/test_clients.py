"""Real client libraries against the store, unpatched: they verify by themselves."""

import hashlib
import json

import pytest

from conftest import run

PACKAGES = ["dohq-artifactory==0.10.1"]


@pytest.fixture(scope="module")
def python(make_venv):
    return make_venv(*PACKAGES) / "python"


DOHQ = r"""
import sys
from artifactory import ArtifactoryPath
base, token, file = sys.argv[1:]
root = ArtifactoryPath(base + "/sos-dev-local", auth=("ci", token))
path = root / "sfix_service" / "v0.0.16" / "sfix_service"
path.deploy_file(file, parameters={"build.name": "sfix", "vcs.revision": ["abc", "d e"]})
stat = path.stat()
data = open(file, "rb").read()
assert stat.size == len(data) and not stat.is_dir, stat
with path.open() as fd:
    assert fd.read() == data
assert path.properties == {"build.name": ["sfix"], "vcs.revision": ["abc", "d e"]}, path.properties
path.properties = {"qa": ["ok"], "multi": ["a,b", "c"]}
assert path.properties == {"qa": ["ok"], "multi": ["a,b", "c"]}, path.properties
path.update_properties({"x": ["y"]})
path.del_properties(["qa"])
assert set(path.properties) == {"multi", "x"}, path.properties
other = root / "by" / "sum.bin"
other.deploy_by_checksum(sha256=stat.sha256)
assert other.stat().sha1 == stat.sha1
copied = root / "copy" / "x.bin"
other.copy(copied)
other.move(root / "moved" / "x.bin")
assert not other.exists() and (root / "moved" / "x.bin").exists()
names = sorted(str(p).split("sos-dev-local")[1] for p in root.glob("**/*"))
assert "/copy/x.bin" in names and "/moved/x.bin" in names, names
(root / "newdir").mkdir()
assert (root / "newdir").is_dir()
copied.unlink()
assert not copied.exists()
found = root.aql("items.find", {"repo": "sos-dev-local", "$or": [{"name": {"$match": "sfix*"}},
                 {"path": "moved"}]}, ".include", ["repo", "path", "name", "type"],
                 ".sort", {"$asc": ["name"]})
assert [str(root.from_aql(item)) for item in found] == [str(path), str(root / "moved" / "x.bin")]
assert path.download_stats().download_count == 1, path.download_stats()
print("dohq ok")
"""


def test_dohq_artifactory(store, python, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"sos" * 10000)
    assert "dohq ok" in run(python, "-c", DOHQ, store.base, store.token, file).stdout


BUILDS = r"""
import sys
from artifactory import ArtifactoryBuildManager, ArtifactoryPath
from dohq_artifactory.exception import ArtifactoryException
base, token = sys.argv[1:]
manager = ArtifactoryBuildManager(base, auth=("ci", token))
(build,) = manager.builds
assert build.name == "app", build.name
runs = build.runs
assert [run.run_number for run in runs] == ["2", "1"], runs
assert runs[0].info["buildInfo"]["number"] == "2"
diff = runs[0].diff("1")
assert [row["name"] for row in diff["artifacts"]["updated"]] == ["x"], diff
runs[0].promote("ci", {"qa": ["ok"]}, target_repo="release", require_copy=True, comment="good")
promoted = ArtifactoryPath(base + "/release/p/x", auth=("ci", token))
assert promoted.exists() and promoted.properties["qa"] == ["ok"], promoted.properties
try:
    runs[1].promote("ci", {}, target_repo="release")
    raise SystemExit("a promotion of what is not there went")
except ArtifactoryException:
    pass
print("dohq ok")
"""


def test_dohq_builds(make_store, python):
    store = make_store("--repositories", "dev,release")
    store.put("/dev/p/x", b"two")
    for number, data in (("1", b"one"), ("2", b"two")):
        sha1, md5 = (hashlib.new(kind, data).hexdigest() for kind in ("sha1", "md5"))
        build = {"name": "app", "number": number, "started": f"2026-02-0{number}T00:00:00.000+0000",
                 "modules": [{"id": "m", "artifacts": [{"name": "x", "sha1": sha1, "md5": md5}]}]}
        assert store.put("/api/build", json.dumps(build)).status_code == 204
    assert "dohq ok" in run(python, "-c", BUILDS, store.base, store.token).stdout


def curl(store, *args):
    return run("curl", "-sS", "-f", "-u", f"ci:{store.token}", *args, text=False).stdout


def test_curl(store, tmp_path):
    file = tmp_path / "big"
    file.write_bytes(bytes(range(256)) * 20000)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    url = store.base + "/sos-dev-local/big"
    curl(store, "-T", file, url)
    sent = curl(store, "-T", file, "-H", f"X-Checksum-Sha256: {digest}", "-o", "/dev/null",
                "-w", "%{http_code} %{size_upload}", store.base + "/sos-release-local/big")
    assert sent == b"201 0"
    got = tmp_path / "got"
    got.write_bytes(file.read_bytes()[:1000])
    curl(store, "-C", "-", "-o", got, url)     # goes on where it was cut
    assert got.read_bytes() == file.read_bytes()
    assert curl(store, "--compressed", "-r", "5-9", url) == bytes(range(5, 10))
