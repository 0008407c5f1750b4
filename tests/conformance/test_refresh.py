"""Refresh tokens: a new pair for an old one, once."""

import concurrent.futures

import pytest
import requests

from conftest import As, message, wait_for

MANY = {"refreshable": True, "expires_in": 3600}


@pytest.fixture
def store(make_store):
    store = make_store("--repositories", "one,two")
    store.put("/one/x", b"x")
    return store


def refresh(store, refresh_token, headers=None, **more):
    return requests.post(store.root + "/access/api/v1/tokens", headers=headers, timeout=20,
                         json={"grant_type": "refresh_token", "refresh_token": refresh_token, **more})


def reads(store, token):
    return As(store, token)("GET", "/one/x").status_code == 200


def test_a_refresh_token_gets_a_new_pair_once(store):
    old = store.make_token("artifact:one:r,w", description="for CI", **MANY)
    assert reads(store, old["access_token"]) and old["refresh_token"] != old["access_token"]
    assert not reads(store, old["refresh_token"])
    answer = refresh(store, old["refresh_token"])
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    new = answer.json()
    assert (new["scope"], new["username"], new["expires_in"], new["token_type"]) == \
        ("artifact:one:r,w", "ci", 3600, "Bearer")
    assert new["token_id"] != old["token_id"] and new["refresh_token"] != old["refresh_token"]
    assert reads(store, new["access_token"]) and not reads(store, old["access_token"])
    answer = refresh(store, old["refresh_token"])
    assert answer.status_code == 401 and "was used" in message(answer)
    assert reads(store, new["access_token"])
    one = store.session.get(f"{store.root}/access/api/v1/tokens/{new['token_id']}", timeout=20).json()
    assert one["refreshable"] is True and one["description"] == "for CI"
    assert refresh(store, new["refresh_token"]).status_code == 200


def test_a_token_that_was_not_asked_to_be_is_not_refreshable(store):
    plain = store.make_token("artifact:one:r")
    assert "refresh_token" not in plain
    for nonsense in (plain["access_token"], plain["token_id"], "x", "sosr_" + "0" * 40):
        assert refresh(store, nonsense).status_code == 401
    for body in ({"refresh_token": ""}, {"refresh_token": None}, {"refresh_token": 1}, {"grant_type": "password"}):
        answer = requests.post(store.root + "/access/api/v1/tokens", timeout=20,
                               json={"grant_type": "refresh_token", **body})
        assert answer.status_code in (400, 401), body
    one = store.session.get(f"{store.root}/access/api/v1/tokens/{plain['token_id']}", timeout=20).json()
    assert one["refreshable"] is False and reads(store, plain["access_token"])


def test_one_that_ended_is_refreshed_though_its_holder_shows_it(store):
    old = store.make_token("artifact:one:r", refreshable=True, expires_in=1)
    assert wait_for(lambda: not reads(store, old["access_token"]))
    store.make_token("artifact:two:r")      # what ended is forgotten then, but not this
    bearer = {"Authorization": "Bearer " + old["access_token"]}
    answer = refresh(store, old["refresh_token"], headers=bearer, access_token=old["access_token"], expires_in=3600)
    assert answer.status_code == 200 and answer.json()["expires_in"] == 1      # no longer than it was
    assert refresh(store, "x", headers=bearer).status_code == 401
    assert requests.post(store.root + "/access/api/v1/tokens", json={}, headers=bearer, timeout=20).status_code == 401


def test_a_refreshed_token_may_no_more_than_the_old_one(store):
    old = store.make_token("artifact:one:r artifact:one:w", **MANY)
    for more in ({"scope": "applied-permissions/admin"}, {"scope": "artifact:two:r"}, {"username": "farm"}):
        assert refresh(store, old["refresh_token"], **more).status_code == 403, more
    other = store.make_token("artifact:one:r")
    answer = refresh(store, old["refresh_token"], access_token=other["access_token"])
    assert answer.status_code == 401
    assert reads(store, old["access_token"])    # a refusal uses nothing up
    new = refresh(store, old["refresh_token"], scope="artifact:one:r", expires_in=60, include_reference_token=True)
    assert new.status_code == 200 and (new.json()["scope"], new.json()["expires_in"]) == ("artifact:one:r", 60)
    assert new.json()["reference_token"] == new.json()["access_token"]
    assert As(store, new.json()["access_token"])("PUT", "/one/y", data=b"y").status_code == 403


def test_who_may_for_a_while_gives_nobody_more_time(store):
    maker = store.make_token("artifact:one:r", expires_in=4)
    made = requests.post(store.root + "/access/api/v1/tokens", timeout=20, json=MANY,
                         headers={"Authorization": "Bearer " + maker["access_token"]}).json()
    assert made["expires_in"] <= 4
    new = refresh(store, made["refresh_token"]).json()
    assert new["expires_in"] <= 4
    assert wait_for(lambda: not reads(store, maker["access_token"]))
    assert wait_for(lambda: refresh(store, new["refresh_token"]).status_code == 401)


def test_revoking_a_token_revokes_its_refresh_token(store):
    made = store.make_token("artifact:one:r", **MANY)
    assert store.session.delete(f"{store.root}/access/api/v1/tokens/{made['token_id']}", timeout=20).status_code == 200
    assert refresh(store, made["refresh_token"]).status_code == 401


def test_the_older_form_and_a_restart(store):
    url = store.base + "/api/security/token"
    old = requests.post(url, auth=("ci", store.token), timeout=20,
                        data={"username": "ci", "scope": "artifact:one:r", "refreshable": "true"}).json()
    assert old["token_type"] == "access_token"
    secrets = [old["access_token"], old["refresh_token"]]
    store.stop()
    for file in (store.state / "store").rglob("*"):
        if file.is_file() and file.name != "admin.token":
            assert not any(secret.encode() in file.read_bytes() for secret in secrets), file
    store.start()
    new = requests.post(store.base + "/api/security/token", timeout=20, data={
        "grant_type": "refresh_token", "refresh_token": old["refresh_token"], "access_token": old["access_token"]})
    assert new.status_code == 200 and reads(store, new.json()["access_token"])
    assert not reads(store, old["access_token"])


def test_of_two_who_refresh_at_once_one_does(store):
    made = store.make_token("artifact:one:r", **MANY)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: refresh(store, made["refresh_token"]).status_code, range(8)))
    assert sorted(codes) == [200] + [401] * 7
