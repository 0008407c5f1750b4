"""What a remote repository kept and lost: damaged bytes come anew from the upstream, and pages in the place of folders
hide nothing."""

import pytest

import test_golang
import test_npm_remote
import test_pypi_remote
from conftest import wait_for
from test_golang import make_go    # noqa: F401 (a fixture)
from test_integrity import LARGE, spoil
from test_npm_remote import make_registry, tarball    # noqa: F401 (a fixture)
from test_pypi_remote import make_index    # noqa: F401 (a fixture)
from test_remote import R, make_remote    # noqa: F401 (a fixture)
from wheels import wheel

JAR = "org/acme/app/1.0/app-1.0.jar"


# --- damaged ---

def lose(store, data):
    store.blob(data).unlink()


@pytest.mark.parametrize("damage", [spoil, lose])
def test_damaged_bytes_are_fetched_anew(make_remote, upstream, damage):    # noqa: F811
    store = make_remote("--metadata-ttl", "1h")
    upstream.put("base/x", b"small", etag='"1"')
    assert store.get(R + "/x").content == b"small"
    damage(store, b"small")
    for _ in range(2):
        assert store.get(R + "/x").content == b"small"
    assert [asked.get("If-None-Match") for asked in upstream.asked("base/x")] == [None, None]
    assert store.fsck().returncode == 0


def test_so_are_those_of_a_large_file_once_that_was_seen(make_remote, upstream):    # noqa: F811
    store = make_remote("--metadata-ttl", "1h")
    upstream.put("base/x", LARGE)
    assert store.get(R + "/x").content == LARGE
    spoil(store, LARGE)
    wait_for(lambda: store.get(R + "/x").content == LARGE)
    assert len(upstream.asked("base/x")) == 2


def test_what_is_damaged_and_away_is_an_error(make_remote, upstream):    # noqa: F811
    store = make_remote("--metadata-ttl", "1h")
    upstream.put("base/x", b"small")
    assert store.get(R + "/x").status_code == 200
    spoil(store, b"small")
    upstream.put("base/x", status=503)
    assert store.get(R + "/x").status_code == 502


def test_a_damaged_module_is_held_against_its_sum_again(make_go, upstream):    # noqa: F811
    store = make_go()
    data = test_golang.publish(upstream, "v1.0.0")
    path = f"{test_golang.X}/@v/v1.0.0.zip"
    assert store.get(f"/api/go/go/{path}").content == data
    spoil(store, data)
    upstream.put(path, test_golang.module_zip("example.com/X", "v1.0.0", {"x.go": "package evil\n"}))
    assert store.get(f"/api/go/go/{path}").status_code == 502
    upstream.put(path, data)
    assert store.get(f"/api/go/go/{path}").content == data


def test_a_damaged_tarball_is_held_against_its_manifest_again(make_registry, upstream):    # noqa: F811
    store = make_registry()
    test_npm_remote.offer(upstream, "rows", "1.0.0")
    data = tarball("rows", "1.0.0")
    path = "/rows/-/rows-1.0.0.tgz"
    assert store.get("/api/npm/up" + path).content == data
    spoil(store, data)
    upstream.put(path[1:], b"others")
    assert store.get("/api/npm/up" + path).status_code == 502
    upstream.put(path[1:], data)
    assert store.get("/api/npm/up" + path).content == data


def test_damaged_documents_and_files_of_indices_are_fetched_anew(make_index, upstream):    # noqa: F811
    store = make_index("--metadata-ttl", "1h")
    file = wheel("far-pkg", "1.0")
    page = test_pypi_remote.publish(upstream, "far-pkg", file)
    assert test_pypi_remote.fetch(store, "far-pkg", file[0]).content == file[1]
    spoil(store, file[1])
    lose(store, page.body)
    assert test_pypi_remote.fetch(store, "far-pkg", file[0]).content == file[1]
    assert store.fsck().returncode == 0


def test_a_damaged_document_of_a_package_is_fetched_anew(make_registry, upstream):    # noqa: F811
    store = make_registry("--metadata-ttl", "1h")
    test_npm_remote.offer(upstream, "rows", "1.0.0")
    told = test_npm_remote.full(store, "rows", repo="up").json()
    lose(store, upstream.things["/rows"].body)
    assert test_npm_remote.full(store, "rows", repo="up").json() == told


# --- pages in the place of folders ---

@pytest.fixture(params=["generic", "maven"])
def tree(request, make_store, upstream):
    """A remote of an upstream that has a page for each folder."""
    upstream.put("org/acme/app", b"<html>the versions</html>", type="text/html")
    upstream.put(JAR, b"bytes of the jar")
    upstream.put(JAR.replace("1.0", "1.1"), b"others")
    return make_store("--repositories", f"up {request.param} remote url={upstream.url}")


def test_a_page_does_not_hide_what_lies_below_it(tree):
    assert tree.get(R + "/org/acme/app").content == b"<html>the versions</html>"
    for _ in range(2):
        assert tree.get(f"{R}/{JAR}").content == b"bytes of the jar"
    assert tree.get(f"{R}/{JAR.replace('1.0', '1.1')}").content == b"others"
    assert tree.get("/api/storage" + R + "/org/acme/app").json()["children"] == [
        {"uri": "/1.0", "folder": True}, {"uri": "/1.1", "folder": True}]
    assert not tree.blob(b"<html>the versions</html>").exists()
    assert tree.fsck().returncode == 0


@pytest.mark.parametrize("chunked", [True, False])
def test_nor_does_what_lies_below_go_for_a_page(tree, upstream, chunked):
    page = b"<html>the versions</html>" * (4000 if chunked else 1)
    upstream.put("org/acme/app", page, type="text/html", chunked=chunked)
    assert tree.get(f"{R}/{JAR}").content == b"bytes of the jar"
    for _ in range(2):
        assert tree.get(R + "/org/acme/app").content == page    # given, and not kept
    assert tree.ask("HEAD", R + "/org/acme/app").status_code == 200
    assert tree.get(f"{R}/{JAR}").content == b"bytes of the jar"
    assert len(upstream.asked(JAR)) == 1
    assert tree.get("/api/storage" + R + "/org/acme/app").json()["children"] == [{"uri": "/1.0", "folder": True}]
    assert not tree.blob(page).exists() and tree.fsck().returncode == 0


def test_what_a_redirect_tells_to_be_a_folder_is_no_file(tree, upstream):
    upstream.put("org/acme", status=301, headers={"Location": "/org/acme/"})
    upstream.put("org/acme/", b"<html>the projects</html>", type="text/html")
    for _ in range(2):
        assert tree.get(R + "/org/acme").status_code == 404
    assert tree.ask("HEAD", R + "/org/acme").status_code == 404
    assert len(upstream.asked("org/acme")) == 1
    assert tree.get(f"{R}/{JAR}").content == b"bytes of the jar"


def test_a_folder_is_not_asked_of_the_upstream(tree, upstream):
    assert tree.get(R + "/org/acme/").status_code == 404
    assert not upstream.requests
