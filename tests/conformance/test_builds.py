"""Builds: published, read, promoted, added to, renamed, deleted, kept to a number."""

import json
import sqlite3
import urllib.parse

import pytest

from conftest import message, quote, sums

REPOSITORIES = "dev,release,fixed immutable"
BUILD_REPO = "artifactory-build-info"
STARTED = "2026-02-02T02:40:00.000+0000"
STARTED_MS = 1770000000000
CONTENT_TYPE = "application/vnd.org.jfrog.artifactory+json"


@pytest.fixture
def store(make_store):
    return make_store("--repositories", REPOSITORIES)


def artifact(name, data, repo="dev", path=None):
    return {"name": name, "type": "bin", "originalDeploymentRepo": repo, "path": path or name,
            **sums(data)}


def info(number="1", name="app", started=STARTED, artifacts=(), dependencies=(), **more):
    return {"name": name, "number": number, "started": started, "agent": {"name": "test"},
            "modules": [{"id": "m", "artifacts": list(artifacts),
                         "dependencies": list(dependencies)}], **more}


def publish(store, build, **more):
    more.setdefault("headers", {"Content-Type": CONTENT_TYPE})
    return store.put("/api/build", json.dumps(build), **more)


def post(store, path, body=None):
    return store.ask("POST", path, data=json.dumps(body) if body is not None else b"")


def deploy(store, path, data, number="1", name="app"):
    answer = store.put(f"/dev/{path};build.name={name};build.number={number}", data)
    assert answer.status_code == 201
    return artifact(path.rpartition("/")[2], data, path=path)


@pytest.mark.parametrize("kind", [CONTENT_TYPE, "application/json",
                                  "application/vnd.org.jfrog.build.BuildInfo+json"])
def test_a_build_is_published_and_told_as_it_was(store, kind):
    build = info(artifacts=[artifact("x", b"x")], properties={"buildInfo.env.K": "ünï"},
                 vcs=[{"url": "u", "revision": "r"}])
    body = json.dumps(build, ensure_ascii=False).encode()
    answer = store.put("/api/build?project=p", body, headers={"Content-Type": kind})
    assert answer.status_code == 204
    assert answer.headers["X-Checksum-Sha256"] == sums(body)["sha256"]
    told = store.get("/api/build/app/1").json()
    assert told == {"uri": store.base + "/api/build/app/1", "buildInfo": build}
    # It is a file as any other.
    file = f"/{BUILD_REPO}/app/1-{STARTED_MS}.json"
    assert store.get(file).content == body
    assert store.get("/api/storage" + file).json()["size"] == str(len(body))
    # The same again is the same build.
    assert publish(store, build).status_code == 204
    assert store.get("/api/build").json()["builds"] == [{"uri": "/app", "lastStarted": STARTED}]


def test_names_with_any_letters(store):
    name, number = "a/b c:d%'é+", "1/2?*|;\\"
    assert publish(store, info(number, name)).status_code == 204
    path = f"/api/build/{quote(name)}/{quote(number)}"
    assert store.get(path).json()["buildInfo"]["name"] == name
    (row,) = store.get("/api/build").json()["builds"]
    numbers = store.get("/api/build" + row["uri"]).json()
    assert urllib.parse.unquote(numbers["buildsNumbers"][0]["uri"]) == "/" + number
    (file,) = store.get(f"/api/storage/{BUILD_REPO}?list&deep=1").json()["files"]
    assert file["uri"] == "/a%2Fb c%3Ad%25%22é+/1%2F2%3F%2A%7C%3B%5C-1770000000000.json"


def test_slashes_that_a_client_did_not_encode(store):
    publish(store, info("16", "a/b"))
    assert store.get("/api/build/a/b/16").json()["buildInfo"]["number"] == "16"
    assert store.get("/api/build/a/b").json()["buildsNumbers"][0]["uri"] == "/16"
    publish(store, info("b", "a"))
    assert store.get("/api/build/a/b").json()["buildInfo"]["name"] == "a"


