"""Sending a project of 5,000 files: whole, unchanged, and with one file changed."""
import io
import random
import socket
import subprocess
import threading
import time

from bench import Server, figure, folder, median

FILES, REPEATS = 5000, 5
PACK = 'tar -c . | zstd -3 -q > "$1/packed" && mkdir "$1/x" && zstd -qdc "$1/packed" | tar -x -C "$1/x" && sync -f "$1"'


class Relay:
    """A TCP relay to the server that counts what a client sends, headers and all."""

    def __init__(self, url):
        self.to = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.sent = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, server = self.listener.accept()[0], socket.create_connection(self.to)
            threading.Thread(target=self.copy, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self.copy, args=(server, client, False), daemon=True).start()

    def copy(self, source, target, count):
        while data := source.recv(1 << 16):
            if count:
                self.sent += len(data)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def write_project(root):
    """Words in Go files; the same each time."""
    words = random.Random(1)
    for i in range(FILES):
        folder_of_it = root / f"pkg{i // 100:02}"
        folder_of_it.mkdir(parents=True, exist_ok=True)
        lines = io.StringIO()
        print(f"package pkg{i // 100:02}\n\nvar names{i} = []string{{", file=lines)
        for _ in range(words.randint(20, 120)):
            print(f'\t"{words.getrandbits(64):x}",', file=lines)
        print("}", file=lines)
        (folder_of_it / f"file{i}.go").write_text(lines.getvalue())
    (root / "go.mod").write_text("module bench\n\ngo 1.23\n")
    (root / "main.go").write_text("package main\n\nfunc main() {}\n")
    return sum(path.stat().st_size for path in root.rglob("*.go"))


def send(server, project, url=None):
    """Seconds of `sos build --detach`: look, check, hash, send what is missing, submit."""
    start = time.perf_counter()
    server.sos("build", project, "--detach", "--no-cache", url=url)
    return time.perf_counter() - start


def hash_time(project):
    """Seconds to read and hash every file, by coreutils."""
    start = time.perf_counter()
    subprocess.run("find . -type f -print0 | xargs -0 sha256sum > /dev/null", shell=True, cwd=project, check=True)
    return time.perf_counter() - start


def pack(project):
    """Seconds to pack the whole, unpack it elsewhere on the disk and have it durable, by tar and zstd; bytes packed."""
    with folder() as other:
        start = time.perf_counter()
        subprocess.run(["bash", "-c", PACK, "-", other], cwd=project, check=True)
        return time.perf_counter() - start, (other / "packed").stat().st_size


def sent(server, project, relay):
    before = relay.sent
    send(server, project, relay.url)
    return (relay.sent - before) / 1000


def main():
    with Server() as server, folder() as room:
        size = write_project(room)
        relay = Relay(server.url)
        tar_s, tar_bytes = pack(room)
        whole = send(server, room)
        unchanged, changed = [], []
        for i in range(REPEATS):
            unchanged.append(send(server, room))
            (room / "pkg07/file701.go").write_text(f"package pkg07\n\nvar one = {i}\n")
            changed.append(send(server, room))
        hashed = median(hash_time(room) for _ in range(REPEATS))
        unchanged_kb = sent(server, room, relay)
        (room / "pkg07/file701.go").write_text("package pkg07\n\nvar one = -1\n")
        changed_kb = sent(server, room, relay)
    with Server() as server, folder() as room:
        write_project(room)
        whole_kb = sent(server, room, Relay(server.url))
    print(f"    {FILES + 2} files, {size / 1e6:.1f} MB")
    figure("upload, whole", whole, "s", "tar | zstd | tar -x, durable", tar_s)
    figure("upload, unchanged", median(unchanged), "s", "sha256sum of all files", hashed)
    figure("upload, one file changed", median(changed), "s", "sha256sum of all files", hashed)
    figure("upload, whole: sent", whole_kb, "kB", "tar | zstd -3", tar_bytes / 1000)
    figure("upload, unchanged: sent", unchanged_kb, "kB", "tar | zstd -3", tar_bytes / 1000)
    figure("upload, one file changed: sent", changed_kb, "kB", "tar | zstd -3", tar_bytes / 1000)


if __name__ == "__main__":
    main()
