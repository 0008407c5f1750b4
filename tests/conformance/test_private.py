"""What keeps private names private: the members of a virtual repository that are asked, and patterns."""

import hashlib
import json

import pytest
import requests

from conftest import message
from test_explode import EXPLODE, tar_of
from test_npm import document, tarball
from test_pypi_remote import publish as publish_page, upload
from wheels import wheel

OURS, THEIRS = b"ours", b"theirs"


def publish_npm(store, repo, name, version):
    return store.put(f"/api/npm/{repo}/{name.replace('/', '%2f')}",
                     json.dumps(document(name, version, tarball(name, version))))


class Farm:
    """A store with a local, a remote and a virtual repository of each type, and their upstreams."""

    TYPES = ("generic", "maven", "npm", "pypi", "go")

    def __init__(self, make_store, upstream, local="", remote="", virtual="", types=TYPES):
        self.upstream = upstream
        # Remote ones are named first: their place in the list is not what decides.
        self.store = make_store("--metadata-ttl", "0", "--go-sumdb", "off", "--repositories", ",".join(
            f"{kind}-local {kind} {local},"
            f"{kind}-up {kind} remote url={upstream.url}/{kind}{'/simple' if kind == 'pypi' else ''} {remote},"
            f"{kind} {kind} virtual members={kind}-up+{kind}-local deploy={kind}-local {'' if kind == 'generic' else virtual}"
            for kind in types))
        self.get, self.put = self.store.get, self.store.put
        put = upstream.put
        put("generic/acme/lib", THEIRS)
        put("maven/acme/lib/9/lib-9.jar", THEIRS)
        put("maven/acme/lib/1/lib-1.pom", THEIRS)
        put("maven/acme/lib/maven-metadata.xml", self.metadata("9"))
        put("maven/acme/maven-metadata.xml", b"<metadata><plugins><plugin><prefix>theirs</prefix>"
            b"<artifactId>theirs</artifactId></plugin></plugins></metadata>")
        for name in ("acme-lib", "@acme/lib", "other"):
            data = tarball(name, "9.0.0")
            put(f"npm/{name}", json.dumps({
                "name": name, "dist-tags": {"latest": "9.0.0"}, "versions": {"9.0.0": {
                    "name": name, "version": "9.0.0", "dist": {
                        "shasum": hashlib.sha1(data).hexdigest(),
                        "tarball": f"{upstream.url}/npm/{name}/-/lib-9.0.0.tgz"}}}}).encode())
            put(f"npm/{name}/-/{name.split('/')[-1]}-9.0.0.tgz", data)
        self.wheel = wheel("acme-lib", "9.0")
        publish_page(upstream, "acme-lib", self.wheel)
        upstream.things["/pypi/simple/acme-lib/"] = upstream.things.pop("/simple/acme-lib/")
        put("go/acme.example/lib/@v/list", b"v1.9.0\n")
        put("go/acme.example/lib/@latest", b'{"Version": "v1.9.0", "Time": "2026-02-02T02:40:00Z"}')
        put("go/acme.example/lib/@v/v1.9.0.mod", b"module acme.example/lib\n")
        put("go/acme.example/lib/@v/v1.9.0.info", b'{"Version": "v1.9.0"}')

    @staticmethod
    def metadata(version):
        return (f"<metadata><versioning><versions><version>{version}</version></versions>"
                "</versioning></metadata>").encode()

    def publish(self):
        """Version 1 of what the upstreams have in version 9."""
        assert self.put("/generic/acme/lib", OURS).status_code == 201
        assert self.put("/maven/acme/lib/1/lib-1.jar", OURS).status_code == 201
        for name in ("acme-lib", "@acme/lib"):
            assert publish_npm(self.store, "npm", name, "1.0.0").status_code == 201
        upload(self.store, wheel("acme-lib", "1.0"), "acme-lib", "pypi")
        for suffix, data in ((".zip", OURS), (".mod", b"module acme.example/lib\n")):
            assert self.put(f"/api/go/go/acme.example/lib/@v/v1.0.0{suffix}", data).status_code == 201

    def npm(self, name):
        return sorted(self.get(f"/api/npm/npm/{name}").json().get("versions", ()))

    def pypi(self):
        answer = self.get("/api/pypi/pypi/simple/acme-lib/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
        return sorted(file["filename"][9:12] for file in answer.json().get("files", ()))

    def go(self):
        answer = self.get("/api/go/go/acme.example/lib/@v/list")
        return answer.text.split() if answer.status_code == 200 else []

    def maven(self):
        answer = self.get("/maven/acme/lib/maven-metadata.xml")
        return [version for version in "19" if f"<version>{version}<" in answer.text]


@pytest.fixture
def make_farm(make_store, upstream):
    return lambda **words: Farm(make_store, upstream, **words)


def test_a_name_that_is_ours_is_never_asked_of_an_upstream(make_farm, upstream):
    farm = make_farm()
    farm.publish()
    assert farm.get("/generic/acme/lib").content == OURS
    assert farm.maven() == ["1"] and farm.get("/maven/acme/lib/1/lib-1.jar").content == OURS
    for path in ("9/lib-9.jar", "9/lib-9.jar.sha1", "1/lib-1.pom", "1/lib-1.jar.sha512",
                 "2-SNAPSHOT/maven-metadata.xml"):
        assert farm.get("/maven/acme/lib/" + path).status_code == 404, path
    for name in ("acme-lib", "@acme/lib"):
        assert farm.npm(name) == ["1.0.0"]
        base = name.split("/")[-1]
        for path in (f"{name}/9.0.0", f"{name}/-/{base}-9.0.0.tgz"):
            assert farm.get("/api/npm/npm/" + path).status_code == 404
        assert farm.get(f"/npm/{name}/-/{base}-9.0.0.tgz").status_code == 404
        assert farm.get(f"/api/npm/npm/-/package/{name}/dist-tags").json() == {"latest": "1.0.0"}
    assert farm.pypi() == ["1.0"]
    assert farm.get(f"/pypi/acme-lib/9.0/{farm.wheel[0]}").status_code == 404
    assert farm.go() == ["v1.0.0"]
    assert farm.get("/api/go/go/acme.example/lib/@latest").json()["Version"] == "v1.0.0"
    assert farm.get("/api/go/go/acme.example/lib/@v/v1.9.0.mod").status_code == 404
    assert farm.get("/go/acme.example/lib/@v/v1.9.0.info").status_code == 404
    assert [path for _, path, _ in upstream.requests] == []


def test_a_name_that_nobody_here_has_is_the_upstreams(make_farm):
    farm = make_farm()
    assert farm.get("/generic/acme/lib").content == THEIRS
    assert farm.maven() == ["9"] and farm.get("/maven/acme/lib/9/lib-9.jar").content == THEIRS
    assert farm.npm("acme-lib") == farm.npm("@acme/lib") == ["9.0.0"]
    assert farm.pypi() == ["9.0"] and farm.go() == ["v1.9.0"]


def test_a_folder_reserves_a_name(make_farm, upstream):
    farm = make_farm()
    for path in ("maven-local/acme/lib", "npm-local/@acme/lib", "pypi-local/acme-lib", "go-local/acme.example/lib"):
        assert farm.put(f"/{path}/").status_code == 201
    assert farm.get("/maven/acme/lib/maven-metadata.xml").status_code == 404
    assert farm.get("/maven/acme/lib/9/lib-9.jar").status_code == 404
    assert farm.npm("@acme/lib") == farm.pypi() == farm.go() == []
    assert upstream.requests == []
    assert farm.npm("acme-lib") == ["9.0.0"]
    farm.store.delete("/npm-local/@acme/lib")
    assert farm.npm("@acme/lib") == ["9.0.0"]


def test_a_group_is_no_name(make_farm):
    farm = make_farm()
    assert farm.put("/maven/acme/lib/1/lib-1.jar", OURS).status_code == 201
    assert "theirs" in farm.get("/maven/acme/maven-metadata.xml").text
    farm.upstream.put("maven/acme/other/1/other-1.jar", THEIRS)
    assert farm.get("/maven/acme/other/1/other-1.jar").content == THEIRS


@pytest.mark.parametrize("mix", ["*", "acme/lib+acme-lib+@acme/lib+acme.example/lib"])
def test_names_told_to_be_mixed_are_asked_of_all(make_farm, mix):
    farm = make_farm(virtual="mix=" + mix, types=("generic", "maven", "npm", "go"))  # PyPI: test_pypi_remote.py
    assert farm.put("/maven/acme/lib/1/lib-1.jar", OURS).status_code == 201
    publish_npm(farm.store, "npm", "@acme/lib", "1.0.0")
    assert farm.put("/api/go/go/acme.example/lib/@v/v1.0.0.zip", OURS).status_code == 201
    assert farm.put("/api/go/go/acme.example/lib/@v/v1.0.0.mod", b"module acme.example/lib\n").status_code == 201
    assert farm.maven() == ["1", "9"] and farm.get("/maven/acme/lib/9/lib-9.jar").content == THEIRS
    assert farm.npm("@acme/lib") == ["1.0.0", "9.0.0"]
    assert farm.go() == ["v1.0.0", "v1.9.0"]
    assert farm.get("/api/go/go/acme.example/lib/@v/v1.9.0.mod").status_code == 200


EXCLUDE = "excludes=acme*/**+@acme/**"


def test_what_a_remote_excludes_is_never_asked_for(make_farm, upstream):
    farm = make_farm(remote=EXCLUDE)
    for kind in farm.TYPES:
        told = farm.get(f"/api/repositories/{kind}-up").json()
        assert (told["includesPattern"], told["excludesPattern"]) == ("**/*", "acme*/**,@acme/**")
    for repo in ("", "-up"):
        for path in (f"/generic{repo}/acme/lib", f"/maven{repo}/acme/lib/9/lib-9.jar",
                     f"/maven{repo}/acme/lib/maven-metadata.xml", f"/api/npm/npm{repo}/@acme/lib",
                     f"/api/npm/npm{repo}/acme-lib", f"/npm{repo}/acme-lib/-/acme-lib-9.0.0.tgz",
                     f"/api/pypi/pypi{repo}/simple/acme-lib/", f"/pypi{repo}/acme-lib/9.0/{farm.wheel[0]}",
                     f"/api/go/go{repo}/acme.example/lib/@v/list", f"/api/go/go{repo}/acme.example/lib/@latest",
                     f"/go{repo}/acme.example/lib/@v/v1.9.0.mod"):
            assert farm.get(path).status_code == 404, path
    assert upstream.requests == []
    assert farm.npm("other") == ["9.0.0"]


def test_what_a_virtual_does_not_include_it_has_not(make_farm, upstream):
    farm = make_farm(virtual="includes=free/**+**/*.md")
    upstream.put("maven/free/lib/1/lib-1.jar", THEIRS)
    assert farm.get("/maven/free/lib/1/lib-1.jar").content == THEIRS
    assert farm.get("/maven/acme/lib/9/lib-9.jar").status_code == 404
    assert farm.get("/maven-up/acme/lib/9/lib-9.jar").content == THEIRS
    answer = farm.put("/maven/acme/lib/1/lib-1.jar", OURS)
    assert answer.status_code == 409 and "include/exclude patterns" in message(answer)
    assert farm.put("/maven/free/mine/1/mine-1.jar", OURS).status_code == 201
    assert publish_npm(farm.store, "npm", "@acme/lib", "1.0.0").status_code == 201  # "**/*.md" could be


def test_what_a_local_does_not_admit_is_neither_taken_nor_given(make_farm):
    farm = make_farm(local="includes=free/**+@free/**+free.example/** excludes=**/*.exe")
    refused = "include/exclude patterns"
    assert farm.put("/generic-local/free/x", OURS).status_code == 201
    for path in ("acme/x", "free/x.exe", "acme/"):
        answer = farm.put("/generic-local/" + path, OURS if path[-1] != "/" else b"")
        assert answer.status_code == 409 and refused in message(answer), path
    answer = farm.put("/generic-local/free/x.tar", tar_of({"y": b"1", "z.exe": b"2"}), headers=EXPLODE)
    assert answer.status_code == 409 and "free/z.exe" in message(answer)
    for to in ("generic-local/acme/x", "generic-local/free/x.exe", "generic-local/free/y.exe"):
        for verb in ("copy", "move"):
            for dry in ("", "&dry=1"):
                answer = farm.store.ask("POST", f"/api/{verb}/generic-local/free/x?to={to}{dry}")
                assert answer.status_code == 409 and refused in message(answer)
    answer = publish_npm(farm.store, "npm-local", "@acme/lib", "1.0.0")
    assert answer.status_code == 409 and refused in answer.json()["error"]
    assert publish_npm(farm.store, "npm-local", "@free/lib", "1.0.0").status_code == 201
    request = requests.Request("POST", f"{farm.store.base}/api/pypi/pypi-local", files={"content": farm.wheel},
                               data={":action": "file_upload", "name": "acme-lib", "version": "9.0"})
    answer = farm.store.session.send(farm.store.session.prepare_request(request), timeout=30)
    assert answer.status_code == 409, answer.text
    answer = farm.put("/api/go/go-local/acme.example/lib/@v/v1.0.0.mod", b"module acme.example/lib\n")
    assert answer.status_code == 409
    assert farm.get("/generic-local/free/x").content == OURS


def test_patterns_told_later_hide_what_is_there(make_store):
    store = make_store("--repositories", "dev")
    store.put("/dev/a/x", OURS)
    store.put("/dev/b/x", OURS)
    store.stop()
    store.flags = ("--repositories", "dev excludes=a/**")
    store.start()
    assert store.get("/dev/a/x").status_code == store.get("/dev/a/").status_code == 404
    assert store.get("/dev/b/x").content == OURS
    assert store.get("/api/storage/dev/a/x").status_code == 200
    assert store.delete("/dev/a/x").status_code == 204
