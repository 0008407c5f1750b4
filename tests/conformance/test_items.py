"""Items: PUT, GET, HEAD, DELETE, checksums, ranges, conditions, who may."""

import base64
import concurrent.futures
import hashlib
import http.client
import json
import socket

import pytest
import requests

from conftest import message, sums

DEV = "/sos-dev-local"
RELEASE = "/sos-release-local"
CREATED = "application/vnd.org.jfrog.artifactory.storage.ItemCreated+json"


def claims(data):
    return {f"X-Checksum-{kind.capitalize()}": value for kind, value in sums(data).items()}


# --- PUT ---

def test_a_put_file_is_told_with_its_checksums(store):
    data = b"x" * 60000
    answer = store.put(DEV + "/p/v1/x.bin", data, headers={"X-Checksum-Md5": sums(data)["md5"]})
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == CREATED
    url = store.base + DEV + "/p/v1/x.bin"
    assert answer.headers["Location"] == url
    told = answer.json()
    assert told["repo"] == "sos-dev-local" and told["path"] == "/p/v1/x.bin"
    assert told["size"] == "60000" and told["checksums"] == sums(data)
    assert told["originalChecksums"] == {k: sums(data)[k] for k in ("md5", "sha256")}
    assert told["uri"] == told["downloadUri"] == url
    assert told["createdBy"] == "farm" and told["created"].endswith("Z")
    assert store.blob(data).exists()


def test_an_empty_file_is_a_file(store):
    assert store.put(DEV + "/empty", b"").json()["checksums"] == sums(b"")
    answer = store.get(DEV + "/empty")
    assert answer.status_code == 200 and answer.content == b""


def test_a_chunked_body_is_stored_whole(store):
    parts = [bytes([i]) * 70000 for i in range(20)]
    answer = store.put(DEV + "/chunked", iter(parts))
    assert answer.status_code == 201
    assert answer.json()["checksums"] == sums(b"".join(parts))
    assert store.get(DEV + "/chunked").content == b"".join(parts)


@pytest.mark.parametrize("name", ["a%20b+c", "a%2Bb", "a%3Bb", "%C3%A9.txt", "a%25b", "a%23%3Fb"])
def test_odd_names_come_back_as_they_were_sent(store, name):
    assert store.put(f"{DEV}/{name}", b"odd").status_code == 201
    answer = store.get(f"{DEV}/{name}")
    assert answer.content == b"odd"
    assert store.get(answer.headers["X-Artifactory-Filename"] and f"{DEV}/{name}").ok
    told = store.get(f"/api/storage{DEV}/{name}").json()["downloadUri"]
    assert store.session.get(told).content == b"odd"


@pytest.mark.parametrize("path", ["/../x", "/a/%2e%2e/x", "/a%00b", "/a%0ab", "/a.jar!/x", "/%zz",
                                  "/a%5Cb", "/x;1bad=2", "/x;a%2Fb=2"])
def test_bad_paths_are_400(store, path):
    # By the plain client: the other one mends bad escapes.
    client = http.client.HTTPConnection(store.host, store.port, timeout=20)
    client.request("PUT", "/artifactory" + DEV + path, b"x",
                   {"Authorization": "Bearer " + store.token})
    answer = client.getresponse()
    assert answer.status == 400
    assert json.loads(answer.read())["errors"][0]["status"] == 400
    client.close()


def test_an_unknown_repository_is_404(store):
    answer = store.put("/nowhere/x", b"x")
    assert answer.status_code == 404
    assert message(answer) == "Could not find a local repository named nowhere to deploy to."


def test_wrong_checksums_are_409_and_nothing_is_kept(store):
    for header in ("X-Checksum-Sha1", "X-Checksum-Sha256", "X-Checksum-Md5", "X-Checksum"):
        kind = header.split("-")[-1].lower()
        wrong = sums(b"other")["sha256" if kind == "checksum" else kind]
        answer = store.put(DEV + "/wrong", b"data", headers={header: wrong})
        assert answer.status_code == 409
        assert wrong in message(answer) and "4 bytes" in message(answer)
        assert store.get(DEV + "/wrong").status_code == 404
    assert not store.blob(b"data").exists()


def test_x_checksum_tells_its_kind_by_its_length(store):
    for kind, value in sums(b"data").items():
        answer = store.put(f"{DEV}/by-{kind}", b"data", headers={"X-Checksum": value.upper()})
        assert answer.status_code == 201
        assert kind in answer.json()["originalChecksums"]


