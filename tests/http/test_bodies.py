"""Bodies: split, chunked, refused early or late, streamed with back-pressure."""

import pytest

MIB = 1 << 20


def stats_after(server, **want):
    """The counters once the server has noticed; every poll is a whole request."""
    for _ in range(2000):
        stats = server.stats()
        if all(stats[name] >= value for name, value in want.items()):
            return stats
    return server.stats()


def test_a_body_may_come_in_pieces(client):
    client.send("POST /collect HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\n")
    for byte in b"0123456789":
        client.send(bytes([byte]))
    assert client.answer().text == "0123456789"
    assert client.get("/hello").text == "hello"


def test_a_chunked_body_is_put_together(client):
    client.send("POST /collect HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                "3\r\nabc\r\n1\r\nd\r\n5;x=y\r\nefghi\r\n0\r\nTrailer: x\r\n\r\n")
    assert client.answer().text == "abcdefghi"
    assert client.get("/hello").text == "hello"


def test_no_body_is_an_empty_one(client):
    assert client.get("/collect", method="POST").text == ""
    assert client.get("/stream", method="PUT").text == "0 0\n"


def test_a_body_too_large_is_refused_at_the_head(server):
    client = server.connect()
    client.send("POST /collect?max=10 HTTP/1.1\r\nHost: t\r\nContent-Length: 11\r\n\r\n")
    answer = client.answer()
    assert answer.status == 413 and '"TOO_LARGE"' in answer.text
    assert client.is_closed()


def test_a_chunked_body_too_large_is_refused_when_it_is(client):
    client.send("POST /collect?max=10 HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                "8\r\n01234567\r\n8\r\n01234567\r\n8\r\n01234567\r\n0\r\n\r\n")
    assert client.answer().status == 413
    assert client.get("/hello").text == "hello"


@pytest.mark.parametrize("target", ["/refuse", "/refuse?ms=50"])
def test_an_expectation_is_refused_without_the_body(client, target):
    client.ask(target, "PUT", ["Expect: 100-continue", "Content-Length: 100000000"])
    answer = client.answer()
    assert answer.status == 403 and "refused" in answer.text


def test_an_expectation_is_met_once_the_handler_wants_the_body(client):
    client.ask("/later?ms=50", "PUT", ["Expect: 100-continue", "Content-Length: 3"])
    assert client.answer().status == 100
    client.send("abc")
    answer = client.answer()
    assert (answer.status, answer.text) == (201, "3 294\n")


def test_a_refused_upload_still_gets_its_answer(server):
    """The client writes on: without a lingering close a reset would take the answer."""
    for _ in range(20):
        client = server.connect()
        client.ask("/refuse", "PUT", [f"Content-Length: {8 * MIB}"])
        try:
            for _ in range(8):
                client.send(b"x" * MIB)
        except (BrokenPipeError, ConnectionResetError):
            pytest.fail("reset while sending")
        assert client.answer().status == 403
        client.sock.close()


def test_an_answer_in_the_middle_of_a_body_comes_after_it(client):
    client.ask("/late", "PUT", body=b"x" * (2 * MIB))
    assert client.answer().status == 403
    assert client.get("/hello").text == "hello"


def test_a_long_upload_needs_no_memory(server):
    client = server.connect()
    block = bytes(range(256)) * 4096
    before = server.memory_kib()
    client.ask("/stream", "PUT", [f"Content-Length: {100 * MIB}"])
    for _ in range(100):
        client.send(block)
    assert client.answer().text == f"{100 * MIB} {100 * sum(block)}\n"
    assert server.memory_kib() - before < 2048


def test_a_slow_handler_stops_the_sender(server):
    """Each chunk is held: what the client can send ahead is the sockets' buffers only."""
    client = server.connect()
    client.ask("/stream?ms=20000", "PUT", [f"Content-Length: {100 * MIB}"])
    client.sock.setblocking(False)
    sent = 0
    idle = 0
    while idle < 3:
        try:
            sent += client.sock.send(b"x" * MIB)
            idle = 0
        except BlockingIOError:
            idle += 1
            server.stats()
    assert sent < 32 * MIB
    client.sock.close()


def test_a_chunked_stream_arrives_whole_through_a_slow_handler(client):
    data = bytes(range(250))
    client.send("PUT /stream?ms=1 HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send(b"".join(b"%x\r\n%s\r\n" % (len(data[:n]), data[:n]) for n in range(1, 250))
                + b"0\r\n\r\n")
    want = [data[:n] for n in range(1, 250)]
    assert client.answer().text == f"{sum(map(len, want))} {sum(map(sum, want))}\n"


def test_a_client_that_leaves_during_an_upload_is_noticed(server):
    client = server.connect()
    client.ask("/stream", "PUT", ["Content-Length: 1000000"])
    client.send(b"x" * 1000)
    client.sock.close()
    assert stats_after(server, cut=1)["cut"] == 1


def test_a_half_closed_client_gets_its_answer(server):
    import socket
    client = server.connect()
    client.ask("/stream?ms=20", "PUT", body=b"x" * 100000)
    client.sock.shutdown(socket.SHUT_WR)
    assert client.answer().text == f"100000 {100000 * ord('x')}\n"
