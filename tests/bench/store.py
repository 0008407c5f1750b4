"""The store against nginx that serves the same files, in turns, in the same run.

GET of 100 MB and of 10 kB, with connections that are kept and with one for each request (as jf has
them); PUT of 100 MB against nginx's WebDAV, which neither hashes nor syncs what it takes.
"""
import hashlib
import os
import pathlib
import subprocess
import time

import requests

from bench import BIN, folder, median
from memory import memory

LARGE = 100_000_000
SMALL = 10_000
TURNS = 5
GET_TARGET = 0.9
IDLE_MIB = 30
NGINX = """
daemon off; worker_processes 1; pid {room}/nginx.pid; error_log {room}/nginx.log error; user root;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
    client_max_body_size 1g; client_body_temp_path {room}/body;
    server {{
        listen 127.0.0.1:{port}; root {room}/www; default_type application/octet-stream;
        location /put/ {{ dav_methods PUT DELETE; }}
    }}
}}
"""


class Nginx:
    """One worker process, as the store has one loop."""

    def __init__(self, room):
        self.port = free_port()
        (room / "www" / "put").mkdir(parents=True)
        (room / "nginx.conf").write_text(NGINX.format(room=room, port=self.port))
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-c", room / "nginx.conf", "-p", room])
        self.base = f"http://127.0.0.1:{self.port}"
        self.headers = {}
        self.costs = {}
        wait_up(self.base)
        master = self.process.pid
        self.worker = int(pathlib.Path(f"/proc/{master}/task/{master}/children").read_text())

    def url(self, name):
        return f"{self.base}/{name}"


class Store:
    def __init__(self, room):
        self.process = subprocess.Popen(
            [BIN / "sos-store", "--listen", "127.0.0.1:0", "--state", room / "state", "--disk-floor", "0"],
            stdout=subprocess.PIPE, stderr=open(room / "store.log", "w"), text=True)
        self.worker = self.process.pid
        self.base = self.process.stdout.readline().split()[1] + "/artifactory/sos-dev-local"
        token = (room / "state/store/admin.token").read_text().strip()
        self.headers = {"Authorization": f"Bearer {token}"}
        self.costs = {}

    def url(self, name):
        return f"{self.base}/{name}"


def free_port():
    import socket
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_up(url):
    for _ in range(100):
        try:
            return requests.get(url, timeout=5)
        except requests.ConnectionError:
            time.sleep(0.05)
    raise RuntimeError(f"{url} does not answer")


def curl(server, *args):
    headers = [word for name, value in server.headers.items() for word in ("-H", f"{name}: {value}")]
    start = time.perf_counter()
    subprocess.run(["curl", "-sSf", *headers, *args], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def get_large(server):
    """MB a second, of five in a row on one connection."""
    out = [word for _ in range(5) for word in ("-o", "/dev/null", server.url("large"))]
    return 5 * LARGE / 1e6 / curl(server, *out)


def put_large(server, room):
    """MB a second, of three new files."""
    args = []
    for number in range(3):
        data = room / f"put{number}"
        with open(data, "wb") as file:
            file.write(os.urandom(1 << 20) * (LARGE >> 20))
        args += ["-T", data, server.url(f"put/{time.monotonic_ns()}")]
    took = curl(server, *args)
    os.sync()       # what one leaves to be written is not the next one's burden
    return 3 * (LARGE >> 20 << 20) / 1e6 / took


def busy_s(server):
    """Processor time it has used, of its own and of the kernel's for it."""
    fields = pathlib.Path(f"/proc/{server.worker}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def get_small(server, closing):
    """Requests a second, of 16 clients; what each cost the server is kept beside it."""
    headers = dict(server.headers, **({"Connection": "close"} if closing else {}))
    words = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    before = busy_s(server)
    told = subprocess.run(["wrk", "-t1", "-c16", "-d3s", *words, server.url("small")], check=True,
                          capture_output=True, text=True).stdout
    count = next(int(line.split()[0]) for line in told.splitlines() if "requests in" in line)
    server.costs.setdefault(closing, []).append(1e6 * (busy_s(server) - before) / count)
    assert "Non-2xx" not in told and "Socket errors" not in told.replace("read 0", ""), told
    return float(next(line.split()[1] for line in told.splitlines() if line.startswith("Requests/sec")))


def tell(name, unit, measure, ours, other, target=None):
    """In turns, so that whatever else the machine does hits both."""
    pairs = [(measure(ours), measure(other)) for _ in range(TURNS)]
    mine, yard = median([a for a, _ in pairs]), median([b for _, b in pairs])
    ratio = median([a / b for a, b in pairs])
    met = "" if target is None else f"   target {target:g} x: {'met' if ratio >= target else 'MISSED'}"
    print(f"{name:<46} {mine:10.0f} {unit:<8} {ratio:8.2f} x nginx ({yard:.0f} {unit}){met}", flush=True)


def tell_cost(name, closing, ours, other):
    """Of the requests just measured: unlike their rate it wavers little on a busy machine."""
    mine, yard = median(ours.costs[closing]), median(other.costs[closing])
    print(f"{name:<46} {mine:10.1f} {'us':<8} {mine / yard:8.2f} x nginx ({yard:.1f} us)", flush=True)


def crowd(store, count=10_000, at_once=500):
    """Identical pushes, each on a connection of its own; all must be taken, and be one blob."""
    import sys
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
    from test_crowd import crowd as push
    host, port = store.base.split("/")[2].split(":")
    store.host, store.port, store.token = host, int(port), store.headers["Authorization"].split()[1]
    start = time.perf_counter()
    statuses = push(store, ["/sos-release-local/crowd"] * count, b"the same" * 100)
    took = time.perf_counter() - start
    assert statuses == [201] * count
    print(f"{'identical pushes at once, all 201':<46} {count / took:10.0f} {'a second':<8} {count} in {took:.1f} s,"
          f" {at_once} connections at a time", flush=True)


def main():
    with folder() as room:
        small, large = os.urandom(SMALL), os.urandom(LARGE)
        nginx, store = Nginx(room), Store(room)
        try:
            print(f"{'sos-store idle: VmRSS':<46} {memory(store.process.pid, 'VmRSS'):10.1f} MiB"
                  f"      target {IDLE_MIB} MiB, nginx's worker and master not compared")
            for name, data in (("small", small), ("large", large)):
                (room / "www" / name).write_bytes(data)
                answer = requests.put(store.url(name), data=data, headers=store.headers, timeout=60)
                assert answer.json()["checksums"]["sha256"] == hashlib.sha256(data).hexdigest()
            os.sync()
            tell("GET of 100 MB", "MB/s", get_large, store, nginx, GET_TARGET)
            for name, closing in (("connections kept", False), ("a connection each", True)):
                tell(f"GET of 10 kB, {name}", "a second", lambda s, c=closing: get_small(s, c), store, nginx,
                     GET_TARGET)
                tell_cost("    processor time of one", closing, store, nginx)
            tell("PUT of 100 MB", "MB/s", lambda s: put_large(s, room), store, nginx)
            crowd(store)
            time.sleep(3)
            print(f"{'sos-store afterwards: VmRSS':<46} {memory(store.process.pid, 'VmRSS'):10.1f} MiB")
        finally:
            for process in (nginx.process, store.process):
                process.terminate()
                process.wait(30)


if __name__ == "__main__":
    main()
