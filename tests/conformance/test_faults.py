"""kill -9 under load, and a disk that fills up: no 201 is ever taken back."""

import hashlib
import json
import os
import random
import threading
import time

import pytest
import requests

from conftest import message, wait_for
from test_npm import full, publish

DEV = "/sos-dev-local"
ROUNDS = int(os.environ.get("SOS_KILL_ROUNDS", "200"))
ERRORS = (requests.ConnectionError, requests.Timeout)


@pytest.fixture
def state(tmp_path):
    """On a disk: what is killed here was waiting for it."""
    return tmp_path


class Load(threading.Thread):
    """Puts files of its own, shares bytes with the others, deploys by checksum, copies, deletes, sets
    properties; keeps what it was told."""

    def __init__(self, store, number, seed):
        super().__init__()
        self.base = store.base
        self.session = requests.Session()
        self.session.headers.update(store.session.headers)
        self.random = random.Random(seed * 100 + number)
        self.prefix = f"{DEV}/{seed}/{number}"
        self.kept = {}      # path -> (data, properties): 201, and what came after it
        self.gone = set()   # 204
        self.told = 0
        self.stop = False

    def run(self):
        turn = 0
        while not self.stop:
            turn += 1
            try:
                self.turn(f"{self.prefix}/{turn}")
            except ERRORS:
                return      # killed in the middle: that one may be either way

    def ask(self, method, path, **more):
        return self.session.request(method, self.base + path, timeout=20, **more).status_code

    def keep(self, path, data, props):
        self.kept[path] = (data, props)
        self.told += 1

    def turn(self, path):
        kind = self.random.random()
        if kind < 0.15 and self.kept:
            self.claim(path)
        elif kind < 0.3 and self.kept:
            self.copy(path)
        else:
            self.put(path)
        kind = self.random.random()
        if kind < 0.3 and self.kept:
            self.delete()
        elif kind < 0.5 and path in self.kept:
            self.annotate(path)

    def put(self, path):
        shared = self.random.random() < 0.4
        size = self.random.choice([0, 10, 5000, 200000])
        data = b"shared" * self.random.randrange(5) if shared else path.encode() + b"x" * size
        if self.ask("PUT", path + ";k=v", data=data) == 201:
            self.keep(path, data, {"k": ["v"]})

    def claim(self, path):
        data, _ = self.kept[self.random.choice(sorted(self.kept))]
        headers = {"X-Checksum-Deploy": "true", "X-Checksum-Sha256": hashlib.sha256(data).hexdigest()}
        if self.ask("PUT", path, headers=headers) == 201:
            self.keep(path, data, {})

    def copy(self, path):
        source = self.random.choice(sorted(self.kept))
        if self.ask("POST", f"/api/copy{source}?to={path}") == 200:
            self.keep(path, *self.kept[source])

    def delete(self):
        victim = self.random.choice(sorted(self.kept))
        del self.kept[victim]
        if self.ask("DELETE", victim) == 204:
            self.gone.add(victim)

    def annotate(self, path):
        data, props = self.kept.pop(path)
        try:
            if self.ask("PUT", f"/api/storage{path}?properties=a=1") == 204:
                props = {**props, "a": ["1"]}
        except ERRORS:
            props = None    # either way
            raise
        finally:
            self.kept[path] = (data, props)


def run_load(store, seed, seconds):
    """Six clients until the store is killed; what they were told."""
    load = [Load(store, number, seed) for number in range(6)]
    for thread in load:
        thread.start()
    time.sleep(seconds)     # when the kill falls is chance, not a wait
    store.kill()
    for thread in load:
        thread.stop = True
        thread.join()
    return load


def lose_index(store):
    """As if the disk had lost it; the journal has it all."""
    for file in (store.state / "store").glob("index.db*"):
        file.unlink()
    result = store.run("rebuild")
    assert result.returncode == 0, result.stdout + result.stderr


def test_kill_9_under_mixed_load_takes_no_201_back(make_store):
    store = make_store("--sweep-grace", "0", "--journal-growth", "100KiB")
    chance = random.Random(1)
    kept, gone, told = {}, set(), 0
    for turn in range(ROUNDS):
        for thread in run_load(store, turn, chance.uniform(0.02, 0.12)):
            kept.update(thread.kept)
            gone |= thread.gone
            told += thread.told
        if turn % 20 == 10:
            lose_index(store)
        if turn % 5 == 0:
            result = store.fsck()
            assert result.returncode == 0, result.stdout + result.stderr
        store.start()
    assert told > ROUNDS
    for path, (data, props) in kept.items():
        answer = store.get(path)
        assert answer.status_code == 200 and answer.content == data, path
        assert props is None or store.props(path) == props, path
    for path in gone:
        assert store.get(path).status_code == 404, path
    assert store.fsck().returncode == 0
    assert not list((store.state / "store" / "blobs" / "tmp").iterdir())
    print(f"{ROUNDS} kills, {told} told, {len(kept)} kept, {len(gone)} deleted")


def test_the_sweep_removes_what_a_crash_left(make_store):
    store = make_store("--sweep-grace", "0", "--sweep-period", "1h")
    store.put(DEV + "/x", b"kept")
    store.stop()
    orphan = store.blob(b"orphan")
    orphan.write_bytes(b"orphan")
    assert "orphans 1" in store.fsck().stdout
    store.start()
    assert wait_for(lambda: not orphan.exists())
    assert store.get(DEV + "/x").content == b"kept"


