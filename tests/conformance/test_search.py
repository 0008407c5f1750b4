"""Searches: AQL as clients send it, what it finds against a plain reading of the same rows, and the
simple searches of the API."""

import fnmatch
import json
import random
import re

import pytest

from conftest import message, sums

REPOSITORIES = "generic-local,libs maven,other,all generic virtual members=generic-local+other"
DEFAULT = {"repo", "path", "name", "type", "size", "created", "created_by", "modified",
           "modified_by", "updated"}


def aql(store, text, status=200, **more):
    answer = store.ask("POST", "/api/search/aql", data=text.encode(), **more)
    assert answer.status_code == status, answer.text
    return answer.json() if status == 200 else answer


def names(store, criteria):
    found = aql(store, f'items.find({criteria}).include("name")')
    return sorted(row["name"] for row in found["results"])


@pytest.fixture
def filled(make_store):
    store = make_store("--repositories", REPOSITORIES)
    for path, data in {
            "/generic-local/root.txt;k=v": b"root",
            "/generic-local/p/a.bin;license=GPL-2;license=LGPL-2;k=v;k=w": b"aa",
            "/generic-local/p/q/b.bin;license=LGPL-2": b"bbb",
            "/generic-local/p/q/c[1].bin": b"aa",
            "/other/p/d.bin;k=v": b"d" * 100}.items():
        assert store.put(path, data).status_code == 201
    return store


JF = ('items.find({"path":{"$ne":"."},"$or":[{"$and":[{"repo":"generic-local","path":"p","name":'
      '{"$match":"*"}}]},{"$and":[{"repo":"generic-local","path":{"$match":"p/*"},"name":{"$match":'
      '"*"}}]}]}).include("name","repo","path","actual_md5","actual_sha1","sha256","size","type",'
      '"modified","created","property")')


def test_what_jf_sends_to_search(filled):
    found = aql(filled, JF)
    assert found["range"] == {"start_pos": 0, "end_pos": 3, "total": 3}
    row, = (row for row in found["results"] if row["name"] == "a.bin")
    assert {k: row[k] for k in ("repo", "path", "type", "size")} == {
        "repo": "generic-local", "path": "p", "type": "file", "size": 2}
    assert row["sha256"] == sums(b"aa")["sha256"] and row["actual_md5"] == sums(b"aa")["md5"]
    assert row["properties"] == [{"key": "k", "value": "v"}, {"key": "k", "value": "w"},
                                 {"key": "license", "value": "GPL-2"},
                                 {"key": "license", "value": "LGPL-2"}]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row["created"])


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_any_content_type_or_none(filled, kind):
    headers = {"Content-Type": kind} if kind else {}
    assert aql(filled, "items.find()", headers=headers)["range"]["total"] == 5


def test_rows_have_the_default_fields(filled):
    rows = aql(filled, 'items.find({"name":"root.txt"})')["results"]
    assert [set(row) for row in rows] == [DEFAULT]
    assert rows[0]["path"] == "."
    row, = aql(filled, 'items.find({"name":"root.txt"}).include("property")')["results"]
    assert set(row) == DEFAULT | {"properties"}


def test_operators_and_wildcards(filled):
    find = lambda criteria: names(filled, criteria)
    assert find('{"name":{"$match":"?.bin"}}') == ["a.bin", "b.bin", "d.bin"]
    assert find('{"name":{"$match":"c[1]*"}}') == ["c[1].bin"]
    assert find('{"name":"?.bin"}') == []
    assert find('{"name":{"$nmatch":"*.bin"}}') == ["root.txt"]
    assert find('{"path":"."}') == ["root.txt"]
    assert find('{"path":{"$match":"*"},"size":{"$gt":3}}') == ["d.bin", "root.txt"]
    assert find('{"type":"folder"}') == ["p", "p", "q"]
    assert find('{"type":"any","path":{"$match":"?"}}') == ["a.bin", "d.bin", "p", "p", "q",
                                                           "root.txt"]
    assert find('{"type":"any","sha256":null}') == ["p", "p", "q"]
    assert find('{"depth":{"$gte":3}}') == ["b.bin", "c[1].bin"]
    assert find('{"created":{"$last":"1d"}}') == find("") and len(find("")) == 5
    assert find('{"created":{"$before":"1d"}}') == []
    assert find('{"repo":"other"},{"name":"d.bin"}') == ["d.bin"]
    assert find('{"$or":[{"name":"a.bin"}],"$or":[{"name":"b.bin"}]}') == []
    assert find('{"repo":"all"}') == ["a.bin", "b.bin", "c[1].bin", "d.bin", "root.txt"]


