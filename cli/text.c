#include "cli/text.h"

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "sos/base/utf8.h"

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
    ms = ms < 0 ? 0 : ms;
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

/* --- the filter --- */

enum { PLAIN, ESCAPE, ESCAPE_MORE, CSI, STRING, STRING_ESCAPE };

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

/* How many bytes follow this one in a character of UTF-8. */
static int follows(unsigned char c)
{
    return c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc2 ? 1 : 0;
}

/* Bytes of 0x80 to 0x9f are controls of C1 to a terminal, alone and behind 0xc2: an escape sequence
 * may begin with one.  0xc2 is kept back until it is known what it begins. */
static void high_byte(struct text_filter *f, unsigned char u, struct buf *ret)
{
    bool continues = u < 0xc0;
    if (continues && f->expected > 0) {
        bool held = f->sequence_len == 1 && f->sequence[0] == '\xc2';
        if (!held || u >= 0xa0) {
            buf_add(ret, f->sequence, f->sequence_len);
            buf_add(ret, (const char *)&u, 1);
        }
        f->sequence_len = 0;
        f->expected = held ? 0 : f->expected - 1;
        return;
    }
    f->expected = follows(u);
    f->sequence_len = 0;
    if (f->expected > 0)
        f->sequence[f->sequence_len++] = (char)u;
    else if (u >= 0xa0)
        buf_add(ret, (const char *)&u, 1);
}

static void plain_byte(struct text_filter *f, char c, struct buf *ret)
{
    unsigned char u = (unsigned char)c;
    bool returned = f->returned;
    f->returned = c == '\r';
    if (returned && c != '\n' && c != '\r')
        buf_add(ret, "\n", 1);
    if (returned && c == '\r')
        return;
    if (u >= 0x80) {
        high_byte(f, u, ret);
        return;
    }
    f->expected = 0;
    f->sequence_len = 0;
    if (c == '\033')
        f->state = ESCAPE;
    else if (c == '\n' || c == '\t' || (u >= 0x20 && u != 0x7f))
        buf_add(ret, &c, 1);
}

/* What an ESC begins (ECMA-35 and ECMA-48): "ESC ( B" has bytes between it and its last one. */
static int escape_next(char c)
{
    if (c == '[')
        return CSI;
    if (c && strchr("]PX^_", c))
        return STRING;
    return c >= 0x20 && c <= 0x2f ? ESCAPE_MORE : PLAIN;
}

void text_filter(struct text_filter *f, const char *data, size_t len, struct buf *ret)
{
    for (size_t i = 0; i < len; i++) {
        char c = data[i];
        if (c == '\n' && f->state != PLAIN) /* ends every sequence: no output is eaten for long */
            f->state = PLAIN;
        switch (f->state) {
        case ESCAPE:
            f->sequence_len = 0;
            f->state = escape_next(c);
            break;
        case ESCAPE_MORE:
            f->state = c >= 0x20 && c <= 0x2f ? ESCAPE_MORE : PLAIN;
            break;
        case CSI:
            csi_byte(f, c, ret);
            break;
        case STRING: /* ends with BEL or ESC \ */
            f->state = c == '\a' ? PLAIN : c == '\033' ? STRING_ESCAPE : STRING;
            break;
        case STRING_ESCAPE:
            f->state = c == '\\' ? PLAIN : STRING;
            break;
        default:
            plain_byte(f, c, ret);
        }
    }
}

/* --- lines --- */

static const char *ascii_of(uint32_t code)
{
    switch (code) {
    case 0x2026:
        return "...";
    case 0x2014:
    case 0x2013:
    case 0xb7:
        return "-";
    default:
        return "?";
    }
}

