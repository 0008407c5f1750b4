"""Tokens: made, shown once, limited to their scope, ended, revoked."""

import base64
import hashlib

import pytest
import requests

from conftest import As, message, sums, wait_for

REPOSITORIES = "one,two,fixed immutable"


@pytest.fixture
def store(make_store):
    return make_store("--repositories", REPOSITORIES)


def test_a_token_may_push_below_its_prefix_and_nothing_else(store):
    made = store.make_token("artifact:one/app:r,w,n")
    ci = As(store, made["access_token"])
    assert ci("PUT", "/one/app/1/x;k=v", data=b"bytes").status_code == 201
    assert ci("GET", "/one/app/1/x").content == b"bytes"
    assert ci("PUT", "/one/app/1/x", data=b"bytes").status_code == 201
    other = ci("PUT", "/one/app/1/x", data=b"others")
    assert other.status_code == 403 and "needs DELETE permission" in message(other)
    for method, path in (("PUT", "/one/other/x"), ("PUT", "/two/app/x"), ("PUT", "/one/apple"),
                         ("GET", "/two/a"), ("DELETE", "/one/app/1/x"), ("DELETE", "/one/app"),
                         ("GET", "/one/"), ("GET", "/api/storage/one"),
                         ("PATCH", "/api/metadata/two/x"),
                         ("POST", "/api/copy/one/app/1/x?to=/two/x"),
                         ("POST", "/api/copy/two/x?to=/one/app/y"),
                         ("POST", "/api/move/one/app/1/x?to=/one/app/y"),
                         ("GET", "/api/repositories/two")):
        denied = ci(method, path, data=b"x")
        assert denied.status_code == 403, (method, path, denied.text)
        assert "ci" in message(denied)
    assert ci("POST", "/api/copy/one/app/1/x?to=/one/app/2/x").status_code == 200
    assert [row["key"] for row in ci("GET", "/api/repositories").json()] == ["one"]
    assert store.get("/one/app/2/x").content == b"bytes"


def test_a_reader_only_reads(store):
    store.put("/one/a;k=v", b"a")
    reader = As(store, store.make_token("artifact:one:r artifact:two/sub:r")["access_token"])
    assert reader("GET", "/one/a").status_code == 200
    assert reader("GET", "/api/storage/one/a?properties").status_code == 200
    assert reader("PUT", "/one/b", data=b"b").status_code == 403
    assert reader("PUT", "/api/storage/one/a?properties=k=w").status_code == 403
    assert reader("GET", "/two/sub/x").status_code == 404
    assert reader("GET", "/two/x").status_code == 403


def test_whoever_may_not_annotate_sends_no_properties(store):
    pusher = As(store, store.make_token("artifact:one:w")["access_token"])
    assert pusher("PUT", "/one/a;k=v", data=b"a").status_code == 403
    assert pusher("PUT", "/one/a", data=b"a").status_code == 201
    assert pusher("GET", "/one/a").status_code == 403


def test_bytes_one_may_not_read_are_not_there(store):
    secret = b"secret" * 4000
    store.put("/two/secret", secret)
    headers = {"X-Checksum-Deploy": "true", "X-Checksum-Sha256": sums(secret)["sha256"]}
    ci = As(store, store.make_token("artifact:one:r,w")["access_token"])
    assert ci("PUT", "/one/x", headers=headers).status_code == 404
    assert ci("PUT", "/one/known", data=secret).status_code == 201
    assert ci("PUT", "/one/x", headers=headers).status_code == 201


def test_the_token_is_a_password_too_and_its_hash_alone_is_kept(store):
    made = store.make_token("artifact:one:r,w", description="for the test", expires_in=3600)
    secret = made["access_token"]
    assert (made["token_type"], made["expires_in"], made["scope"]) == (
        "Bearer", 3600, "artifact:one:r,w")
    basic = base64.b64encode(b"whoever:" + secret.encode()).decode()
    for headers in ({"Authorization": "Basic " + basic}, {"X-JFrog-Art-Api": secret}):
        assert requests.get(store.base + "/api/repositories/one", headers=headers,
                            timeout=20).status_code == 200
    store.stop()
    state = b"".join(file.read_bytes() for file in (store.state / "store").iterdir()
                     if file.is_file())
    assert secret.encode() not in state
    assert hashlib.sha256(secret.encode()).hexdigest().encode() in state
    store.start()
    assert As(store, secret)("PUT", "/one/after", data=b"x").status_code == 201


def test_a_revoked_token_is_nobody_at_once(store):
    made = store.make_token("artifact:one:r")
    reader = As(store, made["access_token"])
    assert reader("GET", "/one/").status_code == 200
    tokens = store.root + "/access/api/v1/tokens"
    listed = store.session.get(tokens, timeout=20).json()["tokens"]
    assert made["token_id"] in [token["token_id"] for token in listed]
    assert made["access_token"] not in str(listed)
    one = store.session.get(f"{tokens}/{made['token_id']}", timeout=20).json()
    assert (one["subject"], one["scope"]) == ("ci", "artifact:one:r")
    assert store.session.delete(f"{tokens}/{made['token_id']}", timeout=20).status_code == 200
    assert reader("GET", "/one/").status_code == 401
    assert store.session.delete(f"{tokens}/{made['token_id']}", timeout=20).status_code == 404
    store.stop()
    store.start()
    assert reader("GET", "/one/").status_code == 401


