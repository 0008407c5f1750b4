"""What a build may not do to the kernel, the host and its neighbours."""
import os

import pathlib

import pytest

from rig import CALLS, Rig

# What the filter knows and denies is EPERM; these are not.
OTHERS = {
    "clone3": "ENOSYS", "clone_newnet": "ENOSYS", "clone_newuser": "ENOSYS", "personality": "ENOSYS",
    "io_setup": "ENOSYS", "fchmodat2": "ENOSYS", "nice": "EACCES", "file": "ok", "chmod_plain": "ok",
    "socket_unix": "ok", "socket_unix_high": "ok", "pair_stream": "ok", "pair_dgram": "ok", "pair_raw": "ENOSYS",
    "socket_route": "ok", "socket_netfilter": "ENOSYS", "socket_audit": "ENOSYS", "socket_inet": "ok",
    "socket_packet": "EAFNOSUPPORT", "socket_alg": "EAFNOSUPPORT", "socket_vsock": "EAFNOSUPPORT",
}
# With the host's network no unix socket has a name: two builds could meet there.
FETCH = {"socket_unix": "ENOSYS", "socket_unix_high": "EAFNOSUPPORT", "pair_dgram": "ENOSYS"}


@pytest.mark.parametrize("step, others", [("build", OTHERS), ("fetch", {**OTHERS, **FETCH})])
def test_forbidden_system_calls(rig, step, others):
    log = rig.said("/src/calls; echo end", step, calls=CALLS)
    table = dict(line.split() for line in log.splitlines() if len(line.split()) == 2 and "[" not in line)
    assert len(table) > 75, log
    assert table == {name: others.get(name, "EPERM") for name in table}


def test_system_calls_of_other_abis_kill(rig):
    log = rig.said("/src/attack foreign")
    assert "x32 SIGSYS" in log and "i386 SIGSYS" in log


def test_process_one_is_out_of_reach(rig):
    log = rig.said("/src/attack init; echo alive")
    assert "alive" in log
    for line in ("ptrace EPERM", "mem EACCES", "environ EACCES", "fd EACCES", "root EACCES"):
        assert line in log


def test_no_terminal(rig):
    log = rig.said("/src/attack terminal")
    assert log.count("TIOCSTI ENOTTY") == 3 and "TIOCLINUX ENOTTY" in log
    assert "tty ENXIO" in log and "console ENOENT" in log


def test_no_capability_and_no_way_to_one(rig):
    log = rig.said("grep -E 'Cap|NoNewPrivs|Seccomp:' /proc/self/status; ls -l /bin/busybox-root; id -u; /bin/busybox-root id -u")
    for line in log.splitlines():
        if line.startswith("Cap"):
            assert line.split()[1] == "0" * 16, line
    assert "NoNewPrivs:\t1" in log and "Seccomp:\t2" in log
    assert "-rwxr-xr-x" in log and "-rws" not in log
    assert log.splitlines().count("1000") == 2, log


def test_only_three_descriptors(rig):
    log = rig.said("for p in /proc/[0-9]*; do echo $p; done; ls -l /proc/self/fd | grep -v '/proc/'; ls -l /proc/1/fd")
    assert "socket:" not in log and "anon_inode" not in log
    assert "can't open '/proc/1/fd': Permission denied" in log


def test_the_hosts_devices_stay_roots(rig):
    log = rig.said("cat; for d in null zero full random urandom tty; do chmod 600 /dev/$d; done; echo end")
    assert log.count("Operation not permitted") == 6 and "\nend\n" in log, log
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        assert os.stat(f"/dev/{name}").st_uid == 0, name


def test_no_process_but_its_own(rig):
    log = rig.said("ls -d /proc/[0-9]* | wc -l")
    assert int(log.splitlines()[1]) < 8, log


def test_no_network(rig):
    log = rig.said("cat /proc/net/dev; cat /proc/net/route; nc -w 2 192.0.2.1 80 < /dev/null && echo reached; "
                    f"nc -w 2 127.0.0.1 {rig.url.rsplit(':', 1)[1]} < /dev/null && echo reached")
    devices = [line.split(":")[0].strip() for line in log.splitlines() if ":" in line and "bytes" not in line]
    assert "reached" not in log
    assert "eth0" not in devices and "lo" in devices
    record = rig.build({"README": "x", "check.sh": "x"})
    assert record["state"] == "STORING"


def test_fetch_has_the_hosts_network(rig):
    port = rig.url.rsplit(":", 1)[1]
    record = rig.build({"fetch.sh": f"nc -w 2 127.0.0.1 {port} < /dev/null && echo reached; env; ls /sys; exit 9"})
    log = rig.build_log(record["id"])
    assert record["result"]["reason"] == "DEPENDENCIES", (record, log)
    assert "reached" in log and "SOS_NETWORK=host" in log


