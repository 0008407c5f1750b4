"""Projects of others, as the registries of their languages have them. Each function leaves the source in a
folder below `room` and gives it; the clients are those of the build images, since a host may have none."""
import json
import pathlib
import shutil
import subprocess
import zipfile

from farm import IMAGES

HERE = pathlib.Path(__file__).resolve().parent
PIP = "uv tool run --quiet --python /usr/bin/python3 pip".split()
# Java reads authorities from a store of its own only.
MAVEN = """set -e
openssl pkcs12 -export -nokeys -jdktrust anyExtendedKeyUsage -in "$SSL_CERT_FILE" -out /tmp/trust.p12 -passout pass:trust
export MAVEN_OPTS="-Djavax.net.ssl.trustStore=/tmp/trust.p12 -Djavax.net.ssl.trustStorePassword=trust"
for artifact; do
    mvn -B -ntp -q org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy "-Dartifact=$artifact" -DoutputDirectory=/mnt
done"""


def in_image(image, room, *command):
    """Run a command in the build image; `room` is its working folder. Gives what it printed."""
    got = subprocess.run([HERE / "in_image", IMAGES, image, room, *command], capture_output=True, text=True,
                         timeout=600)
    assert got.returncode == 0, f"{command}: {got.returncode}\n{got.stdout}\n{got.stderr}"
    return got.stdout


def go_module(room, module, vendor=False):
    said = json.loads(in_image("go", room, "go", "mod", "download", "-json", module))
    project = room / "source"
    shutil.copytree(room / pathlib.Path(said["Dir"]).relative_to("/mnt"), project)
    for path in [project, *project.rglob("*")]:     # the module cache is read-only
        path.chmod(path.stat().st_mode | 0o200)
    if vendor:
        in_image("go", room, "env", "--chdir=source", "go", "mod", "vendor")
    return project


def unpack(room, pattern):
    """The one folder of the one tarball."""
    [archive] = room.glob(pattern)
    (room / "unpacked").mkdir()
    subprocess.run(["tar", "-xf", archive, "-C", room / "unpacked"], check=True)
    [project] = (room / "unpacked").iterdir()
    return project


def sdist(room, requirement):
    in_image("python-3.13", room, *PIP, "download", "--quiet", "--no-deps", "--no-binary", ":all:", requirement)
    return unpack(room, "*.tar.gz")


def npm_package(room, package):
    """A package as published, and the lock file that its developers do not publish."""
    in_image("node-24", room, "npm", "pack", "--silent", package)
    project = unpack(room, "*.tgz")
    in_image("node-24", room, "env", f"--chdir={project.relative_to(room)}", "npm", "install", "--package-lock-only",
             "--omit-lockfile-registry-resolved", "--ignore-scripts", "--no-audit", "--no-fund")
    return project


def maven(room, *artifacts):
    in_image("jvm-21", room, "bash", "-c", MAVEN, "-", *artifacts)


def maven_sources(room, group, name, version):
    """A project put together from its published sources and pom."""
    maven(room, f"{group}:{name}:{version}:jar:sources", f"{group}:{name}:{version}:pom")
    project = room / "source"
    project.mkdir()
    shutil.copy(room / f"{name}-{version}.pom", project / "pom.xml")
    with zipfile.ZipFile(room / f"{name}-{version}-sources.jar") as jar:
        for entry in jar.namelist():
            if not entry.endswith("/") and not entry.startswith(("META-INF/MANIFEST", "META-INF/maven/")):
                kind = "java" if entry.endswith(".java") else "resources"
                jar.extract(entry, project / "src/main" / kind)
    return project


def maven_release(room, group, name, version):
    """A project as its source release has it."""
    maven(room, f"{group}:{name}:{version}:zip:source-release")
    with zipfile.ZipFile(room / f"{name}-{version}-source-release.zip") as archive:
        archive.extractall(room / "unpacked")
    [project] = (room / "unpacked").iterdir()
    return project
