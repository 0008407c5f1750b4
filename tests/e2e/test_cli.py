"""The command line as its user meets it: words, exit codes, what travels."""
import json
import subprocess

import pytest

from farm import sample


def commit(folder, message="x"):
    git = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", message], check=True)


def test_a_one_line_change_sends_only_that_file(farm, tmp_path):
    project = sample("go", tmp_path / "p")
    (project / "data.bin").write_bytes(bytes(range(256)) * 4096)    # 1 MB that does not change
    farm.build(project, "-n", "delta")
    main = project / "main.go"
    main.write_text(main.read_text() + "\n// changed\n")
    got = farm.sos("build", project, "-n", "delta", "--detach")
    line = next(line for line in got.stderr.splitlines() if "upload" in line)
    assert "1 of " in line and " files new" in line, line
    sent = line.split("(")[1].split(" sent")[0].split(", ")[1]
    assert sent.endswith(" B") or sent.endswith(" kB"), line
    farm.wait_final(got.stdout.strip())


def test_equal_files_travel_once(farm, tmp_path):
    project = sample("go", tmp_path / "p")
    for name in ("empty", "empty-too", "internal/empty"):
        (project / name).write_bytes(b"")
    for name in ("a.txt", "b.txt"):
        (project / name).write_text("the same text in two files\n")
    (project / "link").symlink_to("a.txt")
    (project / "link-too").symlink_to("a.txt")
    assert farm.build(project, "-n", "twins")["state"] == "SUCCEEDED"


def test_a_failing_build_exits_3_and_shows_its_tail(farm, tmp_path):
    project = sample("go", tmp_path / "p")
    (project / "broken.go").write_text("package main\n\nfunc broken() int { return nope }\n")
    got = farm.sos("build", project, "-n", "broken", check=3)
    assert "undefined: nope" in got.stderr
    assert "FAILED in step build (COMPILE)" in got.stderr
    assert "this is a build failure, not a farm error" in got.stderr


def test_missing_lock_stops_before_anything_is_sent(farm, tmp_path):
    project = sample("go", tmp_path / "p")
    (project / "go.sum").unlink()
    got = farm.sos("build", project, "-n", "nolock", check=6)
    assert "lock-missing" in got.stderr and "go mod tidy" in got.stderr
    assert farm.get("/v1/builds?project=nolock").json().get("builds", []) == []


def test_a_secret_stops_and_can_be_waved_through(farm, tmp_path):
    project = sample("go", tmp_path / "p")
    (project / ".env").write_text("TOKEN=x\n")
    got = farm.sos("build", project, "--dry-run", check=6)
    assert "secret-file" in got.stderr and ".env" in got.stderr
    farm.sos("build", project, "--dry-run", "--skip-check", "secret-file")


def test_other_bytes_under_a_published_version_are_a_conflict(farm, tmp_path):
    project = sample("go", tmp_path / "p")
    first = farm.build(project, "-n", "immutable", "-V", "v1.0.0")
    main = project / "main.go"
    main.write_text(main.read_text().replace("package main", "package main\n\nvar changed = \"other bytes\"\n"
                                             "\nfunc init() { if changed == \"\" { panic(changed) } }\n", 1)
                    if "import" not in main.read_text() else main.read_text() +
                    "\nvar changed = \"other bytes\"\n\nfunc init() { if changed == \"\" { panic(changed) } }\n")
    got = farm.sos("build", project, "-n", "immutable", "-V", "v1.0.0", check=12)
    assert "VERSION_CONFLICT" in got.stderr
    assert first["artifact"]["files"][0]["sha256"] in got.stderr
    kept = farm.get("/v1/artifacts/immutable/versions/v1.0.0").json()
    assert kept["files"][0]["sha256"] == first["artifact"]["files"][0]["sha256"]


def test_version_comes_from_git_and_a_dirty_tree_is_told(farm, tmp_path):
    project = sample("go", tmp_path / "p")
    commit(project)
    subprocess.run(["git", "-C", project, "tag", "v3.2.1"], check=True)
    got = farm.sos("build", project, "--dry-run")
    assert " v3.2.1 " in got.stderr and "version from git describe" in got.stderr
    (project / "extra.txt").write_text("x")
    got = farm.sos("build", project, "--dry-run")
    assert "dirty-tree" in got.stderr and "v3.2.1+dirty." in got.stderr


def test_status_list_queue_workers_images(farm, tmp_path):
    build = farm.build(sample("go", tmp_path / "p"), "-n", "shown")
    shown = farm.sos("status", build["number"])
    assert build["id"] in shown.stdout and "SUCCEEDED" in shown.stdout
    assert json.loads(farm.sos("status", build["id"], "--json").stdout)["id"] == build["id"]
    assert "shown@" in farm.sos("list", "--project", "shown").stdout
    assert "accepting" in farm.sos("queue").stdout
    assert farm.settings["worker-name"] in farm.sos("workers").stdout
    assert "go" in farm.sos("images").stdout
    assert "shown@" in farm.sos("artifact", "list", "shown").stdout
    assert "fail" not in farm.sos("doctor").stdout
    assert "ADMIN" in farm.sos("whoami").stdout
    assert "[sos]" in farm.sos("logs", build["number"]).stdout


def test_unknown_things_have_their_own_exit_codes(farm, tmp_path):
    farm.sos("status", "bld_00000000000000000000000000", check=5)
    farm.sos("status", "999999", check=5)
    farm.sos("artifact", "get", "nothing@v0", check=5)
    farm.sos("frobnicate", check=2)
    farm.sos("build", "--no-such-flag", check=2)
    farm.sos("build", tmp_path, check=6)
    farm.sos("status", "--server", "http://127.0.0.1:9", check=7)
    env = dict(farm.env, SOS_TOKEN="sosu_wrong")
    got = subprocess.run([farm_bin(), "list"], env=env, capture_output=True, text=True)
    assert got.returncode == 4 and "sos login" in got.stderr


def farm_bin():
    from farm import BIN
    return BIN / "sos"


def test_detach_then_cancel(farm, tmp_path):
    project = sample("go", tmp_path / "p")
    build = farm.sos("build", project, "-n", "canceled", "--detach").stdout.strip()
    farm.sos("cancel", build, "--reason", "changed my mind")
    record = farm.wait_final(build, 30)
    assert record["state"] == "CANCELED"
    farm.sos("status", build, "--exit-status", check=9)


@pytest.mark.parametrize("words", [["help"], ["help", "exit-codes"], ["--help"], ["build", "--help"], ["version"]])
def test_help_needs_no_farm(words):
    got = subprocess.run([farm_bin(), *words], env={"HOME": "/nonexistent", "SOS_SERVER": "http://127.0.0.1:9"},
                         capture_output=True, text=True)
    assert got.returncode == 0 and got.stdout


def test_completion_is_valid_bash():
    script = subprocess.run([farm_bin(), "completion", "bash"], capture_output=True, text=True).stdout
    probe = script + '\nCOMP_WORDS=(sos art); COMP_CWORD=1; _sos; echo "${COMPREPLY[@]}"'
    assert subprocess.run(["bash", "-c", probe], capture_output=True, text=True).stdout.strip() == "artifact"
