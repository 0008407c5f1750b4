"""A server for each test that asks for one, and a client that is only a socket."""

import os
import signal
import socket
import subprocess

import pytest

TIMEOUT_S = 20


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def text(self):
        return self.body.decode()


class Client:
    """One connection; sends bytes as they are and reads answers one by one."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(TIMEOUT_S)
        self.rest = b""

    def send(self, data):
        self.sock.sendall(data.encode() if isinstance(data, str) else data)

    def ask(self, target, method="GET", headers=(), body=b"", version="1.1"):
        lines = [f"{method} {target} HTTP/{version}", "Host: test", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def more(self):
        data = self.sock.recv(65536)
        self.rest += data
        return data

    def until(self, mark):
        while mark not in self.rest:
            if not self.more():
                raise EOFError(f"closed before {mark!r}, had {self.rest[:200]!r}")
        head, self.rest = self.rest.split(mark, 1)
        return head

    def exactly(self, count):
        data = bytearray(self.rest)
        while len(data) < count:
            part = self.sock.recv(1 << 20)
            if not part:
                raise EOFError(f"closed with {len(data)} of {count} bytes")
            data += part
        self.rest = bytes(data[count:])
        return bytes(data[:count])

    def chunks(self):
        body = b""
        while True:
            size = int(self.until(b"\r\n"), 16)
            if size == 0:
                self.until(b"\r\n")
                return body
            body += self.exactly(size)
            assert self.exactly(2) == b"\r\n"

    def head(self):
        lines = self.until(b"\r\n\r\n").decode().split("\r\n")
        status = int(lines[0].split()[1])
        return Answer(status, {k.lower(): v for k, v in (l.split(": ", 1) for l in lines[1:])}, b"")

    def answer(self, method="GET"):
        answer = self.head()
        if method == "HEAD" or answer.status in (100, 204, 304):
            return answer
        if answer.headers.get("transfer-encoding") == "chunked":
            answer.body = self.chunks()
        else:
            answer.body = self.exactly(int(answer.headers["content-length"]))
        return answer

    def get(self, target, **more):
        self.ask(target, **more)
        return self.answer(more.get("method", "GET"))

    def is_closed(self):
        """The server has closed: nothing more comes."""
        try:
            return self.more() == b""
        except ConnectionResetError:
            return True


class Server:
    def __init__(self, address="127.0.0.1", *more):
        self.address = address
        self.process = subprocess.Popen(
            [os.environ["ECHO_SERVER"], address, *more],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        self.port = int(line)
        self.log = ""
        self.stopping = False

    def connect(self):
        if self.address.startswith("/"):
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(self.address)
            return Client(sock)
        return Client(socket.create_connection((self.address, self.port), TIMEOUT_S))

    def stats(self):
        text = self.connect().get("/stats", headers=["Connection: close"]).text
        return {name: int(value) for name, value in (line.split() for line in text.splitlines())}

    def memory_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(l.split()[1]) for l in status if l.startswith("VmHWM"))

    def files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def begin_stop(self):
        if not self.stopping:
            self.process.send_signal(signal.SIGTERM)
        self.stopping = True

    def stop(self):
        """Its exit status: 0 only when it freed every handle (and, with ASan, all memory)."""
        self.begin_stop()
        _, self.log = self.process.communicate(timeout=TIMEOUT_S)
        return self.process.returncode


@pytest.fixture(name="server")
def fixture_server():
    server = Server()
    yield server
    status = server.stop()
    assert status == 0, server.log[-4000:]


@pytest.fixture(name="client")
def fixture_client(server):
    return server.connect()
