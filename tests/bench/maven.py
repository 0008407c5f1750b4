"""Resolving some fifty jars with mvn and coursier: through a warm remote repository, and from the registry."""
import os
import pathlib
import subprocess
import sys
import time

from bench import BIN, figure, folder, median

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
os.environ["SOS_STORE"] = str(BIN / "sos-store")
from conftest import Store      # noqa: E402
from test_maven_clients import COURSIER, POM, SETTINGS, default_registry    # noqa: E402

REPEATS = 5


def timed(*command, cwd):
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return time.perf_counter() - start


def mvn(room, url, token):
    """Into an empty local repository, checksums strict; what was resolved stays in room/cp."""
    with folder() as fresh:
        settings = []
        if url:
            (fresh / "settings.xml").write_text(SETTINGS.format(url=url, token=token))
            settings = ["-s", fresh / "settings.xml"]
        return timed("mvn", "-B", "-q", "-C", *settings, f"-Dmaven.repo.local={fresh}/m2",
                     "dependency:build-classpath", "-Dmdep.outputFile=cp", cwd=room)


def coursier(room, jars, url):
    with folder() as fresh:
        return timed("java", "-cp", jars, "coursier.cli.Coursier", "fetch", "-q", "--cache", fresh,
                     "--no-default", "-r", url, ":".join(COURSIER), cwd=room)


def main():
    registry = default_registry()
    with folder() as room, folder() as state, folder() as kept:
        (room / "pom.xml").write_text(POM.format(*COURSIER))
        timed("mvn", "-B", "-q", f"-Dmaven.repo.local={kept}/m2", "dependency:build-classpath",
              "-Dmdep.outputFile=cp", cwd=room)
        jars = (room / "cp").read_text()
        store = Store(state, "--anonymous-read", "--repositories", f"maven-remote maven remote url={registry}")
        url = store.base + "/maven-remote"
        cold = mvn(room, url, store.token)
        coursier(room, jars, url)
        pairs = [(mvn(room, url, store.token), mvn(room, None, None)) for _ in range(REPEATS)]
        fetches = [(coursier(room, jars, url), coursier(room, jars, registry)) for _ in range(REPEATS)]
        store.stop()
    warm, direct = (median(side) for side in zip(*pairs))
    figure("mvn resolves 48 jars, cold", cold, "s", "the registry itself", direct)
    figure("mvn resolves 48 jars, warm", warm, "s", "the registry itself", direct, direct / 2)
    warm, direct = (median(side) for side in zip(*fetches))
    figure("coursier fetches 48 jars, warm", warm, "s", "the registry itself", direct, direct / 2)


main()
