"""A build that fetches reaches its gateway and nothing else, and what it gets there is on record."""
import os
import pathlib
import socket

import pytest

from rig import ATTACK, FROM_STORE, STORE, Rig, children, kill

BASE = "http://127.0.0.1:8624/artifactory"
JAR = "org/x/1/x-1.jar"


def fetch(rig, script, **request):
    """A build whose fetch is this script and succeeds; its record and log."""
    record = rig.build({"fetch.sh": script + "\ntrue", "attack": ATTACK}, **request)
    log = rig.build_log(record["id"])
    assert record["state"] == "STORING", (record, log)
    return record, log[log.index("[sos] fetch\n"):log.index("[sos] build\n")]


def gateways(rig):
    """Process ids of the gateways of this worker."""
    return [pid for slot in rig.slots_of() for pid in children(slot)
            if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "sos-gateway"]


# --- what it reaches ---

def test_a_file_of_the_store_comes_and_is_on_record(rig_store):
    rig = rig_store
    data = os.urandom(300000)
    digest = rig.put("mvn/" + JAR, data)
    build, log = fetch(rig, f"wget -q -O /tmp/x {BASE}/mvn/{JAR}; sha256sum /tmp/x; env | grep -E 'SOS_|PROXY|INDEX|npm'")
    assert digest in log
    assert rig.dependencies(build["id"]) == [
        {"repository": "mvn", "path": JAR, "url": f"{rig.store_url}/mvn/{JAR}", "sha256": digest, "sizeBytes": "300000"}]
    for line in ("SOS_NETWORK=gateway", f"GOPROXY={BASE}/api/go/go", f"npm_config_registry={BASE}/api/npm/npm/",
                 f"PIP_INDEX_URL={BASE}/api/pypi/pypi/simple", f"SOS_MAVEN_REPOSITORY={BASE}/mvn/"):
        assert line in log.splitlines(), log


def test_a_file_that_is_not_taken_to_its_end_is_on_record(rig_store):
    rig = rig_store
    rig.put("mvn/half", os.urandom(30 << 20))
    build, log = fetch(rig, f"wget -q -O - {BASE}/mvn/half | head -c 1000000 | wc -c")
    assert "\n1000000\n" in log
    assert rig.dependencies(build["id"]) == [{"repository": "mvn", "path": "half", "url": f"{rig.store_url}/mvn/half"}]


def test_a_file_is_one_however_it_is_asked_for(rig_store):
    rig = rig_store
    digest = rig.put("mvn/" + JAR, b"jar")
    ways = [JAR, JAR.replace("/", "%2f"), JAR.replace("x", "%78")]
    build, _ = fetch(rig, "\n".join(f"wget -q -O /dev/null {BASE}/mvn/{way}" for way in ways))
    assert [(d["path"], d["sha256"]) for d in rig.dependencies(build["id"])] == [(JAR, digest)]


def test_nothing_else_is_reached(rig_store):
    rig = rig_store
    with socket.socket(socket.AF_UNIX) as host:
        name = f"canary-{os.getpid()}"
        host.bind("\0" + name)
        host.listen()
        own = " ".join(f"127.0.0.1 {url.rsplit(':', 1)[1].split('/')[0]}" for url in (rig.url, rig.store_url))
        addresses = "169.254.169.254 80 192.0.2.1 443 10.0.0.1 80 8.8.8.8 53 127.0.0.53 53 127.0.0.1 53"
        log = fetch(rig, f"/src/attack reach {own} {addresses}; /src/attack meet {name}; ls /sys/class/net; "
                         "cat /proc/net/route /proc/net/ipv6_route /proc/net/unix; nslookup localhost.example")[1]
        assert name not in log
    lines = log.splitlines()
    for url in (rig.url, rig.store_url):
        assert f"127.0.0.1:{url.rsplit(':', 1)[1].split('/')[0]} ECONNREFUSED" in lines, log
    for line in ("169.254.169.254:80 ENETUNREACH", "192.0.2.1:443 ENETUNREACH", "10.0.0.1:80 ENETUNREACH",
                 "8.8.8.8:53 ENETUNREACH", "connect ECONNREFUSED", "lo"):
        assert line in lines, log
    assert "eth0" not in log and "\nAddress 1:" not in log


