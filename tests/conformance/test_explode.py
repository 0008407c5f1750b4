"""PUT of archives that become the files in them (X-Explode-Archive)."""

import bz2
import gzip
import hashlib
import io
import stat
import subprocess
import tarfile
import zipfile

import pytest

from conftest import message, sums

DIR, LINK, HARD, DEVICE, PIPE = "5", "2", "1", "3", "6"  # types of a tar's entries
EXPLODE = {"X-Explode-Archive": "true"}
ATOMIC = {"X-Explode-Archive-Atomic": "true"}
FILES = {"a.txt": b"one\n", "d/b c.bin": bytes(range(256)) * 400, "d/e/ü.txt": b"", "again": b"one\n"}


def tar_of(files, **fields):
    """Files by name; a value that is text is an entry of that type, without bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            if isinstance(data, bytes):
                entry.size = len(data)
            else:
                entry.type, entry.linkname = data.encode(), "a.txt"
            for field, value in fields.items():
                setattr(entry, field, value)
            tar.addfile(entry, io.BytesIO(data) if isinstance(data, bytes) else None)
    return out.getvalue()


def zip_of(files, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


PACKED = {
    "zip": zip_of(FILES),
    "jar": zip_of(FILES, zipfile.ZIP_STORED),
    "tar": tar_of(FILES),
    "tar.gz": gzip.compress(tar_of(FILES)),
    "tgz": gzip.compress(tar_of({"./" + name: data for name, data in FILES.items()})),
    "tar.bz2": bz2.compress(tar_of(FILES)),
    "tar.zst": zstd(tar_of(FILES)),
}


@pytest.fixture
def store(make_store):
    return make_store("--repositories", "dev, fixed immutable, mvn maven releases")


def names(store, repo="dev"):
    answer = store.get(f"/api/storage/{repo}/?list&deep=1")
    assert answer.status_code == 200, answer.text
    return sorted(item["uri"] for item in answer.json()["files"])


def blobs(store):
    return [path for path in (store.state / "store" / "blobs").glob("??/*")]


@pytest.mark.parametrize("header", [EXPLODE, ATOMIC], ids=["plain", "atomic"])
def test_each_entry_becomes_an_item(store, header):
    for kind, packed in PACKED.items():
        answer = store.put(f"/dev/p/{kind}/x.{kind};k=v", data=packed, headers=header)
        assert (answer.status_code, answer.content) == (200, b""), (kind, answer.text)
        assert [name for name in names(store) if name.startswith(f"/p/{kind}/")] == \
            sorted(f"/p/{kind}/{name}" for name in FILES)
        for name, data in FILES.items():
            path = f"/dev/p/{kind}/" + name.replace("ü", "%C3%BC").replace(" ", "%20")
            got = store.get(path)
            assert got.content == data
            assert got.headers["X-Checksum-Sha256"] == sums(data)["sha256"]
            assert store.props(path) == {"k": ["v"]}
    assert len(blobs(store)) == 3  # "one" is there once, the archives not at all
    assert store.fsck().returncode == 0


def test_a_folder_as_target_is_where_the_entries_go(store):
    assert store.put("/dev/x.zip", data=PACKED["zip"], headers=EXPLODE).status_code == 200
    assert store.put("/dev/f/", data=tar_of({"n": b"1", "empty": DIR}),
                     headers=EXPLODE).status_code == 200
    assert set(names(store)) == {"/" + name for name in FILES} | {"/f/n"}
    assert store.get("/api/storage/dev/f/empty").json()["children"] == []


BAD = {
    "up": tar_of({"ok": b"1", "a/../../b": b"2"}),
    "up in a zip": zip_of({"ok": b"1", "../b": b"2"}),
    "absolute": tar_of({"ok": b"1", "/etc/b": b"2"}),
    "absolute in a zip": zip_of({"ok": b"1", "/etc/b": b"2"}),
    "a link": tar_of({"ok": b"1", "b": LINK}),
    "a hard link": tar_of({"ok": b"1", "b": HARD}),
    "a device": tar_of({"ok": b"1", "b": DEVICE}),
    "a pipe": tar_of({"ok": b"1", "b": PIPE}),
    "a backslash": tar_of({"ok": b"1", "b\\c": b"2"}),
    "a control byte": tar_of({"ok": b"1", "b\tc": b"2"}),
    "lzma": zip_of({"ok": b"1" * 1000, "b": b"2" * 1000}, zipfile.ZIP_LZMA),
    "no archive": b"just bytes" * 100,
    "nothing": b"",
    "cut short": gzip.compress(tar_of({"a": bytes(100_000), "b": hashlib.sha256(b"").digest() * 99}))[:-40],
    "a cut tar": tar_of({"ok": b"1", "b": bytes(5000)})[:3000],
    "a cut zip": zip_of(FILES)[:-30],
    "a cut zstd": zstd(tar_of(FILES))[:-20],
}


def zip_with(change):
    data = bytearray(zip_of({"ok": b"1", "b": b"22222"}))
    change(data)
    return bytes(data)


def encrypt(data):
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.rindex(mark)
        data[start + at] |= 1


def spoil(data):
    start = data.rindex(b"PK\x03\x04")
    data[start + 31] ^= 0x40  # of the packed bytes


def hide_list(data):
    start = data.rindex(b"PK\x05\x06")
    data[start + 12:start + 16] = bytes(4)  # the list is told to be empty


def zip_link():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        entry = zipfile.ZipInfo("b")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    return out.getvalue()


BAD |= {"encrypted": zip_with(encrypt), "spoilt": zip_with(spoil), "a hidden list": zip_with(hide_list),
        "a link in a zip": zip_link()}


@pytest.mark.parametrize("header", [EXPLODE, ATOMIC], ids=["plain", "atomic"])
def test_what_cannot_be_taken_whole_is_refused_whole(store, header):
    for why, data in BAD.items():
        answer = store.put("/dev/p/x.any", data=data, headers=header)
        assert answer.status_code == 400, (why, answer.text)
        assert "rchive" in message(answer) or "zip" in message(answer)
        assert names(store) == [] and blobs(store) == [], why
    assert store.fsck().returncode == 0


def test_what_unpacks_to_too_much_is_refused(make_store):
    store = make_store("--repositories", "dev", "--upload-max", "32MiB")
    zeros = tar_of({"zeros": bytes(20 << 20)})
    for packed in (gzip.compress(zeros), zip_of({"zeros": bytes(20 << 20)}), zstd(zeros)):
        answer = store.put("/dev/x", data=packed, headers=EXPLODE)
        assert answer.status_code == 413 and "bytes" in message(answer)
    noise = hashlib.shake_128(b"").digest(1 << 20)
    answer = store.put("/dev/x", data=zip_of({f"{i}": noise for i in range(31)}), headers=EXPLODE)
    assert answer.status_code == 200
    folders = gzip.compress(tar_of({f"f/{i}": DIR for i in range(10_001)}))
    answer = store.put("/dev/x", data=folders, headers=ATOMIC)
    assert answer.status_code == 413 and "10000 entries" in message(answer)
    assert len(names(store)) == 31 and len(blobs(store)) == 1


def token(store, scope):
    return {"Authorization": "Bearer " + store.make_token(scope)["access_token"]}


def test_each_path_must_be_allowed(store):
    mine = token(store, "artifact:dev/mine:r,w")
    inside = tar_of({"a": b"1"})
    assert store.put("/dev/mine/x.tar", data=inside, headers=mine | EXPLODE).status_code == 200
    file_alone = token(store, "artifact:dev/p/x.tar:r,w")
    answer = store.put("/dev/p/x.tar", data=inside, headers=file_alone | EXPLODE)
    assert answer.status_code == 403 and "dev:p/a" in message(answer)
    answer = store.put("/dev/mine/x.tar;k=v", data=inside, headers=mine | EXPLODE)
    assert answer.status_code == 403
    assert names(store) == ["/mine/a"]


def test_what_is_there_stays_for_who_may_not_delete(store):
    mine = token(store, "artifact:dev:r,w")
    store.put("/dev/p/b", data=b"old")
    new = tar_of({"a": b"1", "b": b"2", "c": b"3"})
    answer = store.put("/dev/p/x.tar", data=new, headers=mine | ATOMIC)
    assert answer.status_code == 403 and "'dev:p/b'" in message(answer)
    assert names(store) == ["/p/b"] and len(blobs(store)) == 1
    assert store.put("/dev/p/x.tar", data=tar_of({"a": b"1", "b": b"old"}),
                     headers=mine | ATOMIC).status_code == 200
    assert store.put("/dev/p/x.tar", data=new, headers=EXPLODE).status_code == 200
    assert store.get("/dev/p/b").content == b"2" and len(blobs(store)) == 3
    store.put("/fixed/b", data=b"old")
    assert store.put("/fixed/x.tar", data=new, headers=ATOMIC).status_code == 403
    assert names(store, "fixed") == ["/b"]
    assert store.fsck().returncode == 0


def test_checksum_files_are_held_against_their_files(store):
    right = {"a.sha1": sums(b"1")["sha1"].encode() + b"  a\n", "a": b"1"}
    assert store.put("/dev/p/x.tar", data=tar_of(right), headers=EXPLODE).status_code == 200
    assert names(store) == ["/p/a"]
    assert "sha1" in store.get("/api/storage/dev/p/a").json()["originalChecksums"]
    for wrong in ({"n": b"1", "n.md5": b"0" * 32}, {"n": b"1", "m.sha256": b"0" * 64},
                  {"n": b"1", "n.sha1": b"not one"}):
        answer = store.put("/dev/p/x.tar", data=tar_of(wrong), headers=ATOMIC)
        assert answer.status_code == 409, answer.text
    assert names(store) == ["/p/a"]
    answer = store.put("/dev/p/x.tar", data=tar_of({"n": b"1", "n.sha1": b"0" * 2000}), headers=EXPLODE)
    assert answer.status_code == 400 and "1024" in message(answer)


def test_a_maven_repository_keeps_its_rules(store):
    layout = {"org/a/app/1.0/app-1.0.jar": b"jar", "org/a/app/1.0/app-1.0.pom": b"<project/>",
              "org/a/app/maven-metadata.xml": b"nonsense", "org/a/app/maven-metadata.xml.sha1": b"nonsense"}
    assert store.put("/mvn/bundle.zip", data=zip_of(layout), headers=ATOMIC).status_code == 200
    assert b"<version>1.0</version>" in store.get("/mvn/org/a/app/maven-metadata.xml").content
    assert len(names(store, "mvn")) == 2
    snapshot = zip_of({"org/a/app/1.1-SNAPSHOT/app-1.1-SNAPSHOT.jar": b"jar"})
    answer = store.put("/mvn/bundle.zip", data=snapshot, headers=ATOMIC)
    assert answer.status_code == 409 and "snapshot" in message(answer)


def test_the_archive_itself_must_have_come_whole(store):
    data = tar_of({"a": b"1"})
    wrong = {"X-Checksum-Sha1": "0" * 40}
    assert store.put("/dev/x.tar", data=data, headers=EXPLODE | wrong).status_code == 409
    right = {"X-Checksum-Sha1": sums(data)["sha1"], "X-Checksum-Sha256": sums(data)["sha256"]}
    assert store.put("/dev/x.tar", data=data, headers=EXPLODE | right).status_code == 200
    by_sum = {"X-Checksum-Deploy": "true"} | right
    assert store.put("/dev/x.tar", headers=EXPLODE | by_sum).status_code == 404
    assert store.put("/nowhere/x.tar", data=data, headers=EXPLODE).status_code == 404
    build = store.put("/artifactory-build-info/x.tar", data=data, headers=EXPLODE)
    assert build.status_code == 409
    assert names(store) == ["/a"]


def test_a_large_file_in_an_archive_and_many_small(store):
    big = hashlib.shake_128(b"big").digest(40 << 20)
    many = {f"n/{i % 10}/{i}": b"%d" % i for i in range(1200)}
    data = gzip.compress(tar_of({"big": big} | many), 1)
    curl = subprocess.run(["curl", "-sS", "-f", "-T", "-", "-H", "Authorization: Bearer " + store.token,
                           "-H", "X-Explode-Archive: true", store.base + "/dev/p/x.tgz"], input=data,
                          capture_output=True, timeout=60)
    assert curl.returncode == 0, curl.stderr
    assert len(names(store)) == 1201
    assert store.get("/dev/p/big").content == big
    assert store.get("/dev/p/n/3/33").content == b"33"
    assert store.fsck().returncode == 0
