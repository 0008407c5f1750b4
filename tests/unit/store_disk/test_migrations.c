/* test_migrations.c - an index of the first schema comes to the present one, a program at a time.
 */
#include "tests/unit/unit.h"

#include <unistd.h>

#include "store/disk/journal.h"
#include "store/disk/rebuild.h"
#include "store/disk/search.h"
#include "store/disk/tokens.h"

extern const size_t store_migrations_count; /* made by cmake/embed.cmake */

static void run(struct db *db, const char *sql)
{
    char *told = NULL;

    if (sqlite3_exec(db_handle(db), sql, NULL, NULL, &told) != SQLITE_OK)
        fail_msg("%s: %s", sql, told);
}

/* What the first program may have written: files, one of them in two places, a folder, properties,
 * the farm's token. */
static void fill_first(struct db *db)
{
    run(db, "INSERT INTO repositories VALUES ('dev', 0, 1), ('release', 1, 2)");
    run(db,
        "INSERT INTO blobs VALUES"
        " ('1111111111111111111111111111111111111111111111111111111111111111', 's1', 'm1', 10),"
        " ('2222222222222222222222222222222222222222222222222222222222222222', 's2', 'm2', 20)");
    run(db,
        "INSERT INTO items VALUES"
        " (1, 'dev', '', 'app', NULL, 0, 100, 'ci', 100, 'ci', 100),"
        " (2, 'dev', 'app', 'a.jar',"
        "  '1111111111111111111111111111111111111111111111111111111111111111', 4, 101, 'ci', 102,"
        "  'eve', 103),"
        " (3, 'release', '', 'a.jar',"
        "  '1111111111111111111111111111111111111111111111111111111111111111', 0, 104, 'ci', 104,"
        "  'ci', 104),"
        " (4, 'release', '', 'b.jar',"
        "  '2222222222222222222222222222222222222222222222222222222222222222', 0, 105, 'ci', 105,"
        "  'ci', 105)");
    run(db,
        "INSERT INTO properties VALUES (2, 'build', '7'), (2, 'build', '8'), (4, 'build', '9')");
    run(db, "INSERT INTO tokens VALUES ('T1', 'hash', 'farm', 4, 5, 0)");
}

static int add_place(void *ctx, const struct search_row *row)
{
    struct buf *told = ctx;
    buf_printf(told, "%s:%s ", row->item.at.repo, row->item.at.path);
    return 0;
}

static void assert_found(struct db *db, const char *text, const char *places)
{
    struct aql_query *query = NULL;
    struct search search = { .budget_ms = 10000 };
    struct buf told;
    struct err err = { 0 };

    buf_init(&told, 1000);
    assert_ok(aql_parse(text, strlen(text), 0, &query, &err), err);
    search.query = query;
    assert_ok(search_items(db, &search, add_place, &told, &err), err);
    assert_string_equal(told.data, places);
    aql_free(query);
    buf_done(&told);
}

static void check_token(void *ctx, const struct token *token)
{
    ++*(int *)ctx;
    assert_string_equal(token->id, "T1");
    assert_string_equal(token->sha256, "hash");
    assert_string_equal(token->subject, "farm");
    assert_string_equal(token->scope, "applied-permissions/admin");
    assert_int_equal(token->created_ms, 5);
}

static void check_repository(void *ctx, const struct repository *repository)
{
    ++*(int *)ctx;
    assert_int_equal(repository->immutable, strcmp(repository->key, "release") == 0);
    assert_int_equal(repository->type, REPO_GENERIC);
    assert_int_equal(repository->class, REPO_LOCAL);
}

