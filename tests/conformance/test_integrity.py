"""The index comes back from the journal, and bytes that went wrong are told, put aside and healed."""

import hashlib
import shutil
import sqlite3

import pytest

from conftest import message, sums, wait_for

DEV = "/sos-dev-local"
LARGE = b"large" * 100_000      # more than is hashed each time it is sent


def spoil(store, data):
    """Another first byte in the file of these bytes."""
    blob = store.blob(data)
    blob.chmod(0o600)
    with open(blob, "r+b") as file:
        file.write(b"#")


def everything(store):
    """All that clients are told of all items, and who may see it."""
    told = {}
    for repository in ("sos-dev-local", "sos-release-local"):
        listing = store.get(f"/api/storage/{repository}?list&deep=1&listFolders=1&mdTimestamps=1")
        for file in listing.json()["files"] if listing.status_code == 200 else []:
            path = f"/{repository}{file['uri']}"
            info = store.get("/api/storage" + path).json()
            for key in ("uri", "downloadUri"):
                info.pop(key, None)     # these have the port in them
            told[path] = (file, info, store.props(path))
    return told


# --- the journal ---

def fill(store):
    for number in range(30):
        assert store.put(f"{DEV}/a/{number};n={number};all=1", b"%d" % (number % 7)).status_code == 201
    assert store.put("/sos-release-local/r/x", b"release").status_code == 201
    store.put(f"/api/storage{DEV}/a/3?properties=n=changed,new")
    store.delete(f"/api/storage{DEV}/a/4?properties=n")
    store.delete(f"{DEV}/a/5")
    store.ask("POST", f"/api/copy{DEV}/a?to={DEV}/b")
    store.ask("POST", f"/api/move{DEV}/b/6?to={DEV}/c/")
    store.put(f"{DEV}/a/8", b"other bytes")


@pytest.mark.parametrize("how", ["deleted", "damaged"])
def test_a_lost_index_is_rebuilt_from_the_journal(make_store, how):
    store = make_store()
    fill(store)
    before = everything(store)
    token = store.token
    store.kill()
    index = store.state / "store" / "index.db"
    for file in index.parent.glob("index.db*"):
        if how == "deleted":
            file.unlink()
        else:
            file.write_bytes(b"SQLite format 3\0" + b"?" * 5000)
    refused = store.run("serve", "--listen", "127.0.0.1:0")
    assert refused.returncode == 1 and "sos-store rebuild" in refused.stderr
    result = store.run("rebuild", "--deep")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "holes 0 damaged 0 torn_bytes 0" in result.stdout
    assert store.fsck().returncode == 0
    store.start()
    assert store.token == token
    assert everything(store) == before
    assert store.put(DEV + "/after", b"x").status_code == 201


def test_a_rebuild_tells_which_items_lost_their_bytes(make_store):
    store = make_store()
    fill(store)
    store.put(DEV + "/lost", b"lost")
    store.put(DEV + "/wrong;k=v", b"wrong")
    store.stop()
    store.blob(b"lost").unlink()
    spoil(store, b"wrong")
    shutil.rmtree(store.state / "store" / "blobs" / "tmp")
    for file in (store.state / "store").glob("index.db*"):
        file.unlink()
    result = store.run("rebuild", "--deep")
    assert result.returncode == 2 and "holes 2" in result.stdout
    assert f"missing {hashlib.sha256(b'lost').hexdigest()}\n  sos-dev-local/lost" in result.stdout
    assert f"wrong bytes {hashlib.sha256(b'wrong').hexdigest()}\n  sos-dev-local/wrong" in result.stdout
    store.start()
    for path, data in (("/lost", b"lost"), ("/wrong", b"wrong")):
        answer = store.get(DEV + path)
        assert answer.status_code == 500 and hashlib.sha256(data).hexdigest() in message(answer)
        assert store.put(DEV + path, data).status_code == 201
        assert store.get(DEV + path).content == data
    assert store.props(DEV + "/wrong") == {"k": ["v"]}
    assert store.fsck().returncode == 0


def test_the_journal_is_written_anew_while_the_store_works(make_store):
    store = make_store("--journal-growth", "20KiB")
    journal = store.state / "store" / "journal"
    number = 0
    while not (journal / "00000003.snapshot").exists() and number < 5000:
        number += 1
        assert store.put(f"{DEV}/{number % 40};n={number}", b"%d" % number).status_code == 201
        if number % 3 == 0:
            store.delete(f"{DEV}/{number % 40}")
    assert not (journal / "00000001.log").exists()
    before = everything(store)
    result = store.fsck()       # while it runs
    assert result.returncode == 0, result.stdout + result.stderr
    store.kill()
    for file in (store.state / "store").glob("index.db*"):
        file.unlink()
    assert store.run("rebuild").returncode == 0
    store.start()
    assert everything(store) == before
    assert wait_for(lambda: sum(1 for _ in journal.iterdir()) == 2)