def test_properties(filled):
    find = lambda criteria: names(filled, criteria)
    assert find('{"@k":"v"}') == ["a.bin", "d.bin", "root.txt"]
    assert find('{"@k":"v","@k":"w"}') == ["a.bin"]
    assert find('{"@k":{"$ne":"v"}}') == ["b.bin", "c[1].bin"]
    assert find('{"@k":"*"}') == ["a.bin", "d.bin", "root.txt"]
    assert find('{"@k":{"$ne":"*"}}') == ["b.bin", "c[1].bin"]
    assert find('{"@k":null}') == ["b.bin", "c[1].bin"]
    assert find('{"@*":"LGPL-2"}') == ["a.bin", "b.bin"]
    assert find('{"property.key":"license"}') == ["a.bin", "b.bin"]
    assert find('{"property.value":{"$match":"GPL*"}}') == ["a.bin"]
    both = '[{"@license":{"$match":"*GPL*"}},{"@license":{"$nmatch":"LGPL*"}}]'
    assert find(f'{{"$msp":{both}}}') == ["a.bin"]
    assert find(f'{{"$and":{both}}}') == []
    row, = aql(filled, 'items.find({"name":"a.bin"}).include("name","@k")')["results"]
    assert row == {"name": "a.bin", "properties": [{"key": "k", "value": "v"},
                                                   {"key": "k", "value": "w"}]}


def test_sort_offset_and_limit(filled):
    found = aql(filled, 'items.find().include("name").sort({"$desc":["size","name"]})'
                        '.offset(1).limit(3)')
    assert [row["name"] for row in found["results"]] == ["root.txt", "b.bin", "c[1].bin"]
    assert found["range"] == {"start_pos": 1, "end_pos": 4, "total": 3, "limit": 3}


def test_downloads_are_counted(filled):
    for _ in range(3):
        assert filled.get("/generic-local/p/a.bin").status_code == 200
    filled.ask("HEAD", "/generic-local/p/a.bin")
    stats = filled.get("/api/storage/generic-local/p/a.bin?stats").json()
    assert stats["downloadCount"] == 3 and stats["lastDownloadedBy"] == "farm"
    assert names(filled, '{"stat.downloads":{"$gt":2}}') == ["a.bin"]
    assert len(names(filled, '{"stat.downloads":{"$eq":null}}')) == 4
    assert names(filled, '{"stat.downloaded":{"$last":"1d"}}') == ["a.bin"]
    row, = aql(filled, 'items.find({"stat.downloads":3}).include("name","stat")')["results"]
    assert row["stats"][0]["downloads"] == 3
    assert filled.get("/api/storage/other/p/d.bin?stats").json()["downloadCount"] == 0
    assert message(filled.get("/api/storage/other/none?stats")) == "Unable to find item"


def test_a_query_that_is_none_is_told_as_text(filled):
    answer = aql(filled, 'items.find({"nam":"a"})', status=400)
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text == ("Failed to parse query: 'nam' is no field of this domain at position 13,"
                           " near '\"nam\":\"a\"})'\n")
    assert aql(filled, "", status=400).text.startswith("Failed to parse query: ")


def test_nobody_may_not_search_even_where_he_may_read(make_store):
    store = make_store("--anonymous-read")
    del store.session.headers["Authorization"]
    assert store.get("/api/storage/sos-dev-local").status_code == 200
    assert store.ask("POST", "/api/search/aql", data=b"items.find()").status_code == 401


def test_a_search_tells_only_what_its_token_may_read(filled):
    token = filled.make_token("artifact:other:r")["access_token"]
    filled.session.headers["Authorization"] = "Bearer " + token
    assert names(filled, "") == ["d.bin"]
    assert names(filled, '{"@k":"v"}') == ["d.bin"]
    found = aql(filled, 'items.find().include("name").limit(1)')
    assert found["results"] == [{"name": "d.bin"}]
    assert len(filled.get("/api/search/prop?k=v").json()["results"]) == 1


