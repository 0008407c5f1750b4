/* patch_apply.c - applying patches: the rows that change or go are taken out, then those that
 * changed or are new are put in.  So no order of rows inside a patch can meet a UNIQUE that the
 * whole of it keeps. */
#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/disk/patch.h"
#include "store/disk/patch_own.h"

enum { TABLES_MAX = 64 };

struct target {
    struct table table;
    sqlite3_stmt *select; /* a row by its key */
    sqlite3_stmt *erase;
    sqlite3_stmt *insert; /* a row as the table is now */
};

struct row {
    struct target *target;
    sqlite3_value *values[TABLE_COLUMNS_MAX]; /* owned; NULL: the column's default */
};

struct applier {
    sqlite3 *handle;
    struct target *targets[TABLES_MAX];
    size_t targets_count;
};

/* --- tables --- */

int table_learn(sqlite3 *handle, const char *name, struct table *ret, struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool keyed = false;
    int code = sqlite3_prepare_v2(handle, "SELECT name, pk FROM pragma_table_info(?) ORDER BY cid",
                                  -1, &st, NULL);

    *ret = (struct table){ 0 };
    if (code != SQLITE_OK)
        return patch_fail(handle, code, "read the schema", err);
    snprintf(ret->name, sizeof ret->name, "%s", name);
    sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
    while ((code = sqlite3_step(st)) == SQLITE_ROW && ret->columns < TABLE_COLUMNS_MAX) {
        ret->names[ret->columns] = xstrdup((const char *)sqlite3_column_text(st, 0));
        ret->key[ret->columns] = (unsigned char)sqlite3_column_int(st, 1);
        keyed = keyed || ret->key[ret->columns] != 0;
        ret->columns++;
    }
    sqlite3_finalize(st);
    if (code == SQLITE_DONE && keyed && strlen(name) < sizeof ret->name)
        return 0;
    table_done(ret);
    return err_set(err, ERR_NOT_FOUND, "no table %s with a key", name);
}

void table_done(struct table *table)
{
    for (int i = 0; i < table->columns; i++)
        free(table->names[i]);
    table->columns = 0;
}

/* "a=? AND b=?" of the key, or "a, b" of all columns. */
static char *columns_text(const struct table *table, bool keys)
{
    char *text = xstrdup("");

    for (int i = 0; i < table->columns; i++) {
        if (keys && !table->key[i])
            continue;
        auto_free char *before = text;
        text = xasprintf(keys ? "%s%s\"%s\"=?" : "%s%s\"%s\"", before,
                         *before == '\0' ? ""
                         : keys          ? " AND "
                                         : ", ",
                         table->names[i]);
    }
    return text;
}