def test_same_bytes_are_201_again_even_where_nothing_may_change(store):
    assert store.put(RELEASE + "/x", b"one").status_code == 201
    assert store.put(RELEASE + "/x;k=v", b"one").status_code == 201
    assert store.props(RELEASE + "/x") == {"k": ["v"]}


def test_other_bytes_are_403_in_an_immutable_repository(store):
    store.put(RELEASE + "/p/x", b"one")
    for headers in ({}, claims(b"two")):
        answer = store.put(RELEASE + "/p/x", b"two", headers=headers)
        assert answer.status_code == 403
        assert message(answer) == ("Not enough permissions to delete/overwrite artifact "
                                   "'sos-release-local:p/x' (user: 'farm' needs DELETE "
                                   "permission).")
    assert store.get(RELEASE + "/p/x").content == b"one"


def test_maven_metadata_may_change_everywhere(store):
    for data in (b"<one/>", b"<two/>"):
        assert store.put(RELEASE + "/g/maven-metadata.xml", data).status_code == 201
        for kind in ("sha1", "md5"):
            path = f"{RELEASE}/g/maven-metadata.xml.{kind}"
            assert store.put(path, b"anything").status_code == 200
            assert store.get(path).text == sums(data)[kind]


def test_a_mutable_file_is_replaced_with_its_properties_and_bytes(store):
    store.put(DEV + "/x;old=1", b"one")
    assert store.put(DEV + "/x;new=2", b"two").status_code == 201
    assert store.get(DEV + "/x").content == b"two"
    assert store.props(DEV + "/x") == {"new": ["2"]}
    assert not store.blob(b"one").exists()


def test_a_file_and_a_folder_cannot_share_a_path(store):
    store.put(DEV + "/a/b", b"x")
    assert store.put(DEV + "/a", b"x").status_code == 409
    assert store.put(DEV + "/a/b/c", b"x").status_code == 409
    assert store.put(DEV + "/a/b/").status_code == 409


def test_a_folder_is_made(store):
    answer = store.put(DEV + "/new/dir/;k=v")
    assert answer.status_code == 201
    assert answer.json()["path"] == "/new/dir/"
    assert answer.json()["uri"] == store.base + DEV + "/new/dir/"
    assert store.props(DEV + "/new/dir") == {"k": ["v"]}
    assert store.put(DEV + "/new/dir/").status_code == 201


def test_matrix_parameters_become_properties(store):
    store.put(DEV + "/x;sos.project=sfix+service;tags=a;tags=b;vcs.revision=d%20e;flag", b"x")
    assert store.props(DEV + "/x") == {"sos.project": ["sfix service"], "tags": ["a", "b"],
                                       "vcs.revision": ["d e"], "flag": [""]}


# --- deploy by checksum ---

@pytest.mark.parametrize("header,kind", [("X-Checksum-Sha256", "sha256"),
                                         ("X-Checksum-Sha1", "sha1"), ("X-Checksum", "sha256"),
                                         ("X-Checksum", "sha1")])
def test_known_bytes_are_deployed_without_sending_them(store, header, kind):
    store.put(DEV + "/x", b"known")
    headers = {"X-Checksum-Deploy": "true", header: sums(b"known")[kind]}
    answer = store.put(RELEASE + "/y;k=v", headers=headers)
    assert answer.status_code == 201
    assert answer.json()["checksums"] == sums(b"known") and answer.json()["size"] == "5"
    assert store.get(RELEASE + "/y").content == b"known"
    assert store.props(RELEASE + "/y") == {"k": ["v"]}


@pytest.mark.parametrize("headers", [{}, {"X-Checksum-Sha1": "0" * 40},
                                     {"X-Checksum-Sha256": "zz"}, {"X-Checksum": "abc"}])
def test_unknown_or_bad_checksums_are_404(store, headers):
    store.put(DEV + "/x", b"known")
    answer = store.put(DEV + "/y", headers={"X-Checksum-Deploy": "true", **headers})
    assert answer.status_code == 404
    assert message(answer)
    assert store.get(DEV + "/y").status_code == 404


def test_deleted_bytes_cannot_be_deployed_by_checksum(store):
    store.put(DEV + "/x", b"gone")
    store.delete(DEV + "/x")
    answer = store.put(DEV + "/y", headers={"X-Checksum-Deploy": "true", **claims(b"gone")})
    assert answer.status_code == 404
    assert message(answer) == ("Checksum deploy failed. No existing file with sha256: "
                               + sums(b"gone")["sha256"])


