/* patch.c - making patches: by the session extension, and by hand from rows.
 *
 * The format (SQLite's sqlite3session.c tells it):
 *   table   'P' | columns varint | for each column its place in the key u8 | name \0
 *   row     operation u8 | 0 | for each column: type u8 and value
 * Integers and reals are eight bytes, big-endian; texts and blobs have their length before them. */
#include "store/disk/patch.h"

#include <string.h>

#include "sos/base/auto.h"
#include "store/disk/patch_own.h"

struct patch {
    sqlite3 *handle;
    sqlite3_session *session;
};

int patch_fail(sqlite3 *handle, int code, const char *what, struct err *err)
{
    if ((code & 0xff) == SQLITE_NOMEM)
        abort();
    return err_set(err, (code & 0xff) == SQLITE_FULL ? ERR_FULL : ERR_IO, "%s: %s (%d)", what,
                   code == SQLITE_OK ? sqlite3_errmsg(handle) : sqlite3_errstr(code), code);
}

static int is_part(void *ctx, const char *table)
{
    (void)ctx;
    return strcmp(table, PATCH_NOT_OF) != 0 && strncmp(table, "sqlite_", 7) != 0;
}

int patch_begin(struct db *db, struct patch **ret, struct err *err)
{
    struct patch *patch = xcalloc(1, sizeof *patch);

    patch->handle = db_handle(db);
    int code = sqlite3session_create(patch->handle, "main", &patch->session);
    if (code == SQLITE_OK) {
        sqlite3session_table_filter(patch->session, is_part, NULL);
        code = sqlite3session_attach(patch->session, NULL);
    }
    if (code != SQLITE_OK) {
        int rc = patch_fail(patch->handle, code, "watch the index", err);
        patch_free(patch);
        return rc;
    }
    *ret = patch;
    return 0;
}

int patch_take(struct patch *patch, void **ret, int *ret_len, struct err *err)
{
    *ret = NULL;
    *ret_len = 0;
    if (sqlite3session_isempty(patch->session))
        return 0;
    int code = sqlite3session_patchset(patch->session, ret_len, ret);
    return code == SQLITE_OK ? 0 : patch_fail(patch->handle, code, "tell the changes", err);
}

void patch_free(struct patch *patch)
{
    if (!patch)
        return;
    if (patch->session)
        sqlite3session_delete(patch->session);
    free(patch);
}

/* --- by hand --- */

/* Seven bits a byte, the highest first; all that is counted here fits in five. */
static int add_varint(struct buf *ret, uint32_t value)
{
    unsigned char bytes[5];
    size_t at = sizeof bytes;

    bytes[--at] = value & 0x7f;
    while (value >>= 7)
        bytes[--at] = (unsigned char)(0x80 | (value & 0x7f));
    return buf_add(ret, bytes + at, sizeof bytes - at);
}

static int add_u64(struct buf *ret, uint64_t value)
{
    unsigned char bytes[8];

    for (int i = 7; i >= 0; i--, value >>= 8)
        bytes[i] = (unsigned char)(value & 0xff);
    return buf_add(ret, bytes, sizeof bytes);
}

static int add_value(struct buf *ret, sqlite3_stmt *statement, int column)
{
    unsigned char type = (unsigned char)sqlite3_column_type(statement, column);
    double real;
    uint64_t bits;

    int rc = buf_add(ret, &type, 1);
    if (rc < 0 || type == SQLITE_NULL)
        return rc;
    if (type == SQLITE_INTEGER)
        return add_u64(ret, (uint64_t)sqlite3_column_int64(statement, column));
    if (type == SQLITE_FLOAT) {
        real = sqlite3_column_double(statement, column);
        memcpy(&bits, &real, sizeof bits);
        return add_u64(ret, bits);
    }
    const void *data = sqlite3_column_blob(statement, column);
    int len = sqlite3_column_bytes(statement, column);
    rc = add_varint(ret, (uint32_t)len);
    return rc < 0 || len == 0 ? rc : buf_add(ret, data, (size_t)len);
}

static int add_table(struct buf *ret, const char *table, int columns, const unsigned char *key)
{
    int rc = buf_add(ret, "P", 1);

    if (rc == 0)
        rc = add_varint(ret, (uint32_t)columns);
    if (rc == 0)
        rc = buf_add(ret, key, (size_t)columns);
    return rc < 0 ? rc : buf_add(ret, table, strlen(table) + 1);
}

static int add_row(struct buf *ret, sqlite3_stmt *statement)
{
    static const unsigned char head[] = { SQLITE_INSERT, 0 };
    int rc = buf_add(ret, head, sizeof head);

    for (int i = 0; rc == 0 && i < sqlite3_column_count(statement); i++)
        rc = add_value(ret, statement, i);
    return rc;
}

int patch_of_rows(sqlite3_stmt *statement, const char *table, const unsigned char *key, int rows,
                  struct buf *ret, struct err *err)
{
    int count = 0;
    int rc = 0;

    while (rc == 0 && count < rows) {
        int code = sqlite3_step(statement);
        if (code == SQLITE_DONE)
            break;
        if (code != SQLITE_ROW)
            return patch_fail(sqlite3_db_handle(statement), code, "read the index", err);
        if (count == 0)
            rc = add_table(ret, table, sqlite3_column_count(statement), key);
        if (rc == 0)
            rc = add_row(ret, statement);
        count++;
    }
    return rc < 0 ? err_set(err, ERR_LIMIT, "the rows of %s are too large", table) : count;
}
