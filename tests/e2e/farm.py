"""A whole farm on loopback for a test: `sos up` with a state folder of its own."""
import glob
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import requests

BIN = pathlib.Path(os.environ["SOS_BIN"])
IMAGES = pathlib.Path(os.environ["SOS_IMAGES"])
SOURCE = pathlib.Path(__file__).resolve().parents[2]
FINAL = {"SUCCEEDED", "FAILED", "ERRORED", "CANCELED", "TIMED_OUT", "EXPIRED"}


class Farm:
    """Use as a context; everything it started is stopped and removed at its end."""

    def __init__(self, slots=2, state=None, **settings):
        """`state`: the folder of an earlier farm, or of one that is to outlive this."""
        self.settings = {"slots": slots, "worker-name": f"t{os.getpid()}", **settings}
        self.room = pathlib.Path(tempfile.mkdtemp(prefix="sos-e2e-"))
        self.state = state or self.room / "state"

    def __enter__(self):
        self.log = open(self.room / "up.log", "w")
        # The environment of whoever runs the tests must not leak into what they test.
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("SOS_") and k != "CI"}
        self.env["XDG_CONFIG_HOME"] = str(self.room / "config")
        self.env.update(self.settings.pop("env", {}))
        command = [BIN / "sos", "up", f"--state={self.state}", f"--images={IMAGES}", "--port=0", "--store-port=0"]
        command += [f"--{name}={value}" for name, value in self.settings.items()]
        self.up = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True, env=self.env)
        line = self.up.stdout.readline().split()
        assert line and line[0] == "ready", f"the farm did not start:\n{self.text()}"
        self.url = line[1]
        self.env["SOS_SERVER"] = self.url
        self.http = requests.Session()
        self.http.headers["Authorization"] = "Bearer " + (self.state / "server/admin.token").read_text().strip()
        return self

    def __exit__(self, *_):
        self.up.terminate()
        try:
            self.up.wait(60)
        except subprocess.TimeoutExpired:
            self.up.kill()
            raise
        finally:
            self.log.close()
            if os.environ.get("SOS_KEEP"):
                print("kept:", self.room)
            else:
                shutil.rmtree(self.room, ignore_errors=True)

    def text(self):
        return (self.room / "up.log").read_text()

    # --- the command line ---

    def sos(self, *args, check=0, **options):
        """Run `sos`; `check` is the exit code that must come, None for any."""
        got = subprocess.run([BIN / "sos", *map(str, args)], capture_output=True, text=True, env=self.env,
                             timeout=900, **options)
        assert check is None or got.returncode == check, (
            f"sos {args} gave {got.returncode}, not {check}:\n{got.stdout}\n{got.stderr}\n{self.tail()}")
        return got

    def build(self, project, *flags, check=0):
        """Build a folder to its end; gives the build's record."""
        got = self.sos("build", project, "--json", "--skip-check", "dirty-tree", *flags, check=check)
        last = json.loads(got.stdout.splitlines()[-1])
        assert last["type"] == "result"
        return last["result"]

    def tail(self):
        return "".join(self.text().splitlines(keepends=True)[-30:])

    # --- the API ---

    def get(self, path, **options):
        return self.http.get(self.url + path, timeout=60, **options)

    def record(self, build):
        answer = self.get(f"/v1/builds/{build}")
        answer.raise_for_status()
        return answer.json()

    def wait(self, build, condition, seconds=300):
        """Poll (through restarts of the server) until `condition(record)`; gives the record."""
        end = time.monotonic() + seconds
        record = None
        while time.monotonic() < end:
            try:
                record = self.record(build)
                if condition(record):
                    return record
            except requests.RequestException:
                pass
            time.sleep(0.05)
        raise AssertionError(f"{build} is {record and record['state']} after {seconds} s\n{self.tail()}")

    def wait_final(self, build, seconds=600):
        return self.wait(build, lambda r: r["state"] in FINAL, seconds)

    def build_log(self, build):
        return self.get(f"/v1/builds/{build}/log").text

    # --- the machine ---

    def pid(self, program):
        """Of a program that `sos up` runs now."""
        children = pathlib.Path(f"/proc/{self.up.pid}/task/{self.up.pid}/children").read_text().split()
        for pid in children:
            try:
                name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
            except (FileNotFoundError, ProcessLookupError):
                continue   # it has ended since
            if name == program[:15]:
                return int(pid)
        return None

    def kill(self, program):
        pid = self.pid(program)
        assert pid, f"{program} does not run"
        os.kill(pid, signal.SIGKILL)
        return pid

    def leftovers(self):
        """What builds left on this machine that names this farm's state folder or worker."""
        found = []
        mounts = pathlib.Path("/proc/self/mountinfo").read_text()
        found += [line for line in mounts.splitlines() if str(self.state) in line]
        for backing in pathlib.Path("/sys/block").glob("loop*/loop/backing_file"):
            try:
                name = backing.read_text()
            except OSError:
                continue
            if str(self.state) in name:
                found.append(name.strip())
        for slot in (self.state / "worker/slots").glob("*/*"):
            found.append(str(slot))
        # By glob, which does not mind that those of others come and go.
        found += glob.glob(f"/sys/fs/cgroup/**/sos*-{self.settings['worker-name']}-*", recursive=True)
        return found


def run_artifact(image, path, *args):
    """Start an artifact in its run image; gives what it printed."""
    got = subprocess.run([SOURCE / "images/run", IMAGES, image, path, *args], capture_output=True, text=True,
                         timeout=120)
    assert got.returncode == 0, f"{path} {args}: {got.returncode}\n{got.stdout}\n{got.stderr}"
    return got.stdout


def sample(language, into):
    """A copy of an image's sample project, outside of any git work tree."""
    shutil.copytree(SOURCE / "images" / language / "sample", into)
    return into
