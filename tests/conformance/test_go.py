"""The go command through a remote and a virtual repository, its checksum database on."""

import os
import pathlib
import shutil
import zipfile

import pytest

from conftest import run

GO = shutil.which("go")
NOWHERE = "http://127.0.0.1:9"    # the discard service's port: nobody listens
MODULES = ["github.com/google/uuid v1.6.0", "github.com/BurntSushi/toml v1.3.2"]

pytestmark = pytest.mark.skipif(not GO, reason="there is no go command")


def go_env(name):
    return run(GO, "env", name).stdout.strip()


def upstream():
    """The proxy that this machine's go command asks by itself."""
    return next(one for one in go_env("GOPROXY").replace("|", ",").split(",")
                if one.startswith("http")).rstrip("/")


class Client:
    """A go command with a cache of its own each time, that knows only the store."""

    def __init__(self, folder):
        self.folder = folder
        self.runs = 0

    def run(self, proxy, *args, **more):
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "GOPROXY": proxy,
               "GOMODCACHE": str(self.folder / f"mod{self.runs}"), "GOTOOLCHAIN": "local",
               "GOCACHE": str(self.folder / "cache"), "GOFLAGS": "-mod=mod -modcacherw",
               "GOSUMDB": go_env("GOSUMDB"), **more}
        return run(GO, *args, cwd=self.folder / "project", env=env).stdout

    def download(self, proxy, **more):
        """What go.sum says after a download into an empty cache."""
        self.runs += 1
        project = self.folder / "project"
        shutil.rmtree(project, ignore_errors=True)
        project.mkdir()
        requires = "".join(f"require {module}\n" for module in MODULES)
        (project / "go.mod").write_text("module example.com/x\n\ngo 1.18\n\n" + requires)
        self.run(proxy, "mod", "download", "all", **more)
        return (project / "go.sum").read_text()


@pytest.fixture
def client(tmp_path):
    folder = tmp_path / "client"
    folder.mkdir()
    return Client(folder)


def repositories(url):
    return ("--repositories", f"go-local go,go-remote go remote url={url},"
            "go go virtual members=go-local+go-remote deploy=go-local")


def test_go_mod_download_cold_and_with_the_upstream_away(make_store, client):
    flags = ("--anonymous-read", "--metadata-ttl", "0", "--go-sumdb", go_env("GOSUMDB"))
    store = make_store(*repositories(upstream()), *flags)
    through = f"{store.base}/api/go/"
    cold = client.download(through + "go-remote")
    for module in MODULES:
        assert f"{module} h1:" in cold
    names = {file["uri"] for file in
             store.get("/api/storage/go-remote?list&deep=1").json()["files"]}
    assert any("/lookup/github.com/!burnt!sushi/toml@v1.3.2" in name for name in names)
    assert any("/tile/" in name for name in names)

    store.stop()
    store.flags = (*repositories(NOWHERE), *flags)
    store.start()
    through = f"{store.base}/api/go/"
    assert client.download(through + "go-remote") == cold
    assert client.download(through + "go") == cold
    assert store.fsck().returncode == 0


def test_a_module_of_ours_comes_through_a_virtual_repository(make_store, client):
    store = make_store(*repositories(upstream()), "--anonymous-read")
    name = "ours.example/Team/x"
    source = client.folder / "module"
    source.mkdir()
    (source / "go.mod").write_text(f"module {name}\n\ngo 1.18\n")
    (source / "x.go").write_text("package x\n\nconst Answer = 42\n")
    archive = client.folder / "x.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for file in ("go.mod", "x.go"):
            made.write(source / file, f"{name}@v1.2.0/{file}")
    path = "/api/go/go/ours.example/!team/x/@v/v1.2.0"
    assert store.put(path + ".zip", archive.read_bytes()).status_code == 201
    assert store.put(path + ".mod", (source / "go.mod").read_bytes()).status_code == 201

    project = client.folder / "project"
    project.mkdir()
    (project / "go.mod").write_text("module example.com/y\n\ngo 1.18\n")
    client.run(f"{store.base}/api/go/go", "get", f"{name}@latest", GONOSUMDB="ours.example")
    version, folder = client.run("off", "list", "-m", "-f", "{{.Version}} {{.Dir}}", name).split()
    assert version == "v1.2.0"
    assert (pathlib.Path(folder) / "x.go").read_text() == (source / "x.go").read_text()
