"""twine, pip and uv against PyPI repositories, unpatched: they verify by themselves."""

import hashlib
import os
import pathlib

import pytest

from conftest import run
from wheels import save, wheel

PACKAGES = ["twine==7.0.0", "uv==0.13.9"]
SAMPLE = pathlib.Path(__file__).resolve().parents[2] / "images/python/sample/requirements.txt"


@pytest.fixture(scope="module")
def tools(make_venv):
    return make_venv(*PACKAGES)


@pytest.fixture(scope="module")
def registry(tools):
    """Where pip would look, were it told nothing."""
    told = os.environ.get("PIP_INDEX_URL")
    asked = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    return told or run(tools / "python", "-c", asked).stdout.strip()


class Client:
    """Runs the programs with no setting but those given here."""

    def __init__(self, tools, home):
        self.tools, self.home = tools, home

    def __call__(self, program, *args, ok=True):
        env = {"PATH": f"{self.tools}:/usr/bin:/bin", "HOME": str(self.home), "PIP_DISABLE_PIP_VERSION_CHECK": "1",
               "PIP_NO_CACHE_DIR": "1", "UV_NO_CACHE": "1", "UV_PYTHON": str(self.tools / "python"),
               "UV_PYTHON_DOWNLOADS": "never", "LANG": "C.UTF-8"}
        done = run(self.tools / program, *args, ok=ok, env=env, cwd=self.home)
        return done.stdout + done.stderr


