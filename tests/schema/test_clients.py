"""The types for clients: made by the target client-types, imported and compiled here."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

CLIENTS = pathlib.Path(os.environ["SOS_CLIENT_TYPES"])
NO_REGISTRY = re.compile(r"npm (error|ERR!) "
                         r"(network|code (ENOTFOUND|EAI_AGAIN|ECONN\w+|ETIMEDOUT))")
HERE = pathlib.Path(__file__).parent


def make(target):
    return subprocess.run(["cmake", "--build", os.environ["SOS_BUILD"], "--target", target],
                          capture_output=True, text=True, timeout=300)


def test_python_classes_read_an_answer():
    done = make("client-types-python")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (CLIENTS / "python/sos/v1/build_pb2.pyi").exists()
    code = ("from google.protobuf import json_format; from sos.v1 import build_pb2 as b; "
            "build = json_format.Parse('{\"state\": \"QUEUED\"}', b.Build()); "
            "assert build.state == b.Build.QUEUED")
    subprocess.run([sys.executable, "-B", "-c", code], check=True,
                   env={**os.environ, "PYTHONPATH": str(CLIENTS / "python")})


@pytest.mark.skipif(not shutil.which("npm"), reason="no npm here")
def test_typescript_compiles():
    done = make("client-types-typescript")
    if done.returncode != 0 and NO_REGISTRY.search(done.stdout + done.stderr):
        pytest.skip("no registry to install the generator from")
    assert done.returncode == 0, done.stdout + done.stderr

    folder = CLIENTS / "typescript"
    shutil.copy(HERE / "client.ts", folder / "src/client.ts")
    done = subprocess.run([folder / "node_modules/.bin/tsc", "-p", folder], capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
