"""A power cut at any time takes nothing back that was answered.

The store works with all that it writes on record, is killed, starts again and works on.  Then the
disk is made as a cut may leave it (`disk.py`), at each sync before it is done and at each answer,
and a store is started there, which must know what was answered without a rebuild."""

import itertools
import os
import random
import shutil
import threading

import disk
from conftest import Store, wait_for

DEV = "/sos-dev-local"
FLAGS = ("--anonymous-read", "--sweep-grace", "0", "--journal-growth", "30KiB")
STATES = int(os.environ.get("SOS_POWER_STATES", "80"))     # of some 700 that the record gives
CLIENTS, TURNS = 3, 14


def plan(number):
    """What one client asks, in order: (method, target, body, {path: bytes there after it})."""
    chance = random.Random(number)
    there = {}
    for turn in range(TURNS):
        path = f"{DEV}/{number}/{chance.randrange(6)}"
        kind = chance.random()
        if kind < 0.6 or path not in there:
            body = b"shared" * (turn % 3) if kind < 0.3 else f"{path} {turn}".encode() * 300
            yield "PUT", f"{path};turn={turn};v={'v' * 500}", body, {path: body}
            there[path] = body
        elif kind < 0.8:
            yield "DELETE", f"{path}?turn={turn}", None, {path: None}
            del there[path]
        else:
            to = f"{DEV}/{number}/copy{turn}"
            yield "POST", f"/api/copy{path}?to={to}", None, {to: there[path]}


def client(store, steps, told):
    for method, target, body, _ in steps:
        told.append(store.ask(method, target, data=body).status_code)


def work(store, plans):
    told = []
    threads = [threading.Thread(target=client, args=(store, steps, told)) for steps in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == sum(map(len, plans)) and set(told) <= {200, 201, 204}


class Recorded(Store):
    """Under strace, with a record of its own for each start."""

    def __init__(self, state, *flags):
        self.records = []
        super().__init__(state, *flags)

    def start(self):
        self.records.append(self.state.parent / f"record{len(self.records)}")
        self.under = (*disk.RECORD, str(self.records[-1]))
        super().start()

    def wait_for_record(self):
        assert wait_for(lambda: disk.has_ended(self.records[-1], self.process.pid))


def record(state, plans):
    store = Recorded(state, *FLAGS)
    try:
        work(store, [steps[:TURNS // 2] for steps in plans])
        store.kill()
        store.wait_for_record()
        store.start()
        work(store, [steps[TURNS // 2:] for steps in plans])
    finally:
        assert store.stop() == 0, store.tail()
    store.wait_for_record()
    return store.records


def moments(cut, records, plans):
    """Plays the records, and stops at each sync before it is done and at each answer; gives what may
    be at each path then."""
    steps = {f"{method} /artifactory{target} ".encode(): effects
             for method, target, _, effects in itertools.chain(*plans)}
    may = {}
    for start in records:
        cut.program_starts()
        yield from moments_of_start(cut, disk.calls(start), steps, may)
    yield may


def moments_of_start(cut, calls, steps, may):
    asked = {}
    for call, arguments, texts, result in calls:
        if call == "recvfrom" and result and texts:
            effects = next((steps[key] for key in steps if texts[0].startswith(key)), {})
            asked[arguments[0]] = effects
            for path, data in effects.items():
                may.setdefault(path, {None}).add(data)
        if call.startswith("send") and result is None and texts and texts[0][:10] == b"HTTP/1.1 2":
            may.update({path: {data} for path, data in asked[arguments[0]].items()})
            yield may
        if call in disk.SYNCS and result == 0:
            yield may
        cut.do(call, arguments, texts, result)


def assert_recorded(cut, state):
    """What the record gives without a cut is what is there: the rest can be believed."""
    for path, what in cut.root.walk():
        real = state / path.lstrip("/")
        if isinstance(what, disk.Folder):
            names = {entry.name for entry in real.iterdir()} - {"store.log"}
            assert names == set(what.names()), path
        elif not path.endswith("-shm"):     # mapped: not written by calls, and made anew at a start
            assert real.read_bytes() == what.bytes(), path


def assert_all_is_there(state, may):
    store = Store(state, *FLAGS)
    try:
        for path, allowed in may.items():
            answer = store.get(path)
            assert answer.status_code in (200, 404), (path, answer.text)
            assert (answer.content if answer.ok else None) in allowed, path
    finally:
        store.kill()
    return store


def assert_all_comes_back(store, may):
    """The index is wrong in nothing, and is not needed."""
    result = store.fsck()
    assert result.returncode == 0, result.stdout + result.stderr
    for file in (store.state / "store").glob("index.db*"):
        file.unlink()
    result = store.run("rebuild")
    assert result.returncode == 0, result.stdout + result.stderr
    assert_all_is_there(store.state, may)


def test_a_power_cut_takes_no_answer_back(tmp_path, state, monkeypatch):
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=0")    # strace is in its way
    real, after = tmp_path / "state", state / "after"
    real.mkdir()
    plans = [list(plan(number)) for number in range(CLIENTS)]
    records = record(real, plans)
    every = sum(len(disk.ways(None)) for _ in moments(disk.Disk(real), records, plans))
    cut, chance, number = disk.Disk(real), random.Random(7), 0
    for may in moments(cut, records, plans):
        for way, (names, data) in disk.ways(chance).items():
            number += 1
            if number * STATES // every == (number - 1) * STATES // every:
                continue
            after.mkdir()
            cut.root.lay(after, names, data)
            print(f"state {number} of {every}, {way}: {len(may)} paths")
            store_after = assert_all_is_there(after, may)
            if number % 7 == 0:
                assert_all_comes_back(store_after, may)
            shutil.rmtree(after)
    assert_recorded(cut, real)
