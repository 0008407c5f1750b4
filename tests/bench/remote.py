"""What the benchmarks of remote repositories share.

A client is run with no cache of its own: in turns through a warm remote repository of a store, from the
registry that it has by default, and, as the second yardstick, alone: from its own warm cache or a folder,
with no server at all. What it takes then no server can make less. Same program, same flags each time.
"""
import contextlib
import os
import pathlib
import subprocess
import sys
import time

from bench import BIN, figure, folder, median

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
os.environ["SOS_STORE"] = str(BIN / "sos-store")
from conftest import Store      # noqa: E402

REPEATS = 5


@contextlib.contextmanager
def store(repositories):
    with folder() as state:
        running = Store(state, "--anonymous-read", "--repositories", repositories)
        try:
            yield running
        finally:
            running.stop()


def timed(*command, **more):
    """Seconds of a command that succeeds."""
    start = time.perf_counter()
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, **more)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return time.perf_counter() - start


def in_turns(*runs):
    """The median of each."""
    return [median(side) for side in zip(*([run() for run in runs] for _ in range(REPEATS)))]


def tell(name, warm, direct, alone):
    figure(f"{name}, warm", warm, "s", "the registry itself", direct, direct / 2)
    figure("  alone, with no server", alone, "s", "the registry itself", direct)
    if direct > alone:
        figure("  what the server adds to that", warm - alone, "s", "what the registry adds", direct - alone)
