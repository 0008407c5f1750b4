"""Remote and virtual PyPI repositories before an upstream whose every answer is known."""

import hashlib
import html
import json
import urllib.parse

import pytest
import requests

from conftest import message
from wheels import form, sdist, wheel

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "text/html"


@pytest.fixture
def make_index(make_store, upstream):
    def make(*flags, mix="", **more):
        return make_store("--repositories", f"py pypi,up pypi remote url={upstream.url}/simple/,"
                          f"all pypi virtual members=py+up deploy=py {mix}", *flags, **more)
    return make


@pytest.fixture
def store(make_index):
    return make_index()


def publish(upstream, project, *files, form="json", told=None, **page):
    """Files on a host of the upstream's own choice, and the page that tells of them."""
    rows = []
    for name, data in files:
        path = f"files/{hashlib.sha256(data).hexdigest()[:4]}/{name}"
        upstream.put(path, data)
        metadata = f"Metadata of {name}".encode()
        upstream.put(path + ".metadata", metadata)
        rows.append({"filename": name, "url": f"{upstream.url}/{path}", "size": len(data), "yanked": False,
                     "hashes": {"sha256": hashlib.sha256(data).hexdigest()}, "requires-python": ">=3.8",
                     "core-metadata": {"sha256": hashlib.sha256(metadata).hexdigest()}, **(told or {})})
    if form == "json":
        body = json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": rows}).encode()
    else:
        body = "".join(f'<a href="../../{row["url"].partition(upstream.url + "/")[2]}#sha256={row["hashes"]["sha256"]}"'
                       f' data-requires-python="{html.escape(row["requires-python"])}"'
                       f' data-dist-info-metadata="sha256={row["core-metadata"]["sha256"]}">{row["filename"]}</a>'
                       for row in rows).encode()
    return upstream.put(f"simple/{project}/", body, type=JSON if form == "json" else HTML, **page)


def page(store, project, repo="up"):
    return store.get(f"/api/pypi/{repo}/simple/{project}/", headers={"Accept": JSON})


def files(store, project, repo="up"):
    answer = page(store, project, repo)
    return {file["filename"]: file for file in answer.json()["files"]} if answer.status_code == 200 else {}


def fetch(store, project, name, repo="up", suffix=""):
    at = f"{store.base}/api/pypi/{repo}/simple/{project}/"
    url = urllib.parse.urljoin(at, files(store, project, repo)[name]["url"]) + suffix
    assert url.startswith(f"{store.base}/api/pypi/{repo}/packages/{project}/")
    return store.session.get(url, timeout=30)


def upload(store, file, project, repo="py"):
    request = requests.Request("POST", f"{store.base}/api/pypi/{repo}", data=form(project, "1.0", file[1]),
                               files={"content": file})
    assert store.session.send(store.session.prepare_request(request), timeout=30).status_code == 201


@pytest.mark.parametrize("kind", ["json", "html"])
def test_a_page_is_told_with_our_urls_and_its_files_are_kept(store, upstream, kind):
    file = wheel("far-pkg", "1.0")
    publish(upstream, "far-pkg", file, sdist("far_pkg", "0.9"), form=kind)
    told = files(store, "far-pkg")
    assert sorted(told) == ["far_pkg-0.9.tar.gz", file[0]]
    assert told[file[0]]["hashes"] == {"sha256": hashlib.sha256(file[1]).hexdigest()}
    assert told[file[0]]["requires-python"] == ">=3.8"
    for _ in range(2):
        assert fetch(store, "far-pkg", file[0]).content == file[1]
        metadata = fetch(store, "far-pkg", file[0], suffix=".metadata").content
        assert metadata == b"Metadata of " + file[0].encode()
        assert hashlib.sha256(metadata).hexdigest() == told[file[0]]["core-metadata"]["sha256"]
    assert store.get(f"/up/far-pkg/1.0/{file[0]}").content == file[1]
    requests_made = [path for _, path, _ in upstream.requests]
    assert len(requests_made) == len(set(requests_made)) == 3
    assert JSON in upstream.asked("simple/far-pkg/")[0]["Accept"]
    assert "text/html" in upstream.asked("simple/far-pkg/")[0]["Accept"]