static int prepare(sqlite3 *handle, const char *sql, sqlite3_stmt **ret, struct err *err)
{
    int code = sqlite3_prepare_v3(handle, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
    return code == SQLITE_OK ? 0 : patch_fail(handle, SQLITE_OK, "prepare a patch", err);
}

static int target_prepare(struct applier *applier, struct target *target, struct err *err)
{
    const struct table *table = &target->table;
    auto_free char *keys = columns_text(table, true);
    auto_free char *columns = columns_text(table, false);
    auto_free char *marks = xstrdup("?");

    for (int i = 1; i < table->columns; i++) {
        auto_free char *before = marks;
        marks = xasprintf("%s, ?", before);
    }
    auto_free char *select =
        xasprintf("SELECT %s FROM \"%s\" WHERE %s", columns, table->name, keys);
    auto_free char *erase = xasprintf("DELETE FROM \"%s\" WHERE %s", table->name, keys);
    auto_free char *insert =
        xasprintf("INSERT OR REPLACE INTO \"%s\" (%s) VALUES (%s)", table->name, columns, marks);
    int rc = prepare(applier->handle, select, &target->select, err);
    if (rc == 0)
        rc = prepare(applier->handle, erase, &target->erase, err);
    return rc < 0 ? rc : prepare(applier->handle, insert, &target->insert, err);
}

static void target_free(struct target *target)
{
    sqlite3_finalize(target->select);
    sqlite3_finalize(target->erase);
    sqlite3_finalize(target->insert);
    table_done(&target->table);
    free(target);
}

static int target_find(struct applier *applier, const char *name, struct target **ret,
                       struct err *err)
{
    for (size_t i = 0; i < applier->targets_count; i++)
        if (strcmp(applier->targets[i]->table.name, name) == 0) {
            *ret = applier->targets[i];
            return 0;
        }
    if (applier->targets_count == TABLES_MAX)
        return err_set(err, ERR_LIMIT, "a patch has too many tables");
    struct target *target = xcalloc(1, sizeof *target);
    int rc = table_learn(applier->handle, name, &target->table, err);
    if (rc == 0)
        rc = target_prepare(applier, target, err);
    if (rc < 0) {
        target_free(target);
        return rc == -ERR_NOT_FOUND
                   ? err_set(err, ERR_INVALID, "the index has no table '%.60s'", name)
                   : rc;
    }
    applier->targets[applier->targets_count++] = *ret = target;
    return 0;
}

struct applier *applier_new(struct db *db)
{
    struct applier *applier = xcalloc(1, sizeof *applier);

    applier->handle = db_handle(db);
    return applier;
}

void applier_free(struct applier *applier)
{
    if (!applier)
        return;
    for (size_t i = 0; i < applier->targets_count; i++)
        target_free(applier->targets[i]);
    free(applier);
}

/* --- rows --- */

static void row_free(struct row *row)
{
    if (!row)
        return;
    for (int i = 0; i < TABLE_COLUMNS_MAX; i++)
        sqlite3_value_free(row->values[i]);
    free(row);
}

static bool table_has_key(const struct table *table, int columns, const unsigned char *key)
{
    for (int i = 0; i < columns && i < table->columns; i++)
        if (!key[i] != !table->key[i])
            return false;
    return columns <= table->columns;
}

/* The change the iterator is at, as a row: the columns it tells of. */
static int row_of_change(struct applier *applier, sqlite3_changeset_iter *iter, int *ret_op,
                         struct row **ret, struct err *err)
{
    const char *name;
    unsigned char *key;
    int columns;
    struct target *target = NULL;

    sqlite3changeset_op(iter, &name, &columns, ret_op, NULL);
    sqlite3changeset_pk(iter, &key, NULL);
    int rc = target_find(applier, name, &target, err);
    if (rc < 0)
        return rc;
    if (!table_has_key(&target->table, columns, key))
        return err_set(err, ERR_INVALID, "a patch has another table %s than the index", name);
    struct row *row = xcalloc(1, sizeof *row);
    row->target = target;
    for (int i = 0; i < columns; i++) {
        sqlite3_value *value = NULL;
        if (*ret_op != SQLITE_DELETE)
            sqlite3changeset_new(iter, i, &value);
        if (!value && *ret_op != SQLITE_INSERT && target->table.key[i])
            sqlite3changeset_old(iter, i, &value);
        row->values[i] = value ? sqlite3_value_dup(value) : NULL;
    }
    *ret = row;
    return 0;
}

static void bind_key(const struct row *row, sqlite3_stmt *statement)
{
    int at = 0;

    for (int i = 0; i < row->target->table.columns; i++)
        if (row->target->table.key[i] && row->values[i])
            sqlite3_bind_value(statement, ++at, row->values[i]);
}

/* What an update does not tell of stays as it is; 0: there is nothing to change. */
static int row_complete(struct row *row)
{
    sqlite3_stmt *st = row->target->select;

    bind_key(row, st);
    int found = sqlite3_step(st) == SQLITE_ROW;
    for (int i = 0; found && i < row->target->table.columns; i++)
        if (!row->values[i])
            row->values[i] = sqlite3_value_dup(sqlite3_column_value(st, i));
    sqlite3_reset(st);
    return found;
}

static int run(struct applier *applier, sqlite3_stmt *statement, struct err *err)
{
    int code = sqlite3_step(statement);

    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return code == SQLITE_DONE ? 0 : patch_fail(applier->handle, code, "apply a patch", err);
}

static int row_erase(struct applier *applier, const struct row *row, struct err *err)
{
    bind_key(row, row->target->erase);
    return run(applier, row->target->erase, err);
}

static int row_insert(struct applier *applier, const struct row *row, struct err *err)
{
    for (int i = 0; i < row->target->table.columns; i++)
        if (row->values[i])
            sqlite3_bind_value(row->target->insert, i + 1, row->values[i]);
    return run(applier, row->target->insert, err);
}

/* --- a patch --- */

struct rows {
    struct row **list;
    size_t count;
    size_t room;
};

static void rows_add(struct rows *rows, struct row *row)
{
    if (rows->count == rows->room) {
        rows->room = rows->room ? rows->room * 2 : 64;
        rows->list = xrealloc(rows->list, rows->room * sizeof *rows->list);
    }
    rows->list[rows->count++] = row;
}

static void rows_done(struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        row_free(rows->list[i]);
    free(rows->list);
}

/* Takes out what changes or goes; `rows` gets what is to be put in afterwards. */
static int changes_take(struct applier *applier, sqlite3_changeset_iter *iter, struct rows *rows,
                        struct err *err)
{
    struct row *row = NULL;
    int op;
    int rc = row_of_change(applier, iter, &op, &row, err);

    if (rc < 0)
        return rc;
    bool stays = op == SQLITE_INSERT || (op == SQLITE_UPDATE && row_complete(row));
    if (op != SQLITE_INSERT)
        rc = row_erase(applier, row, err);
    if (rc == 0 && stays)
        rows_add(rows, row);
    else
        row_free(row);
    return rc;
}

int applier_apply(struct applier *applier, void *patch, int len, struct err *err)
{
    sqlite3_changeset_iter *iter = NULL;
    struct rows rows = { 0 };
    int rc = 0;
    int code = sqlite3changeset_start(&iter, len, patch);

    while (rc == 0 && code == SQLITE_OK && (code = sqlite3changeset_next(iter)) == SQLITE_ROW) {
        rc = changes_take(applier, iter, &rows, err);
        code = SQLITE_OK;
    }
    int ended = iter ? sqlite3changeset_finalize(iter) : SQLITE_OK;
    if (rc == 0 && (code != SQLITE_DONE || ended != SQLITE_OK))
        rc = err_set(err, ERR_INVALID, "these bytes are no patch");
    for (size_t i = 0; rc == 0 && i < rows.count; i++)
        rc = row_insert(applier, rows.list[i], err);
    rows_done(&rows);
    return rc;
}