def test_a_search_has_a_time(make_store):
    store = make_store("--search-time", "1ms")
    for i in range(300):
        assert store.put(f"/sos-dev-local/f{i};a=b;c=d", b"x").status_code == 201
    deep = ",".join(['"@*":{"$nmatch":"*x*y*z*"}'] * 300)
    answer = aql(store, f"items.find({{{deep}}})", status=400)
    assert "took longer" in answer.text
    assert aql(store, 'items.find({"name":"f1"})')["range"]["total"] == 1


def test_an_answer_too_large_for_memory_is_whole(make_store):
    store = make_store()
    value = "v" * 2000
    for i in range(120):
        props = "".join(f";k{k}={value}" for k in range(5))
        assert store.put(f"/sos-dev-local/d/f{i}{props}", b"x").status_code == 201
    answer = store.ask("POST", "/api/search/aql", data=b'items.find().include("name","property")')
    assert len(answer.content) > 1 << 20
    rows = answer.json()["results"]
    assert len(rows) == 120 and all(len(row["properties"]) == 5 for row in rows)


# --- the simple searches ---


def uris(store, query, **more):
    answer = store.get("/api/search/" + query, **more)
    assert answer.status_code == 200, answer.text
    base = store.base + "/api/storage"
    return sorted(row["uri"].removeprefix(base) for row in answer.json()["results"])


def test_search_by_checksum(filled):
    same = ["/generic-local/p/a.bin", "/generic-local/p/q/c%5B1%5D.bin"]
    for kind, value in sums(b"aa").items():
        assert uris(filled, f"checksum?{kind}={value}") == same
        assert uris(filled, f"checksum?{kind}={value.upper()}&repos=generic-local,other") == same
        assert uris(filled, f"checksum?{kind}={value}&repos=other") == []
    assert filled.get("/api/search/checksum").status_code == 400
    assert filled.get("/api/search/checksum?sha1=zz").status_code == 400


def test_search_by_property(filled):
    assert uris(filled, "prop?k=v") == ["/generic-local/p/a.bin", "/generic-local/root.txt",
                                        "/other/p/d.bin"]
    assert uris(filled, "prop?k=v&license=GPL-2") == ["/generic-local/p/a.bin"]
    assert uris(filled, "prop?k=w,x&repos=all") == ["/generic-local/p/a.bin"]
    assert uris(filled, "prop?license=LG*") == ["/generic-local/p/a.bin",
                                                "/generic-local/p/q/b.bin"]
    assert filled.get("/api/search/prop").status_code == 400


def test_result_detail_tells_all_of_an_item(filled):
    answer = filled.get("/api/search/prop?k=w",
                        headers={"X-Result-Detail": "info, properties"})
    row, = answer.json()["results"]
    assert row["properties"] == {"k": ["v", "w"], "license": ["GPL-2", "LGPL-2"]}
    assert row["checksums"] == sums(b"aa") and row["size"] == "2"
    assert row["downloadUri"] == filled.base + "/generic-local/p/a.bin"


def test_search_by_name(filled):
    assert uris(filled, "artifact?name=a.b") == ["/generic-local/p/a.bin"]
    assert uris(filled, "artifact?name=*.txt&repos=all") == ["/generic-local/root.txt"]
    assert filled.get("/api/search/artifact").status_code == 400