def test_what_is_kept_is_served_without_the_upstream(make_index, upstream):
    store = make_index("--metadata-ttl", "0s")
    file = wheel("far-pkg", "1.0")
    publish(upstream, "far-pkg", file)
    assert fetch(store, "far-pkg", file[0]).status_code == 200
    for thing in upstream.things.values():
        thing.status = 503
    upstream.put("simple/other/", status=503)
    again = page(store, "far-pkg")
    assert again.status_code == 200 and "111" in again.headers["Warning"]
    assert fetch(store, "far-pkg", file[0]).content == file[1]
    assert page(store, "other").status_code == 502


def test_a_page_is_told_again_as_it_is_and_anew_when_it_changed(make_index, upstream):
    store = make_index("--metadata-ttl", "0s")
    one, two = wheel("far-pkg", "1.0"), wheel("far-pkg", "1.1")
    publish(upstream, "far-pkg", one, etag='"1"')
    first = page(store, "far-pkg")
    for repo in ("up", "all"):
        again = page(store, "far-pkg", repo)
        assert again.content == first.content and again.headers["ETag"] == first.headers["ETag"]
        people = store.get(f"/api/pypi/{repo}/simple/far-pkg/", headers={"Accept": "text/html"})
        assert people.text.startswith("<!DOCTYPE html>") and one[0] in people.text
    publish(upstream, "far-pkg", one, two, etag='"2"')
    assert sorted(files(store, "far-pkg")) == [one[0], two[0]]
    assert two[0] in store.get("/api/pypi/all/simple/far-pkg/", headers={"Accept": "text/html"}).text


def test_bytes_that_are_not_what_the_page_promises_are_never_kept(store, upstream):
    file = wheel("far-pkg", "1.0")
    publish(upstream, "far-pkg", file, told={"hashes": {"sha256": "0" * 64},
                                             "core-metadata": {"sha256": "1" * 64}})
    answer = fetch(store, "far-pkg", file[0])
    assert answer.status_code == 502
    assert "0" * 64 in message(answer) and hashlib.sha256(file[1]).hexdigest() in message(answer)
    assert fetch(store, "far-pkg", file[0], suffix=".metadata").status_code == 502
    assert not store.blob(file[1]).exists()


def test_only_files_of_the_page_are_fetched(store, upstream):
    file = wheel("far-pkg", "1.0")
    publish(upstream, "far-pkg", file)
    upstream.put("simple/secret", b"x")
    for path in ("/api/pypi/up/packages/far-pkg/1.0/other.whl", "/up/far-pkg/1.0/far_pkg-2.0-py3-none-any.whl",
                 f"/up/far-pkg/2.0/{file[0]}", f"/up/none/1.0/{file[0]}", "/up/secret", "/up/simple/far-pkg/",
                 "/api/pypi/up/packages/x"):
        assert store.get(path).status_code == 404, path
    assert "/simple/secret" not in [path for _, path, _ in upstream.requests]


def test_a_page_that_is_none_is_the_upstreams_fault(store, upstream):
    upstream.put("simple/far-pkg/", b'{"meta":{"api-version":"9.0"},"files":[]}', type=JSON)
    upstream.put("simple/broken/", b'{"files":', type=JSON)
    for project in ("far-pkg", "broken"):
        answer = page(store, project)
        assert answer.status_code == 502 and upstream.url in message(answer)
    assert page(store, "nothing").status_code == 404


