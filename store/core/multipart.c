#include "store/core/multipart.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "sos/base/auto.h"
#include "sos/base/buf.h"
#include "sos/base/utf8.h"

enum { BOUNDARY_MAX = 70 };

enum multipart_state {
    MULTIPART_PREAMBLE,
    MULTIPART_HEADERS, /* begins behind the boundary, in its line */
    MULTIPART_BODY,
    MULTIPART_EPILOGUE
};

struct multipart {
    const struct multipart_events *events;
    void *ctx;
    enum multipart_state state;
    char line[BOUNDARY_MAX + 5]; /* CR, LF, "--" and the boundary: a CR is only at its begin */
    size_t line_len;
    size_t matched; /* bytes of it that were just seen */
    struct buf headers;
    int parts;
};

/* --- parameters of a header: ; name="value" --- */

/* One value, quoted or not, into `ret`; -1: it is too long or has no end. */
static int value_take(const char **at, char *ret, size_t room)
{
    const char *from = *at;
    bool quoted = *from == '"';
    size_t out = 0;

    from += quoted;
    while (*from && (quoted ? *from != '"' : !strchr("; \t", *from))) {
        if (quoted && from[0] == '\\' && (from[1] == '"' || from[1] == '\\'))
            from++;
        if (out + 1 >= room)
            return -1;
        ret[out++] = *from++;
    }
    if (quoted && *from++ != '"')
        return -1;
    ret[out] = '\0';
    *at = from;
    return 0;
}

/* 1: found, 0: not there, -1: the header cannot be read. */
static int param_find(const char *header, const char *name, char *ret, size_t room)
{
    size_t name_len = strlen(name);
    char other[1024];
    const char *at = header + strcspn(header, ";");

    while (*at == ';') {
        at++;
        at += strspn(at, " \t");
        size_t len = strcspn(at, "=; \t");
        bool wanted = len == name_len && strncasecmp(at, name, len) == 0;
        at += len;
        if (*at == '=') {
            at++;
            if (value_take(&at, wanted ? ret : other, wanted ? room : sizeof other) < 0)
                return -1;
            if (wanted)
                return 1;
        }
        at += strspn(at, " \t");
    }
    return 0;
}

/* --- the headers of a part --- */

static bool text_is_clean(const char *text)
{
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return false;
    return utf8_is_valid(text, strlen(text));
}

static int disposition_parse(const char *value, struct multipart_part *ret, struct err *err)
{
    int file = param_find(value, "filename", ret->filename, sizeof ret->filename);

    if (strncasecmp(value, "form-data", 9) != 0 || file < 0 ||
        param_find(value, "name", ret->name, sizeof ret->name) != 1 || !text_is_clean(ret->name) ||
        !text_is_clean(ret->filename))
        return err_set(err, ERR_INVALID, "a part of the form has no usable name");
    ret->is_file = file > 0;
    return 0;
}

/* `headers` is changed. */
static int headers_parse(char *headers, struct multipart_part *ret, struct err *err)
{
    static const char name[] = "Content-Disposition:";
    char *rest = headers;

    for (char *line; (line = strsep(&rest, "\n"));) {
        line[strcspn(line, "\r")] = '\0';
        if (strncasecmp(line, name, sizeof name - 1) != 0)
            continue;
        line += sizeof name - 1;
        return disposition_parse(line + strspn(line, " \t"), ret, err);
    }
    return err_set(err, ERR_INVALID, "a part of the form has no Content-Disposition");
}

static int part_begin(struct multipart *multipart, struct err *err)
{
    struct multipart_part part = { .name = "" };

    if (++multipart->parts > MULTIPART_PARTS_MAX)
        return err_set(err, ERR_LIMIT, "the form has more than %d parts", MULTIPART_PARTS_MAX);
    if (memchr(multipart->headers.data, '\0', multipart->headers.len))
        return err_set(err, ERR_INVALID, "a part of the form has a NUL in its headers");
    int rc = headers_parse(multipart->headers.data, &part, err);
    buf_clear(&multipart->headers);
    return rc < 0 ? rc : multipart->events->begin(multipart->ctx, &part, err);
}

/* What is left of the boundary's line and the headers, up to the empty line; or the "--" that says
 * that the boundary was the last. */
static int headers_add(struct multipart *multipart, const char *data, size_t len, size_t *ret_taken,
                       struct err *err)
{
    struct buf *headers = &multipart->headers;

