"""Answers: HEAD, ranges, files, bodies that come in time."""

import hashlib

import pytest


def pattern(size):
    return bytes(ord("a") + i % 23 for i in range(size))


def test_head_has_the_length_and_no_body(client):
    for target, length in (("/hello", "5"), ("/file?size=1000", "1000"),
                           ("/pull?size=77&known=1", "77")):
        answer = client.get(target, method="HEAD")
        assert (answer.status, answer.headers["content-length"]) == (200, length)
    assert client.get("/hello").text == "hello"


@pytest.mark.parametrize("value, first, last", [
    ("bytes=0-0", 0, 0), ("bytes=10-19", 10, 19), ("bytes=990-", 990, 999),
    ("bytes=-10", 990, 999), ("bytes=500-5000", 500, 999)])
def test_a_range_is_that_part(client, value, first, last):
    answer = client.get("/file?size=1000", headers=[f"Range: {value}"])
    assert answer.status == 206
    assert answer.headers["content-range"] == f"bytes {first}-{last}/1000"
    assert answer.body == pattern(1000)[first:last + 1]


def test_a_range_past_the_end_is_refused_and_a_strange_one_ignored(client):
    assert client.get("/file?size=1000", headers=["Range: bytes=1000-"]).status == 416
    assert client.get("/file?size=1000", headers=["Range: bytes=1-2,4-5"]).status == 200
    assert client.get("/file?size=1000", headers=["Range: rows=1-2"]).status == 200


def test_only_a_get_has_ranges(client):
    answer = client.get("/file?size=1000", method="HEAD", headers=["Range: bytes=0-1"])
    assert answer.status == 200 and answer.headers["content-length"] == "1000"


def test_what_is_unchanged_has_the_length_of_what_is_not_sent(client):
    answer = client.get("/unchanged")
    assert answer.status == 304 and answer.headers["content-length"] == "1000"
    assert client.get("/hello").text == "hello"


@pytest.mark.parametrize("method, target", [("GET", "/unchanged?size=-1"), ("HEAD", "/pull?size=77")])
def test_nothing_follows_a_head_alone(client, method, target):
    """Also when nobody knows the length of what is not sent: the end of its chunks would be the next answer's begin."""
    answer = client.get(target, method=method)
    assert answer.status in (200, 304) and not {"content-length", "transfer-encoding"} & set(answer.headers)
    assert client.is_closed() and client.rest == b""


def test_a_file_goes_out_whole(client):
    want = hashlib.sha256(pattern(23) * 400000).hexdigest()
    assert hashlib.sha256(client.get("/file?size=9200000").body).hexdigest() == want
    assert client.get("/file?size=0").body == b""


def test_an_answer_given_many_times_is_each_ones_own(server):
    clients = [server.connect() for _ in range(3)]
    for turn in range(3):
        for i, client in enumerate(clients):
            client.ask("/same?size=1000", headers=[f"X-Request-Id: id-{turn}-{i}"])
        for i, client in enumerate(clients):
            answer = client.answer()
            assert (answer.status, answer.body) == (200, pattern(1000))
            assert answer.headers["x-request-id"] == f"id-{turn}-{i}"
            assert (answer.headers["content-type"], answer.headers["x-good"]) == ("text/plain", "yes")
            assert "x-injected" not in answer.headers and "x-bad" not in answer.headers
    names = [clients[0].get("/same").headers["x-request-id"] for _ in range(100)]
    assert len(set(names)) == 100


def test_an_answer_given_many_times_in_a_pipeline(client):
    client.send("".join(f"GET /same HTTP/1.1\r\nHost: t\r\nX-Request-Id: p{i}\r\n\r\n" for i in range(50)))
    for i in range(50):
        answer = client.answer()
        assert (answer.headers["x-request-id"], answer.body) == (f"p{i}", pattern(1000))


def test_an_answer_given_many_times_without_its_body(client):
    answer = client.get("/same?size=1000", method="HEAD")
    assert (answer.status, answer.headers["content-length"]) == (200, "1000")
    assert client.get("/same?size=1000").body == pattern(1000)
    assert client.get("/same?size=0").body == b""
    answer = client.get("/same?size=1000", headers=["Connection: close"])
    assert (answer.headers["connection"].lower(), answer.body) == ("close", pattern(1000))
    assert client.is_closed()


def test_an_answer_is_whole_though_another_takes_its_place(server):
    size = 8_000_000        # more than the sockets hold
    slow = [server.connect() for _ in range(2)]
    for client in slow:
        client.ask(f"/same?size={size}")
        client.until(b"\r\n\r\n")
    assert server.connect().get("/same?size=7").body == pattern(7)
    want = pattern(23) * (size // 23 + 1)
    assert all(client.exactly(size) == want[:size] for client in slow)
    gone = server.connect()
    gone.ask(f"/same?size={size}")
    gone.until(b"\r\n\r\n")
    gone.sock.close()
    assert server.connect().get("/same?size=7").body == pattern(7)


def test_an_answer_given_many_times_before_the_body(server):
    client = server.connect()
    client.send("PUT /same?size=9 HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n"
                "Expect: 100-continue\r\n\r\n")
    answer = client.answer()
    assert (answer.status, answer.body) == (200, pattern(9))
    assert client.is_closed()
    assert server.connect().get("/same?size=9").body == pattern(9)


@pytest.mark.parametrize("known", [0, 1])
@pytest.mark.parametrize("ms", [0, 1])
def test_a_pulled_body_goes_out_whole(client, known, ms):
    answer = client.get(f"/pull?size=500000&known={known}&ms={ms}")
    assert answer.body == pattern(500000)
    assert ("content-length" in answer.headers) == bool(known)
    assert client.get("/hello").text == "hello"


@pytest.mark.parametrize("known", [0, 1])
def test_a_broken_body_is_cut_so_that_the_client_notices(server, known):
    client = server.connect()
    client.ask(f"/pull?size=500000&known={known}&break=100000")
    with pytest.raises((EOFError, ConnectionResetError)):
        client.answer()
    assert server.stats()["cut"] == 1


@pytest.mark.parametrize("ms", [0, 5])
def test_a_client_that_leaves_during_an_answer_is_noticed(server, ms):
    client = server.connect()
    client.ask(f"/pull?size=100000000&ms={ms}")
    client.exactly(1000)
    client.sock.close()
    for _ in range(2000):
        if server.stats()["cut"] == 1:
            return
    pytest.fail("the handler was not told")


def test_pulling_slowly_costs_no_cycle(server):
    client = server.connect()
    client.ask("/pull?size=100&ms=1500")
    before = server.cpu_s()
    assert client.answer().body == pattern(100)
    assert server.cpu_s() - before < 0.5


def test_a_problem_tells_what_and_what_to_do(client):
    answer = client.get("/refuse")
    assert answer.status == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert '"detail":"refused"' in answer.text and '"hint":"do not ask"' in answer.text
    assert f'"requestId":"{answer.headers["x-request-id"]}"' in answer.text


def test_a_full_disk_may_pass(client):
    answer = client.get("/full")
    assert answer.status == 507 and int(answer.headers["retry-after"]) > 0
    assert '"reason":"STORAGE_FULL"' in answer.text