def test_maven_searches(filled):
    for version, files in {"1.9": ["app-1.9.jar"], "1.10": ["app-1.10.jar", "app-1.10-sources.jar"],
                           "2.0-SNAPSHOT": ["app-2.0-20260102.030405-7.jar"]}.items():
        for name in files:
            path = f"/libs/org/acme/app/{version}/{name}"
            assert filled.put(path, name.encode()).status_code == 201
    base = "/libs/org/acme/app/"
    assert uris(filled, "gavc?g=org.acme&a=app&v=1.10") == [
        base + "1.10/app-1.10-sources.jar", base + "1.10/app-1.10.jar"]
    assert uris(filled, "gavc?a=app&c=sources") == [base + "1.10/app-1.10-sources.jar"]
    assert uris(filled, "gavc?g=org.acme&repos=libs") == [
        base + "1.10/app-1.10-sources.jar", base + "1.10/app-1.10.jar", base + "1.9/app-1.9.jar",
        base + "2.0-SNAPSHOT/app-2.0-20260102.030405-7.jar"]
    versions = filled.get("/api/search/versions?g=org.acme&a=app").json()
    assert versions == {"results": [{"version": "2.0-SNAPSHOT", "integration": True},
                                    {"version": "1.10", "integration": False},
                                    {"version": "1.9", "integration": False}]}
    latest = filled.get("/api/search/latestVersion?g=org.acme&a=app")
    assert latest.text == "1.10" and latest.headers["Content-Type"].startswith("text/plain")
    assert filled.get("/api/search/latestVersion?g=org.acme&a=app&v=2.0-SNAPSHOT"
                      ).text == "2.0-20260102.030405-7"
    assert filled.get("/api/search/versions?g=org.acme&a=app&v=1.*").json()["results"][0][
        "version"] == "1.10"
    none = filled.get("/api/search/latestVersion?g=org.acme&a=none")
    assert none.status_code == 404 and message(none) == "Unable to find artifact versions"


# --- random queries against a plain reading ---

WORDS = ["a", "ab", "b", "lib", "lib-1", "x.y", "[z]"]


def make_items(rnd):
    items = {}
    for number in range(160):
        folder = "/".join(rnd.choice(WORDS) for _ in range(rnd.randrange(4)))
        path = (folder + "/" if folder else "") + f"{rnd.choice(WORDS)}{rnd.randrange(30)}.bin"
        items[(rnd.choice(["generic-local", "other"]), path)] = {
            "data": b"x" * rnd.randrange(6),
            "props": sorted({(rnd.choice("klm"), rnd.choice(WORDS)) for _ in range(
                rnd.randrange(4))})}
    return items


def as_rows(items):
    rows = {}
    for (repo, path), item in items.items():
        folder, _, name = path.rpartition("/")
        rows[repo, path] = {
            "repo": repo, "path": folder or ".", "name": name, "type": "file",
            "size": len(item["data"]), "depth": path.count("/") + 1,
            "sha256": sums(item["data"])["sha256"], "actual_md5": sums(item["data"])["md5"],
            "props": item["props"]}
        while folder:
            parent, _, name = folder.rpartition("/")
            rows.setdefault((repo, folder), {
                "repo": repo, "path": parent or ".", "name": name, "type": "folder", "size": 0,
                "depth": folder.count("/") + 1, "sha256": None, "actual_md5": None, "props": []})
            folder = parent
    return list(rows.values())


def like(text, pattern):
    return text is not None and fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def key_of(field, value):
    return "" if field == "path" and value == "." else value


def compare(field, have, op, want):
    if want is None:
        return (have is None) == (op == "$eq")
    if op == "$match":
        return like(have, want)
    if op == "$nmatch":
        return not like(have, want)
    have, want = key_of(field, have), key_of(field, want)
    if op == "$eq":
        return have == want
    if op == "$ne":
        return have != want
    if have is None:
        return False
    return {"$gt": have > want, "$gte": have >= want, "$lt": have < want,
            "$lte": have <= want}[op]


def property_holds(row, key, op, want):
    values = [v for k, v in row["props"] if key in (k, "*")]
    if op in ("$ne", "$nmatch"):
        return not any(compare("@", v, "$eq" if op == "$ne" else "$match", want) for v in values)
    return any(compare("@", v, op, want) for v in values)


def holds(node, row):
    kind = node[0]
    if kind == "and":
        return all(holds(child, row) for child in node[1])
    if kind == "or":
        return any(holds(child, row) for child in node[1])
    if kind == "msp":
        return any(all(key in (k, "*") and compare("@", v, op, want)
                       for key, op, want in node[1]) for k, v in row["props"])
    _, field, op, want = node
    if field.startswith("@"):
        return property_holds(row, field[1:], op, want)
    if field == "type":
        return want == "any" or row["type"] == want
    return compare(field, row[field], op, want)


def written(node):
    kind = node[0]
    if kind == "and":
        return "{" + ",".join(pair(child) for child in node[1]) + "}"
    return "{" + pair(node) + "}"