def test_fsck_finds_every_kind_of_hole(make_store):
    store = make_store()
    for data in (b"missing", b"shorter", b"changed", b"good"):
        store.put(f"{DEV}/{data.decode()}", data)
    assert store.fsck().returncode == 0
    for data in (b"shorter", b"changed"):
        store.blob(data).chmod(0o600)
    store.blob(b"missing").unlink()
    store.blob(b"shorter").write_bytes(b"short")
    store.blob(b"changed").write_bytes(b"CHANGED")
    result = store.fsck()
    assert result.returncode != 0
    for what, data in (("missing", b"missing"), ("wrong size", b"shorter"),
                       ("wrong bytes", b"changed")):
        assert f"{what} {hashlib.sha256(data).hexdigest()}" in result.stdout
    assert "holes 3" in result.stdout


# --- a full disk ---

def free_bytes(folder):
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize


def fill(folder):
    """Take every last byte of the disk."""
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as file:
        size = 1 << 20
        while size >= 1:
            try:
                file.write(b"f" * size)
            except OSError:
                size //= 2
    return filler


def test_a_full_disk_is_507_and_passes(make_store, small_disk):
    store = make_store("--disk-floor", "8MiB", state=small_disk)
    pid = store.process.pid
    data = {}
    for number in range(40):
        body = bytes([number]) * (1 << 20)
        answer = store.put(f"{DEV}/{number}", body)
        if answer.status_code == 507:
            break
        assert answer.status_code == 201
        data[number] = body
    assert len(data) > 10 and "must stay free" in message(answer)
    assert int(answer.headers["Retry-After"]) > 0

    filler = fill(small_disk)    # somebody else takes the rest, our reserve too
    for number in list(data)[:5]:
        assert store.get(f"{DEV}/{number}").content == data[number]
    assert store.put(DEV + "/more", b"x" * 100).status_code == 507
    assert store.put(DEV + "/more", iter([b"x" * 100])).status_code == 507
    # What needs a few pages of the index is done until they are used up, then refused.
    codes = [store.put(f"/api/storage{DEV}/{turn % 9}?properties=k={turn}{'v' * 4000}").status_code
             for turn in range(300)]
    assert codes[-1] == 507 and set(codes) <= {204, 507}
    # Deleting is possible all the same, and what it frees is free.
    assert free_bytes(small_disk) < 1 << 20
    for number in range(1, 4):
        assert store.delete(f"{DEV}/{number}").status_code == 204
        assert store.get(f"{DEV}/{number}").status_code == 404
    assert free_bytes(small_disk) > 3 << 20
    answer = store.put(f"/api/storage{DEV}/4?properties=k=v")
    assert answer.status_code == 507 and "only reading and deleting" in message(answer)
    assert store.get(f"{DEV}/4").content == data[4]
    filler.unlink()

    assert store.delete(f"{DEV}/0").status_code == 204
    assert wait_for(lambda: store.put(DEV + "/more", b"x" * 100).status_code == 201)
    assert store.process.pid == pid and store.process.poll() is None
    assert store.fsck().returncode == 0
    # A full disk is no reason not to start and delete, either.
    store.kill()
    filler = fill(small_disk)
    store.start()
    assert store.get(f"{DEV}/4").content == data[4]
    assert store.delete(f"{DEV}/4").status_code == 204
    filler.unlink()
    assert store.fsck().returncode == 0
    store.stop()


def build(store, number):
    answer = store.put("/api/build", json.dumps({"name": "b", "number": str(number), "modules": [],
                                                 "started": f"2026-02-0{number}T02:40:00.000+0000"}))
    assert answer.status_code == 204, answer.text


REMOVALS = {
    "unpublish": lambda store: store.delete("/api/npm/npm-local/rows/-rev/" + full(store, "rows").json()["_rev"]),
    "unpublish one": lambda store: store.put(
        f"/api/npm/npm-local/rows/-rev/{full(store, 'rows').json()['_rev']}",
        json.dumps({**full(store, "rows").json(), "versions": {}, "dist-tags": {}})),
    "delete builds": lambda store: store.ask("POST", "/api/build/delete", data=json.dumps(
        {"buildName": "b", "buildNumbers": ["1"]})),
    "discard builds": lambda store: store.ask("POST", "/api/build/retention/b", data=json.dumps({"count": 1})),
}


@pytest.mark.parametrize("what", REMOVALS)
def test_packages_and_builds_can_be_removed_from_a_full_disk(make_store, small_disk, what):
    store = make_store("--repositories", "npm-local npm", "--disk-floor", "8MiB", state=small_disk)
    assert publish(store, "rows", "1.0.0").status_code == 201
    build(store, 1)
    build(store, 2)
    fill(small_disk)
    assert publish(store, "rows", "1.0.1").status_code == 507
    answer = REMOVALS[what](store)
    assert answer.status_code in (200, 201, 204), answer.text
    answer = store.put("/api/npm/npm-local/-/package/rows/dist-tags/next", '"1.0.0"')
    assert answer.status_code == 507 and "only reading and deleting" in answer.json()["error"]
    store.stop()
