"""kill -9 of each program in the middle of a build: the build succeeds all the same, one artifact is
published, nothing is left behind."""
import time

import pytest

from farm import Farm, sample


@pytest.fixture(scope="module")
def own_farm():
    # Short leases, so that a lost worker is noticed within seconds.
    with Farm(slots=1, env={"SOS_LEASE_TTL": "8s", "SOS_RENEW_INTERVAL": "2s"}) as farm:
        yield farm


def published(farm, build):
    """Every file of this version that the store has."""
    token = (farm.state / "store/admin.token").read_text().strip()
    artifact = farm.get(f"/v1/artifacts/{build['project']}/versions/{build['version']}").json()
    root = artifact["url"].replace("/artifactory/", "/artifactory/api/storage/")
    listing = farm.http.get(f"{root}?list&deep=1", headers={"Authorization": f"Bearer {token}"}).json()
    return listing["files"]


def in_step(name):
    def reached(record):
        return any(s["id"] == name and s["state"] == "RUNNING" for s in record.get("steps", []))
    return reached


@pytest.mark.parametrize("program", ["sos-server", "sos-worker", "sos-store"])
@pytest.mark.parametrize("step", ["fetch", "build"])
def test_killed_in_mid_build(own_farm, tmp_path, program, step):
    farm = own_farm
    project = sample("go", tmp_path / "p")
    name = f"{program}-{step}"    # each with a cache of its own, so that every step has work to do
    id = farm.sos("build", project, "-n", name, "--detach").stdout.strip()
    farm.wait(id, in_step(step))
    dead = farm.kill(program)
    record = farm.wait_final(id, 240)
    assert record["state"] == "SUCCEEDED", f"{record.get('result')}\n{farm.tail()}"
    assert record["attempt"] == (2 if program == "sos-worker" else 1)
    assert len(published(farm, record)) == 1
    farm.wait(id, lambda _: farm.pid(program) not in (None, dead), 60)
    end = time.monotonic() + 30
    while farm.leftovers() and time.monotonic() < end:
        time.sleep(0.1)
    assert farm.leftovers() == []
    # And the farm builds on.
    again = farm.build(project, "-n", f"{name}-after")
    assert again["state"] == "SUCCEEDED"


def test_the_store_is_away_when_the_build_ends(own_farm, tmp_path):
    """The artifact waits, the build is not built again."""
    farm = own_farm
    project = sample("go", tmp_path / "p")
    id = farm.sos("build", project, "-n", "storeless", "--detach").stdout.strip()
    farm.wait(id, in_step("check"))
    end = time.monotonic() + 6
    record = farm.record(id)
    while time.monotonic() < end and record["state"] != "SUCCEEDED":
        if farm.pid("sos-store"):
            farm.kill("sos-store")
        record = farm.record(id)
    record = farm.wait_final(id, 120)
    assert (record["state"], record["attempt"]) == ("SUCCEEDED", 1)
    assert len(published(farm, record)) == 1


def test_ctrl_c_leaves_the_build_running(own_farm, tmp_path):
    import signal
    import subprocess
    from farm import BIN
    farm = own_farm
    project = sample("go", tmp_path / "p")
    follower = subprocess.Popen([BIN / "sos", "build", project, "-n", "detached"], env=farm.env,
                                stderr=subprocess.PIPE, text=True)
    record = farm.get("/v1/builds?project=detached").json()
    while not record.get("builds"):
        record = farm.get("/v1/builds?project=detached").json()
    follower.send_signal(signal.SIGINT)
    _, said = follower.communicate(timeout=30)
    assert follower.returncode == 130
    assert "keeps running" in said
    assert farm.wait_final(record["builds"][0]["id"])["state"] == "SUCCEEDED"
