#include "cli/text.h"

#include <inttypes.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"

const char *text_bytes(int64_t bytes, char room[TEXT_MAX])
{
    static const char *const unit[] = { "kB", "MB", "GB", "TB" };
    if (bytes < 1000) {
        snprintf(room, TEXT_MAX, "%" PRId64 " B", bytes);
        return room;
    }
    double value = (double)bytes / 1000;
    size_t i = 0;
    while (value >= 999.5 && i + 1 < countof(unit)) {
        value /= 1000;
        i++;
    }
    snprintf(room, TEXT_MAX, value < 9.95 ? "%.1f %s" : "%.0f %s", value, unit[i]);
    return room;
}

const char *text_duration(int64_t ms, char room[TEXT_MAX])
{
    int64_t s = ms / 1000;
    if (ms < 10000)
        snprintf(room, TEXT_MAX, "%" PRId64 ".%" PRId64 "s", s, ms % 1000 / 100);
    else if (s < 60)
        snprintf(room, TEXT_MAX, "%" PRId64 "s", s);
    else if (s < 3600)
        snprintf(room, TEXT_MAX, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
    else
        snprintf(room, TEXT_MAX, "%" PRId64 "h%02" PRId64 "m", s / 3600, s / 60 % 60);
    return room;
}

const char *text_age(int64_t wall_ms, char room[TEXT_MAX])
{
    int64_t ago = clock_wall_ms() - wall_ms;
    if (wall_ms == 0)
        return "-";
    if (ago > INT64_C(48) * 3600 * 1000)
        snprintf(room, TEXT_MAX, "%" PRId64 "d", ago / (INT64_C(24) * 3600 * 1000));
    else
        text_duration(ago < 0 ? 0 : ago / 1000 * 1000, room);
    return room;
}

enum { PLAIN, ESCAPE, CSI, STRING, STRING_ESCAPE };

static void csi_end(struct text_filter *f, char c, struct buf *ret)
{
    if (c == 'm' && f->color && f->sequence_len < sizeof f->sequence) {
        buf_add_str(ret, "\033[");
        buf_add(ret, f->sequence, f->sequence_len);
        buf_add(ret, "m", 1);
    }
    f->state = PLAIN;
}

static void csi_byte(struct text_filter *f, char c, struct buf *ret)
{
    if (c >= 0x40 && c <= 0x7e)
        csi_end(f, c, ret);
    else if ((c >= '0' && c <= '9') || c == ';' || c == ':') {
        if (f->sequence_len < sizeof f->sequence)
            f->sequence[f->sequence_len++] = c;
    } else {
        f->sequence_len = sizeof f->sequence; /* no SGR: swallow it whole */
    }
}

static void plain_byte(struct text_filter *f, char c, struct buf *ret)
{
    unsigned char u = (unsigned char)c;
    if (c == '\033')
        f->state = ESCAPE;
    else if (c == '\n' || c == '\t' || (u >= 0x20 && u != 0x7f))
        buf_add(ret, &c, 1);
    else if (c == '\r')
        return;
}

void text_filter(struct text_filter *f, const char *data, size_t len, struct buf *ret)
{
    for (size_t i = 0; i < len; i++) {
        char c = data[i];
        switch (f->state) {
        case ESCAPE:
            f->sequence_len = 0;
            f->state = c == '[' ? CSI : strchr("]PX^_", c) && c ? STRING : PLAIN;
            break;
        case CSI:
            csi_byte(f, c, ret);
            break;
        case STRING: /* ends with BEL or ESC \ ; a newline ends it too, so that no output is eaten
                      */
            f->state = c == '\a' || c == '\n' ? PLAIN : c == '\033' ? STRING_ESCAPE : STRING;
            break;
        case STRING_ESCAPE:
            f->state = c == '\\' ? PLAIN : STRING;
            break;
        default:
            plain_byte(f, c, ret);
        }
    }
}

struct table {
    size_t columns;
    size_t rows;
    char **cells;
};

struct table *table_new(size_t columns)
{
    struct table *table = xcalloc(1, sizeof *table);
    table->columns = columns;
    return table;
}

void table_row(struct table *table, const char *const cells[])
{
    size_t count = table->columns * (table->rows + 1);
    table->cells = xrealloc(table->cells, count * sizeof *table->cells);
    for (size_t i = 0; i < table->columns; i++)
        table->cells[table->columns * table->rows + i] =
            xstrdup(cells[i] && cells[i][0] ? cells[i] : "-");
    table->rows++;
}

/* Characters, not bytes: continuation bytes of UTF-8 take no column. */
static size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

void table_print(struct table *table, FILE *out)
{
    for (size_t row = 0; row < table->rows; row++)
        for (size_t col = 0; col < table->columns; col++) {
            const char *cell = table->cells[row * table->columns + col];
            size_t width = 0;
            for (size_t other = 0; other < table->rows; other++) {
                size_t w = text_width(table->cells[other * table->columns + col]);
                width = w > width ? w : width;
            }
            bool last = col + 1 == table->columns;
            fprintf(out, "%s%*s", cell, last ? 0 : (int)(width - text_width(cell) + 2), "");
            if (last)
                fputc('\n', out);
        }
    for (size_t i = 0; i < table->rows * table->columns; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table);
}
