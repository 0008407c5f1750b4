"""A server (and the store it publishes to) for each test that asks for one."""
import os
import pathlib
import shutil
import tempfile

import pytest

import farm


@pytest.fixture(name="state")
def fixture_state():
    """On tmpfs where there is one: these tests are about order, not about disks."""
    root = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sos-server-test-", dir=root))
    farm.write_image(folder / "images")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(name="store")
def fixture_store(state):
    """The real store; where it was not built its tests are skipped, and say so."""
    binary = os.environ.get("SOS_STORE")
    if not binary:
        pytest.skip("sos-store was not built")
    program = farm.Program(binary, state).start()
    program.token = (state / "store/admin.token").read_text().strip()
    yield program
    if program.running():
        assert program.stop() == 0, program.log_text()[-3000:]


def server_program(state, *flags):
    return farm.Program(os.environ["SOS_SERVER"], state, "--log-level", "debug",
                        "--publish-retry", "200ms", *flags)


def finish(server):
    if server.running():
        assert server.stop() == 0, server.log_text()[-3000:]
    log = server.log_text()
    for word in ("AddressSanitizer", "ThreadSanitizer", "runtime error:"):
        assert word not in log, log[-8000:]


def token_of(server, name):
    return (server.state / f"server/{name}.token").read_text().strip()


@pytest.fixture(name="server")
def fixture_server(state):
    """A server whose store cannot be reached: what it publishes waits."""
    server = server_program(state, "--store-url", "http://127.0.0.1:9/artifactory").start()
    yield server
    finish(server)


@pytest.fixture(name="server_with_store")
def fixture_server_with_store(state, store):
    server = server_program(state, "--store-url", store.url + "/artifactory").start()
    yield server
    finish(server)


@pytest.fixture(name="quick_server")
def fixture_quick_server(state):
    """Its leases are short: a worker that says nothing for a second is lost."""
    server = server_program(state, "--store-url", "http://127.0.0.1:9/artifactory",
                            "--lease-ttl", "1s", "--renew-interval", "250ms").start()
    yield server
    finish(server)


@pytest.fixture(name="admin")
def fixture_admin(request):
    server = request.getfixturevalue(server_name(request))
    return farm.Api(server, token_of(server, "admin"))


@pytest.fixture(name="worker")
def fixture_worker(request):
    server = request.getfixturevalue(server_name(request))
    return farm.Worker(server, token_of(server, "worker")).register()


def server_name(request):
    """The kind of server that the test (or the module) asked for."""
    for name in ("server_with_store", "quick_server"):
        if name in request.fixturenames:
            return name
    return "server"


@pytest.fixture(name="source")
def fixture_source(admin):
    return admin.source({"pyproject.toml": b"[project]\nname='demo'\n", "demo.py": b"print(1)\n"})


@pytest.fixture(name="user")
def fixture_user(admin):
    """Makes a user of a role: user("alice", "SUBMITTER")."""
    def make(subject, role):
        token = admin.call("POST", "/v1/tokens", "Token", json={"subject": subject, "role": role})
        api = farm.Api(admin.server, token["secret"])
        api.token_id = token["id"]
        return api
    return make