def test_only_fetch_has_a_gateway(rig_store):
    rig = rig_store
    log = rig.said("/src/attack reach 127.0.0.1 8624; ls -l /run/sos/gateway.sock; env | grep SOS_NETWORK")
    assert "127.0.0.1:8624 ECONNREFUSED" in log and "SOS_NETWORK=none" in log and "\ns" not in log, log


def test_the_stores_token_is_nowhere(rig_store):
    rig = rig_store
    log = fetch(rig, "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/mounts 2> /dev/null; env; ls -lR /run; "
                     f"wget -S -O - {BASE}/mvn/none 2>&1; echo 'sea''rched'")[1]
    assert "searched" in log and rig.store_token not in log and rig.store_url not in log, log


def test_the_forwarder_is_out_of_reach(rig_store):
    log = fetch(rig_store, "for p in /proc/[0-9]*; do [ $p = /proc/$$ ] || ls -l $p/fd $p/exe; done 2>&1; echo end")[1]
    assert log.count("/fd: Permission denied") + log.count("/fd': Permission denied") >= 2, log


# --- what it refuses ---

REFUSED = {
    "POST /artifactory/mvn/x": 405, "PUT /artifactory/mvn/x": 405, "DELETE /artifactory/mvn/x": 405,
    "GET /artifactory/other/x": 403, "GET /artifactory/sos-release-local/x": 403,
    "GET /artifactory/api/storage/mvn/x": 403, "GET /artifactory/api/npm/npm/-/whoami": 403,
    "GET /access/api/v1/tokens": 403, "GET /artifactory/mvn/../other/x": 403,
    "GET /artifactory/mvn/%2e%2e/other/x": 403, "GET /artifactory/mvn/..%2fother/x": 403,
    "GET /artifactory/mvn/%252e%252e/other/x": 403, "GET /artifactory/mvn/x;a=b": 403,
}
NO_ANSWER = {"CONNECT 10.0.0.1:443": 400, "GET http://10.0.0.1/": 403, "GET /artifactory/mvn/none": 404}


def test_what_is_no_package_is_refused(rig_store):
    rig = rig_store
    rig.put("other/x", b"secret of another")
    requests = {**REFUSED, **NO_ANSWER}
    build, log = fetch(rig, "\n".join(f"echo; echo '#{line}'; /src/attack ask 8624 '{line} HTTP/1.1'" for line in requests))
    answers = {part.splitlines()[0]: part for part in log.split("\n#")[1:]}
    assert "secret" not in log
    for line, status in requests.items():
        assert f"HTTP/1.1 {status} " in answers[line], answers[line]
    for line, status in REFUSED.items():
        assert f"gateway: refused {status} {line}\n" in rig.build_log(build["id"])
        assert "sos-gateway: a build may" in answers[line] or '{"error":"a build may' in answers[line], answers[line]
    assert rig.dependencies(build["id"]) == []


def test_a_flood_of_connections_is_capped(rig_store):
    rig = rig_store
    rig.put("mvn/" + JAR, b"jar")
    request = f"'GET /artifactory/mvn/{JAR} HTTP/1.1'"
    log = fetch(rig, "(while :; do sleep 1; echo .; done) &\n"    # a full queue takes its time: that is no silence
                     f"/src/attack flood 8624 400 {request}; /src/attack ask 8624 {request}; kill $!")[1]
    answered = int(log.split("answered ")[1].split()[0])
    assert 100 <= answered <= 128, log
    assert "HTTP/1.1 200 OK" in log.split("answered ")[1]


def test_bytes_are_capped(rig_store):
    """By the build's disks: 64 and 32 MiB here."""
    rig = rig_store
    rig.put("mvn/big", os.urandom(1 << 20) * 40)
    log = fetch(rig, f"for i in 1 2 3 4; do wget -q -O - {BASE}/mvn/big | wc -c; done; /src/attack ask 8624 'GET /artifactory/mvn/big HTTP/1.1' | head -c 300")[1]
    assert [line for line in log.splitlines() if line.isdigit()][:2] == [str(40 << 20)] * 2, log
    assert "40000000" not in log and ("429" in log or "502" in log), log


