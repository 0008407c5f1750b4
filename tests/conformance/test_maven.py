"""Maven repositories: what the store makes of what is put there."""

import hashlib
import xml.etree.ElementTree as ET

import pytest
from conftest import message, sums

REPOSITORIES = ("maven-local maven,maven-releases maven releases immutable,"
                "maven-snapshots maven snapshots")
APP = "/maven-local/org/acme/app"


@pytest.fixture
def maven(make_store):
    return make_store("--repositories", REPOSITORIES)


def deploy(store, path, data=b"bytes"):
    answer = store.put(path, data)
    assert answer.status_code == 201, answer.text


def deploy_version(store, version, build=None, files=(".jar", ".pom"), at=APP):
    name = at.rpartition("/")[2]
    for file in files:
        deploy(store, f"{at}/{version}/{name}-{build or version}{file}")


def metadata(store, path=APP):
    answer = store.get(path + "/maven-metadata.xml")
    assert answer.status_code == 200, answer.text
    for kind in ("sha1", "md5", "sha256", "sha512"):
        digest = store.get(f"{path}/maven-metadata.xml.{kind}")
        assert digest.text == hashlib.new(kind, answer.content).hexdigest()
    return answer, ET.fromstring(answer.content)


def versions(store, path=APP):
    return [entry.text for entry in metadata(store, path)[1].findall("versioning/versions/*")]


def test_versions_are_those_that_are_stored_in_mavens_order(maven):
    for version in ("1.10", "1.9", "2.0-rc1", "1.10-SNAPSHOT"):
        deploy_version(maven, version)
    deploy(maven, APP + "/notes/readme.txt")
    answer, document = metadata(maven)
    assert versions(maven) == ["1.9", "1.10-SNAPSHOT", "1.10", "2.0-rc1"]
    assert document.findtext("groupId") == "org.acme"
    assert document.findtext("artifactId") == "app"
    assert document.findtext("versioning/latest") == "2.0-rc1"
    assert document.findtext("versioning/release") == "2.0-rc1"
    assert len(document.findtext("versioning/lastUpdated")) == 14
    assert answer.headers["Content-Type"].startswith("application/xml")
    assert maven.delete(APP + "/2.0-rc1").status_code == 204
    assert versions(maven) == ["1.9", "1.10-SNAPSHOT", "1.10"]
    assert maven.delete(APP).status_code == 204
    assert maven.get(APP + "/maven-metadata.xml").status_code == 404


def test_metadata_is_answered_as_any_file_is(maven):
    deploy_version(maven, "1.0")
    answer, _ = metadata(maven)
    digests = sums(answer.content)
    assert answer.headers["X-Checksum-Sha1"] == answer.headers["ETag"] == digests["sha1"]
    assert answer.headers["X-Checksum-Sha256"] == digests["sha256"]
    url = APP + "/maven-metadata.xml"
    head = maven.ask("HEAD", url)
    assert head.status_code == 200 and int(head.headers["Content-Length"]) == len(answer.content)
    assert maven.get(url, headers={"If-None-Match": digests["sha1"]}).status_code == 304
    part = maven.get(url, headers={"Range": "bytes=1-4"})
    assert part.status_code == 206 and part.content == answer.content[1:5]


def builds(document):
    return {(entry.findtext("classifier") or "") + "." + entry.findtext("extension"):
            entry.findtext("value") for entry in document.findall("versioning/*/snapshotVersion")}


def test_a_snapshot_says_its_newest_build(maven):
    at = APP + "/1-SNAPSHOT"
    deploy_version(maven, "1-SNAPSHOT", "1-20260102.030405-1", (".jar", "-sources.jar", ".pom"))
    # The clock of whoever built it next was behind: the number tells.
    deploy_version(maven, "1-SNAPSHOT", "1-20260102.030400-2")
    _, document = metadata(maven, at)
    assert document.findtext("version") == "1-SNAPSHOT"
    assert document.findtext("versioning/snapshot/timestamp") == "20260102.030400"
    assert document.findtext("versioning/snapshot/buildNumber") == "2"
    assert builds(document) == {".jar": "1-20260102.030400-2", ".pom": "1-20260102.030400-2",
                                "sources.jar": "1-20260102.030405-1"}
    # A build whose POM is not there yet is not told.
    deploy_version(maven, "1-SNAPSHOT", "1-20260102.030500-10", (".jar",))
    assert builds(metadata(maven, at)[1])[".jar"] == "1-20260102.030400-2"
    deploy_version(maven, "1-SNAPSHOT", "1-20260102.030500-10", (".pom",))
    assert builds(metadata(maven, at)[1])[".jar"] == "1-20260102.030500-10"
    assert versions(maven) == ["1-SNAPSHOT"]


