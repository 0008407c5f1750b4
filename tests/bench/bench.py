"""What the benchmarks share: a farm, a source to submit, and one line for each figure."""
import contextlib
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

import requests

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from farm import BIN, IMAGES, Farm, sample      # noqa: E402,F401


def figure(name, value, unit, yardstick, measured, target=None):
    """One line: the figure, its ratio to what was measured beside it, and whether the target is met."""
    met = "" if target is None else f"   target {target:g} {unit}: {'met' if value <= target else 'MISSED'}"
    print(f"{name:<46} {value:10.2f} {unit:<8} {value / measured:8.2f} x {yardstick} ({measured:.2f} {unit}){met}",
          flush=True)


def quantile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))]


median = statistics.median


@contextlib.contextmanager
def folder():
    """A folder on the disk that the farm's state is on."""
    room = pathlib.Path(tempfile.mkdtemp(prefix="sos-bench-"))
    try:
        yield room
    finally:
        shutil.rmtree(room)


def commit_times(count):
    """Milliseconds of each of `count` commits of one row: SQLite, WAL, synchronous=FULL, the same disk."""
    with folder() as room:
        rows = sqlite3.connect(room / "yardstick.db", isolation_level=None)
        rows.execute("PRAGMA journal_mode=WAL")
        rows.execute("PRAGMA synchronous=FULL")
        rows.execute("CREATE TABLE build (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT")
        times = []
        for i in range(count):
            start = time.perf_counter()
            rows.execute("INSERT INTO build (body) VALUES (?)", ("x" * 500,))
            times.append((time.perf_counter() - start) * 1000)
        rows.close()
        return times


class Server:
    """A server and no worker: what is submitted stays in the queue."""

    def __enter__(self):
        self.room = pathlib.Path(tempfile.mkdtemp(prefix="sos-bench-"))
        self.log = open(self.room / "server.log", "w")
        self.process = subprocess.Popen(
            [BIN / "sos-server", f"--state={self.room}", f"--images={IMAGES}", "--listen=127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.url = self.process.stdout.readline().split()[1]
        self.token = (self.room / "server/admin.token").read_text().strip()
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"Bearer {self.token}"
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()
        shutil.rmtree(self.room)

    def sos(self, *args, url=None):
        """Run `sos`, against `url` when the server is reached through something else."""
        env = {"PATH": os.environ["PATH"], "HOME": str(self.room), "SOS_TOKEN": self.token,
               "SOS_SERVER": url or self.url}
        return subprocess.run([BIN / "sos", *map(str, args)], env=env, check=True, capture_output=True, text=True)

    def request(self):
        """A CreateBuildRequest for the Go sample, whose source is there afterwards."""
        with folder() as room:
            build = self.sos("build", sample("go", room / "p"), "--detach").stdout.strip()
        record = self.http.get(f"{self.url}/v1/builds/{build}").json()
        return {"project": "bench", "version": "v1", "image": record["image"]["name"], "source": record["source"],
                "noCache": True}