def test_more_than_goes_on_record_is_the_builds_own_failure(rig_store):
    """What earlier builds of the project put into the cache counts; and it is not kept then."""
    rig = rig_store
    rig.put("mvn/one", b"1")
    script = {"fetch.sh": f"wget -q -O /dev/null {BASE}/mvn/one; ls /cache; echo $1 > /cache/mark"}
    mine = {"project": "hoarder", "noCache": False}
    rig.build({**script, "salt": "1"}, **mine)
    kept = rig.state / "worker/caches/hoarder/busybox/downloads"
    kept.write_text("".join(f"file mvn 1 {'a' * 64} /artifactory/mvn/{i}\n" for i in range(50000)))
    over = rig.build({**script, "salt": "2"}, **mine)
    assert (over["state"], over["attempt"], over["result"]["reason"]) == ("FAILED", 1, "DEPENDENCIES"), over
    assert "more was downloaded than goes on record: 50000 files" in over["result"]["message"], over
    assert "cache is not kept" in over["result"]["hint"] and "mark" in rig.build_log(over["id"])
    again = rig.build({**script, "salt": "3"}, **mine)
    assert again["state"] == "STORING" and "mark" not in rig.build_log(again["id"])
    assert [d["path"] for d in rig.dependencies(again["id"])] == ["one"]


# --- whose it is ---

def test_two_builds_at_once_have_their_own_records(rig_store):
    rig = rig_store
    digests = {name: rig.put(f"mvn/{name}", name.encode() * 1000) for name in ("one", "two")}
    builds = {name: rig.submit({"fetch.sh": f"wget -q -O - {BASE}/mvn/{name} > /dev/null; echo got; for i in 1 2 3 4 5 6 7 8; do sleep 0.25; echo .; done"},
                               project=name) for name in digests}
    for build in builds.values():
        rig.wait(build, lambda r: "\ngot\n" in rig.build_log(r["id"]))
    pids = gateways(rig)
    assert len(pids) == 2
    users = set()
    for pid in pids:
        status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
        users.add(status["Uid"])
        assert "0" not in status["Uid"].split() and int(status["CapEff"], 16) == 0 and status["NoNewPrivs"] == "1", status
    assert len(users) == 2
    for name, build in builds.items():
        rig.end_of(build)
        assert [(d["path"], d["sha256"]) for d in rig.dependencies(build)] == [(name, digests[name])]
    assert not any(pathlib.Path(f"/proc/{pid}").exists() for pid in pids)


def test_what_the_cache_holds_stays_on_record(rig_store):
    """Downloaded once by the project; complete the second time, and marked."""
    rig = rig_store
    rig.put("mvn/kept", b"kept" * 100)
    script = f"[ -f /cache/kept ] || wget -q -O /cache/kept {BASE}/mvn/kept; echo $1"
    told = []
    for salt in ("1", "2"):
        build, _ = fetch(rig, script + salt, project="cached", noCache=False)
        told.append(rig.dependencies(build["id"]))
    assert [len(t) for t in told] == [1, 1]
    assert "cached" not in told[0][0] and told[1][0] == {**told[0][0], "cached": True}


def test_a_canceled_build_leaves_no_gateway(rig_store):
    rig = rig_store
    build = rig.submit({"fetch.sh": "echo ready; while :; do sleep 0.2; echo .; done"})
    rig.wait(build, lambda r: "\nready\n" in rig.build_log(build))
    pids = gateways(rig)
    assert len(pids) == 1
    rig.answer("post", f"/v1/builds/{build}:cancel", json={})
    rig.end_of(build)
    rig.assert_clean()
    assert not pathlib.Path(f"/proc/{pids[0]}").exists()


@pytest.mark.parametrize("victim", ["gateway", "worker"])
def test_a_killed_one_is_the_farms_fault(rig_store, victim):
    """The build is given to somebody again, and nothing is left of the first try."""
    with Rig(slots=1, lease_ttl="3s", store=STORE, worker=FROM_STORE) as rig:
        build = rig.submit({"fetch.sh": "echo ready; for i in 1 2 3 4 5 6; do sleep 0.25; echo .; done"})
        rig.wait(build, lambda r: "\nready\n" in rig.build_log(build))
        pid, = gateways(rig)
        kill(pid if victim == "gateway" else rig.worker.pid)
        if victim == "worker":
            rig.worker.wait()
            rig.start_worker()
        record = rig.wait(build, lambda r: r["state"] == "STORING", 60)
        assert record["attempt"] == 2
        assert not pathlib.Path(f"/proc/{pid}").exists()
        rig.assert_clean()


def test_a_worker_without_its_stores_token_says_so():
    with pytest.raises(AssertionError, match="--network=host"):
        with Rig(store=STORE, worker=["--store-token-file=/nowhere"]):
            pass
