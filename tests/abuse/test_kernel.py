"""What a build may not do to the kernel, the host and its neighbours."""
import os
import pathlib

CALLS = pathlib.Path(os.environ["SOS_ABUSE_CALLS"])
ALLOWED = {"file", "chmod_plain", "socket_unix", "socket_inet"}
# The kernel's own refusal is as good as the filter's.
DENIED = {"EPERM", "ENOSYS", "EAFNOSUPPORT", "EACCES", "EINVAL"}


def said(rig, script, **files):
    record = rig.build({"build.sh": script + "\nexit 9", **files})
    assert record["result"]["reason"] == "COMPILE", record
    log = rig.build_log(record["id"])
    return log[log.index("[sos] build\n"):]


def test_forbidden_system_calls(rig):
    log = said(rig, "/src/calls; echo end", calls=CALLS.read_bytes())
    table = dict(line.split() for line in log.splitlines() if len(line.split()) == 2 and "[" not in line)
    assert len(table) > 50, log
    for name, errno in table.items():
        if name in ALLOWED:
            assert errno == "ok", (name, errno)
        elif name == "chown_root":
            assert errno == "EPERM"
        else:
            assert errno in DENIED - {"EINVAL"}, (name, errno)
    assert table["clone3"] == "ENOSYS"


def test_no_capability_and_no_way_to_one(rig):
    log = said(rig, "grep -E 'Cap|NoNewPrivs|Seccomp:' /proc/self/status; ls -l /bin/busybox-root; id -u; /bin/busybox-root id -u")
    for line in log.splitlines():
        if line.startswith("Cap"):
            assert line.split()[1] == "0" * 16, line
    assert "NoNewPrivs:\t1" in log and "Seccomp:\t2" in log
    assert "-rwxr-xr-x" in log and "-rws" not in log
    assert log.splitlines().count("1000") == 2, log


def test_only_three_descriptors(rig):
    log = said(rig, "for p in /proc/[0-9]*; do echo $p; done; ls -l /proc/self/fd | grep -v '/proc/'; ls -l /proc/1/fd")
    assert "socket:" not in log and "anon_inode" not in log
    assert "can't open '/proc/1/fd': Permission denied" in log


def test_the_hosts_devices_stay_roots(rig):
    log = said(rig, "cat; for d in null zero full random urandom tty; do chmod 600 /dev/$d; done; echo end")
    assert log.count("Operation not permitted") == 6 and "\nend\n" in log, log
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        assert os.stat(f"/dev/{name}").st_uid == 0, name


def test_no_process_but_its_own(rig):
    log = said(rig, "ls -d /proc/[0-9]* | wc -l")
    assert int(log.splitlines()[1]) < 8, log


def test_no_network(rig):
    log = said(rig, "cat /proc/net/dev; cat /proc/net/route; nc -w 2 192.0.2.1 80 < /dev/null && echo reached; "
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
    log = said(rig, "".join(f"touch {p} 2> /dev/null && echo wrote {p}\n" for p in places) +
               "echo 1 > /proc/sys/kernel/core_pattern; echo b > /proc/sysrq-trigger; "
               "echo -1000 > /proc/self/oom_score_adj; cat /proc/self/oom_score_adj; "
               "for f in /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/cgroup.procs; do echo $$ > $f; done; echo end")
    assert "wrote" not in log, log
    assert "\n500\n" in log, log


def test_masked_places_tell_nothing(rig):
    log = said(rig, "for f in /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug; do head -c 10 $f | wc -c; done\n"
                    "ls /sys/firmware /proc/acpi /proc/scsi 2> /dev/null | wc -w; ls /dev")
    numbers = [line for line in log.splitlines() if line.isdigit()]
    assert numbers[:4] == ["0"] * 4, log
    for device in ("loop", "kvm", "fuse", "vda", "mem", "net"):
        assert device not in log.split(), log


def test_the_environment_holds_what_the_contract_says(rig):
    log = said(rig, "env | sort; pwd; umask")
    names = {line.split("=")[0] for line in log.splitlines() if "=" in line and line[0].isupper()}
    assert {"SOS_PROJECT", "SOS_VERSION", "SOS_ENTRY", "SOS_NETWORK", "SOURCE_DATE_EPOCH", "TZ", "LC_ALL", "HOME",
            "PATH"} <= names
    assert names <= {"SOS_PROJECT", "SOS_VERSION", "SOS_ENTRY", "SOS_NETWORK", "SOURCE_DATE_EPOCH", "TZ", "LC_ALL",
                     "HOME", "PATH", "PWD", "OLDPWD", "SHLVL"}
    assert "\n/src\n0022\n" in log


def test_the_workers_secrets_are_nowhere(rig):
    token = (rig.state / "server/worker.token").read_text().strip()
    log = said(rig, "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/mounts 2> /dev/null; env")
    assert token not in log