    for (size_t i = 0; i < len; i++) {
        if (buf_add(headers, data + i, 1) < 0)
            return err_set(err, ERR_LIMIT, "the headers of a part of the form are too long");
        *ret_taken = i + 1;
        if (headers->len == 2 && memcmp(headers->data, "--", 2) == 0) {
            multipart->state = MULTIPART_EPILOGUE;
            return 0;
        }
        if (headers->len >= 4 && memcmp(headers->data + headers->len - 4, "\r\n\r\n", 4) == 0) {
            multipart->state = MULTIPART_BODY;
            return part_begin(multipart, err);
        }
    }
    return 0;
}

/* --- the bytes of a part --- */

static int body_give(struct multipart *multipart, const char *data, size_t len, struct err *err)
{
    if (multipart->state == MULTIPART_PREAMBLE || len == 0)
        return 0;
    return multipart->events->data(multipart->ctx, data, len, err);
}

static int body_end(struct multipart *multipart, struct err *err)
{
    bool in_part = multipart->state == MULTIPART_BODY;

    multipart->matched = 0;
    multipart->state = MULTIPART_HEADERS;
    return in_part ? multipart->events->end(multipart->ctx, err) : 0;
}

/* What was taken for the line's begin was data; a CR can only be the line's first byte, so that
 * nothing of what was held can be the begin of another. */
static int body_unmatch(struct multipart *multipart, struct err *err)
{
    size_t held = multipart->matched;

    multipart->matched = 0;
    return body_give(multipart, multipart->line, held, err);
}

static int body_add(struct multipart *multipart, const char *data, size_t len, size_t *ret_taken,
                    struct err *err)
{
    size_t at = 0;

    while (at < len && multipart->matched < multipart->line_len) {
        int rc = 0;
        if (data[at] == multipart->line[multipart->matched]) {
            multipart->matched++;
            at++;
        } else if (multipart->matched > 0) {
            rc = body_unmatch(multipart, err);
        } else {
            const char *cr = memchr(data + at, '\r', len - at);
            size_t plain = cr ? (size_t)(cr - data) - at : len - at;
            rc = body_give(multipart, data + at, plain, err);
            at += plain;
        }
        if (rc < 0)
            return rc;
    }
    *ret_taken = at;
    return multipart->matched == multipart->line_len ? body_end(multipart, err) : 0;
}

int multipart_add(struct multipart *multipart, const char *data, size_t len, struct err *err)
{
    while (len > 0 && multipart->state != MULTIPART_EPILOGUE) {
        size_t taken = 0;
        int rc = multipart->state == MULTIPART_HEADERS
                     ? headers_add(multipart, data, len, &taken, err)
                     : body_add(multipart, data, len, &taken, err);
        if (rc < 0)
            return rc;
        data += taken;
        len -= taken;
    }
    return 0;
}

int multipart_end(const struct multipart *multipart, struct err *err)
{
    return multipart->state == MULTIPART_EPILOGUE
               ? 0
               : err_set(err, ERR_INVALID, "the form ends in the middle");
}

/* --- its begin and end --- */

static bool boundary_is_valid(const char *boundary)
{
    size_t len = strlen(boundary);

    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)boundary[i]) && !strchr("'()+_,-./:=? ", boundary[i]))
            return false;
    return len > 0 && boundary[len - 1] != ' ';
}

int multipart_new(const char *type, const struct multipart_events *events, void *ctx,
                  struct multipart **ret, struct err *err)
{
    static const char form[] = "multipart/form-data";
    char boundary[BOUNDARY_MAX + 1];

    if (!type || strncasecmp(type, form, sizeof form - 1) != 0 ||
        param_find(type, "boundary", boundary, sizeof boundary) != 1 ||
        !boundary_is_valid(boundary))
        return err_set(err, ERR_INVALID, "the body is not multipart/form-data with a boundary");
    struct multipart *multipart = xcalloc(1, sizeof *multipart);
    multipart->events = events;
    multipart->ctx = ctx;
    multipart->line_len =
        (size_t)snprintf(multipart->line, sizeof multipart->line, "\r\n--%s", boundary);
    multipart->matched = 2; /* the first line needs no CRLF before it */
    buf_init(&multipart->headers, MULTIPART_HEADERS_MAX);
    *ret = multipart;
    return 0;
}

void multipart_free(struct multipart *multipart)
{
    if (!multipart)
        return;
    buf_done(&multipart->headers);
    free(multipart);
}
