"""npm ci of some three hundred packages: through a warm remote repository, through verdaccio, from the registry, and alone."""
import json
import shutil
import socket
import subprocess
import time

import requests

from bench import figure, folder
from remote import in_turns, store, tell, timed

VERDACCIO = "6.0.5"        # of those that run on Node.js 18 and 20
WANTED = {"express": "4.21.2", "webpack": "5.97.1", "eslint": "8.57.1", "jest": "29.7.0"}
QUIET = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]


def npm(cwd, *args):
    return timed("npm", *args, *QUIET, cwd=cwd)


def ci(project, registry, kept=None):
    """Into an empty node_modules; with an empty cache, or offline from `kept`."""
    with folder() as fresh:
        shutil.rmtree(project / "node_modules", ignore_errors=True)
        return npm(project, "ci", f"--registry={registry}", f"--cache={kept or fresh}", *(["--offline"] if kept else []))


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
    with folder() as project, folder() as room, folder() as full, store(f"npm-remote npm remote url={upstream}") as ours:
        (project / "package.json").write_text(json.dumps(
            {"name": "bench", "version": "1.0.0", "dependencies": WANTED}))
        npm(project, "install", "--package-lock-only")
        lock = json.loads((project / "package-lock.json").read_text())
        count = sum(1 for path in lock["packages"] if path)
        through = ours.base + "/api/npm/npm-remote/"
        verdaccio = Verdaccio(room, upstream)
        try:
            cold, theirs_cold = ci(project, through), ci(project, verdaccio.url)
            npm(project, "ci", f"--registry={upstream}", f"--cache={full}")
            warm, theirs, direct, alone = in_turns(
                lambda: ci(project, through), lambda: ci(project, verdaccio.url),
                lambda: ci(project, upstream), lambda: ci(project, upstream, full))
        finally:
            verdaccio.stop()
    figure(f"npm ci of {count} packages, cold", cold, "s", "verdaccio, cold", theirs_cold)
    figure("the same, warm", warm[0], "s", "verdaccio, warm", theirs[0])
    tell("the same", warm, direct, alone)


main()
