/* test_aql.c - queries as clients send them, and what is no query. */
#include "../unit.h"

#include "sos/base/buf.h"
#include "store/core/aql.h"
#include "store/core/when.h"

enum { NOW_S = 1770000000 };
#define NOW_MS (INT64_C(1000) * NOW_S)

static struct aql_query *parse(const char *text)
{
    struct aql_query *query = NULL;
    struct err err = { 0 };

    if (aql_parse(text, strlen(text), NOW_MS, &query, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    return query;
}

/* The criteria as text: "&(repo=a |(&(name~*.jar) &(@k=v)))". */
static void write_node(const struct aql_node *node, struct buf *ret)
{
    static const char *const ops[AQL_OPS] = { "=", "!=", ">", ">=", "<", "<=", "~", "!~" };

    if (node->kind != AQL_TERM) {
        buf_add_str(ret, node->kind == AQL_AND ? "&(" : node->kind == AQL_OR ? "|(" : "msp(");
        for (const struct aql_node *child = node->children; child; child = child->next) {
            write_node(child, ret);
            buf_add_str(ret, child->next ? " " : "");
        }
        buf_add_str(ret, ")");
        return;
    }
    buf_printf(ret, "%s%s%s", aql_field_rule(node->field)->name, node->key ? node->key : "",
               ops[node->op]);
    if (node->null)
        buf_add_str(ret, "null");
    else if (node->text)
        buf_add_str(ret, node->text);
    else
        buf_printf(ret, "%lld", (long long)node->number);
}

static void assert_tree(const char *text, const char *tree)
{
    struct aql_query *query = parse(text);
    struct buf written;

    buf_init(&written, 1 << 16);
    write_node(query->root, &written);
    assert_string_equal(written.data, tree);
    buf_done(&written);
    aql_free(query);
}

#define JF(repo, path)                                                                             \
    "items.find({\"path\":{\"$ne\":\".\"},\"$or\":[{\"$and\":[{\"repo\":\"" repo                   \
    "\",\"path\":\"" path "\",\"name\":{\"$match\":\"*\"}}]},{\"$and\":[{\"repo\":\"" repo         \
    "\",\"path\":{\"$match\":\"" path "/*\"},\"name\":{\"$match\":\"*\"}}]}]})"                    \
    ".include(\"name\",\"repo\",\"path\",\"actual_md5\",\"actual_sha1\",\"sha256\",\"size\","      \
    "\"type\",\"modified\",\"created\",\"property\")"

static void queries_of_clients_become_trees(void **state)
{
    static const struct {
        const char *text;
        const char *tree;
    } rows[] = {
        { "items.find()", "&()" },
        { "items.find({})", "&()" },
        { JF("r", "p"),
          "&(path!=. |(&(&(&(repo=r path=p name~*))) &(&(&(repo=r path~p/* name~*)))))" },
        { "items.find({\"type\":\"file\",\"repo\":\"artifactory-build-info\",\"path\":{\"$match\":"
          "\"b\"}}).sort({\"$desc\":[\"created\"]}).limit(1)",
          "&(type=0 repo=artifactory-build-info path~b)" },
        { "items.find({\"repo\": \"g\", \"@build.name\": \"sfix\"}).include(\"repo\", \"path\")",
          "&(repo=g @build.name=sfix)" },
        { "items.find({\"$or\":[{\"$and\":[{\"artifact.module.build.name\":\"s\","
          "\"artifact.module.build.number\":\"16\"}]}]})",
          "&(|(&(&(&(artifact.module.build.name=s artifact.module.build.number=16)))))" },
        { "items.find({\"$or\":[{\"name\":\"a\"}],\"$or\":[{\"name\":\"b\"}]})",
          "&(|(&(name=a)) |(&(name=b)))" },
        { "items.find({\"name\":\"a\"},{\"size\":{\"$gt\":10,\"$lte\":\"20\"}})",
          "&(name=a size>10 size<=20)" },
        { "items.find({\"$msp\":[{\"@l\":{\"$match\":\"GPL*\"}},{\"@l\":{\"$nmatch\":\"L*\"}}]})",
          "&(msp(&(@l~GPL*) &(@l!~L*)))" },
        { "items.find({\"stat.downloads\":{\"$eq\":null},\"sha256\":{\"$ne\":null}})",
          "&(stat.downloads=null sha256!=null)" },
        { "items . find ( { \"name\" : \"\\u00e4\\ud83d\\ude00\\n\\\"\" } )",
          "&(name=\u00e4\U0001f600\n\")" },
        { "items.find({\"@*\":\"v\",\"property.key\":{\"$match\":\"a?\"}})",
          "&(@*=v property.key~a?)" },
        { "builds.find({\"name\":\"b\",\"module.artifact.name\":{\"$match\":\"*.jar\"}})",
          "&(name=b module.artifact.name~*.jar)" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_tree(rows[i].text, rows[i].tree);
}

static void modifiers_come_in_any_order(void **state)
{
    struct aql_query *query =
        parse("items.find({\"type\":\"any\"}).limit(5).include(\"name\",\"@k\",\"stat\")"
              ".transitive().sort({\"$desc\":[\"size\",\"name\"]}).distinct(false).offset(3)");

    (void)state;
    assert_int_equal(query->limit, 5);
    assert_int_equal(query->offset, 3);
    assert_true(query->descending && query->typed);
    assert_int_equal(query->sort_count, 2);
    assert_int_equal(query->sort[0], AQL_SIZE);
    assert_true(query->shown[AQL_NAME] && query->shown[AQL_STAT_DOWNLOADS]);
    assert_false(query->shown[AQL_REPO] || query->properties);
    assert_int_equal(query->keys_count, 1);
    assert_string_equal(query->keys[0], "k");
    aql_free(query);
}

static void what_is_not_named_is_the_default(void **state)
{
    struct aql_query *query = parse("items.find().include(\"property\")");

    (void)state;
    assert_int_equal(query->limit, -1);
    assert_false(query->typed);
    assert_true(query->properties && query->shown[AQL_REPO] && query->shown[AQL_UPDATED]);
    assert_false(query->shown[AQL_SHA256]);
    aql_free(query);
    query = parse("items.find().include(\"*\")");
    assert_true(query->shown[AQL_SHA256] && query->shown[AQL_DEPTH]);
    assert_false(query->shown[AQL_STAT_DOWNLOADS]);
    aql_free(query);
}

/* Each is refused with words and a place. */
static void what_is_no_query_is_told_with_its_place(void **state)
{
    static const struct {
        const char *text;
        const char *told;
    } rows[] = {
        { "", "a query begins with items.find( or builds.find(, which is missing at the end, "
              "position 1" },
        { "archive.entries.find()", "a query begins with items.find( or builds.find(, which is "
                                    "missing at position 1, near 'archive.entries.find()'" },
        { "items.find({\"nam\":\"a\"})",
          "'nam' is no field of this domain at position 13, near '\"nam\":\"a\"})'" },
        { "items.find({\"name\":\"a\"}", "')' is missing at the end, position 24" },
        { "items.find({\"name\" \"a\"})", "':' is missing at position 20, near '\"a\"})'" },
        { "items.find({\"name\":{\"$like\":\"a\"}})",
          "an operator ($eq, $match, \u2026) is missing at position 21, near "
          "'\"$like\":\"a\"}})'" },
        { "items.find({\"$nor\":[]})",
          "'$nor' is neither $and nor $or nor $msp at position 13, near '\"$nor\":[]})'" },
        { "items.find({\"$or\":[]})", "'{' is missing at position 20, near ']})'" },
        { "items.find({\"$msp\":[{\"name\":\"a\"}]})",
          "$msp takes criteria on properties only at position 13, near "
          "'\"$msp\":[{\"name\":\"a\"}]})'" },
        { "items.find({\"size\":\"big\"})",
          "'big' is no whole number, at position 20, near '\"big\"})'" },
        { "items.find({\"created\":{\"$gt\":\"yesterday\"}})",
          "'yesterday' is no date; it is written 2026-02-28T12:00:00Z, or as milliseconds since "
          "1970, at position 30, near '\"yesterday\"}})'" },
        { "items.find({\"created\":{\"$last\":\"5x\"}})",
          "'5x' is no span of time; it is written 5d, 10minutes, 2w, 3mo or 1y, at position 32, "
          "near '\"5x\"}})'" },
        { "items.find({\"name\":{\"$gt\":null}})",
          "null is compared with $eq and $ne only at position 27, near 'null}})'" },
        { "items.find().limit(-1)", "a count is missing at position 20, near '-1)'" },
        { "items.find().sort({\"$asc\":[\"@k\"]})",
          "'@k' is nothing to sort by at position 28, near '\"@k\"]})'" },
        { "items.find() x", "the query ends here, but something is at position 14, near 'x'" },
        { "items.find({\"name\":\"\xff\"})",
          "a byte that no string may hold at position 20, near '\"\xff\"})'" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct aql_query *query = NULL;
        struct err err = { 0 };
        assert_fails(aql_parse(rows[i].text, strlen(rows[i].text), NOW_MS, &query, &err),
                     ERR_INVALID);
        assert_string_equal(err.text, rows[i].told);
    }
}

static void a_query_has_a_depth_and_a_number_of_criteria(void **state)
{
    struct buf text;
    struct aql_query *query = NULL;

    (void)state;
    buf_init(&text, 1 << 20);
    buf_add_str(&text, "items.find(");
    for (int i = 0; i < AQL_DEPTH_MAX; i++)
        buf_add_str(&text, "{\"$or\":[");
    assert_fails(aql_parse(text.data, text.len, NOW_MS, &query, NULL), ERR_INVALID);
    buf_add_str(&text, "{\"name\":\"a\"}");
    for (int i = 0; i < AQL_DEPTH_MAX; i++)
        buf_add_str(&text, "]}");
    buf_add_str(&text, ")");
    struct err err = { 0 };
    assert_fails(aql_parse(text.data, text.len, NOW_MS, &query, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "more than 16 objects"));

    buf_clear(&text);
    buf_add_str(&text, "items.find({\"name\":\"a\"");
    for (int i = 0; i < AQL_TERMS_MAX; i++)
        buf_add_str(&text, ",\"name\":\"a\"");
    buf_add_str(&text, "})");
    assert_fails(aql_parse(text.data, text.len, NOW_MS, &query, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "more than 400 criteria"));
    buf_done(&text);
}

static void relative_dates_count_back_from_now(void **state)
{
    static const struct {
        const char *text;
        int64_t ago_ms;
    } rows[] = {
        { "5d", INT64_C(5) * 86400000 },
        { "10minutes", 600000 },
        { "2w", INT64_C(14) * 86400000 },
        { "30s", 30000 },
        { "7ms", 7 },
        { "0days", 0 },
    };
    int64_t at;

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        assert_int_equal(aql_ago_parse(rows[i].text, NOW_MS, &at, NULL), 0);
        assert_int_equal(at, NOW_MS - rows[i].ago_ms);
    }
    assert_int_equal(aql_ago_parse("1y", NOW_MS, &at, NULL), 0);
    assert_int_equal(at, NOW_MS - INT64_C(365) * 86400000);
    assert_fails(aql_ago_parse("d", NOW_MS, &at, NULL), ERR_INVALID);
    assert_fails(aql_ago_parse("99999999999d", NOW_MS, &at, NULL), ERR_INVALID);
    assert_fails(aql_ago_parse("5 d", NOW_MS, &at, NULL), ERR_INVALID);
}

static void dates_are_read_as_clients_write_them(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        { "1970-01-02", 86400000 },
        { "1970-01-01T01:00", 3600000 },
        { "1970-01-01T01:00:00.250Z", 3600250 },
        { "1970-01-01T01:00:00.250+01:00", 250 },
        { "1970-01-01T01:00:00-0100", 7200000 },
    };
    static const char *const wrong[] = { "",
                                         "1970",
                                         "1970-13-01",
                                         "1970-01-01T",
                                         "1970-01-01T25:00",
                                         "1970-01-01T01:00:00+1",
                                         "1970-01-01x" };
    int64_t at;

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        assert_true(when_iso_parse(rows[i].text, &at));
        assert_int_equal(at, rows[i].ms);
    }
    for (size_t i = 0; i < countof(wrong); i++)
        assert_false(when_iso_parse(wrong[i], &at));
}

static void a_pattern_has_two_wildcards(void **state)
{
    (void)state;
    assert_true(aql_match("*", "") && aql_match("a*c", "abbc") && aql_match("a?c", "a\u00e4c"));
    assert_true(aql_match("*a*b", "xaab") && aql_match("[", "["));
    assert_false(aql_match("?", "") || aql_match("a*c", "abcd") || aql_match("A", "a"));
}

static const char *members(void *ctx, const char *repo)
{
    (void)ctx;
    return strcmp(repo, "virtual") == 0 ? "a+b" : NULL;
}

static void a_virtual_repository_is_its_members(void **state)
{
    struct aql_query *query = parse("items.find({\"repo\":\"virtual\",\"$or\":[{\"repo\":{\"$ne\":"
                                    "\"virtual\"}},{\"repo\":\"c\"}]})");
    struct buf written;

    (void)state;
    aql_expand_repos(query, members, NULL);
    buf_init(&written, 4096);
    write_node(query->root, &written);
    assert_string_equal(written.data,
                        "&(|(&(repo=a) &(repo=b)) |(&(&(&(repo!=a) &(repo!=b))) &(repo=c)))");
    buf_done(&written);
    aql_free(query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_of_clients_become_trees),
        cmocka_unit_test(modifiers_come_in_any_order),
        cmocka_unit_test(what_is_not_named_is_the_default),
        cmocka_unit_test(what_is_no_query_is_told_with_its_place),
        cmocka_unit_test(a_query_has_a_depth_and_a_number_of_criteria),
        cmocka_unit_test(relative_dates_count_back_from_now),
        cmocka_unit_test(dates_are_read_as_clients_write_them),
        cmocka_unit_test(a_pattern_has_two_wildcards),
        cmocka_unit_test(a_virtual_repository_is_its_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