def test_contradicting_claims_are_no_hit(store):
    store.put(DEV + "/x", b"known")
    headers = {"X-Checksum-Deploy": "true", "X-Checksum-Sha256": sums(b"known")["sha256"],
               "X-Checksum-Sha1": sums(b"other")["sha1"]}
    assert store.put(DEV + "/y", headers=headers).status_code == 404


# --- Expect: 100-continue ---

def expect(store, path, headers, token=None):
    """Send the head alone; give the first status line, and the socket."""
    sock = socket.create_connection((store.host, store.port), timeout=20)
    lines = [f"PUT /artifactory{path} HTTP/1.1", "Host: t", "Expect: 100-continue",
             f"Authorization: Bearer {token or store.token}",
             *(f"{k}: {v}" for k, v in headers.items())]
    sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
    answer = b""
    while b"\r\n" not in answer:
        answer += sock.recv(4096) or b"\r\n"
    return answer.split(b"\r\n")[0].decode(), sock


def test_with_expect_known_bytes_are_201_before_the_body(store):
    store.put(DEV + "/x", b"known")
    line, sock = expect(store, RELEASE + "/y",
                        {"Content-Length": "5", "X-Checksum-Sha256": sums(b"known")["sha256"]})
    sock.close()
    assert line == "HTTP/1.1 201 Created"
    assert store.get(RELEASE + "/y").content == b"known"


def test_with_expect_a_refusal_comes_before_the_body(store):
    store.put(RELEASE + "/x", b"one")
    line, sock = expect(store, RELEASE + "/x", {"Content-Length": "3", **claims(b"two")})
    sock.close()
    assert line.startswith("HTTP/1.1 403")
    line, sock = expect(store, DEV + "/x", {"Content-Length": "3"}, token="wrong")
    sock.close()
    assert line.startswith("HTTP/1.1 401")


def test_with_expect_new_bytes_are_asked_for(store):
    line, sock = expect(store, DEV + "/x", {"Content-Length": "3", **claims(b"new")})
    assert line.startswith("HTTP/1.1 100")
    sock.sendall(b"new")
    answer = b""
    while b"201 Created" not in answer:
        data = sock.recv(4096)
        assert data
        answer += data
    sock.close()
    assert store.get(DEV + "/x").content == b"new"


# --- caps ---

def test_a_file_over_the_cap_is_413_before_and_in_its_body(make_store):
    store = make_store("--upload-max", "100000")
    line, sock = expect(store, DEV + "/x", {"Content-Length": "100001"})
    sock.close()
    assert line.startswith("HTTP/1.1 413")
    assert store.put(DEV + "/x", iter([b"x" * 60000] * 2)).status_code == 413
    assert store.put(DEV + "/x", b"x" * 100000).status_code == 201


def test_under_the_disk_floor_uploads_are_507_and_reads_served(make_store):
    store = make_store()
    store.put(DEV + "/x", b"data")
    store.stop()
    store.flags = ("--disk-floor", "1000000GiB")
    store.start()
    answer = store.put(DEV + "/y", b"new")
    assert answer.status_code == 507 and "must stay free" in message(answer)
    assert store.put(DEV + "/y", iter([b"new"])).status_code == 507
    assert store.get(DEV + "/x").content == b"data"
    assert store.put(DEV + "/y", headers={"X-Checksum-Deploy": "true",
                                          **claims(b"data")}).status_code == 201
    assert store.delete(DEV + "/x").status_code == 204


# --- GET and HEAD ---

def test_every_get_tells_all_checksums(store):
    data = b"hello" * 1000
    store.put(DEV + "/x.jar", data)
    for method in ("GET", "HEAD"):
        answer = store.ask(method, DEV + "/x.jar")
        assert answer.status_code == 200
        assert answer.headers["ETag"] == sums(data)["sha1"]
        for kind in ("Sha1", "Sha256", "Md5"):
            assert answer.headers[f"X-Checksum-{kind}"] == sums(data)[kind.lower()]
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert answer.headers["Content-Length"] == str(len(data))
        assert answer.headers["Content-Type"] == "application/java-archive"
        assert answer.headers["Content-Disposition"] == (
            "attachment; filename=\"x.jar\"; filename*=UTF-8''x.jar")
        assert answer.headers["X-Artifactory-Filename"] == "x.jar"
        assert answer.headers["Last-Modified"].endswith("GMT")
        assert answer.content == (data if method == "GET" else b"")


