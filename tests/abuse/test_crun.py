"""The other runtime holds builds as well.

crun 1.8 refuses hosts that mount both kinds of control groups; there it gets a view of the host without
the unified one.
"""
import pathlib
import signal

import pytest

import test_kernel
from rig import Rig

UNIFIED = pathlib.Path("/sys/fs/cgroup/unified")
HIDE = ["unshare", "--mount", "sh", "-c", f'umount {UNIFIED} && exec "$@"', "sh"] if UNIFIED.is_mount() else []


@pytest.fixture(scope="module")
def rig():
    with Rig(slots=1, around=HIDE, worker=["--runtime=crun"]) as up:
        assert up.answer("get", "/v1/workers")["workers"][0]["sandbox"].startswith("crun ")
        yield up


def test_a_whole_build(rig):
    record = rig.build({"README": "hello"})
    assert record["state"] == "STORING", record
    assert [s["state"] for s in record["steps"]] == ["SUCCEEDED"] * 7


@pytest.mark.parametrize("script, reason", [
    ("tail -c 1000m /dev/zero | wc -c", "OOM"),
    ("while :; do setsid sleep 1000 & done", "PIDS_LIMIT"),
    ("dd if=/dev/zero of=/src/big bs=1M count=500", "DISK_FULL"),
])
def test_limits(rig, script, reason):
    rig.attack(script, reason)


def test_a_daemon_that_holds_the_output_dies_with_the_step(rig):
    rig.attack("setsid sleep 300 & exit 3", "COMPILE")


@pytest.mark.parametrize("step, others", [("build", test_kernel.OTHERS), ("fetch", {**test_kernel.OTHERS, **test_kernel.FETCH})])
def test_the_filter(rig, step, others):
    test_kernel.test_forbidden_system_calls(rig, step, others)


@pytest.mark.parametrize("what", [
    test_kernel.test_no_capability_and_no_way_to_one, test_kernel.test_only_three_descriptors, test_kernel.test_no_network,
    test_kernel.test_read_only_places, test_kernel.test_control_groups_cannot_be_changed,
    test_kernel.test_process_one_is_out_of_reach, test_kernel.test_masked_places_tell_nothing,
    test_kernel.test_every_place_to_write_at_is_without_devices_and_set_uid,
])
def test_the_same_walls(rig, what):
    what(rig)


def test_the_kernels_counts_are_bounded(rig):
    log = rig.said("/src/attack hoard inotify; /src/attack hoard pty")
    for what in ("inotify", "pty"):
        assert int(log.split(f"\n{what} ")[1].split()[0]) <= 100, log


@pytest.mark.skipif(not HIDE, reason="this host mounts one kind of control groups")
def test_a_runtime_that_does_not_work_here_says_why():
    with Rig(slots=1) as rig:
        rig.worker.send_signal(signal.SIGTERM)
        rig.worker.wait(20)
        rig.flags = ["--runtime=crun"]
        with pytest.raises(AssertionError, match="hybrid mode not supported"):
            rig.start_worker()
