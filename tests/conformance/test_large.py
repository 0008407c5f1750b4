"""Documents of an upstream that are larger than anybody needs."""

import pytest
import requests

import test_npm_remote
import test_pypi_remote
from conftest import message
from test_npm_remote import make_registry    # noqa: F401 (a fixture)

LARGE = b"<" + b"x" * 100_000
MAX = "64KiB"
DOCUMENTS = {
    "npm": ("/api/npm/up/rows", "rows"),
    "pypi": ("/api/pypi/up/simple/rows/", "rows/"),
    "go": ("/api/go/up/example.com/x/@v/list", "example.com/x/@v/list"),
    "maven": ("/up/org/acme/maven-metadata.xml", "org/acme/maven-metadata.xml"),
}


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_document_has_a_bound_and_is_not_asked_for_again_at_once(make_store, upstream, kind, chunked):
    store = make_store("--repositories", f"up {kind} remote url={upstream.url}", "--metadata-max", MAX,
                       "--missing-ttl", "1h")
    path, at = DOCUMENTS[kind]
    upstream.put(at, LARGE, chunked=chunked)
    for _ in range(2):
        answer = store.get(path)
        assert answer.status_code == 502 and "larger than metadata-max, 65536 bytes" in answer.text
    assert len(upstream.asked(at)) == 1
    assert not store.blob(LARGE).exists()


def test_what_was_kept_is_told_when_it_grew_too_large(make_store, upstream):
    store = make_store("--repositories", f"up pypi remote url={upstream.url}/simple", "--metadata-max", MAX,
                       "--metadata-ttl", "0")
    test_pypi_remote.publish(upstream, "far-pkg")
    assert test_pypi_remote.page(store, "far-pkg").status_code == 200
    upstream.put("simple/far-pkg/", LARGE)
    answer = test_pypi_remote.page(store, "far-pkg")
    assert answer.status_code == 200 and "111" in answer.headers["Warning"]


def test_a_file_is_no_document(make_store, upstream):
    store = make_store("--repositories", f"up remote url={upstream.url},mvn maven remote url={upstream.url}",
                       "--metadata-max", MAX, "--upload-max", "1MiB")
    upstream.put("org/acme/app/1.0-SNAPSHOT/app-1.0-SNAPSHOT.jar", LARGE)
    for repo in ("up", "mvn"):
        assert store.get(f"/{repo}/org/acme/app/1.0-SNAPSHOT/app-1.0-SNAPSHOT.jar").content == LARGE
    upstream.put("huge", LARGE * 11, chunked=True)
    for _ in range(2):
        try:
            answer = store.get("/up/huge")
        except requests.RequestException:
            continue    # it had begun
        assert answer.status_code == 502 and "larger than upload-max" in message(answer)
    assert len(upstream.asked("huge")) == 1


def test_an_address_without_an_end_is_not_read_to_its_end(make_registry, upstream):    # noqa: F811
    store = make_registry()
    test_npm_remote.offer(upstream, "rows", "1.0.0", told={"tarball": "x" * 3_000_000})
    with pytest.raises(requests.RequestException) as cut:
        test_npm_remote.full(store, "rows", repo="up")
    assert "timed out" not in str(cut.value)