def test_the_newest_of_a_number_unless_another_is_asked_for(store):
    later = "2026-02-03T03:40:00.000+0100"
    publish(store, info(artifacts=[artifact("x", b"old")]))
    publish(store, info(started=later, artifacts=[artifact("x", b"new")]))
    publish(store, info("2", started="2026-01-01T00:00:00.000+0000"))

    def sha1(path):
        return store.get(path).json()["buildInfo"]["modules"][0]["artifacts"][0]["sha1"]

    assert sha1("/api/build/app/1") == sums(b"new")["sha1"]
    for text in (STARTED, quote(STARTED)):
        assert sha1("/api/build/app/1?started=" + text) == sums(b"old")["sha1"]
    numbers = store.get("/api/build/app").json()
    assert numbers["uri"] == store.base + "/api/build/app"
    assert [row["uri"] for row in numbers["buildsNumbers"]] == ["/1", "/1", "/2"]
    assert numbers["buildsNumbers"][0]["started"] == "2026-02-03T02:40:00.000+0000"


def test_what_is_not_there(store):
    for path in ("/api/build/app", "/api/build/app/1", "/api/build/app/1?diff=2",
                 f"/api/builds/buildArtifacts/app/1/{BUILD_REPO}"):
        answer = store.get(path)
        assert answer.status_code == 404 and message(answer).startswith("No build"), path
    assert store.get("/api/build").json()["builds"] == []
    for path, body in (("/api/build/promote/app/1", {}), ("/api/build/append/app/1", []),
                       ("/api/build/delete", {"buildName": "app", "deleteAll": True}),
                       ("/api/build/rename/app?to=x", None), ("/api/build/retention/app", {})):
        assert post(store, path, body).status_code == 404, path


@pytest.mark.parametrize("body", [
    "", "[]", "{", '{"name": "a"}', '{"name": "a", "number": 1, "started": "%s"}' % STARTED,
    '{"name": "", "number": "1", "started": "%s"}' % STARTED,
    '{"name": "a", "number": "1", "started": "yesterday"}',
    '{"name": "..", "number": "1", "started": "%s"}' % STARTED,
    '{"name": "%s", "number": "1", "started": "%s"}' % ("x" * 256, STARTED),
    '{"name": "a", "number": "1", "started": "%s", "modules": {}}' % STARTED,
    '{"name": "a", "number": "1", "started": "%s", "modules": [1]}' % STARTED,
    '{"name": "a", "number": "1", "started": "%s", "modules": [{"artifacts": ["x"]}]}' % STARTED])
def test_what_is_no_build_info_is_refused(store, body):
    answer = store.put("/api/build", body, headers={"Content-Type": CONTENT_TYPE})
    assert answer.status_code == 400 and message(answer)
    assert store.get("/api/build").json()["builds"] == []


def test_nobody_writes_past_the_api(store):
    store.put("/dev/x.json", b"{}")
    assert store.put(f"/{BUILD_REPO}/app/1-1.json", b"{}").status_code == 409
    assert post(store, f"/api/copy/dev/x.json?to=/{BUILD_REPO}/app/1-1.json").status_code == 409


def test_where_its_artifacts_are(store):
    one = deploy(store, "a/one.bin", b"one")
    store.put("/release/other/one.bin", b"one")   # the same bytes, of no build
    store.put("/dev/b/two.bin", b"two")
    store.put("/dev/c/two.bin", b"two")
    two = artifact("two.bin", b"two", path="b/two.bin")
    lost = artifact("lost", b"lost")
    publish(store, info(artifacts=[one, two, lost]))
    places = store.get(f"/api/builds/buildArtifacts/app/1/{BUILD_REPO}").json()
    assert places == [{"repo": "dev", "path": "a", "name": "one.bin"},
                      {"repo": "dev", "path": "b", "name": "two.bin"}]


def test_the_difference_of_two(store):
    publish(store, info("1", artifacts=[artifact("same", b"1"), artifact("other", b"1"),
                                        artifact("gone", b"1")]))
    publish(store, info("2", artifacts=[artifact("same", b"1"), artifact("other", b"2"),
                                        artifact("new", b"1")],
                        dependencies=[{"id": "d", "sha1": "a"}]))
    told = store.get("/api/build/app/2?diff=1").json()
    names = {kind: [file["name"] for file in files] for kind, files in told["artifacts"].items()}
    assert names == {"new": ["new"], "updated": ["other"], "unchanged": ["same"],
                     "removed": ["gone"]}
    assert [file["name"] for file in told["dependencies"]["new"]] == ["d"]


