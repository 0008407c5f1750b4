"""From a build's change of state to the answer of the long poll that waits for it."""
import concurrent.futures
import datetime
import time

import requests

from bench import Server, figure, median, quantile

CHANGES = 100


def wait_for_change(server, build, etag):
    """Milliseconds from the change, as the record dates it, to the answer."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {server.token}"
    answer = session.get(f"{server.url}/v1/builds/{build}", headers={"If-None-Match": etag, "Prefer": "wait=20"})
    now = datetime.datetime.now(datetime.timezone.utc)
    assert answer.status_code == 200, answer.status_code
    changed = datetime.datetime.fromisoformat(answer.json()["updateTime"].replace("Z", "+00:00"))
    return (now - changed).total_seconds() * 1000


def get_time(server, build):
    start = time.perf_counter()
    server.http.get(f"{server.url}/v1/builds/{build}").raise_for_status()
    return (time.perf_counter() - start) * 1000


def waits(server):
    """How many long polls the server holds now."""
    text = server.http.get(f"{server.url}/metrics").text
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith("sos_waits"))


def main():
    late, plain = [], []
    with Server() as server, concurrent.futures.ThreadPoolExecutor(1) as pool:
        request = server.request()
        for _ in range(CHANGES):
            answer = server.http.post(f"{server.url}/v1/builds", json=request)
            build, etag = answer.json()["id"], answer.headers["ETag"]
            plain.append(get_time(server, build))
            waiting = pool.submit(wait_for_change, server, build, etag)
            while not waits(server):
                pass
            server.http.post(f"{server.url}/v1/builds/{build}:cancel", json={}).raise_for_status()
            late.append(waiting.result(30))
    figure("change of state to long poll's answer: p50", median(late), "ms", "one GET of it, p50", median(plain), 50)
    figure("change of state to long poll's answer: p99", quantile(late, 0.99), "ms", "one GET of it, p99",
           quantile(plain, 0.99), 50)


if __name__ == "__main__":
    main()