@pytest.mark.parametrize("size", [0, 10_000, 65_536, 65_537])
def test_what_is_asked_for_again_is_answered_the_same(store, size):
    """A small file is soon answered from memory: nobody can tell, and it ends with the file."""
    data = bytes(i % 251 for i in range(size))
    store.put(f"{DEV}/same.txt", data)
    told, names = [], set()
    for _ in range(6):
        answer = store.get(f"{DEV}/same.txt")
        names.add(answer.headers.pop("X-Request-Id"))
        answer.headers.pop("Date")
        told.append((answer.status_code, sorted(answer.headers.items()), answer.content))
        head = store.ask("HEAD", f"{DEV}/same.txt")
        assert (head.headers["Content-Length"], head.content) == (str(size), b"")
        etag = answer.headers["ETag"]
        assert store.get(f"{DEV}/same.txt", headers={"If-None-Match": etag}).status_code == 304
        if size:
            part = store.get(f"{DEV}/same.txt", headers={"Range": "bytes=1-3"})
            assert (part.status_code, part.content) == (206, data[1:4])
        mine = store.get(f"{DEV}/same.txt", headers={"X-Request-Id": "mine"})
        assert mine.headers["X-Request-Id"] == "mine"
    assert told == told[:1] * 6 and told[0][2] == data and len(names) == 6
    store.put(f"{DEV}/same.txt", b"other")
    assert store.get(f"{DEV}/same.txt").content == b"other"
    store.delete(f"{DEV}/same.txt")
    assert store.get(f"{DEV}/same.txt").status_code == 404


def test_the_prefix_may_be_left_out(store):
    store.put(DEV + "/x", b"data")
    assert store.session.get(store.root + DEV + "/x").content == b"data"
    assert store.session.get(store.root + "/api/storage" + DEV + "/x").json()["size"] == "4"


@pytest.mark.parametrize("value", ['{sha1}', '"{sha1}"', 'W/"{sha1}"', '"no", "{sha1}"', '*'])
def test_an_unchanged_file_is_304_by_its_etag(store, value):
    store.put(DEV + "/x", b"data")
    headers = {"If-None-Match": value.format(sha1=sums(b"data")["sha1"])}
    answer = store.get(DEV + "/x", headers=headers)
    assert answer.status_code == 304 and answer.content == b""
    assert answer.headers["ETag"] == sums(b"data")["sha1"]


def test_the_etag_decides_over_the_date(store):
    store.put(DEV + "/x", b"data")
    modified = store.get(DEV + "/x").headers["Last-Modified"]
    for headers, status in (({"If-Modified-Since": modified}, 304),
                            ({"If-Modified-Since": "Mon, 02 Feb 2015 02:40:00 GMT"}, 200),
                            ({"If-Modified-Since": "nonsense"}, 200),
                            ({"If-Modified-Since": modified, "If-None-Match": "other"}, 200)):
        assert store.get(DEV + "/x", headers=headers).status_code == status


