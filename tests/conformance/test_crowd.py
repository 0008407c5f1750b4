"""Many at once: identical pushes, and deletions under load whose room is free at once."""

import asyncio
import hashlib
import os
import threading

import pytest
import requests

DEV = "/sos-dev-local"
RELEASE = "/sos-release-local"
CROWD = int(os.environ.get("SOS_CROWD", "2000"))
AT_ONCE = 500


async def put(store, path, data):
    """One PUT on a connection of its own, as jf does; its status."""
    reader, writer = await asyncio.open_connection(store.host, store.port)
    try:
        writer.write(f"PUT /artifactory{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                     f"Authorization: Bearer {store.token}\r\n"
                     f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
        await writer.drain()
        answer = await asyncio.wait_for(reader.read(), 60)
        return int(answer.split(None, 2)[1])
    finally:
        writer.close()


def crowd(store, paths, data):
    async def all_of_them():
        room = asyncio.Semaphore(AT_ONCE)

        async def one(path):
            async with room:
                return await put(store, path, data)
        return await asyncio.gather(*(one(path) for path in paths))
    return asyncio.run(all_of_them())


def blobs(store):
    return [file for shelf in (store.state / "store" / "blobs").iterdir() if len(shelf.name) == 2
            for file in shelf.iterdir()]


def test_identical_pushes_at_once_are_all_taken(store):
    data = b"the same bytes" * 100
    path = RELEASE + "/app/v1/app.tar"      # a repository where other bytes would be refused
    statuses = crowd(store, [path] * CROWD, data)
    assert statuses == [201] * CROWD
    assert len(blobs(store)) == 1
    assert store.get(path).content == data
    assert store.fsck().returncode == 0


def test_the_same_bytes_at_many_paths_are_one_blob(store):
    data = b"the same bytes" * 100
    paths = [f"{DEV}/{number % 10}/{number}" for number in range(CROWD // 2)]
    assert set(crowd(store, paths, data)) == {201}
    assert len(blobs(store)) == 1
    listed = store.get(f"/api/storage{DEV}?list&deep=1").json()["files"]
    assert len(listed) == len(paths)


@pytest.mark.timeout(120)
def test_room_is_free_at_once_while_others_write(store):
    stop = threading.Event()

    def write(number):
        session = requests.Session()
        session.headers.update(store.session.headers)
        turn = 0
        while not stop.is_set():
            turn += 1
            session.put(f"{store.base}{DEV}/other/{number}/{turn % 20}", data=os.urandom(50_000))

    others = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in others:
        thread.start()
    try:
        for turn in range(20):
            names = [f"{DEV}/mine/{turn}/{name}" for name in range(10)]
            data = {name: name.encode() + os.urandom(20_000) for name in names}
            for name in names:
                assert store.put(name, data[name]).status_code == 201
            assert store.delete(f"{DEV}/mine/{turn}").status_code == 204
            # Answered is gone: the rows, the files and their bytes.
            for name in names:
                assert not store.blob(data[name]).exists()
    finally:
        stop.set()
        for thread in others:
            thread.join()
    assert store.fsck().returncode == 0


def test_a_large_folder_is_deleted_in_slices_and_the_rest_goes_on(store):
    paths = [f"{DEV}/large/{number % 7}/{number}" for number in range(1500)]
    assert set(crowd(store, paths, b"x")) == {201}
    assert store.put(f"{DEV}/large-beside/x", b"x").status_code == 201
    assert store.delete(DEV + "/large").status_code == 204
    assert store.get(DEV + "/large/").status_code == 404
    assert store.get(f"{DEV}/large-beside/x").content == b"x"
    assert len(blobs(store)) == 1
    assert hashlib.sha256(blobs(store)[0].read_bytes()).hexdigest() == hashlib.sha256(b"x").hexdigest()
    assert store.fsck().returncode == 0