def test_a_snapshot_published_under_its_own_name_is_told_so(maven):
    deploy_version(maven, "1-SNAPSHOT")
    _, document = metadata(maven, APP + "/1-SNAPSHOT")
    assert document.find("versioning/snapshot") is None
    assert builds(document) == {".jar": "1-SNAPSHOT", ".pom": "1-SNAPSHOT"}


def test_what_a_client_says_of_versions_is_taken_and_not_believed(maven):
    deploy_version(maven, "1.0")
    lie = (b"<metadata><groupId>org.acme</groupId><artifactId>app</artifactId><versioning>"
           b"<versions><version>9</version></versions></versioning></metadata>")
    url = APP + "/maven-metadata.xml"
    assert maven.put(url, lie).status_code == 202
    for kind in ("sha1", "md5", "sha256", "sha512"):
        assert maven.put(f"{url}.{kind}", hashlib.new(kind, lie).hexdigest()).status_code == 202
    assert versions(maven) == ["1.0"]
    bad = maven.put(url, b"<html>no</html>")
    assert bad.status_code == 400 and "no metadata of Maven" in message(bad)


def test_plugins_of_a_group_are_kept_from_all_who_publish(maven):
    group = "/maven-local/org/acme"
    for name in ("one", "two"):
        deploy_version(maven, "1.0", at=f"{group}/{name}-maven-plugin")
        told = (f"<metadata><plugins><plugin><name>The {name}</name><prefix>{name}</prefix>"
                f"<artifactId>{name}-maven-plugin</artifactId></plugin></plugins></metadata>")
        assert maven.put(group + "/maven-metadata.xml", told).status_code == 202
    _, document = metadata(maven, group)
    assert [(p.findtext("name"), p.findtext("prefix"), p.findtext("artifactId"))
            for p in document.findall("plugins/plugin")] == [
                ("The one", "one", "one-maven-plugin"), ("The two", "two", "two-maven-plugin")]
    assert maven.delete(group + "/one-maven-plugin").status_code == 204
    _, document = metadata(maven, group)
    assert [p.findtext("prefix") for p in document.findall("plugins/plugin")] == ["two"]


def test_policies_refuse_what_is_of_the_other_kind(maven):
    snapshot = "/org/acme/app/1-SNAPSHOT/app-1-20260102.030405-1.jar"
    release = "/org/acme/app/1/app-1.jar"
    for path in ("/maven-releases" + snapshot, "/maven-snapshots" + release):
        refused = maven.put(path, b"x")
        assert refused.status_code == 409
        assert "conflict in the snapshot release handling policy" in message(refused)
    deploy(maven, "/maven-snapshots" + snapshot)
    deploy(maven, "/maven-releases" + release)
    # A release stays as it is, its metadata does not.
    assert maven.put("/maven-releases" + release, b"other").status_code == 403
    deploy(maven, "/maven-releases" + release)
    at = "/maven-releases/org/acme/app"
    assert versions(maven, at) == ["1"]
    deploy_version(maven, "2", at=at)
    assert versions(maven, at) == ["1", "2"]


# --- remote and virtual ---

@pytest.fixture
def virtual(make_store, upstream):
    return make_store("--metadata-ttl", "0", "--repositories",
                      f"maven-local maven,up maven remote url={upstream.url}/m2,"
                      "all maven virtual members=maven-local+up deploy=maven-local mix=org/acme/app")


def publish(upstream, path, body, kinds=("sha1",)):
    upstream.put("m2" + path, body)
    for kind in kinds:
        line = hashlib.new(kind, body).hexdigest() + "  name\n"
        upstream.put(f"m2{path}.{kind}", line.encode())


JAR = "/org/acme/app/2.0/app-2.0.jar"


@pytest.mark.parametrize("repository", ["/up", "/all"])
def test_a_release_is_checked_by_its_checksum_once_and_kept(virtual, upstream, repository):
    publish(upstream, JAR, b"jar")
    for _ in range(2):
        assert virtual.get(repository + JAR).content == b"jar"
    for kind in ("sha1", "md5", "sha256"):
        assert virtual.get(f"{repository}{JAR}.{kind}").text == hashlib.new(kind, b"jar").hexdigest()
    assert [path for _, path, _ in upstream.requests] == ["/m2" + JAR + ".sha1", "/m2" + JAR]


def test_bytes_that_are_not_what_the_checksum_says_are_never_kept(virtual, upstream):
    publish(upstream, JAR, b"jar")
    upstream.put("m2" + JAR, b"rat")
    answer = virtual.get("/up" + JAR)
    assert answer.status_code == 502 and hashlib.sha1(b"jar").hexdigest() in message(answer)
    assert virtual.get("/api/storage/up" + JAR).status_code == 404
    publish(upstream, JAR, b"jar")
    assert virtual.get("/up" + JAR).content == b"jar"