@pytest.fixture
def client(tools, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return Client(tools, home)


@pytest.fixture
def store(make_store, registry):
    return make_store("--repositories", f"py pypi,up pypi remote url={registry},"
                      "all pypi virtual members=py+up deploy=py")


def index(store, repo="py"):
    return f"{store.root.replace('//', f'//ci:{store.token}@')}/artifactory/api/pypi/{repo}/simple"


def twine(client, store, *args, repo="py", **more):
    return client("twine", "upload", "--non-interactive", "--disable-progress-bar", "-u", "ci", "-p", store.token,
                  "--repository-url", f"{store.base}/api/pypi/{repo}", *args, **more)


def versions(folder):
    return {path.name.rpartition(".dist-info")[0] for path in folder.glob("*.dist-info")}


def test_twine_uploads_what_pip_and_uv_install(client, store, tmp_path):
    paths = [save(tmp_path, wheel("inner-pkg", "1.0")), save(tmp_path, wheel("inner-pkg", "1.1")),
             save(tmp_path, wheel("inner-app", "2.0", requires=["inner-pkg<1.1"])),
             save(tmp_path, wheel("inner-pkg", "7.0", python=">=99"))]
    twine(client, store, *paths)
    twine(client, store, *paths)                                      # the same again: nothing to say
    client("pip", "install", "-q", "-i", index(store), "--target", tmp_path / "pip", "inner-app")
    assert versions(tmp_path / "pip") == {"inner_app-2.0", "inner_pkg-1.0"}
    client("uv", "pip", "install", "--default-index", index(store), "--target", tmp_path / "uv", "inner-app")
    assert versions(tmp_path / "uv") == {"inner_app-2.0", "inner_pkg-1.0"}
    client("pip", "download", "-q", "-i", index(store), "-d", tmp_path / "got", "Inner.PKG")
    (got,) = (tmp_path / "got").iterdir()                             # 7.0 is for no Python there is
    assert got.name == "inner_pkg-1.1-py3-none-any.whl" and got.read_bytes() == paths[1].read_bytes()


def test_twine_is_told_of_a_conflict(client, store, tmp_path):
    twine(client, store, save(tmp_path, wheel("inner-pkg", "1.0")))
    other = save(tmp_path, wheel("inner-pkg", "1.0", text="other"))
    assert "409" in twine(client, store, other, ok=False)
    twine(client, store, save(tmp_path, wheel("inner-pkg", "1.1")), repo="all/")
    client("pip", "download", "-q", "-i", index(store, "all"), "-d", tmp_path / "got", "inner-pkg==1.1")


def test_uv_publishes_and_compiles_and_installs_by_hash(client, store, tmp_path):
    one = save(tmp_path, wheel("inner-pkg", "1.0"))
    app = save(tmp_path, wheel("inner-app", "2.0", requires=["inner-pkg"]))
    to = ["--publish-url", f"{store.base}/api/pypi/py", "-u", "ci", "-p", store.token]
    client("uv", "publish", *to, one, app)
    client("uv", "publish", *to, "--check-url", index(store), one)
    wanted = tmp_path / "wanted.in"
    wanted.write_text("inner-app\n")
    locked = tmp_path / "locked.txt"
    client("uv", "pip", "compile", "-q", "--generate-hashes", "--no-emit-index-url", "--no-header", "-o", locked,
           "--default-index", index(store), wanted)
    assert hashlib.sha256(app.read_bytes()).hexdigest() in locked.read_text()
    for program in (["uv", "pip"], ["pip"]):
        folder = tmp_path / program[0]
        client(*program, "install", "-q", "--require-hashes", "-r", locked, "-i", index(store), "--target", folder)
        assert versions(folder) == {"inner_app-2.0", "inner_pkg-1.0"}
    digest = hashlib.sha256(one.read_bytes()).hexdigest()
    locked.write_text(locked.read_text().replace(digest, "0" * 64))
    for program in (["uv", "pip"], ["pip"]):
        client(*program, "install", "-q", "--require-hashes", "-r", locked, "-i", index(store),
               "--target", tmp_path / "none", ok=False)


def test_a_yanked_release_is_chosen_only_when_asked_for(client, store, tmp_path):
    paths = [save(tmp_path, wheel("inner-pkg", version)) for version in ("1.0", "1.1")]
    twine(client, store, *paths)
    answer = store.put(f"/api/storage/py/inner-pkg/1.1/{paths[1].name}?properties=pypi.yanked=broken")
    assert answer.status_code == 204
    client("pip", "install", "-q", "-i", index(store), "--target", tmp_path / "one", "inner-pkg")
    assert versions(tmp_path / "one") == {"inner_pkg-1.0"}
    said = client("pip", "install", "-i", index(store), "--target", tmp_path / "two", "inner-pkg==1.1")
    assert versions(tmp_path / "two") == {"inner_pkg-1.1"} and "broken" in said


def test_the_sample_is_installed_through_a_remote_and_again_without_the_registry(client, make_store, registry, tmp_path):
    repositories = f"up pypi remote url={registry}"
    store = make_store("--repositories", repositories)
    install = ["install", "-q", "--require-hashes", "--only-binary", ":all:", "-r", SAMPLE]
    client("uv", "pip", *install, "-i", index(store, "up"), "--target", tmp_path / "cold")
    assert len(versions(tmp_path / "cold")) > 3
    client("pip", *install, "-i", index(store, "up"), "--target", tmp_path / "cold-pip")
    store.stop()
    warm = make_store("--repositories", repositories, "--upstream-offline")
    client("uv", "pip", *install, "-i", index(warm, "up"), "--target", tmp_path / "warm")
    client("pip", *install, "-i", index(warm, "up"), "--target", tmp_path / "warm-pip")
    for folder in ("cold-pip", "warm", "warm-pip"):
        assert versions(tmp_path / folder) == versions(tmp_path / "cold")
    warm.stop()
    assert warm.fsck().returncode == 0


def test_a_project_of_ours_is_not_taken_from_the_registry(client, store, tmp_path):
    twine(client, store, save(tmp_path, wheel("idna", "0.0.1")), repo="all")
    for program in (["pip"], ["uv", "pip"]):
        folder = tmp_path / program[0]
        client(*program, "install", "-q", "-i", index(store, "all"), "--target", folder, "idna", "six")
        (six,) = versions(folder) - {"idna-0.0.1"}
        assert six.startswith("six-")
