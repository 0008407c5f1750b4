/* search_sql.c - the tree of a query as one SQL condition.
 *
 * A plus sign before a column keeps SQLite from choosing its index: the way to the
 * candidates is chosen in search_plan.c. */
#include <string.h>

#include "sos/base/auto.h"
#include "store/disk/search_own.h"

static const char *const columns[AQL_FIELDS] = {
    [AQL_REPO] = "+i.repo",
    [AQL_PATH] = "+i.path",
    [AQL_NAME] = "+i.name",
    [AQL_ITEM_TYPE] = "+i.sha256",
    [AQL_SIZE] = "ifnull(b.size_bytes, 0)",
    [AQL_CREATED] = "+i.created_ms",
    [AQL_CREATED_BY] = "i.created_by",
    [AQL_MODIFIED] = "+i.modified_ms",
    [AQL_MODIFIED_BY] = "i.modified_by",
    [AQL_UPDATED] = "i.updated_ms",
    [AQL_DEPTH] = ("(CASE i.path WHEN '' THEN 1 ELSE length(i.path) - length(replace(i.path, '/', "
                   "'')) + 2 END)"),
    [AQL_ORIGINAL_MD5] = "(CASE WHEN i.claimed & 2 THEN b.md5 END)",
    [AQL_ORIGINAL_SHA1] = "(CASE WHEN i.claimed & 1 THEN b.sha1 END)",
    [AQL_ACTUAL_MD5] = "b.md5",
    [AQL_ACTUAL_SHA1] = "b.sha1",
    [AQL_SHA256] = "+i.sha256",
    [AQL_AT_KEY] = "p.value",
    [AQL_PROPERTY_KEY] = "p.key",
    [AQL_PROPERTY_VALUE] = "p.value",
    [AQL_STAT_DOWNLOADS] = "(SELECT count FROM downloads s WHERE s.item=i.id)",
    [AQL_STAT_DOWNLOADED] = "(SELECT last_ms FROM downloads s WHERE s.item=i.id)",
    [AQL_STAT_DOWNLOADED_BY] = "(SELECT last_by FROM downloads s WHERE s.item=i.id)",
    [AQL_ARTIFACT_NAME] = "a.name",
    [AQL_ARTIFACT_TYPE] = "a.type",
    [AQL_ARTIFACT_MODULE] = "m.name",
    [AQL_ARTIFACT_BUILD_NAME] = "u.name",
    [AQL_ARTIFACT_BUILD_NUMBER] = "u.number",
    [AQL_ARTIFACT_BUILD_STARTED] = "u.started_ms",
    [AQL_DEPENDENCY_NAME] = "a.name",
    [AQL_DEPENDENCY_TYPE] = "a.type",
    [AQL_DEPENDENCY_MODULE] = "m.name",
    [AQL_DEPENDENCY_BUILD_NAME] = "u.name",
    [AQL_DEPENDENCY_BUILD_NUMBER] = "u.number",
    [AQL_DEPENDENCY_BUILD_STARTED] = "u.started_ms",
    [AQL_BUILD_NAME] = "u.name",
    [AQL_BUILD_NUMBER] = "u.number",
    [AQL_BUILD_STARTED] = "u.started_ms",
    [AQL_MODULE_NAME] = "m.name",
    [AQL_MODULE_ARTIFACT_NAME] = "a.name",
    [AQL_MODULE_ARTIFACT_TYPE] = "a.type",
    [AQL_MODULE_ARTIFACT_SHA1] = "a.sha1",
    [AQL_MODULE_ARTIFACT_MD5] = "a.md5",
    [AQL_MODULE_DEPENDENCY_NAME] = "a.name",
    [AQL_MODULE_DEPENDENCY_TYPE] = "a.type",
    [AQL_MODULE_DEPENDENCY_SHA1] = "a.sha1",
    [AQL_MODULE_DEPENDENCY_MD5] = "a.md5",
};

/* A checksum that a build-info did not tell is ''. */
#define BY_BYTES(table)                                                                            \
    table " a CROSS JOIN build_modules m ON m.id=a.module CROSS JOIN builds u ON u.id=m.build"     \
          " WHERE ((a.sha256=i.sha256 AND a.sha256<>'') OR (a.sha1=b.sha1 AND a.sha1<>'')"         \
          " OR (a.md5=b.md5 AND a.md5<>''))"
#define BY_BUILD(table) "build_modules m CROSS JOIN " table " a ON a.module=m.id WHERE m.build=u.id"

