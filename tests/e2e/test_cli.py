"""The command line as its user meets it: words, exit codes, what travels."""
import http.server
import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from farm import Farm, sample


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
    assert " v3.2.1 (git describe" in got.stderr
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


# --- what goes wrong while one waits ---

def slow_go(folder):
    """A project whose start, which `check` tries, takes seconds: time to break something."""
    project = sample("go", folder)
    (project / "slow.go").write_text('package main\n\nimport "time"\n\nfunc init() { time.Sleep(4 * time.Second) }\n')
    return project


def follow(farm, *args, **env):
    return subprocess.Popen([farm_bin(), *map(str, args)], env=dict(farm.env, **env), text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def running(farm, project):
    """The id of the project's build, once its steps run."""
    def find():
        builds = farm.get(f"/v1/builds?project={project}").json().get("builds", [])
        return builds[0]["id"] if builds else None
    until(find)
    farm.wait(find(), lambda build: build["state"] == "RUNNING")
    return find()


def until(question, seconds=60):
    end = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)
    return answer


def test_followers_outlive_the_server(tmp_path):
    with Farm() as farm:
        build = follow(farm, "build", slow_go(tmp_path / "p"), "-n", "outlives")
        id = running(farm, "outlives")
        logs = follow(farm, "logs", "-f", id)
        farm.kill("sos-server")
        out, err = build.communicate(timeout=120)
        assert build.returncode == 0, err
        assert "no farm" not in err and "is back" in err, err
        log, err = logs.communicate(timeout=120)
        assert logs.returncode == 0, err
        assert log == farm.build_log(id)


def test_an_interrupt_detaches_and_in_ci_cancels(farm, tmp_path):
    project = slow_go(tmp_path / "p")
    for name, env, code, end in (("left", {}, signal.SIGINT, "SUCCEEDED"), ("ci", {"CI": "1"}, signal.SIGTERM, "CANCELED")):
        build = follow(farm, "build", project, "-n", name, **env)
        id = running(farm, name)
        start = time.monotonic()
        build.send_signal(code)
        _, err = build.communicate(timeout=30)
        assert time.monotonic() - start < 5, "a long poll is no reason to let somebody wait"
        assert build.returncode == 128 + code
        assert ("Detached" in err and "sos logs -f" in err) if not env else "Canceled" in err
        assert farm.wait_final(id, 60)["state"] == end


def test_an_interrupt_before_the_queue_leaves_nothing(farm, tmp_path):
    project = sample("go", tmp_path / "p")
    for i in range(3000):
        (project / f"new{i}").write_bytes(os.urandom(8))
    build = follow(farm, "build", project, "-n", "stopped")
    for line in build.stderr:
        if "sending 3000" in line:
            break
    build.send_signal(signal.SIGINT)
    _, err = build.communicate(timeout=30)
    assert build.returncode == 130 and "nothing was queued" in err
    assert farm.get("/v1/builds?project=stopped").json().get("builds", []) == []


def test_waiting_may_end_before_the_build(farm, tmp_path):
    got = farm.sos("build", slow_go(tmp_path / "p"), "-n", "patience", "--wait-timeout", "1s", check=8)
    assert "sos status --wait" in got.stderr
    id = farm.get("/v1/builds?project=patience").json()["builds"][0]["id"]
    farm.sos("status", id, "--exit-status", check=8)
    farm.sos("status", id, "--wait", "--exit-status")


# --- machines read it ---

def events(got):
    return [json.loads(line) for line in got.stdout.splitlines()]


def test_json_ends_with_a_result_whatever_happens(farm, tmp_path):
    project = sample("go", tmp_path / "p")
    good = events(farm.sos("build", project, "-n", "json", "--json"))
    assert good[0]["type"] == "project" and good[0]["project"]["files"] > 0
    assert good[-1]["exitCode"] == 0 and good[-1]["result"]["state"] == "SUCCEEDED"
    assert all(a != b for a, b in zip(good, good[1:])), "an event tells what changed"
    away = events(farm.sos("build", project, "--json", "--server", "http://127.0.0.1:9", check=7))
    assert away[-1]["exitCode"] == 7 and away[-1]["error"]["reason"] == "UNREACHABLE"
    wrong = events(farm.sos("build", project, "--json", "--priority", "huge", check=2))
    assert wrong == [{"type": "result", "exitCode": 2, "error": wrong[-1]["error"]}]
    (project / "go.sum").unlink()
    bad = events(farm.sos("build", project, "--json", check=6))
    assert bad[0]["project"]["findings"][0]["id"] == "lock-missing" and bad[-1]["error"]["reason"] == "CHECKS_FAILED"


