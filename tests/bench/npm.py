"""npm ci of some three hundred packages: through a warm remote repository, through verdaccio, and from the registry."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

import requests

from bench import BIN, figure, folder, median

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
os.environ["SOS_STORE"] = str(BIN / "sos-store")
from conftest import Store      # noqa: E402

REPEATS = 5
VERDACCIO = "6.0.5"        # of those that run on Node.js 18 and 20
WANTED = {"express": "4.21.2", "webpack": "5.97.1", "eslint": "8.57.1", "jest": "29.7.0"}
QUIET = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]


def npm(cwd, *args, registry=None):
    told = [f"--registry={registry}"] if registry else []
    start = time.perf_counter()
    done = subprocess.run(["npm", *args, *QUIET, *told], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return time.perf_counter() - start


def ci(project, registry):
    """With an empty cache, into an empty node_modules."""
    with folder() as cache:
        shutil.rmtree(project / "node_modules", ignore_errors=True)
        return npm(project, "ci", f"--cache={cache}", registry=registry)


class Verdaccio:
    def __init__(self, room, upstream):
        # One of its packages asks for a tag, which not every mirror has.
        (room / "package.json").write_text(json.dumps(
            {"dependencies": {"verdaccio": VERDACCIO}, "overrides": {"node-fetch": "2.6.7"}}))
        npm(room, "install")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        config = {"storage": str(room / "storage"), "uplinks": {"up": {"url": upstream, "maxage": "30m"}},
                  "packages": {"**": {"access": "$all", "proxy": "up"}}, "listen": f"127.0.0.1:{port}",
                  "log": {"type": "stdout", "format": "json", "level": "fatal"}}
        (room / "config.yaml").write_text(json.dumps(config))
        self.url = f"http://127.0.0.1:{port}/"
        self.process = subprocess.Popen([room / "node_modules" / ".bin" / "verdaccio", "-c", room / "config.yaml"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=room)
        deadline = time.monotonic() + 60
        while True:
            try:
                requests.get(self.url + "-/ping", timeout=5)
                return
            except requests.ConnectionError:
                assert time.monotonic() < deadline and self.process.poll() is None
                time.sleep(0.2)

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def main():
    upstream = subprocess.run(["npm", "config", "get", "registry"], capture_output=True, text=True,
                              check=True).stdout.strip()
    with folder() as project, folder() as state, folder() as room:
        (project / "package.json").write_text(json.dumps(
            {"name": "bench", "version": "1.0.0", "dependencies": WANTED}))
        npm(project, "install", "--package-lock-only")
        lock = json.loads((project / "package-lock.json").read_text())
        count = sum(1 for path in lock["packages"] if path)
        store = Store(state, "--anonymous-read", "--repositories", f"npm-remote npm remote url={upstream}")
        verdaccio = Verdaccio(room, upstream)
        ours = store.base + "/api/npm/npm-remote/"
        cold = ci(project, ours)
        theirs_cold = ci(project, verdaccio.url)
        rounds = [(ci(project, ours), ci(project, verdaccio.url), ci(project, None)) for _ in range(REPEATS)]
        with folder() as full:
            npm(project, "ci", f"--cache={full}")
            alone = median([npm(project, "ci", "--offline", f"--cache={full}") for _ in range(3)])
        verdaccio.stop()
        store.stop()
    warm, theirs, direct = (median(side) for side in zip(*rounds))
    figure(f"npm ci of {count} packages, cold", cold, "s", "verdaccio, cold", theirs_cold)
    figure("the same, warm", warm, "s", "the registry itself", direct, direct / 2)
    figure("the same, warm", warm, "s", "verdaccio, warm", theirs)
    figure("npm alone, from its own cache", alone, "s", "the registry itself", direct)


main()
