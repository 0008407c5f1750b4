"""Heads: whole, slow, split, pipelined, too long, and those that must not pass."""

import pytest


def fields(answer):
    return dict(line.split(" ", 1) for line in answer.text.splitlines())


def test_the_handler_sees_what_was_sent(client):
    answer = client.get("/echo/a%2Fb;p=1;q?q=x+y%20z&r=1;2", headers=["X-Request-Id: mine-1"])
    assert fields(answer) == {
        "method": "GET", "path": "/echo/a%2Fb;p=1;q", "query": "q=x+y%20z&r=1;2", "q": "x+y z",
        "decoded": "/echo/a/b;p=1;q", "peer": "127.0.0.1", "id": "mine-1", "wait": "0",
        "length": "0"}
    assert answer.headers["x-request-id"] == "mine-1"


def test_every_answer_has_an_id_and_no_server_name(client):
    for target in ("/hello", "/nothing", "/file?size=3", "/pull?size=3"):
        answer = client.get(target)
        assert answer.headers["x-request-id"].startswith("req_")
        assert "server" not in answer.headers
    assert client.get("/hello", headers=["X-Request-Id: a b"]).headers["x-request-id"] != "a b"


def test_a_header_with_a_line_end_is_left_out(client):
    headers = client.get("/echo").headers
    assert headers["x-good"] == "yes"
    assert "x-bad" not in headers and "x-injected" not in headers


def test_an_absolute_target_is_its_path(client):
    assert fields(client.get("http://proxy.example/echo?q=1"))["path"] == "/echo"


def test_a_wait_is_capped(client):
    assert fields(client.get("/echo", headers=["Prefer: wait=7"]))["wait"] == "7000"
    assert fields(client.get("/echo", headers=["Prefer: wait=900"]))["wait"] == "25000"


def test_a_head_may_come_byte_by_byte(client):
    for byte in b"GET /hello HTTP/1.1\r\nHost: test\r\n\r\n":
        client.send(bytes([byte]))
    assert client.answer().text == "hello"


def test_a_head_that_never_ends_is_cut(server):
    """The limit (2 s here) counts from the first byte: dripping does not prolong it."""
    client = server.connect()
    client.sock.settimeout(0.2)
    client.send("GET /hello HTTP/1.1\r\nX-Slow: ")
    for _ in range(100):
        try:
            client.send("a")
            if client.is_closed():
                return
        except TimeoutError:
            continue
        except (BrokenPipeError, ConnectionResetError):
            return
    pytest.fail("still open after 20 s")


def test_pipelined_requests_are_answered_in_order(client):
    client.send("".join(f"GET /echo?q={i} HTTP/1.1\r\nHost: t\r\n\r\n" for i in range(50)))
    for i in range(50):
        assert fields(client.answer())["q"] == str(i)


def test_a_connection_is_kept_and_closed_as_asked(client):
    assert client.get("/hello").text == "hello"
    answer = client.get("/hello", headers=["Connection: close"])
    assert answer.headers["connection"].lower() == "close"
    assert client.is_closed()


def test_http_1_0_closes(server):
    client = server.connect()
    assert client.get("/hello", version="1.0").text == "hello"
    assert client.is_closed()


def test_a_head_too_long_is_refused(server):
    client = server.connect()
    client.send("GET /hello HTTP/1.1\r\nHost: t\r\nX-Long: " + "a" * 40000 + "\r\n\r\n")
    assert client.head().status == 431
    client = server.connect()
    client.send("GET /" + "a" * 40000 + " HTTP/1.1\r\nHost: t\r\n\r\n")
    assert client.head().status == 414
    assert server.connect().get("/hello", headers=["X-Long: " + "a" * 12000]).status == 200


@pytest.mark.parametrize("head", [
    "GET /hello HTTP/1.1\r\n\r\n",                                        # no host
    "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET hello HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /a b HTTP/1.1\r\nHost: t\r\n\r\n",
    "GET /hello HTTP/9.9\r\nHost: t\r\n\r\n",
    "GET /hello HTTP/1.1\r\nHost: t\r\nno colon\r\n\r\n",
    "GET /hello HTTP/1.1\r\nHost: t\r\nBad Name: x\r\n\r\n",
    "POST /collect HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n",
    "POST /collect HTTP/1.1\r\nHost: t\r\nContent-Length: 1x\r\n\r\n",
    "POST /collect HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "POST /collect HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
    "0\r\n\r\n",
    "POST /collect HTTP/1.1\r\nHost: t\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "POST /collect HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "POST /collect HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    "POST /collect HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "\0\1\2\3\r\n\r\n",
])
def test_a_malformed_request_is_refused_and_the_connection_closed(server, head):
    client = server.connect()
    client.send(head)
    try:
        status = client.head().status
    except (EOFError, ConnectionResetError):
        status = 400  # cut without a word: nothing was understood
    assert status in (400, 413, 501, 505)
    while not client.is_closed():
        pass
    assert server.connect().get("/hello").text == "hello"