def pair(node):
    kind = node[0]
    if kind == "msp":
        return '"$msp":[' + ",".join(
            f'{{"@{key}":{{"{op}":{json.dumps(want)}}}}}' for key, op, want in node[1]) + "]"
    if kind in ("and", "or"):
        return f'"${kind}":[' + ",".join(written(child) for child in node[1]) + "]"
    _, field, op, want = node
    if op == "$eq" and len(field) % 2:
        return f'"{field}":{json.dumps(want)}'
    return f'"{field}":{{"{op}":{json.dumps(want)}}}'


def make_pattern(rnd):
    return "".join(rnd.choice(["*", "?", "a", "b", "lib", "/", ".", "[z]", "1"])
                   for _ in range(rnd.randrange(1, 4)))


def make_term(rnd, row):
    field = rnd.choice(["repo", "path", "path", "name", "name", "size", "depth", "sha256",
                        "actual_md5", "@k", "@l", "@*"])
    if field in ("size", "depth"):
        return ("term", field, rnd.choice(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]),
                rnd.randrange(6))
    op = rnd.choice(["$eq", "$eq", "$ne", "$match", "$match", "$nmatch", "$gt", "$lte"])
    if field.startswith("@"):
        return ("term", field, op, make_pattern(rnd) if "match" in op else rnd.choice(WORDS))
    if "match" in op:
        return ("term", field, op, rnd.choice([make_pattern(rnd), (row[field] or "a")[:3] + "*"]))
    if field in ("sha256", "actual_md5") and op in ("$eq", "$ne") and rnd.random() < .3:
        return ("term", field, op, None)
    return ("term", field, op, row[field] or "a")


def make_node(rnd, rows, depth):
    kind = rnd.choice(["and", "or", "msp", "term", "term"]) if depth else "term"
    if kind == "msp":
        return (kind, [(rnd.choice("kl*"), rnd.choice(["$eq", "$ne", "$match", "$nmatch"]),
                        rnd.choice(WORDS)) for _ in range(rnd.randrange(1, 3))])
    if kind == "term":
        return make_term(rnd, rnd.choice(rows))
    return (kind, [make_node(rnd, rows, depth - 1) for _ in range(rnd.randrange(1, 4))])


def test_random_queries_find_what_a_plain_reading_finds(make_store):
    store = make_store("--repositories", "generic-local,other")
    rnd = random.Random(20260202)
    items = make_items(rnd)
    for (repo, path), item in items.items():
        props = "".join(f";{k}={v.replace('[', '%5B').replace(']', '%5D')}"
                        for k, v in item["props"])
        url = f"/{repo}/{path}".replace("[", "%5B").replace("]", "%5D")
        assert store.put(url + props, item["data"]).status_code == 201
    rows = as_rows(items)
    seen = set()
    for _ in range(600):
        node = ("and", [make_node(rnd, rows, 2) for _ in range(rnd.randrange(1, 4))])
        if rnd.random() < .4:
            node[1].append(("term", "type", "$eq", rnd.choice(["any", "folder", "file"])))
            wanted = [row for row in rows if holds(node, row)]
        else:
            wanted = [row for row in rows if row["type"] == "file" and holds(node, row)]
        sort = rnd.sample(["repo", "path", "name", "size", "depth"], rnd.randrange(1, 4))
        down = rnd.random() < .5
        sort += [f for f in ("repo", "path", "name") if f not in sort]
        wanted.sort(key=lambda row: tuple(key_of(f, row[f]) for f in sort), reverse=down)
        text = (f"items.find({written(node)}).include(\"repo\",\"path\",\"name\",\"type\",\"size\")"
                f".sort({{\"{'$desc' if down else '$asc'}\":{json.dumps(sort)}}})")
        if rnd.random() < .3:
            offset, limit = rnd.randrange(5), rnd.randrange(20)
            text += f".limit({limit}).offset({offset})"
            wanted = wanted[offset:offset + limit]
        found = [tuple(row.values()) for row in aql(store, text)["results"]]
        assert found == [(row["repo"], row["path"], row["name"], row["type"], row["size"])
                         for row in wanted], text
        seen.add(len(found))
    assert len(seen) > 20     # the queries are not all of everything or nothing