def test_fsck_sees_an_index_that_is_not_what_the_journal_tells(make_store):
    store = make_store()
    fill(store)
    store.stop()
    with sqlite3.connect(store.state / "store" / "index.db") as index:
        index.execute("UPDATE properties SET value='forged' WHERE value='changed'")
    index.close()
    result = store.fsck()
    assert result.returncode == 2 and "rows differ from the journal in properties" in result.stdout
    store.start()


def test_fsck_sees_a_journal_that_lost_its_end(make_store):
    store = make_store()
    store.put(DEV + "/x", b"x")
    store.stop()
    log = max((store.state / "store/journal").glob("*.log"))
    with open(log, "r+b") as file:
        file.truncate(log.stat().st_size - 1)
    result = store.run("fsck")
    assert result.returncode == 2 and "the end is missing in" in result.stdout, result


def test_fsck_repairs_what_is_safe(make_store):
    store = make_store("--sweep-grace", "1h")
    store.put(DEV + "/good", b"good")
    store.put(DEV + "/wrong", b"wrong")
    store.stop()
    orphan = store.blob(b"orphan")
    orphan.write_bytes(b"orphan")
    spoil(store, b"wrong")
    running = make_store(state=store.state)
    assert "in use" in store.fsck("--repair").stderr
    running.stop()
    result = store.fsck("--repair")
    assert result.returncode == 2 and "holes 1 unused 0 orphans 1" in result.stdout
    assert not orphan.exists()
    digest = hashlib.sha256(b"wrong").hexdigest()
    assert (store.state / "store" / "quarantine" / digest).read_bytes() == b"#rong"
    store.start()
    assert store.get(DEV + "/good").content == b"good"
    assert store.get(DEV + "/wrong").status_code == 500


# --- bytes that went wrong ---

def test_wrong_bytes_of_a_small_file_are_never_sent(store):
    store.put(DEV + "/x;k=v", b"small")
    spoil(store, b"small")
    for method in ("GET", "HEAD", "GET"):
        answer = store.ask(method, DEV + "/x")
        assert answer.status_code == 500 and b"#mall" not in answer.content
    assert hashlib.sha256(b"small").hexdigest() in message(answer)
    assert "sos_store_quarantined_total 1" in store.get("/metrics").text
    assert "bytes are wrong, put aside" in store.tail()
    # By its checksum it cannot be deployed: nobody has the bytes.
    claim = {"X-Checksum-Deploy": "true", "X-Checksum-Sha256": sums(b"small")["sha256"]}
    assert store.put(DEV + "/y", headers=claim).status_code == 404
    assert store.get("/api/storage" + DEV + "/x").status_code == 200
    assert store.put(DEV + "/elsewhere", b"small").status_code == 201
    assert store.get(DEV + "/x").content == b"small"
    assert store.props(DEV + "/x") == {"k": ["v"]}


def test_a_file_cut_short_is_told_and_healed(store):
    store.put(DEV + "/x", LARGE)
    blob = store.blob(LARGE)
    blob.chmod(0o600)
    with open(blob, "r+b") as file:
        file.truncate(1000)
    assert store.put(DEV + "/x", LARGE).status_code == 201
    assert store.get(DEV + "/x").content == LARGE
    with open(blob, "r+b") as file:
        file.truncate(1000)
    assert store.get(DEV + "/x").status_code == 500
    assert store.put(DEV + "/x", LARGE).status_code == 201
    assert store.get(DEV + "/x").content == LARGE


def test_the_scrub_finds_what_nobody_reads(make_store):
    store = make_store()
    store.put(DEV + "/x", LARGE)
    store.put(DEV + "/good", LARGE + b"good")
    store.stop()
    spoil(store, LARGE)
    store.start()
    assert wait_for(lambda: not store.blob(LARGE).exists())
    assert store.get(DEV + "/x").status_code == 500
    assert store.get(DEV + "/good").content == LARGE + b"good"
    assert store.put(DEV + "/x", LARGE).status_code == 201
    assert store.get(DEV + "/x").content == LARGE


def test_what_was_sent_is_looked_at_soon(make_store):
    store = make_store()
    store.put(DEV + "/x", LARGE)
    # The first pass is over: the next would come in an hour.
    assert wait_for(lambda: "scrubbed_bytes_total 5" in store.get("/metrics").text)
    spoil(store, LARGE)
    store.get(DEV + "/x")
    assert wait_for(lambda: not store.blob(LARGE).exists())
