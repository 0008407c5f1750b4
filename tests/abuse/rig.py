"""A server and a worker of their own, with the busybox image, for builds that misbehave."""
import ctypes
import glob
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

import requests

BIN = pathlib.Path(os.environ["SOS_BIN"])
HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = pathlib.Path(os.environ["SOS_ABUSE"])
ATTACK = (PROGRAMS / "abuse_attack").read_bytes()
CALLS = (PROGRAMS / "abuse_calls").read_bytes()
# To a gateway a repository is a name: the store's own stand for remotes.
STORE = ["--repositories=sos-release-local immutable,sos-dev-local,mvn maven local,other maven local"]
FROM_STORE = ["--maven-repository=mvn", "--go-repository=go", "--npm-repository=npm", "--pypi-repository=pypi"]
FINAL = {"SUCCEEDED", "FAILED", "ERRORED", "CANCELED", "TIMED_OUT", "EXPIRED"}


def zstd(data):
    """One zstd frame; Debian 12's Python has no module for it, but we link the library."""
    lib = ctypes.CDLL("libzstd.so.1")
    lib.ZSTD_compressBound.restype = lib.ZSTD_compress.restype = ctypes.c_size_t
    room = ctypes.create_string_buffer(lib.ZSTD_compressBound(ctypes.c_size_t(len(data))))
    size = lib.ZSTD_compress(room, ctypes.c_size_t(len(room)), data, ctypes.c_size_t(len(data)), 3)
    return room.raw[:size]


