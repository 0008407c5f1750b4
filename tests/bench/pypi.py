"""Installing the Python sample's requirements with pip and uv: through a warm remote repository, and from the registry."""
import os
import pathlib
import subprocess
import sys
import time
import venv

from bench import BIN, figure, folder, median

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
os.environ["SOS_STORE"] = str(BIN / "sos-store")
from conftest import Store      # noqa: E402
from test_pypi import PACKAGES, SAMPLE      # noqa: E402

REPEATS = 7


def run(*command):
    """Seconds; no cache of the client's own, no setting of whoever measures but its certificates."""
    env = {name: value for name, value in os.environ.items()
           if name in ("PATH", "HOME", "PIP_CERT", "SSL_CERT_FILE", "https_proxy", "no_proxy")}
    start = time.perf_counter()
    done = subprocess.run([*map(str, command)], capture_output=True, text=True,
                          env=env | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return time.perf_counter() - start


def install(tools, program, *index):
    wanted = ["--require-hashes", "--only-binary", ":all:", "-r", SAMPLE]
    with folder() as fresh:
        if program == "pip":
            return run(tools / "pip", "install", "-q", "--no-cache-dir", "--target", fresh, *wanted, *index)
        return run(tools / "uv", "pip", "install", "-q", "--no-cache", "--python", tools / "python", "--target", fresh,
                   *wanted, *index)


def main():
    with folder() as room, folder() as state:
        venv.create(room, with_pip=True)
        tools = room / "bin"
        run(tools / "pip", "install", "-q", *PACKAGES)
        registry = subprocess.run([tools / "python", "-c",
                                   "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"],
                                  capture_output=True, text=True, check=True).stdout.strip()
        store = Store(state, "--anonymous-read", "--repositories", f"pypi-remote pypi remote url={registry}")
        index = ["-i", store.base + "/api/pypi/pypi-remote/simple"]
        for program in ("uv", "pip"):
            cold = install(tools, program, *index)
            pairs = [(install(tools, program, *index), install(tools, program)) for _ in range(REPEATS)]
            warm, direct = (median(side) for side in zip(*pairs))
            if program == "uv":
                figure("uv installs the Python sample, cold", cold, "s", "the registry itself", direct)
            figure(f"{program} installs the Python sample, warm", warm, "s", "the registry itself", direct, direct / 2)
        store.stop()


main()