/* All that was there is, as the present program reads it, and its searches find it. */
static void check_all(struct db *db)
{
    struct item_path at;
    struct item item;
    struct props props = { 0 };
    struct err err = { 0 };
    int tokens = 0;
    int repositories = 0;

    assert_ok(item_path_check("dev/app/a.jar", &at, &err), err);
    assert_ok(index_find(db, &at, &item, &err), err);
    assert_string_equal(item.digests.sha1, "s1");
    assert_string_equal(item.digests.md5, "m1");
    assert_int_equal(item.digests.size_bytes, 10);
    assert_int_equal(item.claimed, 4);
    assert_int_equal(item.created_ms, 101);
    assert_int_equal(item.modified_ms, 102);
    assert_int_equal(item.updated_ms, 103);
    assert_string_equal(item.modified_by, "eve");
    assert_ok(index_props(db, item.id, &props, &err), err);
    assert_int_equal(props.count, 2);
    props_done(&props);
    assert_found(db, "items.find({\"@build\":\"8\"})", "dev:app/a.jar ");
    assert_found(db, "items.find({\"name\":\"a.jar\"}).sort({\"$asc\":[\"repo\"]})",
                 "dev:app/a.jar release:a.jar ");
    assert_found(db, "items.find({\"repo\":\"release\",\"size\":{\"$gt\":10}})", "release:b.jar ");
    assert_found(db, "items.find({\"created\":{\"$gt\":\"1970-01-01T00:00:00.104Z\"}})",
                 "release:b.jar ");
    assert_ok(tokens_each(db, check_token, &tokens, &err), err);
    assert_int_equal(tokens, 1);
    assert_ok(index_repositories(db, check_repository, &repositories, &err), err);
    assert_int_equal(repositories, 2);
}

static void first_make(const char *path)
{
    struct db *db;
    struct err err = { 0 };

    assert_ok(index_open_old(path, 1, &db, &err), err);
    fill_first(db);
    db_close(db);
}

static void check_copies(const char *path, int first, int last)
{
    for (int schema = first; schema <= last; schema++) {
        auto_free char *copy = xasprintf("%s.v%d.bak", path, schema);
        assert_int_equal(access(copy, R_OK), 0);
    }
}

static void every_program_since_the_first_takes_what_the_one_before_left(void **state)
{
    auto_free char *path = xasprintf("%s/index.db", (char *)*state);
    int last = (int)store_migrations_count;
    struct db *db;
    struct err err = { 0 };

    first_make(path);
    for (int schema = 2; schema <= last; schema++) {
        assert_ok(index_open_old(path, schema, &db, &err), err);
        db_close(db);
    }
    check_copies(path, 1, last - 1);
    assert_ok(index_open_writer(path, &db, &err), err);
    check_all(db);
    db_close(db);
}

static void the_first_index_comes_to_the_present_at_once(void **state)
{
    auto_free char *path = xasprintf("%s/index.db", (char *)*state);
    struct db *db;
    struct err err = { 0 };

    first_make(path);
    assert_ok(index_open_writer(path, &db, &err), err);
    check_all(db);
    db_close(db);
    check_copies(path, 1, 1);
    assert_fails(index_open_old(path, 1, &db, &err), ERR_CONFLICT); /* the old program is told */
}

/* The journal begins with what was there before there was one. */
static void a_rebuild_gives_what_the_first_program_wrote(void **state)
{
    auto_free char *path = xasprintf("%s/index.db", (char *)*state);
    auto_free char *made = xasprintf("%s/made.db", (char *)*state);
    auto_free char *dir = xasprintf("%s/journal", (char *)*state);
    struct journal *journal;
    struct journal_start start;
    struct journal_told told;
    struct db *db;
    struct err err = { 0 };

    first_make(path);
    assert_ok(index_open_writer(path, &db, &err), err);
    assert_ok(journal_open(dir, path, db, &journal, &start, &err), err);
    journal_close(journal);
    db_close(db);
    assert_ok(rebuild_replay(dir, made, 0, 0, &db, &told, &err), err);
    check_all(db);
    db_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(every_program_since_the_first_takes_what_the_one_before_left),
        unit_test_in_folder(the_first_index_comes_to_the_present_at_once),
        unit_test_in_folder(a_rebuild_gives_what_the_first_program_wrote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
