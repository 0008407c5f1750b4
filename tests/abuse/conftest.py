import pytest

from rig import FROM_STORE, STORE, Rig


@pytest.fixture(scope="module")
def rig():
    with Rig() as up:
        yield up


@pytest.fixture(scope="module")
def rig_big():
    with Rig(limits={"diskBytes": str(1 << 30), "memoryBytes": str(256 << 20)}) as up:
        yield up


@pytest.fixture(scope="module")
def rig_store():
    with Rig(store=STORE, worker=FROM_STORE) as up:
        yield up


@pytest.fixture(autouse=True)
def nothing_is_left(request):
    """After every build of every test: no process, mount, loop device, control group or file."""
    yield
    for name in ("rig", "rig_big", "rig_store"):
        if name in request.fixturenames:
            request.getfixturevalue(name).assert_clean()
