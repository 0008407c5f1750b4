"""The main job: every image's sample builds, is published, verified and runs; twice the same bytes."""
import hashlib
import json

import pytest

from farm import IMAGES, SOURCE, run_artifact, sample

LANGUAGES = sorted(p.parent.name for p in (SOURCE / "images").glob("*/image.json"))


def image_of(language):
    return json.loads((SOURCE / "images" / language / "image.json").read_text())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sample_builds_runs_and_is_the_same_twice(farm, tmp_path, language):
    image = image_of(language)
    digest = json.loads((IMAGES / f"{image['name']}.json").read_text())["build"]["digest"]
    project = sample(language, tmp_path / "project")

    first = farm.build(project, "-n", f"{language}-sample")
    assert first["state"] == "SUCCEEDED"
    assert first["image"]["buildDigest"] == digest
    steps = [step["id"] for step in first["steps"]]
    assert steps == ["source", "image", "inspect", "fetch", "build", "check", "collect"]
    assert len(first["artifact"]["files"]) == 1

    name = f"{first['project']}@{first['version']}"
    got = farm.sos("artifact", "get", name, "-o", str(tmp_path) + "/")
    path = tmp_path / first["artifact"]["files"][0]["path"]
    assert got.stdout.strip() == str(path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == first["artifact"]["files"][0]["sha256"]
    assert run_artifact(image["name"], path, "--version").strip()

    again = farm.build(project, "-n", f"{language}-sample")
    assert (again["origin"], again["originBuild"]) == ("REUSED", first["id"])

    # Built again in truth: name@version is immutable, so only the same bytes can be published.
    fresh = farm.build(project, "-n", f"{language}-sample", "--no-cache")
    assert fresh["origin"] == "BUILT"
    assert fresh["artifact"]["files"][0]["sha256"] == first["artifact"]["files"][0]["sha256"]


def test_the_store_serves_the_artifact_with_its_checksums_and_properties(farm, tmp_path):
    project = sample("go", tmp_path / "project")
    build = farm.build(project, "-n", "go-props")
    file = build["artifact"]["files"][0]
    token = (farm.state / "store/admin.token").read_text().strip()
    head = farm.http.head(file["url"], headers={"Authorization": f"Bearer {token}"})
    assert head.headers["X-Checksum-Sha256"] == file["sha256"]
    assert head.headers["X-Checksum-Sha1"] == file["sha1"]
    assert head.headers["X-Checksum-Md5"] == file["md5"]
    properties = farm.http.get(file["url"].replace("/artifactory/", "/artifactory/api/storage/") + "?properties",
                               headers={"Authorization": f"Bearer {token}"}).json()["properties"]
    assert properties["sos.name"] == ["go-props"]
    assert properties["sos.kind"] == ["artifact"]
    assert properties["sos.image"] == [build["image"]["runDigest"]]
