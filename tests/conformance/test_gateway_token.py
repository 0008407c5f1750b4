"""The token that the workers' gateways read with: what it may follows the repositories."""
from conftest import As


def gateway_token(store):
    return (store.state / "store/gateway.token").read_text().strip()


def as_gateway(store, method, path):
    return As(store, gateway_token(store))(method, path, data=b"x" if method == "PUT" else b"").status_code


def test_it_reads_remote_repositories_and_nothing_else(make_store):
    store = make_store("--repositories", "own,far generic remote url=http://127.0.0.1:9")
    store.put("/own/x", b"x")
    assert (store.state / "store/gateway.token").stat().st_mode & 0o777 == 0o600
    assert as_gateway(store, "GET", "/own/x") == 403
    assert as_gateway(store, "PUT", "/own/y") == 403
    assert as_gateway(store, "DELETE", "/own/x") == 403
    assert as_gateway(store, "GET", "/far/x") == 502
    before = gateway_token(store)
    store.stop()
    store.start()
    assert gateway_token(store) == before
    store.stop()
    store.flags = ("--repositories", "own,far generic remote url=http://127.0.0.1:9,more generic remote url=http://127.0.0.1:9")
    store.start()
    assert gateway_token(store) != before
    assert as_gateway(store, "GET", "/more/x") == 502
    assert As(store, before)("GET", "/far/x").status_code == 401


def test_a_file_that_holds_another_token_is_made_anew(make_store):
    store = make_store("--repositories", "far generic remote url=http://127.0.0.1:9")
    store.stop()
    (store.state / "store/gateway.token").write_text("sost_of_an_older_backup\n")
    store.start()
    assert as_gateway(store, "GET", "/far/x") == 502
