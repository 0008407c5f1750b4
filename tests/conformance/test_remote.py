"""Remote repositories: one fetch for all who ask, nothing kept that is not what it must be."""

import concurrent.futures
import hashlib
import os
import re
import threading
import time

import pytest
import requests

from conftest import message
from upstream import Upstream

R = "/up"


@pytest.fixture
def upstream():
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture
def make_remote(make_store, upstream):
    def make(*flags, **more):
        return make_store("--repositories", f"sos-dev-local,up remote url={upstream.url}/base,"
                          "other-local,all virtual members=other-local+up deploy=other-local,"
                          "bare remote", *flags, **more)
    return make


@pytest.fixture
def store(make_remote):
    return make_remote()


def test_what_was_fetched_once_is_kept(store, upstream):
    body = os.urandom(300000)
    upstream.put("base/a/b c.bin", body, etag='"1"')
    for _ in range(3):
        answer = store.get(R + "/a/b%20c.bin")
        assert answer.status_code == 200 and answer.content == body
    assert answer.headers["X-Checksum-Sha256"] == hashlib.sha256(body).hexdigest()
    assert len(upstream.asked("base/a/b c.bin")) == 1
    info = store.get("/api/storage/up/a/b%20c.bin").json()
    assert info["checksums"]["sha1"] == hashlib.sha1(body).hexdigest()