void text_shown(const char *text, bool utf8, struct buf *ret)
{
    size_t len = strlen(text);
    buf_init(ret, len * 3 + 1);
    buf_add(ret, "", 0);
    while (len > 0) {
        uint32_t code = 0;
        size_t size = utf8_next(text, len, &code);
        if (size == 1 && (*text == '\n' || *text == '\t'))
            buf_add_str(ret, " ");
        else if (size == 0 || utf8_is_unsafe(code))
            buf_add_str(ret, "?");
        else if (size > 1 && !utf8)
            buf_add_str(ret, ascii_of(code));
        else
            buf_add(ret, text, size);
        text += size ? size : 1;
        len -= size ? size : 1;
    }
}

/* Columns that one character takes, and its bytes. */
static size_t char_width(const char *text, bool utf8, size_t *ret_size)
{
    uint32_t code = 0;
    size_t size = utf8 ? utf8_next(text, strlen(text), &code) : 1;
    *ret_size = size ? size : 1;
    if (size <= 1)
        return 1;
    int width = wcwidth((wchar_t)code);
    return width < 0 ? 1 : (size_t)width;
}

/* Length of the colour sequence at `text`, 0 when there is none. */
static size_t sgr_len(const char *text)
{
    if (text[0] != '\033' || text[1] != '[')
        return 0;
    size_t len = 2 + strcspn(text + 2, "m");
    return len + (text[len] == 'm');
}

void text_cut(const char *text, size_t width, bool utf8, struct buf *ret)
{
    bool colored = false;
    buf_init(ret, strlen(text) + 8);
    buf_add(ret, "", 0);
    for (size_t used = 0; *text;) {
        size_t size = sgr_len(text), columns = 0;
        if (size > 0)
            colored = true;
        else
            columns = char_width(text, utf8, &size);
        if (used + columns > width)
            break;
        buf_add(ret, *text == '\t' ? " " : text, size);
        used += columns;
        text += size;
    }
    if (colored)
        buf_add_str(ret, "\033[0m");
}

size_t text_terminal_width(FILE *out)
{
    struct winsize size;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

/* --- tables --- */

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
    for (size_t i = 0; i < table->columns; i++) {
        struct buf shown;
        text_shown(cells[i] && cells[i][0] ? cells[i] : "-", true, &shown);
        table->cells[table->columns * table->rows + i] = buf_take(&shown);
    }
    table->rows++;
}

static size_t text_width(const char *text)
{
    size_t width = 0;
    for (size_t size = 0; *text; text += size)
        width += char_width(text, true, &size);
    return width;
}

/* The last cell, broken between words where it would pass the terminal's edge. */
static void last_cell_print(const char *cell, size_t column, size_t edge, FILE *out)
{
    size_t used = column;
    for (bool first = true; *cell; first = false) {
        size_t len = strcspn(cell, " ");
        auto_free char *word = xstrndup(cell, len);
        if (!first && used + 1 + text_width(word) > edge) {
            fprintf(out, "\n%*s", (int)column, "");
            used = column;
        } else if (!first) {
            fputc(' ', out);
            used++;
        }
        fputs(word, out);
        used += text_width(word);
        cell += len + (cell[len] == ' ');
    }
    fputc('\n', out);
}

static void row_print(char *const *cells, const size_t *widths, size_t columns, size_t edge,
                      FILE *out)
{
    size_t column = 0;
    for (size_t i = 0; i + 1 < columns; i++) {
        fprintf(out, "%s%*s", cells[i], (int)(widths[i] - text_width(cells[i]) + 2), "");
        column += widths[i] + 2;
    }
    last_cell_print(cells[columns - 1], column, edge, out);
}

void table_print(struct table *table, FILE *out)
{
    size_t edge = isatty(fileno(out)) ? text_terminal_width(out) : SIZE_MAX;
    auto_free size_t *widths = xcalloc(table->columns, sizeof *widths);
    for (size_t i = 0; i < table->rows * table->columns; i++) {
        size_t width = text_width(table->cells[i]), column = i % table->columns;
        widths[column] = width > widths[column] ? width : widths[column];
    }
    for (size_t row = 0; row < table->rows; row++)
        row_print(table->cells + row * table->columns, widths, table->columns, edge, out);
    for (size_t i = 0; i < table->rows * table->columns; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table);
}
