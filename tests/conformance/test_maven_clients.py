"""mvn, coursier and sbt, unpatched and strict about checksums, against the store's Maven repositories.

What mvn itself needs (its plugins) comes through the store too: every file in this test but those of
the tests' own artifacts went from the client's default registry through the remote repository."""

import concurrent.futures
import io
import os
import re
import shutil
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pytest
from conftest import run

COURSIER = "io.get-coursier", "coursier-cli_2.13", "2.1.10"
WANTED = "org.typelevel:cats-core_2.13:2.10.0"
SBT = "1.10.7"
GROUP = "org/acme"
JAVA = "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"    # quick to start
SETTINGS = """<settings>
  <servers><server><id>store</id><username>ci</username><password>{token}</password></server></servers>
  <mirrors><mirror><id>store</id><mirrorOf>*</mirrorOf><url>{url}</url></mirror></mirrors>
  <profiles><profile><id>snapshots</id><repositories><repository>
    <id>central</id><url>{url}</url><snapshots><enabled>true</enabled></snapshots>
  </repository></repositories></profile></profiles>
  <activeProfiles><activeProfile>snapshots</activeProfile></activeProfiles>
</settings>"""
POM = """<project><modelVersion>4.0.0</modelVersion>
  <groupId>t</groupId><artifactId>t</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies><dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version>
  </dependency></dependencies></project>"""

BUILD_SBT = """
organization := "org.acme"
name := "hello"
version := "1.0"
scalaVersion := "2.13.14"
libraryDependencies += "org.typelevel" %% "cats-core" % "2.10.0"
Compile / packageDoc / publishArtifact := false
publishTo := Some(("deploy" at "{url}").withAllowInsecureProtocol(true))
credentials += Credentials("Artifactory Realm", "127.0.0.1", "ci", "{token}")
"""
HELLO = """package acme
object Hello { def greet: String = cats.Eval.now("hi").value }
"""


def default_registry():
    """The URL that mvn itself has in its super POM."""
    home = Path(re.search("Maven home: (.*)", run("mvn", "-v").stdout)[1])
    (jar,) = home.glob("lib/maven-model-builder-*.jar")
    with zipfile.ZipFile(jar) as opened:
        pom = ET.fromstring(opened.read("org/apache/maven/model/pom-4.0.0.xml"))
    return pom.findtext(".//{*}repository/{*}url")


def flags(registry):
    return ("--anonymous-read", "--repositories",
            f"maven-local maven,maven-remote maven remote url={registry},"
            "maven maven virtual members=maven-local+maven-remote deploy=maven-local mix=org/slf4j/slf4j-api")


@pytest.fixture(scope="module")
def store(make_shared_store):
    return make_shared_store(*flags(default_registry()))


class Maven:
    """mvn with settings and a local repository of its own."""

    def __init__(self, folder, store):
        self.folder = folder
        self.store = store
        self.repository = folder / "m2"
        (folder / "settings.xml").write_text(
            SETTINGS.format(token=store.token, url=store.base + "/maven"))

    def run(self, *args, cwd=None):
        run("mvn", "-B", "-C", "-s", self.folder / "settings.xml",
            f"-Dmaven.repo.local={self.repository}", *args, cwd=cwd or self.folder,
            env={**os.environ, "MAVEN_OPTS": " ".join(JAVA)})

    def deploy(self, version, file, artifact="app"):
        self.run("deploy:deploy-file", f"-Dfile={file}", "-DgroupId=org.acme",
                 f"-DartifactId={artifact}", f"-Dversion={version}", "-DrepositoryId=store",
                 f"-Durl={self.store.base}/maven-local")

    def get(self, what):
        """Resolve what the local repository has not yet; the file's bytes."""
        group, artifact, version = what.split(":")
        folder = self.repository / group.replace(".", "/") / artifact / version
        assert not folder.exists()
        self.run("dependency:get", f"-Dartifact={what}", "-Dtransitive=false")
        return (folder / f"{artifact}-{version}.jar").read_bytes()


