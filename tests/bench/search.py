"""AQL over HTTP with a million items: what clients send, each with other values every time.

The items are written by SQL into the index of a stopped store, in one transaction: 1,000,000 files in 50,000 folders
seven levels deep, five properties each, and 20,000 builds of 50 artifacts. A query travels on a kept connection, one
at a time. The yardstick is SQLite itself in the same run: the statement somebody who knows the tables would write for
the same rows, run by Python's sqlite3 on the same file, its rows fetched.
"""
import http.client
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import time

from bench import BIN, figure, folder, quantile

ITEMS = int(os.environ.get("SOS_BENCH_ITEMS", "1000000"))
FOLDER, BUILD = 20, 50       # files of a folder, artifacts of a build
REPEATS, TARGET_MS = 100, 50
BUILDS = ITEMS // BUILD

FILL = [
    "CREATE TEMP TABLE n (k INTEGER PRIMARY KEY)",
    "WITH RECURSIVE n(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM n WHERE k + 1 < :items) INSERT INTO temp.n SELECT k FROM n",
    "CREATE TEMP TABLE f (id INTEGER PRIMARY KEY, path TEXT, name TEXT)",
    # Folders of all levels, each once: the item's id is behind those of the files.
    "INSERT INTO blobs SELECT printf('%064x', k), printf('%040x', k), printf('%032x', k), k * 37 % 5000000 FROM temp.n",
    "INSERT INTO items (id, repo, path, name, sha256, created_ms, created_by, modified_ms, modified_by, updated_ms)"
    " SELECT k + 1, 'libs', 'org/g' || (k / :folder % 40) || '/t' || (k / :folder % 400) || '/u/m' || (k / :folder % 4000)"
    " || '/v' || (k / :folder), 'artifact-' || k || CASE k % 4 WHEN 0 THEN '.jar' WHEN 1 THEN '.pom' WHEN 2 THEN '.zip'"
    " ELSE '.bin' END, printf('%064x', k), 1700000000000 + k * 7919 % 60000000000, 'ci',"
    " 1700000000000 + k * 7919 % 60000000000, 'ci', 1700000000000 FROM temp.n",
    "INSERT INTO items (repo, path, name, created_ms, created_by, modified_ms, modified_by, updated_ms)"
    " SELECT DISTINCT 'libs', 'org/g' || (v % 40) || '/t' || (v % 400) || '/u/m' || (v % 4000), 'v' || v,"
    " 1700000000000 + v * 7919 % 60000000000, 'ci', 1700000000000, 'ci', 1700000000000"
    " FROM (SELECT DISTINCT k / :folder AS v FROM temp.n)",
    "INSERT INTO items (id, repo, path, name, sha256, created_ms, created_by, modified_ms, modified_by, updated_ms)"
    " SELECT 10000000 + k, 'artifactory-build-info', 'build-' || (k % 200), k || '-' || (1700000000000 + k) || '.json',"
    " printf('%064x', k), 1700000000000 + k, 'ci', 1700000000000 + k, 'ci', 1700000000000 + k FROM temp.n WHERE k < :builds",
    *(f"INSERT INTO properties SELECT k + 1, '{key}', {value} FROM temp.n" for key, value in (
        ("build.name", "'build-' || (k / :build % 200)"), ("build.number", "'' || (k / :build)"),
        ("sos.kind", "CASE k % 4 WHEN 0 THEN 'artifact' ELSE 'sbom' END"), ("sos.name", "'app-' || (k / 100)"),
        ("sos.version", "'v' || (k % 10)"))),
    "INSERT INTO builds SELECT k + 1, 10000000 + k, 'build-' || (k % 200), '' || k, 1700000000000 + k FROM temp.n WHERE k < :builds",
    "INSERT INTO build_modules SELECT id, id, 'm' FROM builds",
    "INSERT INTO build_artifacts (module, name, type, repo, path, sha1, md5, sha256)"
    " SELECT k / :build + 1, 'a', 'jar', '', '', printf('%040x', k), printf('%032x', k), '' FROM temp.n",
]

