"""A server that a remote repository fetches from, and that misbehaves on purpose."""

import http.server
import socket
import threading
import time
import urllib.parse


class Thing:
    """What lies at a path: bytes, and how they are sent."""

    def __init__(self, body=b"", **how):
        self.body = body
        self.etag = how.pop("etag", None)
        self.modified = how.pop("modified", None)
        self.status = how.pop("status", 200)
        self.type = how.pop("type", "application/octet-stream")
        self.headers = how.pop("headers", {})
        self.cut = how.pop("cut", [])           # bytes after which the next answers are cut
        self.gate = how.pop("gate", None)       # (bytes, Event): the rest waits for the event
        self.chunked = how.pop("chunked", False)
        self.length = how.pop("length", None)   # what Content-Length says
        self.ranges = how.pop("ranges", True)
        self.drip = how.pop("drip", None)       # (bytes, seconds) between pieces
        assert not how, how


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def setup(self):
        super().setup()
        self.server.connections.add(self.connection)
        with self.server.upstream.lock:
            self.server.upstream.connected += 1

    def finish(self):
        self.server.connections.discard(self.connection)
        try:
            super().finish()
        except OSError:
            pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        upstream = self.server.upstream
        path = urllib.parse.unquote(self.path)
        with upstream.lock:
            upstream.requests.append((self.command, path, dict(self.headers)))
            thing = upstream.things.get(path)
            cut = thing.cut.pop(0) if thing and thing.cut and self.command == "GET" else None
        if upstream.hook:
            upstream.hook(self)
        if thing is None:
            self.answer(404, b"no such thing")
        elif thing.status != 200:
            self.answer(thing.status, thing.body, thing.headers)
        elif thing.etag and self.headers.get("If-None-Match") == thing.etag:
            self.answer(304, b"")
        elif not thing.etag and thing.modified and \
                self.headers.get("If-Modified-Since") == thing.modified:
            self.answer(304, b"")
        else:
            self.send(thing, cut)

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 304:
            self.wfile.write(body)

    def head(self, thing, start):
        part = start is not None
        self.send_response(206 if part else 200)
        self.send_header("Content-Type", thing.type)
        if thing.etag:
            self.send_header("ETag", thing.etag)
        if thing.modified:
            self.send_header("Last-Modified", thing.modified)
        if part:
            self.send_header("Content-Range",
                             f"bytes {start}-{len(thing.body) - 1}/{len(thing.body)}")
        if thing.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif thing.length != "none":
            size = len(thing.body) - (start or 0)
            self.send_header("Content-Length",
                             str(size if thing.length is None else thing.length))
        for name, value in thing.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def start_of(self, thing):
        asked = self.headers.get("Range")
        if not asked or not thing.ranges:
            return None
        condition = self.headers.get("If-Range")
        if condition and condition not in (thing.etag, thing.modified):
            return None
        return int(asked.split("=")[1].split("-")[0])

    def piece(self, thing, data):
        if thing.chunked:
            data = b"%x\r\n%s\r\n" % (len(data), data)
        self.wfile.write(data)
        self.wfile.flush()

    def send(self, thing, cut):
        start = self.start_of(thing)
        self.head(thing, start)
        if self.command == "HEAD":
            return
        at = start or 0
        end = len(thing.body) if cut is None else min(cut, len(thing.body))
        step = thing.drip[0] if thing.drip else 1 << 16
        while at < end:
            if thing.gate and at >= thing.gate[0]:
                assert thing.gate[1].wait(30)
            stop = min(at + step, end)
            if thing.gate and at < thing.gate[0]:
                stop = min(stop, thing.gate[0])
            try:
                self.piece(thing, thing.body[at:stop])
            except OSError:
                self.close_connection = True
                return
            at = stop
            if thing.drip:
                time.sleep(thing.drip[1])
        if cut is not None or thing.length is not None:
            self.close_connection = True
        elif thing.chunked:
            self.wfile.write(b"0\r\n\r\n")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class Upstream:
    def __init__(self, port=0):
        self.things = {}
        self.requests = []
        self.connected = 0      # connections there have been
        self.hook = None
        self.lock = threading.Lock()
        self.start(port)

    def start(self, port):
        self.server = Server(("127.0.0.1", port), Handler)
        self.server.upstream = self
        self.server.connections = set()
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        for connection in list(self.server.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.server.server_close()
        self.thread.join()

    def put(self, path, body=b"", **how):
        self.things["/" + path] = thing = Thing(body, **how)
        return thing

    def asked(self, path, method=None):
        with self.lock:
            return [headers for command, asked, headers in self.requests
                    if asked == "/" + path and method in (None, command)]
