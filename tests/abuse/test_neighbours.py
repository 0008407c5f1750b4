"""Two builds at once, in two slots: neither can reach, starve or outlive the other."""
import ctypes
import os
import time

import pytest

from rig import ATTACK

HOLD = "for i in $(seq 40); do sleep 0.25; echo .; done; exit 9"


@pytest.mark.parametrize("step, answer", [("fetch", "socket ENOSYS"), ("build", "connect ECONNREFUSED")])
def test_no_descriptor_passes_from_one_to_another(rig, step, answer):
    """CVE-2024-27297; and a disk that is held outlives its build and would be mounted twice."""
    host = rig.submit({f"{step}.sh": f"/src/attack hold here & {HOLD}", "attack": ATTACK}, project="holds")
    rig.wait(host, lambda r: "listen" in rig.build_log(host))
    log = rig.said("/src/attack give here", step)
    assert answer in log and "given" not in log
    assert "held ok" not in rig.build_log(rig.end_of(host)["id"])


@pytest.mark.parametrize("what, at_most", [("inotify", 100), ("pty", 64)])
def test_what_the_kernel_counts_for_the_host_is_shared(rig, what, at_most):
    hoarder = rig.submit({"build.sh": f"/src/attack hoard {what} 8; exit 9", "attack": ATTACK}, project="hoards")
    rig.wait(hoarder, lambda r: f"\n{what} " in rig.build_log(hoarder))
    other = rig.said(f"/src/attack hoard {what}")
    for log in (rig.build_log(hoarder), other):
        count = int(log.split(f"\n{what} ")[1].split()[0])
        assert 8 <= count <= at_most, log
    fd = ctypes.CDLL(None, use_errno=True).inotify_init()
    assert fd >= 0, os.strerror(ctypes.get_errno())
    os.close(fd)
    rig.end_of(hoarder)


@pytest.mark.parametrize("script, reason", [("/src/attack bomb /src", "DISK_FULL"), ("/src/attack deep /src", "COMPILE"),
                                            ("/src/attack deep /tmp", "COMPILE"), ("/src/attack deep /out", "COMPILE")])
def test_a_bomb_of_files_is_gone_at_once(rig_big, script, reason):
    rig = rig_big
    bomb = rig.submit({"build.sh": f"{script}; touch /src/mark; echo 'do''ne'; exit 9", "attack": ATTACK}, project="bomb")
    assert rig.build({"README": "x"}, project="honest")["state"] == "STORING"
    rig.wait(bomb, lambda r: "done" in rig.build_log(bomb), 60)
    started = time.monotonic()
    record = rig.end_of(bomb)
    assert record["result"]["reason"] == reason, (record, rig.build_log(bomb))
    rig.assert_clean()
    assert time.monotonic() - started < 20


def test_the_output_of_a_build_is_never_waited_for(rig):
    """A build can read its own output: what poll() told the worker may be gone when it reads."""
    build = rig.submit({"build.sh": HOLD})
    rig.wait(build, lambda r: "\n." in rig.build_log(build))
    pipes = []
    for slot in rig.slots_of():
        for fd in os.listdir(f"/proc/{slot}/fd"):
            if os.readlink(f"/proc/{slot}/fd/{fd}").startswith("pipe:") and int(fd) > 2:
                pipes.append(open(f"/proc/{slot}/fdinfo/{fd}").read())
    assert len(pipes) == 1
    flags = int(pipes[0].split("flags:")[1].split()[0], 8)
    assert flags & os.O_NONBLOCK
    rig.answer("post", f"/v1/builds/{build}:cancel", json={})
    rig.end_of(build)