@pytest.fixture(scope="module")
def mvn(store, tmp_path_factory):
    return Maven(tmp_path_factory.mktemp("mvn"), store)


def versioning(store, path):
    document = store.get(f"/maven-local/{GROUP}/{path}/maven-metadata.xml")
    return ET.fromstring(document.content).find("versioning")


def test_mvn_deploys_and_resolves_a_release(mvn, store, tmp_path):
    file = tmp_path / "app.jar"
    file.write_bytes(os.urandom(2000))
    mvn.deploy("1.10", file)
    for name in ("app-1.9.jar", "app-1.9.pom"):     # as sbt publishes: no metadata of its own
        assert store.put(f"/maven-local/{GROUP}/app/1.9/{name}", b"old").status_code == 201
    told = versioning(store, "app")
    assert [v.text for v in told.findall("versions/*")] == ["1.9", "1.10"]
    assert told.findtext("release") == "1.10"
    assert mvn.get("org.acme:app:1.10") == file.read_bytes()


def stored_builds(store, folder):
    listed = store.get(f"/api/storage/maven-local/{GROUP}/{folder}?list").json()["files"]
    return [(int(m[2]), m[1]) for m in
            (re.search(r"-(\d{8}\.\d{6})-(\d+)\.pom$", file["uri"]) for file in listed) if m]


def test_snapshots_deployed_at_once_are_told_right(mvn, store, tmp_path):
    files = [tmp_path / f"{i}.jar" for i in range(3)]
    for file in files:
        file.write_bytes(os.urandom(2000))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(lambda file: mvn.deploy("1-SNAPSHOT", file, "snap"), files))
    number, stamp = max(stored_builds(store, "snap/1-SNAPSHOT"))
    told = versioning(store, "snap/1-SNAPSHOT")
    assert (int(told.findtext("snapshot/buildNumber")), told.findtext("snapshot/timestamp")) == \
        (number, stamp)
    files[0].write_bytes(b"the last")
    mvn.deploy("1-SNAPSHOT", files[0], "snap")
    told = versioning(store, "snap/1-SNAPSHOT")
    assert int(told.findtext("snapshot/buildNumber")) == number + 1
    for build in told.findall("snapshotVersions/snapshotVersion"):
        name = f"snap-{build.findtext('value')}.{build.findtext('extension')}"
        assert store.get(f"/maven-local/{GROUP}/snap/1-SNAPSHOT/{name}").status_code == 200
    shutil.rmtree(mvn.repository / GROUP / "snap")      # deployed from here: metadata is there
    assert mvn.get("org.acme:snap:1-SNAPSHOT") == b"the last"


def test_a_range_is_resolved_over_all_members(mvn, store, tmp_path):
    """The newest of what is published here and there, by the merged metadata."""
    file = tmp_path / "slf4j-api.jar"
    file.write_bytes(b"ours")
    mvn.run("deploy:deploy-file", f"-Dfile={file}", "-DgroupId=org.slf4j",
            "-DartifactId=slf4j-api", "-Dversion=999", "-DrepositoryId=store",
            f"-Durl={store.base}/maven")
    document = store.get("/maven/org/slf4j/slf4j-api/maven-metadata.xml")
    told = ET.fromstring(document.content).find("versioning")
    versions = [v.text for v in told.findall("versions/*")]
    assert versions[-1] == told.findtext("release") == "999" and "1.7.36" in versions
    assert versions.index("1.7.9") < versions.index("1.7.10")
    (tmp_path / "pom.xml").write_text(POM.format("org.slf4j", "slf4j-api", "[1.7.30,)"))
    mvn.run("dependency:build-classpath", "-Dmdep.outputFile=cp", cwd=tmp_path)
    assert (tmp_path / "cp").read_text().endswith("slf4j-api-999.jar")