def test_read_only_places(rig):
    places = ["/x", "/etc/x", "/opt/sos/x", "/run/sos/x", "/proc/sys/kernel/x", "/sys/x", "/artifact/x", "/bin/x"]
    log = rig.said("".join(f"touch {p} 2> /dev/null && echo wrote {p}\n" for p in places) +
               "echo 1 > /proc/sys/kernel/core_pattern; echo b > /proc/sysrq-trigger; "
               "echo -1000 > /proc/self/oom_score_adj; cat /proc/self/oom_score_adj; "
               "for f in /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/cgroup.procs; do echo $$ > $f; done; echo end")
    assert "wrote" not in log, log
    assert "\n500\n" in log, log


def test_masked_places_tell_nothing(rig):
    files = "/proc/kcore /proc/keys /proc/timer_list /proc/sched_debug /proc/interrupts /proc/kmsg"
    folders = "/sys/firmware /proc/acpi /proc/scsi /sys/block /sys/class/block /sys/dev/block /sys/devices/virtual/block"
    log = rig.said(f"for f in {files}; do head -c 10 $f 2> /dev/null | wc -c; done\n"
                   f"ls {folders} 2> /dev/null | grep -v : | wc -w\n"
                   "cat /sys/block/*/loop/backing_file /sys/devices/virtual/block/*/loop/backing_file; ls /dev; dmesg")
    numbers = [line for line in log.splitlines() if line.isdigit()]
    assert numbers == ["0"] * 7, log
    assert "scratch.ext4" not in log and str(rig.room) not in log
    for device in ("loop", "kvm", "fuse", "vda", "mem", "net", "console"):
        assert device not in log.split(), log


def test_every_place_to_write_at_is_without_devices_and_set_uid(rig):
    log = rig.said("cat /proc/mounts")
    mounts = {line.split()[1]: line.split()[3].split(",") for line in log.splitlines() if len(line.split()) == 6}
    for place in ("/src", "/out", "/tmp", "/cache", "/dev/shm"):
        assert {"rw", "nosuid", "nodev"} <= set(mounts[place]), mounts[place]
    for place in ("/", "/sys", "/run/sos", "/proc/sys", "/sys/fs/cgroup/memory"):
        assert "ro" in mounts.get(place, ["ro"]), mounts[place]


def test_control_groups_cannot_be_changed(rig):
    log = rig.said("for f in release_agent notify_on_release devices.allow memory.limit_in_bytes cgroup.procs pids.max memory.max; do\n"
                   "for p in $(find /sys/fs/cgroup -name $f); do (echo 1 > $p) 2> /dev/null && echo wrote $p; done; done\n"
                   "find /sys/fs/cgroup -name release_agent; mkdir /sys/fs/cgroup/memory/x && echo made; echo end")
    assert "wrote" not in log and "made" not in log and "release_agent" not in log.splitlines(), log


def test_the_environment_holds_what_the_contract_says(rig):
    log = rig.said("env | sort; pwd; umask")
    names = {line.split("=")[0] for line in log.splitlines() if "=" in line and line[0].isupper()}
    assert {"SOS_PROJECT", "SOS_VERSION", "SOS_ENTRY", "SOS_NETWORK", "SOURCE_DATE_EPOCH", "TZ", "LC_ALL", "HOME",
            "PATH"} <= names
    assert names <= {"SOS_PROJECT", "SOS_VERSION", "SOS_ENTRY", "SOS_NETWORK", "SOURCE_DATE_EPOCH", "TZ", "LC_ALL",
                     "HOME", "PATH", "PWD", "OLDPWD", "SHLVL"}
    assert "\n/src\n0022\n" in log


def test_the_workers_secrets_are_nowhere():
    canary = "canary-5d1c7e"
    # A systemd unit's sockets would be handed on by the runtime if it saw these.
    around = ["env", f"SOS_CANARY={canary}", "NOTIFY_SOCKET=/run/canary-5d1c7e", "LISTEN_FDS=3"]
    with Rig(slots=1, around=around) as rig:
        assert canary in pathlib.Path(f"/proc/{rig.worker.pid}/environ").read_text()
        token = (rig.state / "server/worker.token").read_text().strip()
        for step in ("inspect", "fetch", "build"):
            log = rig.said("cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/mounts 2> /dev/null; env; ls -R /run /dev; "
                           "find / -xdev -type f -newer /bin/busybox 2> /dev/null | xargs cat | strings; "
                           "cat /run/sos/host-hosts /run/sos/resolv.conf; echo 'sea''rched'", step)
            assert "searched" in log
            assert token not in log and canary not in log
