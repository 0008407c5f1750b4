"""The real clients of npm repositories, at pinned versions, unpatched.

They come from the registry into a folder of the tests' own, which also is the upstream of the
remote repository here: whatever this machine's npm is told to use."""

import base64
import json
import os
import pathlib
import shutil

import pytest

from conftest import run

REPOSITORIES = "npm-local npm,npm-other npm,npm virtual npm members=npm-local+npm-other deploy=npm-local"
CLIENTS = {"npm": "10.9.2", "pnpm": "9.15.4", "yarn": "1.22.22", "jfrog-client-js": "2.9.0"}


@pytest.fixture(scope="session")
def clients(tmp_path_factory):
    """Where their programs are."""
    assert shutil.which("npm"), "npm is needed to fetch the clients: install Node.js with npm"
    folder = tmp_path_factory.mktemp("clients")
    run("npm", "install", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error",
        "--prefix", folder, *(f"{name}@{version}" for name, version in CLIENTS.items()))
    return folder / "node_modules"


class Project:
    """A folder with clients that are told of one repository and have no caches of before."""

    def __init__(self, folder, clients, store, repo, token=None):
        self.folder = folder
        self.clients = clients
        self.registry = f"{store.base}/api/npm/{repo}/"
        self.home = folder / ".home"
        self.home.mkdir(parents=True)
        short = self.registry.split(":", 1)[1]
        (self.home / ".npmrc").write_text(
            f"registry={self.registry}\n{short}:_authToken={token or store.token}\n"
            "always-auth=true\naudit=false\nfund=false\nupdate-notifier=false\nfetch-retries=0\n")

    def run(self, client, *args, fails=False):
        env = {name: value for name, value in os.environ.items()
               if not name.lower().startswith(("npm_", "node_"))}
        env.update(HOME=str(self.home), CI="true", XDG_CACHE_HOME=str(self.home / "cache"),
                   PATH=f"{self.clients / '.bin'}:{env['PATH']}")
        done = run(self.clients / ".bin" / client, *args, ok=not fails, cwd=self.folder, env=env)
        return done.stdout + (done.stderr if fails else "")

    def npm(self, *args, **more):
        return self.run("npm", *args, **more)

    def package(self, name, version, **more):
        (self.folder / "package.json").write_text(
            json.dumps({"name": name, "version": version, "license": "MIT", **more}))
        (self.folder / "index.js").write_text(f"module.exports = '{name}@{version}'\n")
        return self

    def has(self, name):
        return json.loads((self.folder / "node_modules" / name / "package.json")
                          .read_text())["version"]


@pytest.fixture
def project(tmp_path, clients):
    made = []

    def make(store, repo="npm-local", **more):
        made.append(Project(tmp_path / f"project{len(made)}", clients, store, repo, **more))
        return made[-1]

    return make


@pytest.fixture
def registry(make_store):
    return make_store("--repositories", REPOSITORIES)


def test_npm_publishes_and_installs(registry, project):
    author = project(registry)
    author.package("rows", "1.0.0").npm("publish")
    author.package("rows", "1.1.0", dependencies={}).npm("publish")
    author.package("@scope/cols", "0.1.0", dependencies={"rows": "^1.0.0"}).npm("publish")
    again = author.npm("publish", fails=True)
    assert "previously published" in again

    user = project(registry, "npm").package("app", "1.0.0")
    user.npm("install", "@scope/cols")
    assert user.has("rows") == "1.1.0" and user.has("@scope/cols") == "0.1.0"
    lock = json.loads((user.folder / "package-lock.json").read_text())["packages"]
    assert lock["node_modules/rows"]["integrity"].startswith("sha512-")
    assert lock["node_modules/rows"]["resolved"] == user.registry + "rows/-/rows-1.1.0.tgz"
    shutil.rmtree(user.folder / "node_modules")
    shutil.rmtree(user.home / ".npm")
    user.npm("ci")
    assert user.has("@scope/cols") == "0.1.0"