class Rig:
    """Use as a context; everything it started is stopped and removed at its end."""

    def __init__(self, slots=2, limits=None, lease_ttl="60s", image="", worker=(), around=(), store=()):
        """`store`: flags of a store that builds reach by the gateway; without, fetch has the host's network. `image` is shell that changes the image's tree, `worker` more flags, `around` a command to run it under."""
        self.room = pathlib.Path(tempfile.mkdtemp(prefix="sos-abuse-"))
        self.state = self.room / "state"
        self.images = self.room / "images"
        self.slots, self.limits, self.lease_ttl = slots, limits or {}, lease_ttl
        self.image, self.flags, self.around, self.store_flags = image, worker, around, store
        self.count = 0
        self.name = f"a{os.getpid()}.{self.room.name[-6:]}"
        self.server = self.worker = self.store = self.log = None

    def __enter__(self):
        try:
            self.up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def up(self):
        subprocess.run([HERE / "make_image.sh", self.images, self.image], check=True, stdout=subprocess.DEVNULL)
        entry = self.images / "busybox.json"
        image = json.loads(entry.read_text())
        image["limits"].update(self.limits)
        entry.write_text(json.dumps(image))
        self.log = open(self.room / "log", "w")
        if self.store_flags:
            self.start_store()
        # No store: publication waits, which is not what is tested here.
        self.server, line = self.start("sos-server", "--listen=127.0.0.1:0", "--store-url=http://127.0.0.1:9/artifactory",
                                       f"--lease-ttl={self.lease_ttl}", "--renew-interval=1s")
        self.url = line.split()[1]
        self.start_worker()
        self.http = requests.Session()
        self.http.headers["Authorization"] = "Bearer " + (self.state / "server/admin.token").read_text().strip()

    def __exit__(self, *_):
        for process in (self.worker, self.server, self.store):
            if process and process.poll() is None:
                process.terminate()
                process.wait(40)
        if self.log:
            self.log.close()
        shutil.rmtree(self.room, ignore_errors=True)

    def start(self, program, *flags, around=()):
        command = [*around, BIN / program, f"--state={self.state}", f"--images={self.images}", *flags]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = process.stdout.readline()
        assert line.startswith("ready"), f"{program} did not start:\n{self.tail()}"
        return process, line

    def start_store(self):
        self.store, line = self.start("sos-store", "--listen=127.0.0.1:0", "--disk-floor=0", *self.store_flags)
        self.store_url = line.split()[1] + "/artifactory"
        self.store_token = (self.state / "store/admin.token").read_text().strip()

    def start_worker(self):
        network = ["--network=gateway", f"--store-url={self.store_url}",
                   f"--store-token-file={self.state}/store/admin.token"] if self.store else ["--network=host"]
        self.worker, _ = self.start("sos-worker", f"--server-url={self.url}", f"--name={self.name}", f"--slots={self.slots}",
                                    *network, *self.flags, around=self.around)

    def put(self, path, data):
        """A file into the store; gives its sha256."""
        answer = requests.put(f"{self.store_url}/{path}", data=data, timeout=60,
                              headers={"Authorization": f"Bearer {self.store_token}"})
        assert answer.status_code == 201, answer.text
        return hashlib.sha256(data).hexdigest()

    def dependencies(self, build):
        answer = self.answer("get", f"/v1/builds/{build}/dependencies")
        return answer.get("dependencies", [])

    def tail(self):
        return "".join((self.room / "log").read_text().splitlines(keepends=True)[-30:])

    # --- builds ---

    def submit(self, files, project="demo", **request):
        """Send files (name to text or bytes) and ask for a build; gives its id."""
        blobs = {name: data if isinstance(data, bytes) else data.encode() for name, data in files.items()}
        digest = {name: hashlib.sha256(data).hexdigest() for name, data in blobs.items()}
        manifest = {"files": [{"path": name, "mode": "EXECUTABLE", "sizeBytes": str(len(blobs[name])), "sha256": digest[name]}
                              for name in sorted(blobs)]}
        source = self.answer("post", "/v1/sources", json=manifest)
        missing = set(source.get("missing", []))
        if missing:
            stream = b"".join(f"{digest[n]} {len(d)}\n".encode() + d for n, d in
                              {digest[n]: (n, d) for n, d in blobs.items() if digest[n] in missing}.values())
            self.answer("put", f"/v1/sources/{source['id']}/blobs", data=zstd(stream),
                        headers={"Content-Type": "application/vnd.sos.blobs+zstd"})
        self.count += 1
        body = {"project": project, "version": f"1.0.{self.count}", "image": "busybox", "language": "sh",
                "source": source["id"], "noCache": True, **request}
        return self.answer("post", "/v1/builds", json=body, headers={"Idempotency-Key": f"{self.room.name}-{self.count}"})["id"]

    def answer(self, method, path, **options):
        got = getattr(self.http, method)(self.url + path, timeout=60, **options)
        assert got.ok, f"{method} {path}: {got.status_code} {got.text}"
        return got.json()

    def wait(self, build, condition, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            record = self.answer("get", f"/v1/builds/{build}")
            if condition(record):
                return record
            time.sleep(0.02)
        raise AssertionError(f"{build} is {record['state']} after {seconds} s\n{self.tail()}\n{self.build_log(build)}")

    def end_of(self, build, seconds=60):
        """Its record when the worker is through with it (STORING needs a store, which there is not)."""
        return self.wait(build, lambda r: r["state"] in FINAL | {"STORING"}, seconds)

    def build(self, files, seconds=60, **request):
        return self.end_of(self.submit(files, **request), seconds)

    def attack(self, script, reason, state="FAILED", **request):
        """A build whose verb `build` is this script must end like that; gives its log."""
        record = self.build({"build.sh": script}, **request)
        log = self.build_log(record["id"])
        assert record["state"] == state, (record, log)
        assert record["result"]["reason"] == reason, (record["result"], log)
        assert record["result"].get("message"), record["result"]
        return log

    def said(self, script, step="build", **files):
        """What a step says whose verb is this script; the build fails, as told."""
        files = {f"{step}.sh": script + "\nexit 9", **files}
        if "/src/attack" in script:
            files["attack"] = ATTACK
        record = self.build(files)
        assert record["result"]["step"] == step and record["result"]["exitCode"] == 9, (record, self.build_log(record["id"]))
        log = self.build_log(record["id"])
        return log[log.index(f"[sos] {step}\n"):]

    def build_log(self, build):
        return self.http.get(f"{self.url}/v1/builds/{build}/log", timeout=60).text

    # --- the machine ---

    def slots_of(self):
        """Process ids of the slots (the children of the keepers)."""
        keepers = children(self.worker.pid)
        return [slot for keeper in keepers for slot in children(keeper)]

    def slot_of(self, build):
        """The number of the slot that a build's first attempt ran in."""
        return int(re.search(rf"job begins attempt={build}\.1 slot=(\d+)", (self.room / "log").read_text())[1])

    def sandboxed(self):
        """Processes in this worker's sandboxes."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cgroup"):
            try:
                groups = path.read_text()
            except OSError:
                continue
            if f"-{self.name}-" in groups:
                found.append(int(path.parent.name))
        return found

    def leftovers(self):
        found = [f"process {pid}" for pid in self.sandboxed()]
        if self.worker.poll() is None:
            found += [f"helper {pid}" for slot in self.slots_of() for pid in children(slot)]
        found += [line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
                  if str(self.state) in line or " /run/sos-worker " in line]
        for backing in pathlib.Path("/sys/block").glob("loop*/loop/backing_file"):
            try:
                name = backing.read_text().strip()
            except OSError:
                continue
            if str(self.state) in name:
                found.append(name)
        for pattern in (f"sos-*-{self.name}-*", f"*/sos-*-{self.name}-*"):
            found += glob.glob(f"/sys/fs/cgroup/{pattern}")      # those of others come and go
        found += [str(path) for path in (self.state / "worker/slots").glob("*")]
        return found

    def assert_clean(self, seconds=5):
        """Nothing of any build is left, in the time that the kernel needs to end processes."""
        end = time.monotonic() + seconds
        while (found := self.leftovers()) and time.monotonic() < end:
            time.sleep(0.05)
        assert not found, found


def children(pid):
    try:
        return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def kill(pid):
    os.kill(pid, signal.SIGKILL)