static const char *const scopes[AQL_SCOPES] = {
    [AQL_OF_PROPERTY] = "properties p WHERE p.item=i.id",
    [AQL_OF_ARTIFACT] = BY_BYTES("build_artifacts"),
    [AQL_OF_DEPENDENCY] = BY_BYTES("build_dependencies"),
    [AQL_OF_MODULE] = "build_modules m WHERE m.build=u.id",
    [AQL_OF_MODULE_ARTIFACT] = BY_BUILD("build_artifacts"),
    [AQL_OF_MODULE_DEPENDENCY] = BY_BUILD("build_dependencies"),
};

const char *sql_column(enum aql_field field)
{
    return columns[field];
}

static enum aql_scope term_scope(const struct aql_node *term)
{
    return aql_field_rule(term->field)->scope;
}

/* --- a comparison --- */

/* "." is what clients call the root, which has no name here. */
static const char *term_text(const struct aql_node *term)
{
    return term->field == AQL_PATH && strcmp(term->text, ".") == 0 ? "" : term->text;
}

const char *term_equals(const struct aql_node *term)
{
    if (term->null || !term->text ||
        !(term->op == AQL_EQ ||
          (term->op == AQL_MATCH && term->text[pattern_prefix(term->text)] == '\0')))
        return NULL;
    return term_text(term);
}

static void add_type(struct sql *sql, const struct aql_node *term)
{
    bool equal = term->op == AQL_EQ;

    if (term->null || term->number == AQL_ANY)
        sql_add(sql, equal == (!term->null) ? "1" : "0");
    else
        sql_add(sql, equal == (term->number == AQL_FILE) ? "+i.sha256 IS NOT NULL"
                                                         : "+i.sha256 IS NULL");
}

/* A pattern for the path may mean the root, too. */
static void add_match(struct sql *sql, const char *column, const struct aql_node *term)
{
    bool matches = term->op == AQL_MATCH;
    auto_free char *glob = glob_of(term->text);

    if (term->field == AQL_PATH && aql_match(term->text, "."))
        sql_add(sql, matches ? "(+i.path='' OR " : "(+i.path<>'' AND ");
    else
        sql_add(sql, "(");
    sql_add(sql, column);
    sql_add_text(sql, matches ? " GLOB ?)" : " GLOB ? IS NOT 1)", glob);
}

void sql_add_compare(struct sql *sql, const char *column, const struct aql_node *term)
{
    static const char *const ops[AQL_OPS] = {
        [AQL_EQ] = "=?",   [AQL_NE] = " IS NOT ?", [AQL_GT] = ">?",
        [AQL_GTE] = ">=?", [AQL_LT] = "<?",        [AQL_LTE] = "<=?",
    };

    if (term->field == AQL_ITEM_TYPE) {
        add_type(sql, term);
        return;
    }
    if (!term->null && (term->op == AQL_MATCH || term->op == AQL_NMATCH)) {
        add_match(sql, column, term);
        return;
    }
    /* Never sent is null, and is zero times, too. */
    if (term->field == AQL_STAT_DOWNLOADS && !term->null)
        sql_add(sql, "ifnull(");
    sql_add(sql, column);
    if (term->field == AQL_STAT_DOWNLOADS && !term->null)
        sql_add(sql, ", 0)");
    if (term->null)
        sql_add(sql, term->op == AQL_EQ ? " IS NULL" : " IS NOT NULL");
    else if (term->text)
        sql_add_text(sql, ops[term->op], term_text(term));
    else
        sql_add_number(sql, ops[term->op], term->number);
}

/* --- one of many --- */

/* Does it say that there is none such? */
static bool term_denies(const struct aql_node *term)
{
    return term->null ? term->op == AQL_EQ : term->op == AQL_NE || term->op == AQL_NMATCH;
}

/* What there is none of. */
static struct aql_node term_denied(const struct aql_node *term)
{
    struct aql_node denied = *term;

    denied.op = term->null               ? AQL_NE
                : term->op == AQL_NE     ? AQL_EQ
                : term->op == AQL_NMATCH ? AQL_MATCH
                                         : term->op;
    return denied;
}

/* Of one row of its scope.  "@k": "*" is a property k of any value, "@*" one of any key. */
static void add_row_term(struct sql *sql, const struct aql_node *term)
{
    bool any_value = term->null || ((term->op == AQL_EQ || term->op == AQL_NE) && term->text &&
                                    strcmp(term->text, "*") == 0);

    if (term->field != AQL_AT_KEY) {
        sql_add_compare(sql, sql_column(term->field), term);
        return;
    }
    sql_add(sql, "(1");
    if (strcmp(term->key, "*") != 0)
        sql_add_text(sql, " AND p.key=?", term->key);
    if (any_value) {
        sql_add(sql, term->op == AQL_NE && !term->null ? " AND 0" : "");
    } else {
        sql_add(sql, " AND ");
        sql_add_compare(sql, sql_column(term->field), term);
    }
    sql_add(sql, ")");
}

