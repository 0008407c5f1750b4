"""A store for each test that asks for one, on loopback with a state of its own."""

import hashlib
import os
import signal
import subprocess
import urllib.parse

import pytest
import requests

TIMEOUT_S = 30


def sums(data):
    return {kind: hashlib.new(kind, data).hexdigest() for kind in ("sha256", "sha1", "md5")}


class Store:
    """A running sos-store and a session that carries its token."""

    def __init__(self, state, *flags):
        self.state = state
        self.flags = flags
        self.process = None
        self.start()

    def start(self):
        self.log = open(self.state / "store.log", "ab")
        self.process = subprocess.Popen(
            [os.environ["SOS_STORE"], "--listen", "127.0.0.1:0", "--state", str(self.state),
             "--disk-floor", "0", *self.flags],
            stdout=subprocess.PIPE, stderr=self.log, text=True,
            # The settings of whoever runs the tests must not reach the program.
            env={name: value for name, value in os.environ.items() if not name.startswith("SOS_")})
        line = self.process.stdout.readline()
        assert line.startswith("ready "), self.tail()
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
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(TIMEOUT_S)
        self.process.stdout.close()
        self.log.close()
        return code

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

    def blob(self, data):
        digest = hashlib.sha256(data).hexdigest()
        return self.state / "store" / "blobs" / digest[:2] / digest[2:]

    def run(self, verb, *flags):
        return subprocess.run([os.environ["SOS_STORE"], verb, *flags, "--state", str(self.state)],
                              capture_output=True, text=True, timeout=TIMEOUT_S)

    def fsck(self, *flags):
        return self.run("fsck", "--deep", *flags)


@pytest.fixture
def make_store(tmp_path):
    made = []

    def make(*flags, state=None):
        made.append(Store(state or tmp_path, *flags))
        return made[-1]

    yield make
    for store in made:
        was_up = store.process.poll() is None
        code = store.stop()
        assert not was_up or code == 0, store.tail()


@pytest.fixture
def store(make_store):
    return make_store()


def message(answer):
    """The one error of an answer, which must be told as Artifactory tells it."""
    assert answer.headers["Content-Type"] == "application/json"
    (error,) = answer.json()["errors"]
    assert error["status"] == answer.status_code
    return error["message"]


def quote(text):
    return urllib.parse.quote(text, safe="")
