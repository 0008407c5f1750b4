"""A slot or the whole worker is killed in the middle of a step: nothing is left, nothing is lost."""
import signal
import subprocess
import time

import pytest

from rig import Rig, children, kill

FOREVER = "setsid sleep 1000 & while :; do echo .; sleep 0.1; done"


def running(rig, script=FOREVER):
    build = rig.submit({"build.sh": script})
    rig.wait(build, lambda r: r["state"] == "RUNNING" and "\n." in rig.build_log(build))
    assert rig.sandboxed()
    return build


def test_a_killed_slot_leaves_nothing_and_comes_back():
    with Rig(slots=1, lease_ttl="3s") as rig:
        build = running(rig)
        before = rig.slots_of()
        kill(before[0])
        rig.wait(build, lambda r: r["attempt"] == 2 and r["state"] == "RUNNING")
        assert rig.slots_of() != before
        rig.answer("post", f"/v1/builds/{build}:cancel", json={})
        assert rig.end_of(build)["state"] == "CANCELED"
        rig.assert_clean()


def test_a_killed_slot_loses_its_build_at_once():
    """The worker lives and says so: nobody waits for the lease, and another slot may take over."""
    with Rig(slots=2, lease_ttl="60s") as rig:
        build = running(rig)
        # The one whose sandbox runs is the one with children.
        busy = next(slot for slot in rig.slots_of() if children(slot))
        kill(busy)
        rig.wait(build, lambda r: r["attempt"] == 2, seconds=30)   # half of the lease
        rig.answer("post", f"/v1/builds/{build}:cancel", json={})
        assert rig.end_of(build)["state"] == "CANCELED"
        rig.assert_clean()


@pytest.mark.parametrize("word", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_stopped_at_once_stops_at_once(word):
    """Its slots may have hardly begun; a signal that comes before their handlers is not lost."""
    with Rig(slots=12) as rig:
        for _ in range(3):
            rig.worker.send_signal(word)
            assert rig.worker.wait(10) == 0, rig.tail()
            rig.start_worker()
        rig.assert_clean()


def test_a_killed_worker_leaves_nothing_after_its_restart():
    with Rig(slots=2, lease_ttl="3s") as rig:
        build = running(rig)
        kill(rig.worker.pid)
        rig.worker.wait()
        end = time.monotonic() + 5
        while rig.sandboxed() and time.monotonic() < end:
            time.sleep(0.05)
        # The kernel has killed it all, before anyone cleans up.
        assert not rig.sandboxed()
        rig.start_worker()
        rig.wait(build, lambda r: r["attempt"] == 2 and r["state"] == "RUNNING")
        rig.answer("post", f"/v1/builds/{build}:cancel", json={})
        assert rig.end_of(build)["state"] == "CANCELED"
        rig.assert_clean()


def test_a_stopped_worker_gives_its_build_back():
    with Rig(slots=1, lease_ttl="30s") as rig:
        build = running(rig)
        rig.worker.send_signal(signal.SIGTERM)
        assert rig.worker.wait(20) == 0
        assert rig.wait(build, lambda r: r["state"] == "QUEUED")["attempt"] == 1
        rig.assert_clean()
        rig.start_worker()
        rig.wait(build, lambda r: r["attempt"] == 2 and r["state"] == "RUNNING")
        rig.answer("post", f"/v1/builds/{build}:cancel", json={})
        rig.end_of(build)


def test_a_server_that_is_away_for_longer_than_the_lease_costs_the_attempt():
    with Rig(slots=1, lease_ttl="3s") as rig:
        build = running(rig)
        rig.server.send_signal(signal.SIGSTOP)
        try:
            end = time.monotonic() + 15
            while rig.sandboxed() and time.monotonic() < end:
                time.sleep(0.05)
            # The worker fenced itself: it stopped before another may start.
            assert not rig.sandboxed()
        finally:
            rig.server.send_signal(signal.SIGCONT)
        rig.wait(build, lambda r: r["attempt"] == 2 and r["state"] == "RUNNING")
        rig.answer("post", f"/v1/builds/{build}:cancel", json={})
        assert rig.end_of(build)["state"] == "CANCELED"
        rig.assert_clean()


def test_a_worker_that_stops_does_not_disturb_another():
    with Rig(slots=1) as rig:
        with Rig(slots=1) as other:
            assert other.build({"README": "x"})["state"] == "STORING"
        assert rig.build({"README": "x"})["state"] == "STORING"


def test_a_slot_whose_room_is_gone_begins_afresh():
    with Rig(slots=1) as rig:
        assert rig.build({"README": "x"})["state"] == "STORING"
        before = rig.slots_of()
        subprocess.run(["nsenter", "-t", str(before[0]), "-m", "-p", "umount", "-l", "/run/sos-worker"], check=True)
        record = rig.build({"README": "x"})
        assert record["state"] == "STORING", record
        assert record["attempt"] == 2 and rig.slots_of() != before
        rig.assert_clean()


def test_an_image_that_is_made_later_needs_no_restart():
    with Rig(slots=1) as rig:
        entry = rig.images / "busybox.json"
        kept = entry.read_text()
        rig.worker.terminate()
        assert rig.worker.wait(20) == 0
        entry.unlink()
        rig.start_worker()
        entry.write_text(kept)   # as images/make ends
        end = time.monotonic() + 10
        while not rig.answer("get", "/v1/images").get("images") and time.monotonic() < end:
            time.sleep(0.1)
        assert rig.build({"README": "x"}, seconds=10)["state"] == "STORING"


class SmallRig(Rig):
    """The server's state is a file system of its own, small and in memory."""

    def start(self, program, *flags, **more):
        folder = self.state / "server"
        if program == "sos-server":
            folder.mkdir(parents=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m,mode=0700", "none", folder], check=True)
        return super().start(program, *flags, **more)

    def __exit__(self, *more):
        subprocess.run(["umount", "-l", self.state / "server"], check=True)
        super().__exit__(*more)

    def fill(self):
        with open(self.state / "server/ballast", "wb", buffering=0) as ballast:
            for size in (1 << 16, 1):
                try:
                    while True:
                        ballast.write(b"x" * size)
                except OSError:
                    pass

    def free(self):
        (self.state / "server/ballast").unlink()


def test_a_server_whose_disk_is_full_for_longer_than_the_lease_costs_nothing():
    with SmallRig(slots=1, lease_ttl="3s") as rig:
        build = running(rig, "i=0; while [ $i -lt 15 ]; do echo .; sleep 0.1; i=$((i+1)); done; "
                             "mkdir -p /out/artifact; printf '#!/bin/sh\\n' > /out/artifact/demo; chmod 755 /out/artifact/demo")
        rig.fill()
        time.sleep(8)
        assert rig.answer("get", f"/v1/builds/{build}")["state"] == "RUNNING"
        rig.free()
        record = rig.end_of(build)
        assert (record["state"], record["attempt"]) == ("STORING", 1), record
