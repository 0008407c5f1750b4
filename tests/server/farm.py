"""The programs under test, and clients of them that speak the API as anybody would.

Every JSON answer is read with the stock protobuf library and must come out of it unchanged.
"""
import hashlib
import io
import json
import os
import pathlib
import signal
import subprocess
import tarfile
import time

import requests
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

TIMEOUT_S = 30
DIGEST = "sha256:" + "1" * 64
RUN_DIGEST = "sha256:" + "2" * 64
FINAL = {"SUCCEEDED", "FAILED", "ERRORED", "CANCELED", "TIMED_OUT", "EXPIRED"}


def load_messages():
    pool = descriptor_pool.DescriptorPool()
    files = descriptor_pb2.FileDescriptorSet.FromString(
        pathlib.Path(os.environ["SOS_DESCRIPTORS"]).read_bytes())
    for file in files.file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return lambda name: factory.GetPrototype(pool.FindMessageTypeByName("sos.v1." + name))


message = load_messages()


def checked(answer, name):
    """The answer's JSON, which the stock library reads and writes back as the same."""
    parsed = json_format.Parse(answer.text, message(name)())
    assert json_format.MessageToDict(parsed) == answer.json()
    return answer.json()


class Refused(Exception):
    def __init__(self, answer):
        assert answer.headers["Content-Type"].startswith("application/problem+json"), answer.text
        self.problem = checked(answer, "Problem")
        self.status = answer.status_code
        self.reason = self.problem.get("reason")
        assert self.problem["status"] == answer.status_code
        assert self.problem["requestId"] == answer.headers["X-Request-Id"]
        super().__init__(f"{self.status} {self.problem}")


