"""Stores and upstreams for the tests that ask for them, on loopback with a state of their own; clients."""

import contextlib
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse
import venv

import pytest
import requests

from upstream import Upstream

MEMORY = "/dev/shm"
TIMEOUT_S = 30
CLIENT_S = 300      # a client that is still at work then hangs, however busy the machine is


def sums(data):
    return {kind: hashlib.new(kind, data).hexdigest() for kind in ("sha256", "sha1", "md5")}


def wait_for(what):
    """Whether it came to be true."""
    deadline = time.monotonic() + TIMEOUT_S
    while not what() and time.monotonic() < deadline:
        time.sleep(0.05)
    return what()


def run(*command, ok=True, **more):
    """Run a client; it succeeds, or fails when not `ok`."""
    done = subprocess.run([*map(str, command)],
                          **{"capture_output": True, "text": True, "timeout": CLIENT_S, **more})
    assert (done.returncode == 0) == ok, (done.stdout[-4000:], done.stderr[-4000:])
    return done


class Store:
    """A running sos-store and a session that carries its token."""

    under = ()      # the command that runs it

    def __init__(self, state, *flags):
        self.state = state
        self.flags = flags
        self.process = None
        self.start()

    def start(self):
        self.log = open(self.state / "store.log", "ab")
        self.process = subprocess.Popen(
            [*self.under, os.environ["SOS_STORE"], "--listen", "127.0.0.1:0", "--state", str(self.state),
             "--disk-floor", "0", *self.flags],
            stdout=subprocess.PIPE, stderr=self.log, text=True,
            # The settings of whoever runs the tests must not reach the program.
            env={name: value for name, value in os.environ.items() if not name.startswith("SOS_")})
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            self.kill()
            raise AssertionError(self.tail())
        self.root = line.split()[1]
        self.base = self.root + "/artifactory"
        self.host, _, port = self.root.split("//")[1].rpartition(":")
        self.port = int(port)
        self.token = (self.state / "store" / "admin.token").read_text().strip()
        self.session = requests.Session()
        self.session.headers["Authorization"] = "Bearer " + self.token

    def tail(self):
        return (self.state / "store.log").read_text()[-2000:]

    def kill(self):
        self.process.kill()
        self.process.wait(TIMEOUT_S)

    def stop(self):
        """The exit code; it is gone in any case."""
        try:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
            return self.process.wait(TIMEOUT_S)
        finally:
            self.kill()
            self.process.stdout.close()
            self.log.close()

    def ask(self, method, path, **more):
        more.setdefault("timeout", TIMEOUT_S)
        more.setdefault("allow_redirects", False)
        # The path goes out as it is written here: escapes, semicolons and all.
        request = self.session.prepare_request(
            requests.Request(method, self.base, headers=more.pop("headers", None),
                             data=more.pop("data", None), auth=more.pop("auth", None)))
        request.url = self.base + path
        return self.session.send(request, **more)

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def put(self, path, data=b"", **more):
        return self.ask("PUT", path, data=data, **more)

    def delete(self, path, **more):
        return self.ask("DELETE", path, **more)

    def props(self, path):
        answer = self.get(f"/api/storage{path}?properties")
        return answer.json()["properties"] if answer.status_code == 200 else {}

    def make_token(self, scope, **more):
        """What was told of a new token of `ci`."""
        answer = self.session.post(self.root + "/access/api/v1/tokens", timeout=TIMEOUT_S,
                                   json={"username": "ci", "scope": scope} | more)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.json()

    def blob(self, data):
        digest = hashlib.sha256(data).hexdigest()
        return self.state / "store" / "blobs" / digest[:2] / digest[2:]

    def run(self, verb, *flags):
        return subprocess.run([os.environ["SOS_STORE"], verb, *flags, "--state", str(self.state)],
                              capture_output=True, text=True, timeout=CLIENT_S)

    def fsck(self, *flags):
        return self.run("fsck", "--deep", *flags)


class As:
    """The store as the holder of a token meets it."""

    def __init__(self, store, token):
        self.store = store
        self.headers = {"Authorization": "Bearer " + token}

    def __call__(self, method, path, **more):
        return self.store.ask(method, path, headers={**self.headers, **more.pop("headers", {})}, **more)


@contextlib.contextmanager
def stores(folder):
    """Makes stores, and stops all of them in the end: those that still run without an error."""
    made = []

    def make(*flags, state=None):
        made.append(Store(state or folder, *flags))
        return made[-1]

    with contextlib.ExitStack() as kills:
        kills.callback(lambda: [store.kill() for store in made])
        yield make
        for store in made:
            was_up = store.process.poll() is None
            code = store.stop()
            assert not was_up or code == 0, store.tail()


@contextlib.contextmanager
def memory():
    """A folder on tmpfs where that has room: these tests are about order, not about disks."""
    roomy = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 1 << 30
    with tempfile.TemporaryDirectory(prefix="sos-store-test-", dir=MEMORY if roomy else None) as folder:
        yield pathlib.Path(folder)


@pytest.fixture
def state():
    with memory() as folder:
        yield folder


@pytest.fixture
def make_store(state):
    with stores(state) as make:
        yield make


@pytest.fixture
def store(make_store):
    return make_store()


@pytest.fixture(scope="module")
def make_shared_store():
    """For tests that leave nothing behind which another could meet: one start for all of them."""
    with memory() as folder, stores(folder) as make:
        yield make


@pytest.fixture
def make_upstream():
    with contextlib.ExitStack() as stack:
        def make():
            made = Upstream()
            stack.callback(made.stop)
            return made
        yield make


@pytest.fixture
def upstream(make_upstream):
    return make_upstream()


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder)],
                             capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("may not mount here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="module")
def make_venv(tmp_path_factory):
    """The programs of an environment with these packages."""
    def make(*packages):
        folder = tmp_path_factory.mktemp("venv")
        venv.create(folder, with_pip=True)
        run(folder / "bin" / "pip", "install", "-q", *packages)
        return folder / "bin"
    return make


def message(answer):
    """The one error of an answer, which must be told as Artifactory tells it."""
    assert answer.headers["Content-Type"] == "application/json"
    (error,) = answer.json()["errors"]
    assert error["status"] == answer.status_code
    return error["message"]


def quote(text):
    return urllib.parse.quote(text, safe="")