def test_a_page_in_the_place_of_a_checksum_or_metadata_is_refused(virtual, upstream):
    upstream.put("m2" + JAR, b"jar")
    upstream.put("m2" + JAR + ".sha1", b"<html>please log in</html>")
    upstream.put("m2/org/acme/app/maven-metadata.xml", b"<html>please log in</html>")
    for path in (JAR, "/org/acme/app/maven-metadata.xml"):
        assert virtual.get("/up" + path).status_code == 502
        assert virtual.get("/api/storage/up" + path).status_code == 404


def test_an_upstream_without_checksums_is_taken_as_it_is(virtual, upstream):
    upstream.put("m2" + JAR, b"jar")
    assert virtual.get("/up" + JAR).content == b"jar"
    assert virtual.get("/up/org/acme/app/9/app-9.jar").status_code == 404


def test_a_checksum_asked_for_first_is_the_upstreams_and_agrees(virtual, upstream):
    publish(upstream, JAR, b"jar", ("sha1", "sha512"))
    assert virtual.get("/up" + JAR + ".sha1").text.split()[0] == hashlib.sha1(b"jar").hexdigest()
    assert virtual.get("/up" + JAR).content == b"jar"
    assert virtual.get("/up" + JAR + ".sha512").text.split()[0] == \
        hashlib.sha512(b"jar").hexdigest()


TOLD = """<metadata><groupId>org.acme</groupId><artifactId>app</artifactId><versioning>
<latest>2.0</latest><release>2.0</release><versions><version>2.0</version><version>1.2</version>
</versions><lastUpdated>20200102030405</lastUpdated></versioning></metadata>"""


def test_metadata_is_merged_over_all_members(virtual, upstream):
    upstream.put("m2/org/acme/app/maven-metadata.xml", TOLD.encode())
    deploy_version(virtual, "1.10")
    deploy_version(virtual, "1.2")
    _, document = metadata(virtual, "/all/org/acme/app")
    assert versions(virtual, "/all/org/acme/app") == ["1.2", "1.10", "2.0"]
    assert document.findtext("versioning/release") == "2.0"
    assert document.findtext("versioning/lastUpdated") > "2026"
    # The remote alone gives the upstream's own bytes, and their digests.
    answer, _ = metadata(virtual, "/up/org/acme/app")
    assert answer.text == TOLD
    # What the upstream told last is still merged when it is away.
    upstream.stop()
    assert versions(virtual, "/all/org/acme/app") == ["1.2", "1.10", "2.0"]


def test_an_upstream_that_is_away_leaves_what_is_local(virtual, upstream):
    deploy_version(virtual, "1.10")
    upstream.stop()
    assert versions(virtual, "/all/org/acme/app") == ["1.10"]
    assert virtual.get("/all/org/acme/other/maven-metadata.xml").status_code == 502


def test_the_newest_snapshot_of_all_members_is_told(virtual, upstream):
    at = "/org/acme/app/1-SNAPSHOT"
    upstream.put(f"m2{at}/maven-metadata.xml", b"""<metadata><version>1-SNAPSHOT</version><versioning>
      <snapshot><timestamp>20300102.030405</timestamp><buildNumber>3</buildNumber></snapshot>
      <lastUpdated>20300102030405</lastUpdated><snapshotVersions><snapshotVersion>
      <extension>jar</extension><value>1-20300102.030405-3</value><updated>20300102030405</updated>
      </snapshotVersion></snapshotVersions></versioning></metadata>""")
    deploy_version(virtual, "1-SNAPSHOT", "1-20260102.030405-9")
    _, document = metadata(virtual, "/all" + at)
    assert document.findtext("versioning/snapshot/buildNumber") == "3"
    assert builds(document) == {".jar": "1-20300102.030405-3", ".pom": "1-20260102.030405-9"}


def test_a_snapshot_that_can_change_is_asked_about_again(virtual, upstream):
    path = "/org/acme/app/1-SNAPSHOT/app-1-SNAPSHOT.jar"
    for body in (b"one", b"two"):
        upstream.put("m2" + path, body)
        assert virtual.get("/up" + path).content == body
        assert virtual.get("/up" + path + ".sha1").text == hashlib.sha1(body).hexdigest()


def test_what_is_put_to_the_virtual_goes_where_it_says(virtual):
    deploy_version(virtual, "3.0", at="/all/org/acme/app")
    assert versions(virtual) == ["3.0"]
    assert virtual.put("/all/org/acme/app/maven-metadata.xml", TOLD).status_code == 202
    assert virtual.put("/up/org/acme/app/maven-metadata.xml", TOLD).status_code == 405