ROW = "i.repo, i.path, i.name, i.sha256, i.created_ms, i.created_by, i.modified_ms, i.modified_by, b.sha1, b.md5, b.size_bytes"
FROM = f"SELECT {ROW} FROM items i JOIN blobs b ON b.sha256=i.sha256 "
INCLUDE = '.include("name","repo","path","actual_md5","actual_sha1","sha256","size","type","modified","created","property")'


def place(v):
    return f"org/g{v % 40}/t{v % 400}/u/m{v % 4000}"


def jf_pattern(rnd):
    path = f"{place(v := rnd.randrange(ITEMS // FOLDER))}/v{v}"
    return ('items.find({"path":{"$ne":"."},"$or":[{"$and":[{"repo":"libs","path":"' + path + '","name":{"$match":"*"}}]},'
            '{"$and":[{"repo":"libs","path":{"$match":"' + path + '/*"},"name":{"$match":"*"}}]}]})' + INCLUDE,
            FROM + "WHERE i.repo='libs' AND i.path=? UNION ALL " + FROM + "WHERE i.repo='libs' AND i.path>? AND i.path<?",
            (path, path + "/", path + "0"), FOLDER)


def jf_tree(rnd):
    path = place(rnd.randrange(ITEMS // FOLDER))
    return ('items.find({"path":{"$ne":"."},"$or":[{"$and":[{"repo":"libs","path":{"$match":"' + path + '/*"},"name":'
            '{"$match":"*.jar"}}]}]})' + INCLUDE,
            FROM + "WHERE i.repo='libs' AND i.path>? AND i.path<? AND i.name LIKE '%.jar'", (path + "/", path + "0"), None)


def jf_latest_build(rnd):
    name = f"build-{rnd.randrange(200)}"
    return ('items.find({"type":"file","repo":"artifactory-build-info","path":{"$match":"' + name + '"}})'
            '.include("name","repo","path","created").sort({"$desc":["created"]}).limit(1)',
            FROM + "WHERE i.repo='artifactory-build-info' AND i.path=? ORDER BY i.created_ms DESC LIMIT 1", (name,), 1)


def jf_build(rnd):
    number = rnd.randrange(BUILDS)
    name = f"build-{number % 200}"
    return ('items.find({"$or":[{"$and":[{"artifact.module.build.name":"' + name + '","artifact.module.build.number":"'
            f'{number}"' + '}]}]})' + INCLUDE,
            FROM + "JOIN build_artifacts a ON a.sha1=b.sha1 JOIN build_modules m ON m.id=a.module JOIN builds u ON u.id=m.build"
            " WHERE u.name=? AND u.number=?", (name, str(number)), None)


def jf_props(rnd):
    build = rnd.randrange(BUILDS)
    return ('items.find({"repo":"libs","@build.name":"' + f"build-{build % 200}" + '","@build.number":"' + f"{build}" + '"})' + INCLUDE,
            FROM + "JOIN properties p ON p.item=i.id WHERE p.key='build.number' AND p.value=?", (str(build),), BUILD)


def dohq_property(rnd):
    name = f"app-{rnd.randrange(ITEMS // 100)}"
    return ('items.find({"repo": "libs", "@sos.name": "' + name + '"}).include("repo", "path", "name", "type")',
            FROM + "JOIN properties p ON p.item=i.id WHERE p.key='sos.name' AND p.value=?", (name,), 100)


def deploy_resolve(rnd):
    name, version = f"app-{rnd.randrange(ITEMS // 100)}", f"v{rnd.randrange(10)}"
    return ('items.find({"@sos.name":"' + name + '","@sos.version":"' + version + '","@sos.kind":"artifact"})'
            '.include("repo","path","name","sha256","property")',
            FROM + "JOIN properties p ON p.item=i.id JOIN properties q ON q.item=i.id AND q.key='sos.version' AND q.value=?"
            " JOIN properties r ON r.item=i.id AND r.key='sos.kind' AND r.value='artifact'"
            " WHERE p.key='sos.name' AND p.value=?", (version, name), None)


def js_newest(_):
    return ('items.find({"repo":"libs"}).include("name","repo","path","created","sha256").sort({"$desc":["created"]}).limit(5)',
            FROM + "WHERE i.repo='libs' ORDER BY i.created_ms DESC LIMIT 5", (), 5)


def by_checksum(rnd):
    sha1 = f"{rnd.randrange(BUILDS, ITEMS):040x}"
    return ('items.find({"actual_sha1":"' + sha1 + '"})', FROM + "WHERE b.sha1=?", (sha1,), 1)


def by_name(rnd):
    name = f"artifact-{rnd.randrange(ITEMS // 10, ITEMS)}"
    return ('items.find({"repo":"libs","name":{"$match":"' + name + '.*"}})',
            FROM.replace("items i", "items i INDEXED BY items_by_name") + "WHERE i.repo='libs' AND i.name>=? AND i.name<?", (name + ".", name + "/"), 1)


def old_ones(_):
    return ('items.find({"repo":"libs","type":"file","created":{"$lt":"2025-01-01"}}).include("repo","path","name","created")'
            '.sort({"$asc":["created"]}).limit(100)',
            FROM + "WHERE i.repo='libs' AND i.created_ms<1735689600000 ORDER BY i.created_ms LIMIT 100", (), 100)


KINDS = [jf_pattern, jf_tree, jf_latest_build, jf_build, jf_props, dohq_property, deploy_resolve, js_newest, by_checksum, by_name,
         old_ones]


class Store:
    def __init__(self, state):
        self.process = subprocess.Popen([f"{BIN}/sos-store", "--listen", "127.0.0.1:0", "--state", str(state), "--repositories",
                                         "libs"], stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().split()[1].removeprefix("http://")
        self.token = (state / "store" / "admin.token").read_text().strip()
        self.connection = http.client.HTTPConnection(self.address, timeout=60)

    def aql(self, text):
        self.connection.request("POST", "/artifactory/api/search/aql", text, {"Authorization": "Bearer " + self.token})
        answer = self.connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return body

    def resident_mib(self):
        line = next(x for x in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines() if x.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)


def fill(path):
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA cache_size=-1000000")
    db.execute("PRAGMA synchronous=OFF")
    db.execute("BEGIN")
    for statement in FILL:
        db.execute(statement, {k: v for k, v in {"items": ITEMS, "folder": FOLDER, "build": BUILD, "builds": BUILDS}.items()
                               if ":" + k in statement})
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def measure(store, db, kind, rnd):
    ours, theirs = [], []
    for _ in range(REPEATS):
        text, sql, values, rows = kind(rnd)
        start = time.perf_counter()
        body = store.aql(text)
        ours.append((time.perf_counter() - start) * 1000)
        start = time.perf_counter()
        found = db.execute(sql, values).fetchall()
        theirs.append((time.perf_counter() - start) * 1000)
        total = json.loads(body)["range"]["total"]
        assert total == len(found) and rows in (None, total), (text, total, len(found))
    return ours, theirs


def main():
    rnd = random.Random(7)
    with folder() as state:
        Store(state).stop()
        start = time.perf_counter()
        fill(state / "store" / "index.db")
        print(f"  {ITEMS} items with 5 properties each in {time.perf_counter() - start:.0f} s,"
              f" index {os.path.getsize(state / 'store' / 'index.db') / 1e9:.1f} GB")
        store = Store(state)
        db = sqlite3.connect(state / "store" / "index.db")
        all_ours, all_theirs = [], []
        for kind in KINDS:
            ours, theirs = measure(store, db, kind, rnd)
            all_ours += ours
            all_theirs += theirs
            print(f"  {kind.__name__}: p50 {quantile(ours, .5):.2f} p99 {quantile(ours, .99):.1f} ms;"
                  f" SQLite p50 {quantile(theirs, .5):.2f} p99 {quantile(theirs, .99):.1f} ms")
        print(f"  sos-store VmRSS {store.resident_mib():.0f} MiB")
        for part, name in ((.5, "p50"), (.99, "p99")):
            figure(f"AQL, {ITEMS} items, {name} of {len(all_ours)}", quantile(all_ours, part), "ms",
                   f"SQL for the same rows, {name}", quantile(all_theirs, part), TARGET_MS if part > .5 else None)
        store.stop()


if __name__ == "__main__":
    sys.exit(main())
