"""Long polls, clients that leave, stopping, sockets of other kinds."""

import os
import socket
import ssl
import stat
import subprocess

import pytest

from conftest import Client, Server, TIMEOUT_S

POLLS = 1000


def parked(server, count):
    clients = [server.connect() for _ in range(count)]
    for client in clients:
        client.ask("/wait")
    while server.stats()["open"] < count + 1:
        pass
    return clients


def test_a_thousand_long_polls_are_answered_at_once(server):
    clients = parked(server, POLLS)
    before = server.cpu_s()
    assert server.connect().get("/release", method="POST").text == f"{POLLS}\n"
    for client in clients:
        assert client.answer().text == "released\n"
    assert server.cpu_s() - before < 2
    for client in clients:
        client.sock.close()


def test_a_waiting_client_that_leaves_is_noticed(server):
    clients = parked(server, 10)
    for client in clients[:4]:
        client.sock.close()
    while server.stats()["cut"] < 4:
        pass
    assert server.connect().get("/release", method="POST").text == "6\n"


def test_a_client_that_sends_no_more_is_answered_and_closed_at_once(monkeypatch):
    """Its end comes with its last byte, in one event; it must not keep the connection until it idles."""
    monkeypatch.setenv("IDLE_MS", "60000")
    server = Server()
    for _ in range(20):
        client = server.connect()
        client.sock.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
        client.sock.shutdown(socket.SHUT_WR)
        while client.sock.recv(4096):
            pass
    assert server.stop() == 0


def test_who_waits_for_a_place_gets_one_as_soon_as_there_is_one(monkeypatch):
    """All places become free in one turn of the loop, and nothing else happens after it."""
    monkeypatch.setenv("IDLE_MS", "60000")
    monkeypatch.setenv("CONNECTIONS_MAX", "4")
    server = Server()
    for _ in range(10):
        first = [server.connect() for _ in range(4)]
        for client in first:
            assert client.get("/hello").text == "hello"
        waiting = [server.connect() for _ in range(4)]
        for client in waiting:
            client.ask("/hello")
        for client in first:
            client.sock.close()
        for client in waiting:
            assert client.answer().text == "hello"
            client.sock.close()
    assert server.stop() == 0


def test_a_request_that_is_never_answered_is_given_up(monkeypatch):
    monkeypatch.setenv("ANSWER_MS", "300")
    server = Server()
    client = server.connect()
    answer = client.get("/never")
    assert answer.status == 503 and "in time" in answer.text
    assert client.get("/pull?size=10&ms=900").body == b"abcdefghij"
    client.ask("/stream?ms=900", "PUT", body=b"abc")
    assert client.answer().status == 201
    assert server.stats()["given_up"] == 1
    assert server.stop() == 0
    assert "never answered, giving up" in server.log and "path=/never" in server.log


def test_waiting_costs_no_cycle(server):
    clients = parked(server, 100)
    before = server.cpu_s()
    subprocess.run(["sleep", "1"], check=True)
    assert server.cpu_s() - before < 0.2
    assert len(clients) == 100


def test_closed_connections_leave_no_descriptor(server):
    server.stats()
    before = server.files()
    for _ in range(50):
        client = server.connect()
        client.ask("/refuse", "PUT", ["Content-Length: 1000"])
        client.answer()
        client.sock.close()
        client = server.connect()
        client.ask("/wait")
        client.sock.close()
    while server.stats()["open"] > 1:
        pass
    assert server.files() <= before + 3


def test_stopping_answers_what_waits(server):
    clients = parked(server, 50)
    server.begin_stop()
    for client in clients:
        answer = client.answer()
        assert answer.status == 503 and "stopping" in answer.text
        assert answer.headers["retry-after"] == "1"
    assert server.stop() == 0


@pytest.mark.parametrize("how", ["", "&whole"])
def test_a_handler_that_was_given_up_may_still_ask_for_the_body(server, how):
    client = server.connect()
    client.ask("/given-up?ms=1" + how, "PUT", body=b"abc")
    assert client.answer().status == 503
    server.stopping = True
    assert server.stop() == 0


def test_a_handler_may_stop_its_server(server):
    client = server.connect()
    assert client.get("/stop", method="POST").text == "stopping\n"
    server.stopping = True
    assert server.stop() == 0


def test_stopping_cuts_an_answer_that_nothing_comes_for(server):
    endless = server.connect()
    endless.ask("/pull?size=10&ms=100000")
    endless.head()
    server.begin_stop()
    assert endless.is_closed()
    assert server.stop() == 0


def test_stopping_lets_an_answer_out():
    """Ten times: the signal comes while sendfile() runs, and must not make it stall."""
    for _ in range(10):
        server = Server()
        client = server.connect()
        client.ask("/file?size=20000000")
        client.head()
        server.begin_stop()
        received = len(client.rest)
        while data := client.sock.recv(1 << 20):
            received += len(data)
        assert received == 20000000
        assert server.stop() == 0


def test_stopping_while_a_body_is_streamed(server):
    client = server.connect()
    client.ask("/stream?ms=100000", "PUT", ["Content-Length: 1000000"])
    client.send(b"x" * 1000)
    while server.stats()["open"] < 2:
        pass
    server.begin_stop()
    assert client.is_closed()
    assert server.stop() == 0


def test_a_unix_socket_serves_its_owner_only(tmp_path):
    path = str(tmp_path / "s.sock")
    server = Server(path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert "peer unix\n" in server.connect().get("/echo").text
    server.process.kill()
    server.stop()
    server = Server(path)  # what a killed one left is no obstacle
    assert server.connect().get("/hello").text == "hello"
    second = subprocess.run([os.environ["ECHO_SERVER"], path], capture_output=True, text=True,
                            timeout=TIMEOUT_S, check=False)
    assert second.returncode == 1 and "in use" in second.stderr
    assert server.stop() == 0
    assert not os.path.exists(path)


@pytest.fixture(name="certificate", scope="session")
def fixture_certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    return cert, key


def test_tls_serves_verified_clients(certificate):
    server = Server("127.0.0.1", *certificate)
    context = ssl.create_default_context(cafile=certificate[0])

    def connect():
        plain = server.connect().sock
        return Client(context.wrap_socket(plain, server_hostname="127.0.0.1"))

    assert connect().get("/hello").text == "hello"
    assert connect().sock.version() in ("TLSv1.2", "TLSv1.3")
    client = connect()
    client.ask("/stream", "PUT", body=b"x" * 3000000)
    assert client.answer().text == f"3000000 {3000000 * ord('x')}\n"
    assert len(client.get("/file?size=3000000").body) == 3000000
    waiting = connect()
    waiting.ask("/wait")
    while "open 2\n" not in client.get("/stats").text:
        pass
    assert client.get("/release", method="POST").text == "1\n"
    assert waiting.answer().text == "released\n"
    assert server.stop() == 0


def test_old_tls_and_plain_text_are_refused(certificate):
    server = Server("127.0.0.1", *certificate)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname = False
    old.verify_mode = ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        old.wrap_socket(server.connect().sock)
    plain = server.connect()
    plain.ask("/hello")
    with pytest.raises((EOFError, ConnectionResetError)):
        plain.head()
    assert server.stop() == 0
