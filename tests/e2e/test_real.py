"""Real projects of others: each builds, starts in its run image, and is the same when built again."""
import datetime
import hashlib

import pytest

import projects
from farm import run_artifact

# What it is, its image, how its source is had, flags of `sos build`, how it is started, what it then says.
REAL = [
    ("age", "go", lambda room: projects.go_module(room, "filippo.io/age@v1.2.1"),
     ["-V", "v1.2.1"], ["--version"], "v1.2.1"),
    # Three main packages; the alphabet's first is not the program.
    ("task", "go", lambda room: projects.go_module(room, "github.com/go-task/task/v3@v3.44.1"),
     ["-V", "v3.44.1"], ["--version"], "3.44.1"),
    ("fzf", "go", lambda room: projects.go_module(room, "github.com/junegunn/fzf@v0.66.0", vendor=True),
     ["-V", "v0.66.0"], ["--version"], "v0.66.0"),
    # Three console scripts.
    ("httpie", "python-3.13", lambda room: projects.sdist(room, "httpie==3.2.4"),
     ["--entry", "http"], ["--version"], "3.2.4"),
    ("sqlite-utils", "python-3.13", lambda room: projects.sdist(room, "sqlite-utils==3.38"),
     [], ["memory", "select 6 * 7 as answer"], '[{"answer": 42}]'),
    ("http-server", "node-24", lambda room: projects.npm_package(room, "http-server@14.1.1"),
     [], ["--help"], "usage: http-server [path] [options]"),
    ("wscat", "node-24", lambda room: projects.npm_package(room, "wscat@6.1.0"),
     [], ["--help"], "Usage: wscat [options]"),
    # No executable jar of its own: it and what it needs are merged.
    ("tabula", "jvm-21", lambda room: projects.maven_sources(room, "technology.tabula", "tabula", "1.0.5"),
     [], ["--version"], "tabula 1.0.5"),
    # Makes its own executable jar, an OSGi bundle.
    ("org.apache.felix.main", "jvm-21",
     lambda room: projects.maven_release(room, "org.apache.felix", "org.apache.felix.main", "7.0.5"),
     [], ["-b"], "Usage: [-b <bundle-deploy-dir>]"),
]


def took(build, step=None):
    """Seconds of a build, or of one step of it."""
    item = next(s for s in build["steps"] if s["id"] == step) if step else build
    start, finish = (datetime.datetime.fromisoformat(item[key].rstrip("Z")) for key in ("startTime", "finishTime"))
    return (finish - start).total_seconds()


@pytest.mark.parametrize("name,image,source,flags,args,says", REAL, ids=[row[0] for row in REAL])
def test_a_real_project(farm, tmp_path, name, image, source, flags, args, says):
    room = tmp_path / "room"
    room.mkdir()
    project = source(room)
    first = farm.build(project, *flags)
    assert first["project"] == name and first["image"]["name"] == image
    [file] = first["artifact"]["files"]
    path = tmp_path / file["path"]
    farm.sos("artifact", "get", f"{name}@{first['version']}", "-o", path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]
    assert says in run_artifact(image, path, *args)

    # With pytest -s: the rows of docs/REAL-PROJECTS.md.
    print(f"\n| {name} | {first['version']} | {took(first):.1f} | {took(first, 'image'):.1f} | ", end="")

    # name@version is immutable: only the same bytes can be published again.
    again = farm.build(project, *flags, "--no-cache")
    assert again["origin"] == "BUILT"
    assert again["artifact"]["files"][0]["sha256"] == file["sha256"]
    print(f"{took(again):.1f} | {int(file['sizeBytes']) / 1e6:.1f} MB | {file['sha256'][:12]} |")
