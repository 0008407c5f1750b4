"""What the benchmarks of remote repositories share.

A client is run with no cache of its own: in turns through a warm remote repository of a store, from the
registry that it has by default, and, as the second yardstick, alone: from its own warm cache or a folder,
with no server at all. What it takes then no server can make less. Same program, same flags each time.
Its processor time does not depend on what else the machine does, as its seconds do.
"""
import contextlib
import os
import pathlib
import resource
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


def processor_s():
    """Of the clients: a store is no child that has ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(run):
    before = processor_s()
    return run(), processor_s() - before


def in_turns(*runs):
    """The median (seconds, processor seconds) of each."""
    rounds = [[measure(run) for run in runs] for _ in range(REPEATS)]
    return [tuple(median(values) for values in zip(*side)) for side in zip(*rounds)]


def tell(name, warm, direct, alone):
    """Each as in_turns() gives it."""
    figure(f"{name}, warm", warm[0], "s", "the registry itself", direct[0], direct[0] / 2)
    figure("  alone, with no server", alone[0], "s", "the registry itself", direct[0])
    figure("  the client's own processor time", warm[1], "s", "with the registry", direct[1])
    if direct[0] > alone[0]:
        figure("  what the server adds to alone", warm[0] - alone[0], "s", "what the registry adds", direct[0] - alone[0])
