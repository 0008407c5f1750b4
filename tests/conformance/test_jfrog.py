"""The library that jf is made of, unpatched: see jfrog/main.go."""

import os
import pathlib
import re
import shutil

import pytest

from conftest import run

PROGRAM = pathlib.Path(__file__).parent / "jfrog"


def numbers(version):
    return [int(part) for part in re.findall(r"\d+", version)[:2]]


@pytest.fixture(scope="module")
def jfrog(tmp_path_factory):
    if not shutil.which("go"):
        pytest.skip("no go to build it with")
    go = run("go", "env", "GOVERSION", env=dict(os.environ, GOTOOLCHAIN="local"),
             cwd=tmp_path_factory.getbasetemp())
    wanted = re.search(r"^go (\S+)", (PROGRAM / "go.mod").read_text(), re.M)[1]
    if numbers(go.stdout) < numbers(wanted):
        pytest.skip(f"{go.stdout.strip()} is older than it wants, which is {wanted}")
    cache = pathlib.Path(os.environ.get("SOS_CLIENTS") or tmp_path_factory.mktemp("clients"))
    program = tmp_path_factory.mktemp("jfrog") / "jfrog"
    env = dict(os.environ, GOPATH=str(cache / "go"), GOCACHE=str(cache / "go-build"),
               GOFLAGS="-modcacherw", GOTOOLCHAIN="local", CGO_ENABLED="0")
    run("go", "build", "-o", program, ".", cwd=PROGRAM, env=env, timeout=500)
    return program


def test_every_step_of_jf(make_store, jfrog, tmp_path):
    store = make_store("--repositories", "dev,release")
    done = run(jfrog, store.root, store.token, tmp_path / "files",
               env=dict(os.environ, JFROG_CLI_TEMP_DIR=str(tmp_path)))
    assert "jfrog ok" in done.stdout
