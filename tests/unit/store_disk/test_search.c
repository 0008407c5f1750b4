/* test_search.c - the way each query takes to its rows, by SQLite's own account: never a look at
 * all items where a condition has an index. */
#include "../unit.h"

#include "sos/base/buf.h"
#include "store/disk/search.h"

enum { ITEMS = 6000 }; /* more than a plan counts: a repository is then "many" */

struct fixture {
    struct db *writer;
    struct db *reader;
};

static void run(struct db *db, const char *sql)
{
    char *told = NULL;

    if (sqlite3_exec(db_handle(db), sql, NULL, NULL, &told) != SQLITE_OK)
        fail_msg("%s: %s", sql, told);
}

/* Items g0/a0/v0/f0.jar …, each with bytes and properties of its own, and one shared property. */
static void fill(struct db *db)
{
    run(db, "BEGIN");
    run(db, "INSERT INTO repositories (key, immutable, created_ms) VALUES ('r', 0, 1), ('s', 0, 1),"
            " ('artifactory-build-info', 0, 1)");
    run(db, "CREATE TEMP TABLE n AS WITH RECURSIVE n(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM n"
            " WHERE k < 5999) SELECT k FROM n");
    run(db, "INSERT INTO blobs SELECT 'sha256-' || k, 'sha1-' || k, 'md5-' || k, k FROM n");
    run(db, "INSERT INTO items (id, repo, path, name, sha256, created_ms, created_by, modified_ms,"
            " modified_by, updated_ms) SELECT k + 1, 'r', 'g' || (k / 1000) || '/a' || (k / 100),"
            " 'f' || k || '.jar', 'sha256-' || k, k, 'ci', k, 'ci', k FROM n");
    run(db, "INSERT INTO items (repo, path, name, sha256, created_ms, created_by, modified_ms,"
            " modified_by, updated_ms) SELECT 'artifactory-build-info', 'b', k || '-1.json',"
            " 'sha256-' || k, k, 'ci', k, 'ci', k FROM n WHERE k < 50");
    run(db, "INSERT INTO properties SELECT k + 1, 'build.number', k FROM n");
    run(db, "INSERT INTO properties SELECT k + 1, 'farm', 'yes' FROM n");
    run(db,
        "INSERT INTO builds SELECT i.id, i.id, 'b', i.name, 1 FROM items i WHERE i.repo <> 'r'");
    run(db, "INSERT INTO build_modules SELECT id, id, 'm' FROM builds");
    run(db, "INSERT INTO build_artifacts SELECT m.id, m.id, 'a', 'jar', '', '', 'sha1-' || (m.id %"
            " 6000), '', '' FROM build_modules m");
    run(db, "COMMIT");
}

static void open_filled(const char *folder, struct fixture *fixture)
{
    auto_free char *path = xasprintf("%s/index.db", folder);
    struct err err = { 0 };

    assert_ok(index_open_writer(path, &fixture->writer, &err), err);
    fill(fixture->writer);
    assert_ok(db_open_reader(path, &fixture->reader, &err), err);
}

static void close_all(struct fixture *fixture)
{
    db_close(fixture->reader);
    db_close(fixture->writer);
}

static void add_line(void *ctx, const char *line)
{
    buf_printf(ctx, "%s\n", line);
}

static int count_row(void *ctx, const struct search_row *row)
{
    (void)row;
    ++*(int *)ctx;
    return 0;
}

static struct aql_query *parse(const char *text)
{
    struct aql_query *query = NULL;
    struct err err = { 0 };

    assert_ok(aql_parse(text, strlen(text), 1000000, &query, &err), err);
    return query;
}

#define JF(path)                                                                                   \
    "items.find({\"path\":{\"$ne\":\".\"},\"$or\":[{\"$and\":[{\"repo\":\"r\",\"path\":\"" path    \
    "\",\"name\":{\"$match\":\"*\"}}]},{\"$and\":[{\"repo\":\"r\",\"path\":{\"$match\":\"" path    \
    "/*\"},\"name\":{\"$match\":\"*\"}}]}]}).include(\"name\",\"repo\",\"path\",\"property\")"
#define PLACE "USING INDEX sqlite_autoindex_items_1 "