def clean_environment():
    """Settings of whoever runs the tests (SOS_IMAGES, say) must not reach the programs."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SOS_")}


class Program:
    """One server process; its folder outlives it."""

    def __init__(self, binary, state, *flags):
        self.binary, self.state, self.flags = binary, pathlib.Path(state), flags
        self.port = 0
        self.process = None
        self.log = open(self.state / (pathlib.Path(binary).name + ".log"), "ab")

    def start(self):
        self.process = subprocess.Popen(
            [self.binary, "--listen", f"127.0.0.1:{self.port}", "--state", self.state, *self.flags],
            stdout=subprocess.PIPE, stderr=self.log, text=True, env=clean_environment())
        line = self.process.stdout.readline()
        assert line.startswith("ready http"), self.log_text()[-3000:]
        self.url = line.split()[1]
        self.port = int(self.url.rsplit(":", 1)[1])   # the same one after a restart
        return self

    def log_text(self):
        return pathlib.Path(self.log.name).read_text(errors="replace")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(TIMEOUT_S)
        self.process.stdout.close()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(TIMEOUT_S)
        self.process.stdout.close()
        return status

    def running(self):
        return self.process and self.process.poll() is None

    def memory_kib(self, field="VmRSS"):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(l.split()[1]) for l in status if l.startswith(field))


class Api:
    """A user with a token."""

    def __init__(self, server, token):
        self.server = server
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def raw(self, method, path, **more):
        return self.session.request(method, self.server.url + path, timeout=TIMEOUT_S, **more)

    def call(self, method, path, name, **more):
        answer = self.raw(method, path, **more)
        if answer.status_code >= 400:
            raise Refused(answer)
        return checked(answer, name) if name else answer

    # --- sources ---
    def manifest(self, files):
        return {"files": [{"path": path, "mode": "REGULAR", "sizeBytes": str(len(data)),
                           "sha256": sha256(data)} for path, data in sorted(files.items())]}

    def source_create(self, files):
        return self.call("POST", "/v1/sources", "Source", json=self.manifest(files))

    def source(self, files):
        """Sends what is missing; the id of the source."""
        source = self.source_create(files)
        if not source.get("complete"):
            blobs = {sha256(data): data for data in files.values()}
            stream = blob_stream([blobs[digest] for digest in source["missing"]])
            source = self.call("PUT", f"/v1/sources/{source['id']}/blobs", "Source", data=stream)
        assert source["complete"]
        return source["id"]

    # --- builds ---
    def request(self, source, **more):
        return {"project": "demo", "version": "v1", "language": "python", "source": source,
                "noCache": True, **more}

    def submit(self, source, key=None, **more):
        headers = {"Idempotency-Key": key} if key else {}
        return self.call("POST", "/v1/builds", "Build", headers=headers,
                         json=self.request(source, **more))

    def build(self, build, etag=None, wait=0):
        """(build or None when unchanged, etag)"""
        headers = {"Prefer": f"wait={wait}"} if wait else {}
        if etag:
            headers["If-None-Match"] = etag
        answer = self.raw("GET", f"/v1/builds/{build}", headers=headers)
        if answer.status_code == 304:
            assert answer.text == ""
            return None, answer.headers["ETag"]
        if answer.status_code >= 400:
            raise Refused(answer)
        return checked(answer, "Build"), answer.headers["ETag"]

    def state(self, build):
        return self.build(build)[0]["state"]

    def until(self, build, *states):
        """Follows the build by long polls until it is in one of the states."""
        deadline = time.monotonic() + TIMEOUT_S
        now, etag = self.build(build)
        while now["state"] not in states:
            assert time.monotonic() < deadline, now
            assert now["state"] not in FINAL, now
            changed, etag = self.build(build, etag, wait=5)
            now = changed or now
        return now

    def cancel(self, build, **body):
        return self.call("POST", f"/v1/builds/{build}:cancel", "Build", json=body)

    def log(self, build, offset=0, wait=0, **query):
        """(bytes, complete)"""
        headers = {"Range": f"bytes={offset}-"}
        if wait:
            headers["Prefer"] = f"wait={wait}"
        answer = self.raw("GET", f"/v1/builds/{build}/log", headers=headers, params=query)
        if answer.status_code >= 400:
            raise Refused(answer)
        return answer.content, answer.headers["Sos-Log-Complete"] == "1"


class Worker:
    """A worker that does what its script says."""

    def __init__(self, server, token, name="w1", slots=1, digest=DIGEST):
        self.api = Api(server, token)
        self.name, self.slots, self.digest = name, slots, digest
        self.session = None

    def images(self):
        return [{"name": "python-3.13", "buildDigest": self.digest, "runDigest": RUN_DIGEST}]

    def register(self):
        body = {"name": self.name, "slots": self.slots, "version": "test", "sandbox": "none",
                "images": self.images()}
        self.session = self.api.call("POST", "/v1/agent/register", "RegisterWorkerResponse",
                                     json=body)["session"]
        return self

    def lease(self, wait=0, slot=0, **more):
        answer = self.api.raw("POST", "/v1/agent/lease",
                              headers={"Prefer": f"wait={wait}"} if wait else {},
                              json={"worker": self.name, "session": self.session, "slot": slot,
                                    **more})
        if answer.status_code == 204:
            return None
        if answer.status_code >= 400:
            raise Refused(answer)
        return Attempt(self.api, checked(answer, "Lease"))


class Attempt:
    def __init__(self, api, lease):
        self.api, self.lease = api, lease
        self.id, self.fence = lease["attemptId"], int(lease["fence"])
        self.build = lease["build"]["id"]
        self.said = b""

    def path(self, rest=""):
        return f"/v1/agent/attempts/{self.id}{rest}"

    def update(self, state="PREPARING", **more):
        return self.api.call("PATCH", self.path(), "UpdateAttemptResponse",
                             json={"fence": str(self.fence), "state": state, **more})

    def log(self, text, offset=None):
        data = text.encode()
        at = len(self.said) if offset is None else offset
        answer = self.api.call("POST", self.path("/log"), None, data=data,
                               params={"offset": at, "fence": self.fence})
        assert answer.status_code == 204
        self.said = self.said[:at] + data
        return answer

    def upload(self, data, digest=None):
        return self.api.call("PUT", self.path(f"/artifacts/{digest or sha256(data)}"),
                             "ArtifactFile", data=data, params={"fence": self.fence})

    def dependencies(self, files, first=0):
        body = {"fence": str(self.fence), "first": first, "dependencies": files}
        return self.api.call("POST", self.path("/dependencies"), None, json=body)

    def finish(self, outcome="SUCCESS", files=None, steps=(), **result):
        body = {"fence": str(self.fence), "result": {"outcome": outcome, **result},
                "steps": list(steps),
                "artifacts": [{"path": path, "sizeBytes": str(len(data)), "sha256": sha256(data)}
                              for path, data in (files or {}).items()],
                "log": {"sizeBytes": str(len(self.said)), "complete": True}}
        return self.api.call("POST", self.path(":finish"), "Build", json=body)

    def succeed(self, data=b"artifact", path="demo.pyz"):
        """All of a good attempt, from the first word to the last."""
        self.update("PREPARING")
        self.update("RUNNING")
        self.log("building\n")
        self.upload(data)
        return self.finish(files={path: data})


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout


def unzstd(data):
    return subprocess.run(["zstd", "-q", "-d", "-c"], input=data, capture_output=True,
                          check=True).stdout


def blob_stream(blobs):
    return zstd(b"".join(b"%s %d\n%s" % (sha256(b).encode(), len(b), b) for b in blobs))


def tar_files(data):
    with tarfile.open(fileobj=io.BytesIO(unzstd(data))) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}


def write_image(folder, name="python-3.13", language="python", digest=DIGEST):
    folder.mkdir(parents=True, exist_ok=True)
    image = {"name": name, "language": language, "default": True, "recipeSha256": "a" * 64,
             "build": {"digest": digest, "reference": name + "-build"},
             "run": {"digest": RUN_DIGEST, "reference": name + "-run"},
             "artifact": {"suffix": ".pyz", "platform": "noarch", "run": "python {file}"},
             "limits": {"timeout": "1800s", "artifactBytes": str(64 << 20)}}
    (folder / f"{name}.json").write_text(json.dumps(image))