def test_npm_ci_refuses_what_the_lock_does_not_say(registry, project):
    project(registry).package("rows", "1.0.0").npm("publish")
    user = project(registry).package("app", "1.0.0")
    user.npm("install", "rows")
    lock = user.folder / "package-lock.json"
    text = json.loads(lock.read_text())
    text["packages"]["node_modules/rows"]["integrity"] = "sha512-" + "A" * 86 + "=="
    lock.write_text(json.dumps(text))
    shutil.rmtree(user.folder / "node_modules")
    shutil.rmtree(user.home / ".npm")
    assert "EINTEGRITY" in user.npm("ci", fails=True)


def test_npm_tags_deprecates_and_unpublishes(registry, project):
    author = project(registry)
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        author.package("@scope/rows", version).npm("publish", "--tag",
                                                   "next" if version == "2.0.0" else "latest")
    def view(*what):
        return json.loads(author.npm("view", "@scope/rows", "--json", *what))

    assert view("dist-tags") == {"latest": "1.1.0", "next": "2.0.0"}
    author.npm("dist-tag", "add", "@scope/rows@1.0.0", "old")
    author.npm("dist-tag", "add", "@scope/rows@2.0.0", "latest")
    author.npm("dist-tag", "rm", "@scope/rows", "next")
    assert view("dist-tags") == {"latest": "2.0.0", "old": "1.0.0"}
    assert author.npm("dist-tag", "ls", "@scope/rows").split("\n")[:2] == ["latest: 2.0.0",
                                                                          "old: 1.0.0"]
    author.npm("deprecate", "@scope/rows@<1.1.0", "has \"bugs\"; use 2")
    assert json.loads(author.npm("view", "@scope/rows@1.0.0", "deprecated", "--json")) == \
        "has \"bugs\"; use 2"
    assert author.npm("view", "@scope/rows@1.1.0", "deprecated").strip() == ""
    author.npm("deprecate", "@scope/rows@1.0.0", "")
    assert author.npm("view", "@scope/rows@1.0.0", "deprecated").strip() == ""
    author.npm("unpublish", "@scope/rows@2.0.0")
    assert view("versions") == ["1.0.0", "1.1.0"]
    assert view("dist-tags")["latest"] == "1.1.0"
    assert registry.get("/npm-local/@scope/rows/-/rows-2.0.0.tgz").status_code == 404
    author.npm("unpublish", "@scope/rows", "--force")
    assert "E404" in author.npm("view", "@scope/rows", fails=True)
    assert registry.fsck().returncode == 0


def test_npm_asks_who_and_what_there_is(registry, project):
    author = project(registry)
    author.package("rows", "1.0.0", description="of a table").npm("publish")
    assert author.npm("whoami").strip() == "farm"
    author.npm("ping")
    assert [one["name"] for one in json.loads(author.npm("search", "--json", "row"))] == ["rows"]
    author.package("app", "1.0.0").npm("install", "rows")
    assert json.loads(author.npm("audit", "--json"))["metadata"]["vulnerabilities"]["total"] == 0
    stranger = project(registry, token="nobody")
    assert "E401" in stranger.npm("view", "rows", fails=True)


def test_npm_authenticates_by_password(registry, project):
    author = project(registry)
    rc = author.home / ".npmrc"
    rc.write_text(rc.read_text().replace("_authToken=" + registry.token, "_auth=" + base64.b64encode(f"ci:{registry.token}".encode()).decode()))
    author.package("rows", "1.0.0").npm("publish")
    assert author.npm("view", "rows", "version").strip() == "1.0.0"


