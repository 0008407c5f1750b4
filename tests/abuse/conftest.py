import pytest

from rig import Rig


@pytest.fixture(scope="module")
def rig():
    with Rig() as up:
        yield up


@pytest.fixture(scope="module")
def rig_big():
    with Rig(limits={"diskBytes": str(1 << 30), "memoryBytes": str(256 << 20)}) as up:
        yield up


@pytest.fixture(autouse=True)
def nothing_is_left(request):
    """After every build of every test: no process, mount, loop device, control group or file."""
    yield
    if "rig" in request.fixturenames:
        request.getfixturevalue("rig").assert_clean()
