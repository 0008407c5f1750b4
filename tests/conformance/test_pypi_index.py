"""A PyPI repository as its protocol tells: upload forms, simple pages in both forms, files."""

import hashlib

import pytest
import requests

from conftest import message
from wheels import form, sdist, wheel

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
API = "/api/pypi/py"
# What pip 23.3 sends.
PIP = f"{JSON}, {HTML}; q=0.1, text/html; q=0.01"


@pytest.fixture
def store(make_store):
    return make_store("--repositories", "py pypi,py2 pypi,pyv pypi virtual members=py+py2 deploy=py2,files")


def upload(store, file, fields=None, repo="py", name="demo-pkg", **more):
    data = fields if fields is not None else form(name, "1.0", file[1], **more)
    request = requests.Request("POST", f"{store.base}/api/pypi/{repo}", data=data,
                               files={"content": (file[0], file[1], "application/octet-stream")})
    return store.session.send(store.session.prepare_request(request), timeout=30)


def page(store, project="demo-pkg", repo="py", accept=JSON):
    return store.get(f"/api/pypi/{repo}/simple/{project}/", headers={"Accept": accept})


def names(store, **more):
    answer = page(store, **more)
    return sorted(file["filename"] for file in answer.json()["files"]) if answer.status_code == 200 else []


def test_what_is_uploaded_is_on_the_page_with_all_that_is_known_of_it(store):
    file = wheel("demo-pkg", "1.0", python=">=3.9,<4")
    assert upload(store, file, requires_python=">=3.9,<4").status_code == 201
    answer = page(store)
    assert answer.status_code == 200 and answer.headers["Content-Type"] == JSON
    assert answer.json()["meta"]["api-version"] == "1.1" and answer.json()["versions"] == ["1.0"]
    (told,) = answer.json()["files"]
    url = told.pop("url")
    sha256 = hashlib.sha256(file[1]).hexdigest()
    metadata = store.get(API + "/packages/" + url.partition("/packages/")[2] + ".metadata")
    assert metadata.status_code == 200 and b"Requires-Python: >=3.9,<4" in metadata.content
    assert told.pop("upload-time").endswith("Z")
    assert told == {"filename": file[0], "hashes": {"sha256": sha256}, "requires-python": ">=3.9,<4",
                    "core-metadata": {"sha256": hashlib.sha256(metadata.content).hexdigest()},
                    "size": len(file[1]), "yanked": False}
    got = requests.get(requests.compat.urljoin(answer.url, url), headers=store.session.headers, timeout=30)
    assert got.content == file[1]
    item = f"/py/demo-pkg/1.0/{file[0]}"
    assert store.get(item).content == file[1]
    assert store.props(item)["pypi.name"] == ["demo-pkg"]
    assert store.props(item)["pypi.requires.python"] == [">=3.9,<4"]


def test_html_is_for_browsers_and_json_for_those_that_like_it_better(store):
    upload(store, wheel("demo-pkg", "1.0"))
    for accept, type in ((None, "text/html; charset=utf-8"), ("*/*", "text/html; charset=utf-8"),
                         ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
                         (PIP, JSON), (HTML, HTML), (f"{JSON};q=0, {HTML};q=0.2", HTML),
                         ("application/vnd.pypi.simple.latest+json", JSON),
                         (f"{JSON};q=0.1, text/html;q=0.2", "text/html; charset=utf-8")):
        for path in ("/simple/demo-pkg/", "/simple/"):
            answer = store.get(API + path, headers={"Accept": accept})
            assert (answer.status_code, answer.headers["Content-Type"]) == (200, type), accept
            assert answer.headers["Vary"] == "Accept"
    assert page(store, accept="image/png").status_code == 406
    asked = store.get(f"{API}/simple/demo-pkg/?format={JSON.replace('+', '%2B')}", headers={"Accept": "text/html"})
    assert asked.headers["Content-Type"] == JSON
    text = page(store, accept="text/html").text
    assert 'data-requires-python="&#62;=3.8"' in text and 'data-core-metadata="sha256=' in text
    assert '<meta name="pypi:repository-version" content="1.1">' in text


def test_an_unchanged_page_is_not_sent_again(store):
    upload(store, wheel("demo-pkg", "1.0"))
    tag = page(store).headers["ETag"]
    again = store.get(API + "/simple/demo-pkg/", headers={"Accept": JSON, "If-None-Match": tag})
    assert again.status_code == 304 and not again.content
    upload(store, wheel("demo-pkg", "1.1"))
    again = store.get(API + "/simple/demo-pkg/", headers={"Accept": JSON, "If-None-Match": tag})
    assert again.status_code == 200 and again.headers["ETag"] != tag


def test_names_have_one_form_and_others_are_led_there(store):
    upload(store, wheel("demo-pkg", "1.0"), name="Demo.Pkg")
    upload(store, sdist("Demo_Pkg", "2.0"), name="Demo_Pkg")
    assert names(store) == ["Demo_Pkg-2.0.tar.gz", "demo_pkg-1.0-py3-none-any.whl"]
    for path in ("Demo_Pkg/", "demo-pkg", "DEMO--.pkg"):
        answer = store.get(f"{API}/simple/{path}")
        assert answer.status_code == 302
        assert answer.headers["Location"] == f"{store.base}{API}/simple/demo-pkg/"
    assert store.get(API + "/simple").headers["Location"] == f"{store.base}{API}/simple/"
    assert store.get(API + "/simple/", headers={"Accept": JSON}).json()["projects"] == [{"name": "demo-pkg"}]
    for path in ("-x/", "a%2Fb/", "a/b/", "%00/"):
        assert store.get(f"{API}/simple/{path}").status_code == 404, path


