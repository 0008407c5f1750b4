"""Installing the Python sample's requirements with pip and uv: through a warm remote repository, from the registry, and
alone."""
import os
import subprocess
import venv

from bench import figure, folder
from remote import in_turns, store, tell, timed
from test_pypi import PACKAGES, SAMPLE

WANTED = ["--require-hashes", "--only-binary", ":all:", "-r", SAMPLE]


def run(*command):
    """No setting of whoever measures but its certificates."""
    env = {name: value for name, value in os.environ.items()
           if name in ("PATH", "HOME", "PIP_CERT", "SSL_CERT_FILE", "https_proxy", "no_proxy")}
    return timed(*command, env=env | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"})


def install(tools, program, *source):
    """Into an empty folder, without a cache."""
    with folder() as fresh:
        if program == "pip":
            return run(tools / "pip", "install", "-q", "--no-cache-dir", "--target", fresh, *WANTED, *source)
        return run(tools / "uv", "pip", "install", "-q", "--no-cache", "--python", tools / "python", "--target", fresh,
                   *WANTED, *source)


def main():
    with folder() as room, folder() as wheels:
        venv.create(room, with_pip=True)
        tools = room / "bin"
        run(tools / "pip", "install", "-q", *PACKAGES)
        run(tools / "pip", "download", "-q", "-d", wheels, *WANTED)
        registry = subprocess.run([tools / "python", "-c",
                                   "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"],
                                  capture_output=True, text=True, check=True).stdout.strip()
        with store(f"pypi-remote pypi remote url={registry}") as ours:
            index = ["-i", ours.base + "/api/pypi/pypi-remote/simple"]
            for program in ("uv", "pip"):
                cold = install(tools, program, *index)
                figures = in_turns(lambda: install(tools, program, *index), lambda: install(tools, program),
                                   lambda: install(tools, program, "--no-index", "--find-links", wheels))
                if program == "uv":
                    figure("uv installs the Python sample, cold", cold, "s", "the registry itself", figures[1][0])
                tell(f"{program} installs the Python sample", *figures)


main()
