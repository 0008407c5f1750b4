"""How fast a submission is acknowledged, which is after its commit; and how many a second."""
import json
import socket
import threading
import time

from bench import Server, commit_times, figure, median, quantile

SEQUENTIAL, CLIENTS, EACH = 200, 32, 100


class Client:
    """One kept-alive connection, cheap enough not to be what is measured."""

    def __init__(self, server, body):
        host, port = server.url.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.head = (f"POST /v1/builds HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {server.token}\r\n"
                     f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nIdempotency-Key: ").encode()
        self.body = body

    def submit(self, key):
        self.socket.sendall(self.head + key.encode() + b"\r\n\r\n" + self.body)
        got = b""
        while b"\r\n\r\n" not in got:
            got += self.socket.recv(65536)
        head, body = got.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 201"), got
        length = int(next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")).split()[1])
        while len(body) < length:
            body += self.socket.recv(65536)


def one_after_another(server, body):
    client, times = Client(server, body), []
    for i in range(SEQUENTIAL):
        start = time.perf_counter()
        client.submit(f"one-{i}")
        times.append((time.perf_counter() - start) * 1000)
    return times


def at_once(server, body):
    """Submissions a second of all clients together."""
    clients = [Client(server, body) for _ in range(CLIENTS)]
    threads = [threading.Thread(target=lambda c=c, n=n: [c.submit(f"many-{n}-{i}") for i in range(EACH)])
               for n, c in enumerate(clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return CLIENTS * EACH / (time.perf_counter() - start)


def main():
    with Server() as server:
        body = json.dumps(server.request()).encode()
        before = commit_times(SEQUENTIAL)
        times = one_after_another(server, body)
        rate = at_once(server, body)
        rows = len(server.http.get(f"{server.url}/v1/queue").json()["builds"])
        assert rows > 0
    figure("submit, answered: p50", median(times), "ms", "one SQLite commit, p50", median(before))
    figure("submit, answered: p99", quantile(times, 0.99), "ms", "one SQLite commit, p99", quantile(before, 0.99))
    figure(f"submit, {CLIENTS} clients", rate, "1/s", "SQLite commits one by one", 1000 / (sum(before) / len(before)))


if __name__ == "__main__":
    main()
