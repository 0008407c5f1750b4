"""Builds get everything through the store; once it has it, nobody needs the registries."""
import json

from farm import IMAGES, Farm, sample
from test_samples import LANGUAGES

COUNTS = {"go": 4, "jvm": 100, "node": 50, "python": 10}   # files that each sample needs at least
ELSEWHERE = "https://registry.example/repo/npm"


def told(farm, build):
    return json.loads(farm.sos("deps", build["id"], "--json").stdout)["dependencies"]


def files_of(record):
    return sorted((d["path"], d["sha256"]) for d in record if not d.get("metadata"))


def sha256_of(build):
    return build["artifact"]["files"][0]["sha256"]


def name_registry(project, registry):
    """The lock as npm writes it: with absolute URLs of the registry of whoever made it."""
    path = project / "package-lock.json"
    lock = json.loads(path.read_text())
    for place, package in lock["packages"].items():
        if place:
            name = place.split("node_modules/")[-1]
            package["resolved"] = f"{registry.rstrip('/')}/{name}/-/{name.split('/')[-1]}-{package['version']}.tgz"
    path.write_text(json.dumps(lock))


def look_again(farm, go, first):
    """A reused result answers with what it was made from; a cache's files are told as well."""
    reused = farm.build(go, "-n", "go-warm")
    assert (reused["origin"], told(farm, reused)) == ("REUSED", told(farm, first["build"]))
    table = farm.sos("deps", reused["id"]).stdout
    assert "go-remote" in table and "@v/list" not in table
    cached = farm.build(go, "-n", "go-warm", "--artifact-version", "9.9.9")
    record = [d for d in told(farm, cached) if not d.get("metadata")]
    assert cached["origin"] == "BUILT" and files_of(record) == first["files"]
    assert all(d["cached"] for d in record)


def test_a_warm_farm_builds_without_the_registries(tmp_path):
    """The samples are built; then the store is cut off from everything, and they are built again."""
    state = tmp_path / "state"
    projects = {language: sample(language, tmp_path / language) for language in LANGUAGES}
    first = {}
    with Farm(state=state) as farm:
        for language, project in projects.items():
            build = farm.build(project, "-n", f"{language}-warm")
            assert "[sos] gateway:" not in farm.build_log(build["id"])
            record = told(farm, build)
            assert not any(d.get("cached") for d in record)
            first[language] = {"build": build, "files": files_of(record)}
            assert len(first[language]["files"]) >= COUNTS[language]
        look_again(farm, projects["go"], first["go"])

    with Farm(state=state, env={"SOS_UPSTREAM_OFFLINE": "true"}) as farm:
        for language, project in projects.items():
            build = farm.build(project, "-n", f"{language}-warm", "--no-cache")
            assert build["origin"] == "BUILT" and sha256_of(build) == sha256_of(first[language]["build"])
            assert files_of(told(farm, build)) == first[language]["files"]
        # Whichever registry a lock names, its tarballs are the store's.
        own = json.loads((IMAGES / "node-24.json").read_text())["upstreams"]["npm"]
        for number, registry in enumerate((own, ELSEWHERE)):
            name_registry(projects["node"], registry)
            build = farm.build(projects["node"], "-n", "node-warm", "--artifact-version", f"0.0.{number}")
            assert build["origin"] == "BUILT"