def test_a_plain_build_prints_its_artifact_on_stdout(farm, tmp_path):
    got = farm.sos("build", sample("go", tmp_path / "p"), "-n", "line", "-V", "v1")
    sha256 = farm.get("/v1/artifacts/line/versions/v1").json()["files"][0]["sha256"]
    assert got.stdout == f"line@v1 sha256:{sha256}\n"
    assert "\033" not in got.stderr


def test_output_that_cannot_be_written_is_an_error(farm, tmp_path):
    build = farm.build(sample("go", tmp_path / "p"), "-n", "full")
    with open("/dev/full", "w") as full:
        got = subprocess.run([farm_bin(), "logs", build["id"]], env=farm.env, stdout=full, stderr=subprocess.PIPE, text=True)
    assert got.returncode == 1 and "standard output" in got.stderr
    reader, writer = os.pipe()
    os.close(reader)
    got = subprocess.run([farm_bin(), "logs", build["id"]], env=farm.env, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (got.returncode, got.stderr) == (-signal.SIGPIPE, "")


def test_a_prefix_must_name_one_build(farm, tmp_path):
    project = sample("go", tmp_path / "p")
    ids = [farm.build(project, "-n", f"prefix{i}")["id"] for i in range(2)]
    got = farm.sos("status", ids[0][:6], check=2)
    assert "more than one" in got.stderr
    assert ids[1] in farm.sos("status", ids[1][:-1]).stdout


# --- exit codes: a contract, so every answer a farm may give has its own ---

class Answers(http.server.BaseHTTPRequestHandler):
    """One answer for every path: what the test put into the class."""
    status, kind, body = 200, "application/json", {}

    def do_GET(self):
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        self.send_response(self.status)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def answers():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Given", (Answers,), {}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def build_in(state, **more):
    return {"id": BUILD, "number": 1, "project": "p", "version": "v", "state": state, **more}


def problem(status, reason=""):
    return {"type": "about:blank", "title": "t", "status": status, "detail": "d", "reason": reason}


BUILD = "bld_" + "0" * 26
EXIT_CODES = [
    (0, 200, build_in("SUCCEEDED")), (3, 200, build_in("FAILED")), (11, 200, build_in("ERRORED")),
    (9, 200, build_in("CANCELED")), (10, 200, build_in("TIMED_OUT")), (10, 200, build_in("EXPIRED")),
    (8, 200, build_in("RUNNING")), (8, 200, build_in("QUEUED")),
    (12, 200, build_in("FAILED", result={"outcome": "FAILURE", "reason": "VERSION_CONFLICT"})),
    (4, 401, problem(401)), (4, 403, problem(403)), (5, 404, problem(404)), (2, 422, problem(422)),
    (1, 409, problem(409)), (1, 500, problem(500)), (7, 503, "<html>a proxy's words</html>"),
    (1, 200, "<html>no farm at all</html>"), (1, 200, ""), (1, 200, '{"id": 7'),
]


@pytest.mark.parametrize("code,status,body", EXIT_CODES)
def test_each_answer_has_its_exit_code(answers, tmp_path, code, status, body):
    answers.RequestHandlerClass.status, answers.RequestHandlerClass.body = status, body
    got = subprocess.run([farm_bin(), "status", BUILD, "--exit-status", "--server", f"http://127.0.0.1:{answers.server_port}"],
                         env={"HOME": str(tmp_path)}, capture_output=True, text=True, timeout=60)
    assert got.returncode == code, got.stderr
    assert (got.stderr == "") == (isinstance(body, dict) and status == 200)


def test_other_bytes_than_recorded_exit_13_and_leave_nothing(answers, tmp_path):
    answers.RequestHandlerClass.body = {
        "name": "p", "version": "v", "files": [{"path": "f.bin", "sizeBytes": "2", "sha256": "0" * 64}]}
    got = subprocess.run([farm_bin(), "artifact", "get", "p@v", "--server", f"http://127.0.0.1:{answers.server_port}"],
                         env={"HOME": str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert got.returncode == 13 and "was thrown away" in got.stderr, got.stderr
    assert list(tmp_path.iterdir()) == []


FILE = {"repository": "npm", "sizeBytes": "5000", "sha256": "a" * 64}


@pytest.mark.parametrize("files,shown,noted", [
    ([{**FILE, "path": "x/-/x.tgz"}, {**FILE, "path": "x", "metadata": True}], [["npm", "5.0", "kB", "a" * 16, "store", "x/-/x.tgz"]], False),
    ([{"repository": "npm", "path": "y", "cached": True}], [["npm", "-", "in", "part", "cache", "y"]], False),
    ([], [], True),
])
def test_dependencies_are_a_table(answers, tmp_path, files, shown, noted):
    answers.RequestHandlerClass.body = {"build": BUILD, "dependencies": files}
    got = subprocess.run([farm_bin(), "deps", BUILD, "--server", f"http://127.0.0.1:{answers.server_port}"],
                         env={"HOME": str(tmp_path)}, capture_output=True, text=True, timeout=60)
    assert got.returncode == 0 and [line.split() for line in got.stdout.splitlines()[1:]] == shown, got
    assert ("nothing is on record" in got.stderr) == noted


# --- settings ---

def test_flag_outranks_environment_outranks_project_outranks_user(farm, tmp_path):
    project = sample("go", tmp_path / "p")
    (project / "sos.yaml").write_text("server: http://127.0.0.1:1\nname: fromfile\n")
    def run(*args, **env):
        env = {**{k: v for k, v in farm.env.items() if k != "SOS_SERVER"}, **env}
        return subprocess.run([farm_bin(), *args], env=env, cwd=project, capture_output=True, text=True)
    assert "no farm answers at http://127.0.0.1:1\n" in run("build", "--dry-run").stderr
    assert "fromfile (" in run("build", "--dry-run", SOS_SERVER=farm.url).stderr
    assert "fromenv (" in run("build", "--dry-run", SOS_SERVER=farm.url, SOS_NAME="fromenv").stderr
    got = run("build", "--dry-run", "--server", farm.url, "-n", "fromflag", SOS_NAME="fromenv", SOS_SERVER="http://127.0.0.1:2")
    assert "fromflag (" in got.stderr, got.stderr
    told = run("doctor", "--config", SOS_NAME="fromenv").stdout
    assert "sos.yaml:1" in next(line for line in told.splitlines() if "server" in line)
    assert "environment" in next(line for line in told.splitlines() if "fromenv" in line)
    user = tmp_path / "user.yaml"
    user.write_text(f"server: {farm.url}\n")
    (project / "sos.yaml").write_text("name: fromfile\n")
    assert "fromfile (" in run("build", "--dry-run", SOS_CONFIG=str(user)).stderr


def test_a_token_is_not_sent_to_a_farm_that_the_project_names(farm, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        (tmp_path / "sos.yaml").write_text(f"server: http://127.0.0.1:{server.getsockname()[1]}\n")
        env = {**{k: v for k, v in farm.env.items() if k != "SOS_SERVER"}, "SOS_TOKEN": "sosu_secret"}
        asking = subprocess.Popen([farm_bin(), "list"], env=env, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        asked, _ = server.accept()
        with asked:
            request = asked.recv(65536).decode()
        _, err = asking.communicate(timeout=30)
    assert "GET /v1/builds" in request and "secret" not in request
    assert "not sent there" in err


# --- the project ---

def test_a_misspelt_check_is_refused(farm, tmp_path):
    got = farm.sos("build", tmp_path, "--skip-check", "secret-files", check=2)
    assert "sos help checks" in got.stderr