@pytest.mark.parametrize("asked,told,part", [
    ("bytes=0-19", "bytes 0-19/100", slice(0, 20)),
    ("bytes=90-", "bytes 90-99/100", slice(90, 100)),
    ("bytes=-5", "bytes 95-99/100", slice(95, 100)),
    ("bytes=50-1000", "bytes 50-99/100", slice(50, 100)),
])
def test_a_range_is_206(store, asked, told, part):
    data = bytes(range(100))
    store.put(DEV + "/x", data)
    answer = store.get(DEV + "/x", headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == told
    assert answer.content == data[part]
    assert answer.headers["X-Checksum-Sha1"] == sums(data)["sha1"]


def test_an_unsatisfiable_range_is_416(store):
    store.put(DEV + "/x", b"x" * 100)
    answer = store.get(DEV + "/x", headers={"Range": "bytes=100-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == "bytes */100"


def test_several_ranges_give_the_whole(store):
    store.put(DEV + "/x", b"x" * 100)
    answer = store.get(DEV + "/x", headers={"Range": "bytes=0-1,5-6"})
    assert answer.status_code == 200 and len(answer.content) == 100


def test_if_range_decides_whether_a_part_is_sent(store):
    store.put(DEV + "/x", b"x" * 100)
    sha1 = sums(b"x" * 100)["sha1"]
    modified = store.get(DEV + "/x").headers["Last-Modified"]
    for condition, status in ((sha1, 206), (f'"{sha1}"', 206), (sha1 + "-1", 206), (modified, 206),
                              ("other", 200), ("Mon, 02 Feb 2015 02:40:00 GMT", 200)):
        headers = {"Range": "bytes=0-1", "If-Range": condition}
        assert store.get(DEV + "/x", headers=headers).status_code == status


def test_checksums_are_files(store):
    store.put(DEV + "/d/x.jar", b"data")
    for kind, value in sums(b"data").items():
        answer = store.get(f"{DEV}/d/x.jar.{kind}")
        assert answer.status_code == 200 and answer.text == value
        assert store.get(f"{DEV}/d/none.jar.{kind}").status_code == 404
    assert store.get(DEV + "/d/x.jar.sha512").status_code == 404
    assert store.get(DEV + "/d.sha1").status_code == 404


def test_a_put_checksum_is_compared_and_kept_as_the_clients(store):
    store.put(DEV + "/x.jar", b"data")
    answer = store.put(DEV + "/x.jar.sha1", sums(b"data")["sha1"].encode() + b"  x.jar\n")
    assert answer.status_code == 201
    assert answer.headers["Location"] == store.base + DEV + "/x.jar"
    told = store.get(f"/api/storage{DEV}/x.jar").json()["originalChecksums"]
    assert set(told) == {"sha1", "sha256"}
    assert store.put(DEV + "/x.jar.md5", b"0" * 32).status_code == 409
    assert store.put(DEV + "/x.jar.md5", b"nonsense").status_code == 409
    for nothing in (b"", b"  \n"):
        answer = store.put(DEV + "/x.jar.md5", nothing)
        assert answer.status_code == 409 and "is not a checksum" in message(answer)
    assert store.put(DEV + "/x.jar.md5", b"0" * 1025).status_code == 409
    assert store.put(DEV + "/none.jar.md5", b"0" * 32).status_code == 404
    assert store.get("/api/storage" + DEV).json()["children"] == [{"uri": "/x.jar",
                                                                    "folder": False}]


def test_an_absent_file_is_404(store):
    for path in (DEV + "/none", "/nowhere/none", DEV + "/none/"):
        answer = store.get(path)
        assert answer.status_code == 404
        assert message(answer) == "File not found."
        assert store.ask("HEAD", path).content == b""
    store.put(DEV + "/x", b"data")
    assert store.get(DEV + "/x/").status_code == 404


def test_a_folder_redirects_to_its_page_for_people(store):
    store.put(DEV + "/d/%3Cb%3E%26.txt", b"data")
    store.put(DEV + "/d/sub/y", b"data")
    for path in (DEV + "/d", DEV):
        answer = store.get(path)
        assert answer.status_code == 302
        assert answer.headers["Location"] == store.base + path + "/"
    page = store.get(DEV + "/d/")
    assert page.headers["Content-Type"].startswith("text/html")
    assert 'href="./sub/"' in page.text and 'href="../"' in page.text
    assert "&#60;b&#62;&#38;.txt" in page.text and "<b>" not in page.text


# --- DELETE ---

def test_a_delete_frees_the_bytes_at_once(store):
    store.put(DEV + "/x", b"data")
    store.put(DEV + "/y", b"data")
    assert store.delete(DEV + "/x").status_code == 204
    assert store.blob(b"data").exists() and store.get(DEV + "/y").content == b"data"
    assert store.delete(DEV + "/y").status_code == 204
    assert not store.blob(b"data").exists()
    answer = store.delete(DEV + "/y")
    assert answer.status_code == 404
    assert message(answer) == "Could not locate artifact 'sos-dev-local:y' (Nothing to delete)."


def test_a_slash_at_the_end_deletes_no_file(store):
    store.put(DEV + "/x", b"data")
    assert store.delete(DEV + "/x/").status_code == 404
    assert store.get(DEV + "/x").content == b"data"


def test_a_folder_is_deleted_with_all_in_it_and_nothing_beside(store):
    for name in ("d/a", "d/e/b", "d/e/f/c", "d.x", "d0", "da/x"):
        store.put(f"{DEV}/{name}", name.encode())
    assert store.delete(DEV + "/d").status_code == 204
    for name in ("d/a", "d/e/b", "d/e/f/c"):
        assert store.get(f"{DEV}/{name}").status_code == 404
        assert not store.blob(name.encode()).exists()
    for name in ("d.x", "d0", "da/x"):
        assert store.get(f"{DEV}/{name}").content == name.encode()
    assert store.fsck().returncode == 0


def test_a_virtual_repository_without_a_place_for_it_says_so(make_store):
    store = make_store("--repositories", "one,all virtual members=one")
    answer = store.put("/all/x", b"x")
    assert answer.status_code == 405 and answer.headers["Allow"] == "GET, HEAD"
    assert "'all' is a virtual one without a deploy=" in message(answer)
    assert store.put("/one/x", b"x").status_code == 201 and store.get("/all/x").content == b"x"


def test_other_verbs_are_405(store):
    for method in ("MKCOL", "PROPFIND", "POST", "PATCH"):
        answer = store.ask(method, DEV + "/x")
        assert answer.status_code == 405
        assert "GET" in answer.headers["Allow"]


# --- who may ---

def test_all_ways_to_tell_a_token(store):
    store.put(DEV + "/x", b"data")
    basic = base64.b64encode(f"anybody:{store.token}".encode()).decode()
    store.session.headers.pop("Authorization")
    for headers in ({"Authorization": "Bearer " + store.token}, {"Authorization": "Basic " + basic},
                    {"X-JFrog-Art-Api": store.token}, {"X-Api-Key": store.token}):
        assert store.get(DEV + "/x", headers=headers).status_code == 200
    for headers in ({"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"},
                    {"X-JFrog-Art-Api": "wrong"}):
        answer = store.get(DEV + "/x", headers=headers)
        assert answer.status_code == 401 and message(answer) == "Bad credentials"


def test_nobody_hears_the_challenge_and_may_only_ping(store):
    store.session.headers.pop("Authorization")
    for method, path in (("GET", DEV + "/x"), ("PUT", DEV + "/x"), ("DELETE", DEV + "/x"),
                         ("GET", "/api/storage" + DEV), ("GET", "/api/system/version")):
        answer = store.ask(method, path)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="Artifactory Realm"'
        assert message(answer) == "Authentication is required"
    assert store.get("/api/system/ping").text == "OK"


def test_everybody_may_read_where_that_is_set(make_store):
    store = make_store("--anonymous-read")
    store.put(DEV + "/x", b"data")
    store.session.headers.pop("Authorization")
    assert store.get(DEV + "/x").content == b"data"
    assert store.put(DEV + "/x", b"more").status_code == 401
    assert store.delete(DEV + "/x").status_code == 401
    assert store.get(DEV + "/x", headers={"Authorization": "Bearer wrong"}).status_code == 401


# --- many at once ---

def test_500_identical_puts_at_once_are_all_201_and_one_blob(store):
    data = b"the same bytes" * 5000
    url = store.base + RELEASE + "/same/x.bin"
    headers = dict(store.session.headers)

    def put(number):
        answer = requests.put(url, data=data, headers=headers, timeout=60)
        return answer.status_code == 201 and answer.json()["checksums"] == sums(data)

    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        assert all(pool.map(put, range(500)))
    blobs = [p for p in (store.state / "store" / "blobs").glob("??/*") if len(p.name) == 62]
    assert [p.parent.name + p.name for p in blobs] == [hashlib.sha256(data).hexdigest()]
    assert not list((store.state / "store" / "blobs" / "tmp").iterdir())


def test_puts_and_deletes_of_the_same_bytes_leave_no_hole(store):
    """Deleting the last item of some bytes while others put them again."""
    data = b"contended" * 1000
    headers = dict(store.session.headers)

    def turn(number):
        url = f"{store.base}{DEV}/c/{number % 8}"
        if number % 2:
            return requests.delete(url, headers=headers, timeout=60).status_code in (204, 404)
        return requests.put(url, data=data, headers=headers, timeout=60).status_code == 201

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert all(pool.map(turn, range(600)))
    result = store.fsck()
    assert result.returncode == 0 and " orphans 0" in result.stdout, result.stdout
    left = store.get(f"/api/storage{DEV}/c").json()["children"]
    for child in left:
        assert store.get(f"{DEV}/c{child['uri']}").content == data
    assert store.blob(data).exists() == bool(left)
