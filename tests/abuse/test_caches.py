"""The cache is the project's own, whole, and bounded."""
import pytest

from rig import ATTACK, Rig, kill

FILL = "cat /cache/mark 2> /dev/null || echo empty; stat -c 'owner %u' /cache /cache/* 2> /dev/null; echo mine > /cache/mark; exit 1"
WAIT = "while :; do echo .; sleep 0.1; done"


def said(rig, project, script=FILL, **files):
    """Every source is another, so that no build is an earlier one's."""
    record = rig.build({"build.sh": script, "salt": str(rig.count), **files}, project=project, noCache=False)
    return record["id"], rig.build_log(record["id"])


def run_in_another_slot(rig, slot):
    """Keep `slot` (of two) busy; gives the build that does."""
    busy = []
    while True:
        build = rig.submit({"build.sh": WAIT})
        rig.wait(build, lambda r: r["state"] == "RUNNING")
        if rig.slot_of(build) == slot:
            break
        busy.append(build)
    for other in busy:
        cancel(rig, other)
    return build


def cancel(rig, build):
    rig.answer("post", f"/v1/builds/{build}:cancel", json={})
    rig.end_of(build)


def test_a_cache_moves_to_another_slot_with_its_owner():
    with Rig(slots=2) as rig:
        first, log = said(rig, "one")
        assert "empty" in log
        busy = run_in_another_slot(rig, rig.slot_of(first))
        second, log = said(rig, "one")
        assert rig.slot_of(second) != rig.slot_of(first)
        assert "mine" in log and "\nowner 1000\n" in log and "owner 65534" not in log, log
        cancel(rig, busy)
        assert "mine" in said(rig, "one")[1]


def test_a_cache_as_deep_as_it_gets_moves_too():
    with Rig(slots=2, limits={"cacheBytes": str(1 << 30)}) as rig:
        first, log = said(rig, "one", "/src/attack deep /cache; echo mine > /cache/mark; exit 1", attack=ATTACK)
        assert "depth 20000" in log, log
        busy = run_in_another_slot(rig, rig.slot_of(first))
        second, log = said(rig, "one", "cat /cache/mark; stat -c 'owner %u' /cache/d/d/d/f; rm -r /cache/d/d/d/f && echo removed; exit 1")
        assert rig.slot_of(second) != rig.slot_of(first)
        assert "mine" in log and "owner 1000" in log and "removed" in log, log
        cancel(rig, busy)


def test_projects_with_names_alike_share_nothing():
    names = ["a", "a.b", "a-b", "a_b", "a" * 64, "a" * 63]
    with Rig(slots=1) as rig:
        for name in names:
            assert "empty" in said(rig, name)[1], name
        for name in names:
            assert "mine" in said(rig, name)[1], name
        for bad in ("a/b", "..", ".", "", "a" * 65, "../one", "A"):
            got = rig.http.post(rig.url + "/v1/builds", json={"project": bad, "version": "1", "image": "busybox", "language": "sh",
                                                              "source": "0" * 64}, timeout=10)
            assert got.status_code in (400, 404, 422), (bad, got.text)
            assert "project" in got.text, (bad, got.text)
        assert sorted(p.name for p in (rig.state / "worker/caches").iterdir()) == sorted(names)


def test_the_longest_unused_goes_first():
    # Each of these caches takes about 6 MiB.
    fill = "test -f /cache/big && echo kept; dd if=/dev/urandom of=/cache/big bs=1M count=6 2> /dev/null; sleep 1.1; exit 1"
    with Rig(slots=1, worker=["--cache-total=16MiB"]) as rig:
        for name in ("one", "two", "one", "three"):
            said(rig, name, fill)
        assert "kept" not in said(rig, "two", fill)[1]
        caches = [p for p in (rig.state / "worker/caches").rglob("*") if p.is_file()]
        assert sum(p.stat().st_blocks * 512 for p in caches) <= 16 << 20
        assert "kept" in said(rig, "three", fill)[1]


@pytest.mark.parametrize("how", ["cancel", "kill"])
def test_a_build_that_did_not_end_leaves_no_cache(how):
    with Rig(slots=1, lease_ttl="3s") as rig:
        assert "empty" in said(rig, "one")[1]
        build = rig.submit({"build.sh": "cat /cache/mark; " + WAIT}, project="one", noCache=False)
        rig.wait(build, lambda r: "mine" in rig.build_log(build))
        if how == "kill":
            kill(rig.worker.pid)
            rig.worker.wait()
            rig.start_worker()
            rig.wait(build, lambda r: r["attempt"] == 2 and r["state"] == "RUNNING")
        cancel(rig, build)
        assert "empty" in said(rig, "one")[1]
        rig.assert_clean()