static const struct {
    const char *text;
    const char *way; /* a part of SQLite's plan */
    int rows;
} ways[] = {
    { JF("g1/a12"), "COVERING INDEX sqlite_autoindex_items_1 (repo=? AND path=?)", 100 },
    { JF("g1"), "COVERING INDEX sqlite_autoindex_items_1 (repo=? AND path>? AND path<?)", 1000 },
    { "items.find({\"repo\":\"r\",\"path\":\"g0/a3\",\"name\":\"f300.jar\"})",
      PLACE "(repo=? AND path=? AND name=?)", 1 },
    { "items.find({\"repo\":\"r\",\"path\":\"g0/a3\",\"name\":{\"$match\":\"f30*.jar\"}})",
      PLACE "(repo=? AND path=? AND name>? AND name<?)", 10 },
    { "items.find({\"path\":\"g0/a3\"})", PLACE "(repo=? AND path=?)", 100 },
    { "items.find({\"repo\":{\"$match\":\"r*\"},\"path\":{\"$match\":\"g0/a3*\"}})",
      PLACE "(repo=? AND path>? AND path<?)", 100 },
    { "items.find({\"type\":\"file\",\"repo\":\"artifactory-build-info\",\"path\":{\"$match\":"
      "\"b\"}"
      "}).sort({\"$desc\":[\"created\"]}).limit(1)",
      PLACE "(repo=? AND path=?)", 1 },
    { "items.find({\"name\":\"f77.jar\"})", "USING INDEX items_by_name (name=?)", 1 },
    { "items.find({\"repo\":\"r\",\"name\":{\"$match\":\"f77?.jar\"}})",
      "USING INDEX items_by_name (name>? AND name<?)", 10 },
    { "items.find({\"repo\":\"r\",\"@build.number\":\"77\"})",
      "properties_by_value (key=? AND value=?)", 1 },
    { "items.find({\"@farm\":\"yes\",\"@build.number\":\"77\"})",
      "properties_by_value (key=? AND value=?)", 1 },
    { "items.find({\"@farm\":\"yes\",\"path\":\"g0/a3\"})", PLACE "(repo=? AND path=?)", 100 },
    { "items.find({\"@build.number\":{\"$match\":\"77*\"}})",
      "properties_by_value (key=? AND value>? AND value<?)", 11 },
    { "items.find({\"$msp\":[{\"@build.number\":\"77\"},{\"@build.number\":{\"$ne\":\"78\"}}]})",
      "properties_by_value (key=? AND value=?)", 1 },
    { "items.find({\"sha256\":\"sha256-5\"})", "items_by_sha256 (sha256=?)", 2 },
    { "items.find({\"actual_sha1\":\"sha1-5\"})", "blobs_by_sha1 (sha1=?)", 2 },
    { "items.find({\"$or\":[{\"actual_md5\":\"md5-5\"},{\"actual_md5\":\"md5-700\"}]})",
      "blobs_by_md5 (md5=?)", 3 },
    { "items.find({\"repo\":\"r\",\"$or\":[{\"path\":\"g0/a3\"},{\"path\":\"g0/a4\"}]})",
      "COVERING INDEX sqlite_autoindex_items_1 (repo=? AND path=?)", 200 },
    { "items.find({\"repo\":\"r\"}).sort({\"$desc\":[\"created\"]}).limit(5)",
      "USING INDEX items_by_created (repo=?)", 5 },
    { "items.find({\"repo\":\"r\"}).sort({\"$asc\":[\"path\",\"name\"]}).offset(10).limit(5)",
      PLACE "(repo=?)", 5 },
    { "items.find({\"repo\":\"r\",\"created\":{\"$gt\":5990}})",
      "USING INDEX items_by_created (repo=? AND created_ms>?)", 9 },
    { "items.find({\"repo\":\"r\",\"modified\":{\"$gte\":5980,\"$lt\":\"5990\"}})",
      "USING INDEX items_by_modified (repo=? AND modified_ms>? AND modified_ms<?)", 10 },
    { "items.find({\"size\":{\"$gt\":5990}})", "blobs_by_size (size_bytes>?)", 9 },
    { "items.find({\"repo\":\"r\",\"stat.downloaded\":{\"$gt\":1}})",
      "downloads_by_last (last_ms>?)", 0 },
    { "items.find({\"$or\":[{\"$and\":[{\"artifact.module.build.name\":\"b\",\"artifact.module."
      "build.number\":\"7-1.json\"}]}]})",
      "builds_by_name (name=? AND number=?)", 2 },
};

static void every_query_of_a_client_finds_its_index(void **state)
{
    struct fixture fixture;

    open_filled(*state, &fixture);
    for (size_t i = 0; i < countof(ways); i++) {
        struct aql_query *query = parse(ways[i].text);
        const struct search search = { .query = query, .budget_ms = 10000 };
        struct err err = { 0 };
        struct buf plan;
        int rows = 0;

        buf_init(&plan, 1 << 20);
        assert_ok(search_explain(fixture.reader, query, add_line, &plan, &err), err);
        if (!strstr(plan.data, ways[i].way) || strstr(plan.data, "SCAN i\n"))
            fail_msg("%s\ngoes\n%s\nnot by %s", ways[i].text, plan.data, ways[i].way);
        assert_ok(search_items(fixture.reader, &search, count_row, &rows, &err), err);
        if (rows != ways[i].rows)
            fail_msg("%s has %d rows, not %d", ways[i].text, rows, ways[i].rows);
        buf_done(&plan);
        aql_free(query);
    }
    close_all(&fixture);
}

