/* test_reach.c - what is asked of one place costs what lies there, however much lies elsewhere:
 * told by the steps that SQLite's machine makes, which are the same on every computer. */
#include "tests/unit/unit.h"

#include "store/disk/maven.h"
#include "store/disk/npm.h"
#include "store/disk/retention.h"

enum {
    ITEMS = 20000,    /* elsewhere, in 200 folders */
    STEPS_FEW = 3000, /* for some rows; one look at all items is ten times that */
};

struct fixture {
    struct db *db;
    int64_t steps;
};

static int on_step(void *ctx)
{
    ++*(int64_t *)ctx;
    return 0;
}

static void run(struct db *db, const char *sql)
{
    char *told = NULL;

    if (sqlite3_exec(db_handle(db), sql, NULL, NULL, &told) != SQLITE_OK)
        fail_msg("%s: %s", sql, told);
}

#define ITEM_OF(from)                                                                              \
    " INSERT INTO items (repo, path, name, sha256, created_ms, created_by,"                        \
    " modified_ms, modified_by, updated_ms) SELECT " from

/* Much in the folders d0 … d199, with tags as of packages; an npm package, a Maven artifact. */
static void fill(struct db *db)
{
    run(db, "BEGIN; INSERT INTO repositories (key, immutable, created_ms) VALUES ('r', 0, 1);"
            "CREATE TEMP TABLE n AS WITH RECURSIVE n(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM n"
            " WHERE k < 19999) SELECT k FROM n;"
            "INSERT INTO blobs SELECT 'b' || k, 's' || k, 'm' || k, k FROM n;" ITEM_OF(
                "'r', '', 'd' || k, NULL, k, 'u', k, 'u', k FROM n WHERE k < 200;")
                ITEM_OF("'r', 'd' || (k / 100), 'f' || k, 'b' || k, k, 'u', k, 'u', k FROM n;"));
    run(db,
        "INSERT INTO properties SELECT id, '" NPM_PROP_TAG "', 'x' || id FROM items"
        " WHERE sha256 IS NOT NULL;"
        "INSERT INTO properties SELECT id, 'pinned', 'yes' FROM items WHERE sha256 IS NOT "
        "NULL;" ITEM_OF(
            "'r', 'pkg/-', 'pkg-1.' || k || '.0.tgz', 'b' || k, k, 'u', k, 'u', k FROM n"
            " WHERE k < 3;")
            ITEM_OF("'r', '.npm/pkg', '1.' || k || '.0.json', 'b' || k, k, 'u', k, 'u', k FROM n"
                    " WHERE k < 3;")
                ITEM_OF("'r', 'org/app', '1.' || k, NULL, k, 'u', k, 'u', k FROM n WHERE k < 3;")
                    ITEM_OF("'r', 'org/app/1.' || k, 'app-1.' || k || '.pom', 'b' || k, k, 'u', k, "
                            "'u', k"
                            " FROM n WHERE k < 3;") " COMMIT; DROP TABLE n");
}

static void fixture_open(struct fixture *fixture, const char *folder)
{
    auto_free char *path = xasprintf("%s/index.db", folder);
    struct err err = { 0 };

    fixture->steps = 0;
    assert_ok(index_open_writer(path, &fixture->db, &err), err);
    fill(fixture->db);
    sqlite3_progress_handler(db_handle(fixture->db), 1, on_step, &fixture->steps);
}

static int64_t steps_taken(struct fixture *fixture)
{
    int64_t steps = fixture->steps;

    fixture->steps = 0;
    return steps;
}

static int count_item(void *ctx, const struct item *item)
{
    (void)item;
    ++*(int *)ctx;
    return 0;
}

static struct item_path path_of(const char *text)
{
    struct item_path path;

    assert_int_equal(item_path_check(text, &path, NULL), 0);
    return path;
}

static void a_folder_is_listed_without_the_others(void **state)
{
    static const struct {
        const char *path;
        int depth;
        int count;
    } asked[] = { { "r/d7", 1, 100 },    { "r/d7", 0, 100 }, { "r/org", 1, 0 },
                  { "r/org", 2, 3 },     { "r/org", 0, 6 },  { "r/org/app", 1, 3 },
                  { "r/org/app", 0, 6 }, { "r", 1, 200 } };
    struct fixture fixture;

    fixture_open(&fixture, *state);
    for (size_t i = 0; i < countof(asked); i++) {
        struct item_path at = path_of(asked[i].path);
        int count = 0;
        assert_int_equal(index_list(fixture.db, &at, asked[i].depth, count_item, &count, NULL), 0);
        assert_int_equal(count, asked[i].count);
        assert_in_range(steps_taken(&fixture), 1, STEPS_FEW + 50 * count);
    }
    struct item_path root = path_of("r");
    int count = 0;
    assert_int_equal(index_list(fixture.db, &root, 0, count_item, &count, NULL), 0);
    assert_int_equal(count, 200 + ITEMS + 12);
    db_close(fixture.db);
}

static void a_package_is_read_without_the_others(void **state)
{
    struct fixture fixture;
    struct npm_package package;
    struct err err = { 0 };

    fixture_open(&fixture, *state);
    assert_ok(npm_package_load(fixture.db, "r", "pkg", &package, &err), err);
    assert_int_equal(package.rows_count, 3);
    npm_package_done(&package);
    assert_in_range(steps_taken(&fixture), 1, STEPS_FEW);
    db_close(fixture.db);
}

static void an_artifact_is_told_without_the_others(void **state)
{
    struct fixture fixture;
    struct item_path at = path_of("r/org/app");
    struct maven_metadata metadata;
    struct err err = { 0 };

    fixture_open(&fixture, *state);
    maven_metadata_init(&metadata);
    assert_ok(maven_compute(fixture.db, &at, &metadata, &err), err);
    assert_int_equal(metadata.versions_count, 3);
    maven_metadata_done(&metadata);
    assert_in_range(steps_taken(&fixture), 1, STEPS_FEW);
    db_close(fixture.db);
}

/* Each folder is looked at once, and so is each file. */
static void rules_of_retention_read_a_repository_once(void **state)
{
    static const char *const rules[] = { "r keep=3 unless-property=pinned",
                                         "r folders keep=3 unless-property=pinned",
                                         "r folders keep=100" };
    struct fixture fixture;

    fixture_open(&fixture, *state);
    for (size_t i = 0; i < countof(rules); i++) {
        struct retention_rule rule;
        struct retention_place place = { .begun = false };
        struct retention_finds finds = { .count = 0 };
        assert_int_equal(retention_parse(rules[i], &rule, NULL), 0);
        while (retention_next(fixture.db, &rule, 1000000, &place, &finds, NULL) > 0)
            ;
        assert_string_equal(place.folder, "pkg/-");
        assert_int_equal(finds.count, i == 2 ? 100 : 0);
        retention_finds_done(&finds);
        assert_in_range(steps_taken(&fixture), ITEMS, 100 * ITEMS);
    }
    db_close(fixture.db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(a_folder_is_listed_without_the_others),
        unit_test_in_folder(a_package_is_read_without_the_others),
        unit_test_in_folder(an_artifact_is_told_without_the_others),
        unit_test_in_folder(rules_of_retention_read_a_repository_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