@pytest.fixture(scope="module")
def coursier(mvn, tmp_path_factory):
    """coursier, whose some fifty jars mvn resolves through the store."""
    folder = tmp_path_factory.mktemp("coursier")
    (folder / "pom.xml").write_text(POM.format(*COURSIER))
    mvn.run("dependency:build-classpath", "-Dmdep.outputFile=cp", cwd=folder)
    return (folder / "cp").read_text()


def fetch(coursier, folder, url, wanted=WANTED):
    done = run("java", *JAVA, "-cp", coursier, "coursier.cli.Coursier", "fetch", "--cache", folder,
               "--no-default", "-r", url, wanted)
    files = [Path(line) for line in done.stdout.split()]
    return {file.name: file.read_bytes() for file in files}


def test_coursier_resolves_from_the_remote_and_the_virtual(store, coursier, tmp_path):
    direct = fetch(coursier, tmp_path / "1", store.base + "/maven-remote")
    assert "cats-core_2.13-2.10.0.jar" in direct and len(direct) == 3
    assert fetch(coursier, tmp_path / "2", store.base + "/maven") == direct


def sbt(mvn, folder, *commands):
    """The launcher finds all that sbt is made of in the store, and the project's what it needs."""
    mvn.run("dependency:get", f"-Dartifact=org.scala-sbt:sbt-launch:{SBT}", "-Dtransitive=false")
    home, project = folder / "home", folder / "project"
    (project / "project").mkdir(parents=True)
    home.mkdir()
    (home / "repositories").write_text(f"[repositories]\n  store: {mvn.store.base}/maven/\n")
    (project / "project" / "build.properties").write_text(f"sbt.version={SBT}\n")
    (project / "build.sbt").write_text(
        BUILD_SBT.format(url=mvn.store.base + "/maven", token=mvn.store.token))
    (project / "Hello.scala").write_text(HELLO)
    jar = mvn.repository / f"org/scala-sbt/sbt-launch/{SBT}/sbt-launch-{SBT}.jar"
    run("java", *JAVA, f"-Duser.home={home}", "-Dsbt.override.build.repos=true",
        f"-Dsbt.repository.config={home}/repositories", "-Dsbt.ci=true", "-jar", jar, *commands,
        cwd=project, env={**os.environ, "COURSIER_CACHE": str(home / "cache")})
    return home


def test_sbt_boots_resolves_and_publishes(store, mvn, coursier, tmp_path):
    home = sbt(mvn, tmp_path, "update", "publish")
    (scheme,) = (home / "cache").iterdir()      # nothing came from anywhere else
    assert [scheme.name, *(host.name for host in scheme.iterdir())] == \
        ["http", f"127.0.0.1%3A{store.port}"]
    for made_of in (f"org/scala-sbt/sbt/{SBT}/sbt-{SBT}.pom", "org/scala-lang/scala-compiler/2.13.14/"):
        assert store.get(f"/api/storage/maven-remote/{made_of}").status_code == 200
    assert versioning(store, "hello_2.13").findtext("release") == "1.0"
    files = fetch(coursier, tmp_path / "cs", store.base + "/maven", "org.acme:hello_2.13:1.0")
    assert "cats-core_2.13-2.10.0.jar" in files
    with zipfile.ZipFile(io.BytesIO(files["hello_2.13-1.0.jar"])) as jar:
        assert "acme/Hello.class" in jar.namelist()


def test_what_is_kept_is_resolved_without_the_upstream(mvn, store, coursier, tmp_path):
    warm = fetch(coursier, tmp_path / "1", store.base + "/maven-remote")
    assert store.stop() == 0, store.tail()
    store.flags = flags("http://127.0.0.1:9/nothing")
    store.start()
    assert fetch(coursier, tmp_path / "2", store.base + "/maven-remote") == warm
    assert Maven(tmp_path, store).get("org.acme:app:1.10")