static void the_first_of_many_need_no_sorting(void **state)
{
    static const char *const texts[] = {
        "items.find({\"repo\":\"r\"}).sort({\"$desc\":[\"created\"]}).limit(5)",
        "items.find({\"repo\":\"r\",\"@farm\":\"yes\"}).sort({\"$desc\":[\"modified\"]}).limit(1)",
        "items.find({\"repo\":\"r\"}).sort({\"$asc\":[\"path\",\"name\"]}).limit(5)",
    };
    struct fixture fixture;

    open_filled(*state, &fixture);
    for (size_t i = 0; i < countof(texts); i++) {
        struct aql_query *query = parse(texts[i]);
        struct buf plan;

        buf_init(&plan, 1 << 20);
        assert_int_equal(search_explain(fixture.reader, query, add_line, &plan, NULL), 0);
        if (strstr(plan.data, "TEMP B-TREE"))
            fail_msg("%s\nsorts:\n%s", texts[i], plan.data);
        buf_done(&plan);
        aql_free(query);
    }
    close_all(&fixture);
}

/* As deep and as many as a query may be: SQLite must take it. */
static void the_largest_query_runs(void **state)
{
    struct fixture fixture;
    struct buf text;

    open_filled(*state, &fixture);
    buf_init(&text, 1 << 20);
    buf_add_str(&text, "items.find(");
    for (int i = 0; i < AQL_DEPTH_MAX - 1; i++)
        buf_add_str(&text, "{\"repo\":\"r\",\"$or\":[");
    buf_add_str(&text, "{\"name\":\"f1.jar\"");
    for (int i = 0; i < AQL_TERMS_MAX - 2 * AQL_DEPTH_MAX; i++)
        buf_printf(&text, ",\"@k%d\":{\"$ne\":\"v\"}", i);
    buf_add_str(&text, "}");
    for (int i = 0; i < AQL_DEPTH_MAX - 1; i++)
        buf_add_str(&text, "]}");
    buf_add_str(&text, ")");

    struct aql_query *query = parse(text.data);
    const struct search search = { .query = query, .budget_ms = 10000 };
    struct err err = { 0 };
    int rows = 0;
    assert_ok(search_items(fixture.reader, &search, count_row, &rows, &err), err);
    assert_int_equal(rows, 1);
    aql_free(query);

    buf_clear(&text);
    buf_add_str(&text, "items.find({\"$or\":[{\"sha256\":\"sha256-0\"}");
    for (int i = 1; i < AQL_TERMS_MAX / 2 - 1; i++)
        buf_printf(&text, ",{\"sha256\":\"sha256-%d\"}", 1000 + i);
    buf_add_str(&text, "]})");
    query = parse(text.data);
    const struct search wide = { .query = query, .budget_ms = 10000 };
    rows = 0;
    assert_ok(search_items(fixture.reader, &wide, count_row, &rows, &err), err);
    assert_int_equal(rows, AQL_TERMS_MAX / 2);
    aql_free(query);
    buf_done(&text);
    close_all(&fixture);
}

static void a_search_has_a_time(void **state)
{
    struct aql_query *query = parse("items.find({\"@farm\":{\"$match\":\"*\"},\"@*\":{\"$nmatch\":"
                                    "\"*a*b*c*\"},\"name\":{\"$match\":\"*f*f*\"}})");
    const struct search search = { .query = query, .budget_ms = -1 };
    struct fixture fixture;
    struct err err = { 0 };
    int rows = 0;

    open_filled(*state, &fixture);
    assert_fails(search_items(fixture.reader, &search, count_row, &rows, &err), ERR_LIMIT);
    assert_string_equal(err.reason, "SEARCH_TIME");
    /* The connection is as good as before. */
    const struct search again = { .query = query, .budget_ms = 60000 };
    assert_ok(search_items(fixture.reader, &again, count_row, &rows, &err), err);
    aql_free(query);
    close_all(&fixture);
}

static bool only_g1(void *ctx, const char *repo, const char *path)
{
    (void)ctx;
    return strcmp(repo, "r") == 0 && strncmp(path, "g1/", 3) == 0;
}

static void what_may_not_be_told_is_not_counted(void **state)
{
    struct aql_query *query = parse("items.find({\"@farm\":\"yes\"}).offset(995).limit(10)");
    const struct search search = { .query = query, .budget_ms = 10000, .may_tell = only_g1 };
    struct fixture fixture;
    struct err err = { 0 };
    int rows = 0;

    open_filled(*state, &fixture);
    assert_ok(search_items(fixture.reader, &search, count_row, &rows, &err), err);
    assert_int_equal(rows, 5);
    aql_free(query);
    close_all(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(every_query_of_a_client_finds_its_index),
        unit_test_in_folder(the_first_of_many_need_no_sorting),
        unit_test_in_folder(the_largest_query_runs),
        unit_test_in_folder(a_search_has_a_time),
        unit_test_in_folder(what_may_not_be_told_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