@pytest.mark.parametrize("client, install, frozen", [
    ("pnpm", ["install"], ["install", "--frozen-lockfile"]),
    ("yarn", ["install"], ["install", "--frozen-lockfile"]),
])
def test_other_clients(registry, project, client, install, frozen):
    author = project(registry)
    author.package("rows", "1.0.0").npm("publish")
    author.package("@scope/cols", "0.1.0", dependencies={"rows": "1.0.0"})
    if client == "pnpm":
        author.run("pnpm", "publish", "--no-git-checks")
    else:
        author.run("yarn", "publish", "--non-interactive", "--new-version", "0.1.0")
    user = project(registry, "npm").package("app", "1.0.0", dependencies={"@scope/cols": "0.1.0"})
    user.run(client, *install)
    assert user.has("@scope/cols") == "0.1.0"
    shutil.rmtree(user.folder / "node_modules")
    shutil.rmtree(user.home / "cache", ignore_errors=True)
    user.run(client, *frozen)
    assert user.has("@scope/cols") == "0.1.0"


JFROG = r"""
const { JfrogClient } = require("jfrog-client-js");
const fs = require("fs");
const [url, token, name, file] = process.argv.slice(2);
const logger = { debug() {}, error() {} };
const artifactory = new JfrogClient({ platformUrl: url, accessToken: token, logger }).artifactory();
(async () => {
    if (!await artifactory.system().ping()) throw new Error("no ping");
    console.log((await artifactory.system().version()).version);
    await artifactory.download().downloadArtifactToFile(name, file);
    const sums = await artifactory.download().getArtifactChecksum(name);
    console.log(sums.sha256, fs.statSync(file).size);
})().catch(error => { console.error(error); process.exit(1); });
"""


def test_jfrog_client_js(registry, project, clients, tmp_path):
    author = project(registry)
    author.package("rows", "1.0.0").npm("publish")
    item = "npm-local/rows/-/rows-1.0.0.tgz"
    script = clients.parent / "jfrog.js"
    script.write_text(JFROG)
    got = tmp_path / "got.tgz"
    done = run("node", script, registry.root, registry.token, item, got)
    known = registry.get(f"/{item}")
    assert got.read_bytes() == known.content
    assert known.headers["X-Checksum-Sha256"] in done.stdout


@pytest.fixture
def gateway(make_store):
    url = run("npm", "config", "get", "registry").stdout.strip()
    repositories = f"npm-local npm,npm-remote npm remote url={url}," \
        "npm virtual npm members=npm-local+npm-remote deploy=npm-local"

    def start(*flags, **more):
        return make_store("--repositories", repositories, *flags, **more)

    return start


def test_npm_ci_of_the_sample_cold_and_then_without_the_upstream(gateway, project):
    """The lock says no addresses: npm asks for documents and tarballs, and checks what the lock says."""
    sample = pathlib.Path(__file__).parents[2] / "images" / "node" / "sample"
    store = gateway()
    cold = project(store, "npm-remote")
    shutil.copytree(sample, cold.folder, dirs_exist_ok=True)
    cold.npm("ci", "--ignore-scripts")
    store.stop()
    offline = gateway("--upstream-offline", state=store.state)
    warm = project(offline, "npm-remote")
    shutil.copytree(sample, warm.folder, dirs_exist_ok=True)
    warm.npm("ci", "--ignore-scripts")
    kept = {path.relative_to(cold.folder): path.read_bytes()
            for path in (cold.folder / "node_modules").rglob("*") if path.is_file()}
    assert kept == {path.relative_to(warm.folder): path.read_bytes()
                    for path in (warm.folder / "node_modules").rglob("*") if path.is_file()}
    assert len(kept) > 1
    assert offline.fsck().returncode == 0


def test_npm_installs_ours_and_theirs_from_one_repository(gateway, project):
    store = gateway()
    project(store).package("@mine/rows", "1.0.0", dependencies={"ms": "2.1.3"}).npm("publish")
    user = project(store, "npm").package("app", "1.0.0")
    user.npm("install", "@mine/rows")
    assert user.has("@mine/rows") == "1.0.0" and user.has("ms") == "2.1.3"
    assert "E404" in user.npm("view", "@mine/no-such-package", fails=True)