def promote(store, **body):
    return post(store, "/api/build/promote/app/1", body)


def test_promotion_copies_with_properties_and_a_status(store):
    publish(store, info(artifacts=[deploy(store, "a/one.bin", b"one")]))
    dry = promote(store, targetRepo="release", copy=True, dryRun=True, status="Released",
                  properties={"qa": ["ok"]})
    assert dry.status_code == 200 and "dry run" in dry.json()["messages"][0]["message"]
    assert store.get("/release/a/one.bin").status_code == 404
    assert "statuses" not in store.get("/api/build/app/1").json()["buildInfo"]

    answer = promote(store, targetRepo="release", copy=True, status="Released", comment="good",
                     ciUser="ci", timestamp=STARTED, properties={"qa": ["ok", "fine"], "x": ["y"]})
    assert answer.status_code == 200
    assert {row["level"] for row in answer.json()["messages"]} == {"INFO"}
    assert store.get("/dev/a/one.bin").content == store.get("/release/a/one.bin").content == b"one"
    props = store.props("/release/a/one.bin")
    assert props["qa"] == ["fine", "ok"] and props["build.name"] == ["app"]
    assert "qa" not in store.props("/dev/a/one.bin")
    (status,) = store.get("/api/build/app/1").json()["buildInfo"]["statuses"]
    assert status == {"status": "Released", "comment": "good", "ciUser": "ci",
                      "timestamp": STARTED, "user": "farm", "repository": "release"}
    promote(store, status="Done")
    statuses = store.get("/api/build/app/1").json()["buildInfo"]["statuses"]
    assert [row["status"] for row in statuses] == ["Released", "Done"]


def test_promotion_moves(store):
    files = [deploy(store, "a/one.bin", b"one"), deploy(store, "a/two.bin", b"two")]
    publish(store, info(artifacts=files))
    assert promote(store, sourceRepo="dev", targetRepo="release").status_code == 200
    assert store.get("/dev/a/one.bin").status_code == 404
    assert store.get("/release/a/two.bin").content == b"two"
    # Again: all is there already.
    assert promote(store, targetRepo="release").status_code == 200


def test_dependencies_by_scope(store):
    store.put("/dev/d/c.jar", b"c")
    store.put("/dev/d/t.jar", b"t")
    rows = [{"id": "c", "scopes": ["compile"], **sums(b"c")},
            {"id": "t", "scopes": ["test"], **sums(b"t")}]
    publish(store, info(dependencies=rows))
    answer = promote(store, targetRepo="release", copy=True, artifacts=False, dependencies=True,
                     scopes=["compile"])
    assert answer.status_code == 200
    assert store.get("/release/d/c.jar").status_code == 200
    assert store.get("/release/d/t.jar").status_code == 404


def test_a_failed_promotion_is_undone_unless_told_otherwise(store):
    files = [deploy(store, "a/one.bin", b"one"), artifact("lost", b"lost")]
    publish(store, info(artifacts=files))
    failed = promote(store, targetRepo="release", copy=True, status="Released")
    assert failed.status_code == 400
    assert [row["level"] for row in failed.json()["messages"]] == ["INFO", "WARNING"]
    assert store.get("/release/a/one.bin").status_code == 404
    assert "statuses" not in store.get("/api/build/app/1").json()["buildInfo"]
    went = promote(store, targetRepo="release", copy=True, status="Released", failFast=False)
    assert went.status_code == 200
    assert store.get("/release/a/one.bin").status_code == 200
    assert promote(store, targetRepo="nowhere").status_code == 400


def test_other_bytes_are_never_promoted_over(store):
    store.put("/fixed/a/one.bin", b"other")
    publish(store, info(artifacts=[deploy(store, "a/one.bin", b"one")]))
    answer = promote(store, targetRepo="fixed", copy=True)
    assert answer.status_code == 400
    assert [row["level"] for row in answer.json()["messages"]] == ["ERROR"]
    assert store.get("/fixed/a/one.bin").content == b"other"