def test_a_project_of_ours_hides_that_of_the_upstream(store, upstream):
    ours, theirs = wheel("inner", "1.0", text="ours"), wheel("inner", "9.0", text="theirs")
    publish(upstream, "inner", theirs)
    assert list(files(store, "inner", "all")) == [theirs[0]]
    upload(store, ours, "inner")
    assert list(files(store, "inner", "all")) == [ours[0]]
    assert fetch(store, "inner", ours[0], "all").content == ours[1]
    assert store.get(f"/api/pypi/all/packages/inner/9.0/{theirs[0]}").status_code == 404
    assert store.get(f"/all/inner/9.0/{theirs[0]}").status_code == 404
    # The name stays ours as long as its folder does, even with no release in it.
    assert store.delete("/py/inner/1.0").status_code == 204
    assert files(store, "inner", "all") == {} and page(store, "inner", "all").status_code == 200
    assert store.delete("/py/inner").status_code == 204
    assert list(files(store, "inner", "all")) == [theirs[0]]
    # A name can be reserved before anything is released.
    assert store.put("/py/inner/").status_code == 201
    assert files(store, "inner", "all") == {}


@pytest.mark.parametrize("mix", ["mix=inner+other", "mix=*"])
def test_projects_named_to_be_mixed_have_the_files_of_all(make_index, upstream, mix):
    store = make_index(mix=mix)
    ours, theirs = wheel("inner", "1.0", text="ours"), wheel("inner", "9.0", text="theirs")
    publish(upstream, "inner", theirs, ("inner-1.0-py3-none-any.whl", b"theirs too"))
    upload(store, ours, "inner")
    assert sorted(files(store, "inner", "all")) == [ours[0], theirs[0]]
    assert fetch(store, "inner", ours[0], "all").content == ours[1]
    assert fetch(store, "inner", theirs[0], "all").content == theirs[1]


def test_a_virtual_repository_fetches_what_is_not_ours(store, upstream):
    file = wheel("far-pkg", "1.0")
    publish(upstream, "far-pkg", file)
    upload(store, wheel("inner", "1.0"), "inner", repo="all")
    assert fetch(store, "far-pkg", file[0], "all").content == file[1]
    assert fetch(store, "far-pkg", file[0], "all", ".metadata").status_code == 200
    assert store.get(f"/all/far-pkg/1.0/{file[0]}").content == file[1]
    listed = store.get("/api/pypi/all/simple/", headers={"Accept": JSON}).json()["projects"]
    assert listed == [{"name": "far-pkg"}, {"name": "inner"}]
    assert page(store, "nothing", "all").status_code == 404


def test_only_the_upstream_itself_is_told_the_credentials(make_index, upstream, make_upstream, tmp_path):
    secrets = tmp_path / "credentials"
    secrets.write_text("up reader:secret\n")
    secrets.chmod(0o600)
    store = make_index("--upstream-credentials", str(secrets), "--upstream-private", "127.0.0.1")
    elsewhere = make_upstream()
    file = wheel("far-pkg", "1.0")
    publish(upstream, "far-pkg", file, told={"url": f"{elsewhere.url}/x/{file[0]}"})
    elsewhere.put(f"x/{file[0]}", file[1])
    publish(upstream, "near-pkg", wheel("near-pkg", "1.0"))
    assert fetch(store, "far-pkg", file[0]).content == file[1]
    assert fetch(store, "near-pkg", "near_pkg-1.0-py3-none-any.whl").status_code == 200
    assert all("Authorization" in headers for _, _, headers in upstream.requests)
    assert "Authorization" not in elsewhere.asked(f"x/{file[0]}")[0]


def test_uploads_to_a_remote_are_refused(store):
    file = wheel("far-pkg", "1.0")
    answer = store.session.post(store.base + "/api/pypi/up", data=form("far-pkg", "1.0", file[1]),
                                files={"content": file}, timeout=30)
    assert answer.status_code == 405 and answer.headers["Allow"] == "GET, HEAD"


def test_many_ask_for_a_large_page_and_it_is_fetched_once(store, upstream):
    rows = [{"filename": f"big-{n}.0-py3-none-any.whl", "url": f"{upstream.url}/files/{n}/big-{n}.0-py3-none-any.whl",
             "hashes": {"sha256": hashlib.sha256(b"%d" % n).hexdigest()}, "size": 1} for n in range(5000)]
    upstream.put("simple/big/", json.dumps({"meta": {"api-version": "1.1"}, "files": rows}).encode(), type=JSON)
    for _ in range(3):
        assert len(files(store, "big")) == 5000
    assert len(upstream.asked("simple/big/")) == 1
