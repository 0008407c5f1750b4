/* search_text.c - SQL text with its values; patterns. */
#include <string.h>

#include "sos/base/auto.h"
#include "store/disk/search_own.h"

enum { SQL_MAX = 4 << 20 };

void sql_init(struct sql *sql)
{
    *sql = (struct sql){ 0 };
    buf_init(&sql->text, SQL_MAX);
}

void sql_done(struct sql *sql)
{
    for (size_t i = 0; i < sql->count; i++)
        free(sql->values[i].text);
    free(sql->values);
    buf_done(&sql->text);
}

void sql_add(struct sql *sql, const char *text)
{
    buf_add_str(&sql->text, text);
}

static void value_add(struct sql *sql, const char *text, int64_t number)
{
    sql->values = xrealloc(sql->values, (sql->count + 1) * sizeof *sql->values);
    sql->values[sql->count++] = (struct sql_value){ xstrdup(text), number };
}

static int questions_of(const char *text)
{
    int count = 0;

    for (; *text; text++)
        count += *text == '?';
    return count;
}

void sql_add_text(struct sql *sql, const char *text, const char *value)
{
    for (int i = questions_of(text); i > 0; i--)
        value_add(sql, value, 0);
    sql_add(sql, text);
}

void sql_add_number(struct sql *sql, const char *text, int64_t value)
{
    for (int i = questions_of(text); i > 0; i--)
        value_add(sql, NULL, value);
    sql_add(sql, text);
}

void sql_append(struct sql *sql, const struct sql *other)
{
    sql_add(sql, other->text.data ? other->text.data : "");
    for (size_t i = 0; i < other->count; i++)
        value_add(sql, other->values[i].text, other->values[i].number);
}

int sql_prepare(struct db *db, const struct sql *sql, sqlite3_stmt **ret, struct err *err)
{
    sqlite3 *handle = db_handle(db);

    if (sql->text.over)
        return err_set(err, ERR_LIMIT, "the query is too large");
    if (sqlite3_prepare_v2(handle, sql->text.data, -1, ret, NULL) != SQLITE_OK)
        return err_set(err, ERR_IO, "prepare a search: %.180s", sqlite3_errmsg(handle));
    for (size_t i = 0; i < sql->count; i++) {
        const struct sql_value *value = &sql->values[i];
        if (value->text)
            sqlite3_bind_text(*ret, (int)i + 1, value->text, -1, SQLITE_STATIC);
        else
            sqlite3_bind_int64(*ret, (int)i + 1, value->number);
    }
    return 0;
}

/* --- patterns --- */

/* A bracket stands for itself with us. */
char *glob_of(const char *pattern)
{
    struct buf glob;

    buf_init(&glob, 3 * strlen(pattern) + 1);
    for (; *pattern; pattern++)
        if (*pattern == '[')
            buf_add_str(&glob, "[[]");
        else
            buf_add(&glob, pattern, 1);
    return buf_take(&glob);
}

size_t pattern_prefix(const char *pattern)
{
    return strcspn(pattern, "*?");
}

/* The last byte one higher: no UTF-8 text has a byte 0xff, so there is always one. */
void sql_add_range(struct sql *sql, const char *column, const char *prefix, size_t len)
{
    auto_free char *from = xstrndup(prefix, len);
    auto_free char *to = xstrdup(from);

    to[len - 1] = (char)((unsigned char)to[len - 1] + 1);
    sql_add(sql, " AND ");
    sql_add(sql, column);
    sql_add_text(sql, ">=?", from);
    sql_add(sql, " AND ");
    sql_add(sql, column);
    sql_add_text(sql, "<?", to);
}