def test_modules_are_added(store):
    publish(store, info())
    assert post(store, "/api/build/append/app/1", [{"id": "more"}]).status_code == 204
    modules = store.get("/api/build/app/1").json()["buildInfo"]["modules"]
    assert [module["id"] for module in modules] == ["m", "more"]
    assert post(store, "/api/build/append/app/1", {"id": "x"}).status_code == 400


def test_a_renamed_build_has_its_new_name_only(store):
    publish(store, info("1"))
    publish(store, info("2"))
    assert post(store, "/api/build/rename/app?to=b%2Fc").status_code == 200
    assert store.get("/api/build/app").status_code == 404
    assert len(store.get("/api/build/b%2Fc").json()["buildsNumbers"]) == 2
    assert store.get("/api/build/b%2Fc/1").json()["buildInfo"]["name"] == "b/c"


def test_deletion(store):
    publish(store, info("1", artifacts=[deploy(store, "a/one.bin", b"one")]))
    publish(store, info("2", artifacts=[artifact("one.bin", b"one", path="else/where")]))
    publish(store, info("3"))
    store.put("/dev/kept/one.bin", b"one")

    def delete(**body):
        return post(store, "/api/build/delete", {"buildName": "app", **body}).status_code

    assert delete(buildNumbers=["9"]) == 404
    assert delete(buildNumbers=["1"], deleteArtifacts=True) == 200
    assert store.get("/dev/a/one.bin").status_code == 404
    assert delete(buildNumbers=["2"], deleteArtifacts=True) == 200
    assert store.get("/dev/kept/one.bin").content == b"one"   # nothing says that it is of build 2
    assert delete(deleteAll=True) == 200
    assert store.get("/api/build/app").status_code == 404


def test_retention(store):
    for number in range(1, 7):
        publish(store, info(str(number), started=f"2026-02-0{number}T00:00:00.000+0000"))

    def keep(**body):
        answer = post(store, "/api/build/retention/app?async=true", body)
        assert answer.status_code == 204
        rows = store.get("/api/build/app").json()["buildsNumbers"]
        return [row["uri"][1:] for row in rows]

    assert keep() == ["6", "5", "4", "3", "2", "1"]
    assert keep(count=4, buildNumbersNotToBeDiscarded=["1"]) == ["6", "5", "4", "3", "1"]
    assert keep(minimumBuildDate=1770163200000) == ["6", "5", "4"]
    assert keep(count=1, deleteBuildArtifacts=False) == ["6"]


def test_a_deleted_file_is_a_deleted_build_and_rows_come_back_from_files(store):
    publish(store, info("1"))
    publish(store, info("2"))
    assert store.delete(f"/{BUILD_REPO}/app/2-{STARTED_MS}.json").status_code == 204
    assert store.get("/api/build/app/2").status_code == 404
    store.stop()
    with sqlite3.connect(store.state / "store" / "index.db") as index:
        index.execute("PRAGMA foreign_keys=ON")
        index.execute("DELETE FROM builds")
    index.close()
    store.start()
    assert store.get("/api/build/app/1").json()["buildInfo"]["number"] == "1"


def test_who_may(store):
    publish(store, info())
    token = store.make_token(f"artifact:{BUILD_REPO}/mine:r,w artifact:dev:r")
    as_ci = {"Authorization": "Bearer " + token["access_token"]}
    assert publish(store, info(name="mine"), headers=as_ci).status_code == 204
    assert publish(store, info(name="mine"), headers=as_ci).status_code == 204
    other = publish(store, info(name="mine", url="u"), headers=as_ci)
    assert other.status_code == 403 and "needs DELETE permission" in message(other)
    assert publish(store, info(name="yours"), headers=as_ci).status_code == 403
    assert store.get("/api/build/mine/1", headers=as_ci).status_code == 200
    assert store.get("/api/build/app/1", headers=as_ci).status_code == 403
    assert [row["uri"] for row in store.get("/api/build", headers=as_ci).json()["builds"]] == [
        "/mine"]
    for path in ("/api/build/delete", "/api/build/retention/mine", "/api/build/rename/mine?to=x",
                 "/api/build/promote/app/1"):
        answer = store.ask("POST", path, headers=as_ci, data=b'{"buildName": "mine"}')
        assert answer.status_code == 403, path
