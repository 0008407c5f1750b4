"""Where the pages and redirects of an upstream may lead the store: not into its own machine, nor the network around it."""

import json

import pytest

from conftest import message
from test_pypi_remote import JSON, fetch, make_index, publish    # noqa: F401 (a fixture)
from test_remote import R, make_remote, secure    # noqa: F401 (fixtures)
from wheels import wheel

SECRET = b"secret of another port"


@pytest.fixture
def other(make_upstream):
    """On this machine, and no upstream of anything."""
    other = make_upstream()
    other.put("y", SECRET)
    return other


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0x7f000001", "[::ffff:127.0.0.1]"])
def test_a_redirect_does_not_lead_into_this_machine(make_remote, upstream, other, host):
    store = make_remote("--metadata-ttl", "0")
    upstream.put("base/kept", b"kept")
    assert store.get(R + "/kept").content == b"kept"
    upstream.put("base/away", status=302, headers={"Location": f"http://{host}:{other.port}/y"})
    answer = store.get(R + "/away")
    assert answer.status_code == 502 and "no public address" in message(answer)
    assert other.connected == 0
    # That is no reason to take the upstream for away.
    assert "Warning" not in store.get(R + "/kept").headers


def test_nor_on_a_connection_that_is_there(make_store, upstream, other):
    store = make_store("--repositories", f"up remote url={upstream.url},mine remote url={other.url}")
    upstream.put("away", status=302, headers={"Location": other.url + "/y"})
    assert store.get("/mine/y").content == SECRET
    assert store.get(R + "/away").status_code == 502
    assert len(other.asked("y")) == 1 == other.connected


@pytest.mark.parametrize("told", ["127.0.0.0/8", "127.0.0.1", "localhost:{port}", "10.0.0.0/8,localhost"])
def test_but_where_the_operator_lets_it(make_remote, upstream, other, told):
    store = make_remote("--upstream-private", told.format(port=other.port))
    upstream.put("base/away", status=302, headers={"Location": f"http://localhost:{other.port}/y"})
    assert store.get(R + "/away").content == SECRET


def test_a_list_of_places_that_is_none_is_refused(make_remote):
    with pytest.raises(AssertionError, match="upstream-private: 'http://x' is no HOST"):
        make_remote("--upstream-private", "http://x")


def test_a_page_names_no_file_in_this_machine(make_index, upstream, other):    # noqa: F811
    store = make_index()
    file = wheel("far-pkg", "1.0")
    other.put(f"x/{file[0]}", file[1])
    publish(upstream, "far-pkg", file, told={"url": f"{other.url}/x/{file[0]}"})
    answer = fetch(store, "far-pkg", file[0])
    assert answer.status_code == 502 and "no public address" in message(answer)
    assert other.connected == 0


def test_a_page_of_https_names_no_file_of_http(make_store, secure, other):    # noqa: F811
    made, cert = secure
    file = wheel("far-pkg", "1.0")
    page = publish(made, "far-pkg", file)
    rows = json.loads(page.body)
    rows["files"][0]["url"] = f"{other.url}/x/{file[0]}"
    made.put("simple/far-pkg/", json.dumps(rows).encode(), type=JSON)
    other.put(f"x/{file[0]}", file[1])
    store = make_store("--repositories", f"up pypi remote url={made.url}/simple", "--upstream-ca", str(cert),
                       "--upstream-private", "127.0.0.1")
    assert fetch(store, "far-pkg", file[0]).status_code == 502
    assert other.connected == 0