static void add_exists(struct sql *sql, enum aql_scope scope, bool exists)
{
    sql_add(sql, exists ? "EXISTS (SELECT 1 FROM " : "NOT EXISTS (SELECT 1 FROM ");
    sql_add(sql, scopes[scope]);
}

/* A term that nothing else of its scope goes with. */
static void add_lone_term(struct sql *sql, const struct aql_node *term)
{
    bool denies = term_denies(term);
    struct aql_node denied = term_denied(term);

    if (!scopes[term_scope(term)]) {
        sql_add_compare(sql, sql_column(term->field), term);
        return;
    }
    add_exists(sql, term_scope(term), !denies);
    sql_add(sql, " AND ");
    add_row_term(sql, denies ? &denied : term);
    sql_add(sql, ")");
}

/* --- the tree --- */

void parts_add(struct parts *parts, const struct aql_node *and)
{
    for (const struct aql_node *child = and->children; child; child = child->next)
        if (child->kind == AQL_AND)
            parts_add(parts, child);
        else if (parts->count < PARTS_MAX)
            parts->list[parts->count++] = child;
}

/* Terms on builds and modules are about one and the same, if any of them says that it is there. */
static bool scope_is_one(enum aql_scope scope)
{
    return scopes[scope] && scope != AQL_OF_PROPERTY;
}

static bool scope_is_asserted(const struct parts *parts, enum aql_scope scope)
{
    for (size_t i = 0; i < parts->count; i++)
        if (parts->list[i]->kind == AQL_TERM && term_scope(parts->list[i]) == scope &&
            !term_denies(parts->list[i]))
            return true;
    return false;
}

/* All of a scope in one; nothing when a part before was of it already. */
static void add_group(struct sql *sql, const struct parts *parts, size_t at)
{
    enum aql_scope scope = term_scope(parts->list[at]);

    for (size_t i = 0; i < at; i++)
        if (parts->list[i]->kind == AQL_TERM && term_scope(parts->list[i]) == scope)
            return;
    sql_add(sql, " AND ");
    add_exists(sql, scope, true);
    for (size_t i = at; i < parts->count; i++)
        if (parts->list[i]->kind == AQL_TERM && term_scope(parts->list[i]) == scope) {
            sql_add(sql, " AND ");
            add_row_term(sql, parts->list[i]);
        }
    sql_add(sql, ")");
}

static void add_and(struct sql *sql, const struct aql_node *node, bool row);

static void add_or(struct sql *sql, const struct aql_node *node, bool row)
{
    sql_add(sql, node->children ? "(" : "(0");
    for (const struct aql_node *child = node->children; child; child = child->next) {
        add_and(sql, child, row);
        sql_add(sql, child->next ? " OR " : "");
    }
    sql_add(sql, ")");
}

static void add_part(struct sql *sql, const struct parts *parts, size_t at, bool row)
{
    const struct aql_node *part = parts->list[at];

    if (part->kind == AQL_TERM && !row && scope_is_one(term_scope(part)) &&
        scope_is_asserted(parts, term_scope(part))) {
        add_group(sql, parts, at);
        return;
    }
    sql_add(sql, " AND ");
    if (part->kind == AQL_OR) {
        add_or(sql, part, row);
    } else if (part->kind == AQL_MSP && !row) {
        add_exists(sql, AQL_OF_PROPERTY, true);
        sql_add(sql, " AND ");
        add_and(sql, part, true);
        sql_add(sql, ")");
    } else if (part->kind == AQL_MSP) {
        add_and(sql, part, true);
    } else if (row) {
        add_row_term(sql, part);
    } else {
        add_lone_term(sql, part);
    }
}

/* `row`: inside of $msp, about one property p. */
static void add_and(struct sql *sql, const struct aql_node *node, bool row)
{
    struct parts *parts = xcalloc(1, sizeof *parts);

    parts_add(parts, node);
    sql_add(sql, "(1");
    for (size_t i = 0; i < parts->count; i++)
        add_part(sql, parts, i, row);
    sql_add(sql, ")");
    free(parts);
}

void sql_add_tree(struct sql *sql, const struct aql_query *query)
{
    add_and(sql, query->root, false);
    if (query->domain == AQL_ITEMS && !query->typed)
        sql_add(sql, " AND +i.sha256 IS NOT NULL");
}