def test_an_ended_token_is_nobody(store):
    soon, later = (As(store, store.make_token("artifact:one:r", expires_in=seconds)["access_token"])
                   for seconds in (1, 3600))
    assert wait_for(lambda: soon("GET", "/one/").status_code == 401)
    assert later("GET", "/one/").status_code == 200


def test_others_make_only_parts_of_their_own(store):
    own = "artifact:one:r,w artifact:two:r"
    made = store.make_token(own, expires_in=60)
    session = requests.Session()
    session.headers["Authorization"] = "Bearer " + made["access_token"]
    tokens = store.root + "/access/api/v1/tokens"

    def ask(**body):
        return session.post(tokens, json=body, timeout=20)

    part = ask(scope="artifact:two:r", expires_in=0)
    assert part.status_code == 200 and part.json()["expires_in"] <= 60
    assert ask().json()["scope"] == own
    assert ask(scope="applied-permissions/admin").status_code == 403
    assert ask(scope="artifact:two:r,w").status_code == 403
    assert ask(scope="artifact:two:r", username="root").status_code == 403
    seen = session.get(tokens, timeout=20).json()["tokens"]
    assert {token["subject"] for token in seen} == {"ci"} and len(seen) == 3
    assert session.get(tokens + "/me", timeout=20).json()["token_id"] == made["token_id"]
    admin = [token["token_id"] for token in
             store.session.get(tokens, timeout=20).json()["tokens"] if token["subject"] == "farm"]
    assert session.delete(f"{tokens}/{admin[0]}", timeout=20).status_code == 404


@pytest.mark.parametrize("body", [
    {"scope": "nonsense"}, {"scope": "artifact:one:x"}, {"expires_in": -1}, {"expires_in": "soon"},
    {"username": "a\nb"}, {"username": "x" * 64}, {"scope": 1}, {"grant_type": "refresh_token"},
    [], "text"])
def test_a_request_that_is_none_is_refused(store, body):
    answer = store.session.post(store.root + "/access/api/v1/tokens", json=body, timeout=20)
    assert answer.status_code == 400
    assert message(answer)


def test_the_older_form(store):
    answer = store.session.post(store.base + "/api/security/token",
                                data={"username": "old", "scope": "member-of-groups:readers",
                                      "expires_in": "60"}, timeout=20)
    assert answer.status_code == 400   # no such group: the one there is has another name
    answer = store.session.post(store.base + "/api/security/token",
                                data={"username": "old", "expires_in": "60"}, timeout=20).json()
    assert (answer["expires_in"], answer["scope"]) == (60, "applied-permissions/user")
    old = As(store, answer["access_token"])
    assert old("PUT", "/one/x", data=b"x").status_code == 201
    assert old("DELETE", "/one/x").status_code == 403
    assert store.session.post(store.base + "/api/security/token/revoke",
                              data={"token": answer["access_token"]}, timeout=20).status_code == 200
    assert old("GET", "/one/x").status_code == 401


def test_who_may_what_is_told_to_who_may_manage(store):
    store.put("/one/a/x", b"x")
    store.make_token("artifact:one/a:r,w")
    store.make_token("artifact:one/a/x:n")
    store.make_token("artifact:two:r", username="other")
    told = store.get("/api/storage/one/a/x?permissions").json()
    assert told == {"uri": store.base + "/api/storage/one/a/x",
                    "principals": {"users": {"farm": ["r", "w", "n", "d", "m"],
                                             "ci": ["r", "w", "n"]}, "groups": {}}}
    reader = As(store, store.make_token("artifact:one:r")["access_token"])
    assert reader("GET", "/api/storage/one/a/x?permissions").status_code == 403
    manager = As(store, store.make_token("artifact:one:r,m")["access_token"])
    assert manager("GET", "/api/storage/one/a/x?permissions").status_code == 200


def test_nobody_makes_no_token(store):
    answer = requests.post(store.root + "/access/api/v1/tokens", json={}, timeout=20)
    assert answer.status_code == 401 and "WWW-Authenticate" in answer.headers


def test_nobody_makes_sees_or_revokes_tokens_though_he_may_read(make_store):
    store = make_store("--anonymous-read")
    url = store.root + "/access/api/v1/tokens"
    assert requests.post(url, json={}, timeout=20).status_code == 401
    assert requests.get(url, timeout=20).status_code == 401
    assert requests.get(url + "/me", timeout=20).status_code == 401
    assert requests.delete(url + "/tok_x", timeout=20).status_code == 401
    old = store.base + "/api/security/token"
    assert requests.post(old, data={"username": "x"}, timeout=20).status_code == 401
    assert requests.post(old + "/revoke", data={"token_id": "x"}, timeout=20).status_code == 401


def test_a_narrow_token_does_not_reach_the_wider_ones_of_its_name(store):
    url = store.root + "/access/api/v1/tokens"
    wide = store.make_token("artifact:one:r,w,d")
    narrow = store.make_token("artifact:one:r")
    as_narrow = {"Authorization": "Bearer " + narrow["access_token"]}
    seen = requests.get(url, headers=as_narrow, timeout=20).json()["tokens"]
    assert [token["token_id"] for token in seen] == [narrow["token_id"]]
    assert requests.delete(f"{url}/{wide['token_id']}", headers=as_narrow, timeout=20).status_code == 404
    as_wide = {"Authorization": "Bearer " + wide["access_token"]}
    assert requests.get(url, headers=as_wide, timeout=20).status_code == 200
