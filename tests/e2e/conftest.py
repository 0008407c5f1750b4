import pytest

from farm import Farm


@pytest.fixture(scope="session")
def farm():
    """One farm for the tests that do it no harm."""
    with Farm() as up:
        yield up
