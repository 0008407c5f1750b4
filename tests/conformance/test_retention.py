"""Retention: what goes and why, told before it goes; what is pinned stays."""

import sqlite3
import time

DEV = "/sos-dev-local"
DAY_MS = 24 * 3600 * 1000


def age(store, days):
    """Make the files older: {path below DEV: days}. The store must not run."""
    now_ms = time.time() * 1000
    index = sqlite3.connect(store.state / "store" / "index.db")
    for path, count in days.items():
        folder, _, name = path.rpartition("/")
        index.execute("UPDATE items SET modified_ms=? WHERE path=? AND name=?",
                      (int(now_ms - count * DAY_MS), folder, name))
    index.commit()
    index.close()


def run(store, dry):
    answer = store.ask("POST", f"/api/retention/run?dry={dry}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def paths(told):
    return sorted(item["path"].removeprefix("sos-dev-local/") for item in told["items"])


def listed(store):
    files = store.get(f"/api/storage{DEV}?list&deep=1").json()["files"]
    return sorted(file["uri"].removeprefix("/") for file in files)


def restart(store, days):
    store.stop()
    age(store, days)
    store.start()


def test_the_newest_versions_of_each_name_stay(make_store):
    store = make_store("--retention", "sos-dev-local folders keep=2 unless-property=pinned")
    days = {}
    for name in ("app", "lib"):
        for version in range(5):
            pinned = ";pinned=yes" if (name, version) == ("app", 0) else ""
            for file in ("x.tar", "x.sbom"):
                path = f"{name}/v{version}/{file}"
                body = path.encode()
                assert store.put(f"{DEV}/{path}{pinned}", body).status_code == 201
                days[path] = 10 - version
    restart(store, days)
    before = listed(store)
    told = run(store, 1)
    assert told["dry"] and not told["truncated"]
    gone = [f"{name}/v{version}" for name, version in
            (("app", 1), ("app", 2), ("lib", 0), ("lib", 1), ("lib", 2))]
    assert paths(told) == gone
    assert told["files"] == 10 and told["bytes"] == sum(len(f"{path}/x.tar{path}/x.sbom") for path in gone)
    assert told["items"][0]["rule"].startswith("sos-dev-local folders")
    assert "newer beside it" in told["items"][0]["why"]
    assert listed(store) == before
    done = run(store, 0)
    assert not done["dry"] and paths(done) == gone
    assert listed(store) == [path for path in before if path.rpartition("/")[0] not in gone]
    assert not store.blob(b"lib/v0/x.tar").exists()
    assert run(store, 0)["items"] == []


def test_files_by_age_pattern_and_property(make_store):
    store = make_store("--retention",
                       "sos-dev-local/logs/* age=30d unless-property=keep=yes,sos-dev-local/few/* keep=1 age=1d")
    for path in ("logs/old", "logs/deep/old", "logs/new", "other/old", "few/a", "few/b", "few/c"):
        store.put(f"{DEV}/{path}", path.encode())
    store.put(f"{DEV}/logs/kept;keep=yes", b"1")
    store.put(f"{DEV}/logs/not-kept;keep=no", b"2")
    restart(store, {"logs/old": 31, "logs/deep/old": 31, "logs/new": 29, "other/old": 99, "logs/kept": 31,
                    "logs/not-kept": 31, "few/a": 5, "few/b": 4, "few/c": 0.5})
    assert paths(run(store, 1)) == ["few/a", "few/b", "logs/deep/old", "logs/not-kept", "logs/old"]
    run(store, 0)
    assert listed(store) == ["few/c", "logs/kept", "logs/new", "other/old"]


def test_many_go_in_slices(make_store):
    store = make_store("--retention", "sos-dev-local keep=1")
    for number in range(150):
        assert store.put(f"{DEV}/{number % 70}/{number}", b"x").status_code == 201
    told = run(store, 0)
    assert told["files"] == 80
    assert len(listed(store)) == 70
    assert store.fsck().returncode == 0


def test_only_an_administrator_may_and_rules_are_checked(make_store):
    store = make_store()
    assert run(store, 0)["items"] == []
    store.session.headers["Authorization"] = "Bearer nobody"
    assert store.ask("POST", "/api/retention/run").status_code == 401
    store.stop()
    for rule, why in (("sos-dev-local", "neither keep= nor age="), ("nowhere keep=1", "no repository"),
                      ("sos-dev-local keep=0", "keep=0"), ("sos-dev-local keep=1 until=x", "no condition")):
        refused = store.run("serve", "--listen", "127.0.0.1:0", "--retention", rule)
        assert refused.returncode == 1 and why in refused.stderr
    store.start()