def test_the_same_bytes_again_are_fine_and_others_are_a_conflict(store):
    file = wheel("demo-pkg", "1.0")
    other = wheel("demo-pkg", "1.0", text="other")
    assert upload(store, file).status_code == 201
    assert upload(store, file).status_code == 201
    answer = upload(store, other)
    assert answer.status_code == 409 and "already exists" in message(answer)
    assert store.get(f"/py/demo-pkg/1.0/{file[0]}").content == file[1]


@pytest.mark.parametrize("field", ["md5_digest", "sha256_digest", "blake2_256_digest"])
def test_bytes_that_are_not_what_the_form_says_are_not_stored(store, field):
    file = wheel("demo-pkg", "1.0")
    fields = form("demo-pkg", "1.0", file[1])
    fields[field] = "0" * len(fields[field])
    answer = upload(store, file, fields)
    assert answer.status_code == 400 and field.rpartition("_")[0] in message(answer)
    assert names(store) == [] and not store.blob(file[1]).exists()


def test_forms_that_make_no_sense_are_refused(store):
    file = wheel("demo-pkg", "1.0")
    good = form("demo-pkg", "1.0", file[1])
    for fields, name in (({**good, "name": "other"}, file[0]), ({**good, "name": ""}, file[0]),
                         ({**good, ":action": "submit"}, file[0]), (good, "demo_pkg-1.0.exe"),
                         (good, "demo_pkg.whl"), (good, "../demo_pkg-1.0-py3-none-any.whl"),
                         ({**good, "sha256_digest": "zz"}, file[0])):
        assert upload(store, (name, file[1]), fields).status_code == 400, (fields, name)
    request = requests.Request("POST", store.base + API, data=good)
    assert store.session.send(store.session.prepare_request(request)).status_code == 400
    two = [("content", (file[0], file[1])), ("content", (file[0], file[1]))]
    request = requests.Request("POST", store.base + API, data=good, files=two)
    assert store.session.send(store.session.prepare_request(request)).status_code == 400
    long = {**good, "name": "x" * 5000}
    assert upload(store, file, long).status_code == 413
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert store.ask("POST", API, data=b"--x\r\nContent-Disposition: form-da", headers=headers).status_code == 400
    assert names(store) == []
    assert store.session.post(f"{store.base}/api/pypi/files", data=good, timeout=30).status_code == 404
    assert upload(store, file, good).status_code == 201


def test_the_file_may_come_before_the_fields_and_be_large(store):
    data = b"\r\n--x\r\n-" * 3_000_000
    fields = form("demo-pkg", "1.0", data)
    parts = [("content", ("demo_pkg-1.0.tar.gz", data))] + [(key, (None, value)) for key, value in fields.items()]
    request = requests.Request("POST", store.base + API + "/", files=parts)
    answer = store.session.send(store.session.prepare_request(request), timeout=60)
    assert answer.status_code == 201, answer.text
    assert store.get("/py/demo-pkg/1.0/demo_pkg-1.0.tar.gz").content == data


def test_a_yanked_file_says_so(store):
    file = wheel("demo-pkg", "1.0")
    upload(store, file)
    item = f"/py/demo-pkg/1.0/{file[0]}"
    assert store.put(f"/api/storage{item}?properties=pypi.yanked=it%20is%20broken").status_code == 204
    assert page(store).json()["files"][0]["yanked"] == "it is broken"
    assert 'data-yanked="it is broken"' in page(store, accept="text/html").text
    assert store.delete(f"/api/storage{item}?properties=pypi.yanked").status_code == 204
    assert page(store).json()["files"][0]["yanked"] is False


def test_what_is_deleted_is_gone_from_the_page_at_once(store):
    one, two = wheel("demo-pkg", "1.0"), wheel("demo-pkg", "1.1")
    upload(store, one)
    upload(store, two)
    assert store.delete(f"/py/demo-pkg/1.0/{one[0]}").status_code == 204
    assert names(store) == [two[0]]
    assert store.get(f"{API}/packages/demo-pkg/1.0/{one[0]}").status_code == 404
    assert store.delete("/py/demo-pkg").status_code == 204
    assert page(store).status_code == 404
    assert store.get(API + "/simple/", headers={"Accept": JSON}).json()["projects"] == []


def test_a_virtual_repository_has_the_files_of_all_and_takes_uploads_for_one(store):
    one, two = wheel("demo-pkg", "1.0"), wheel("demo-pkg", "1.1")
    upload(store, one)
    assert upload(store, two, repo="pyv").status_code == 201
    assert names(store, repo="pyv") == [one[0], two[0]]
    assert names(store, repo="py2") == [two[0]]
    for version, file in (("1.0", one), ("1.1", two)):
        path = f"/api/pypi/pyv/packages/demo-pkg/{version}/{file[0]}"
        assert store.get(path).content == file[1]
        assert store.get(path + ".metadata").status_code == 200


def test_a_file_put_as_an_item_is_on_the_page_too(store):
    file = wheel("demo-pkg", "3.0")
    assert store.put(f"/py/demo-pkg/3.0/{file[0]}", file[1]).status_code == 201
    assert store.put("/py/demo-pkg/3.0/README", b"no distribution").status_code == 201
    (told,) = page(store).json()["files"]
    assert told["filename"] == file[0] and told["core-metadata"] is False


def test_nobody_reads_or_uploads_without_a_token(store):
    file = wheel("demo-pkg", "1.0")
    answer = requests.post(store.base + API, data=form("demo-pkg", "1.0", file[1]),
                           files={"content": file}, timeout=30)
    assert answer.status_code == 401
    assert requests.get(f"{store.base}{API}/simple/demo-pkg/", timeout=30).status_code == 401
