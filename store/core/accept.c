#include "store/core/accept.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One element of the list, "type/subtype;q=0.5;…". */
struct range {
    const char *type;
    size_t type_len;
    int q; /* in thousandths */
};

static const char *skip_blank(const char *at)
{
    return at + strspn(at, " \t");
}

/* "0.25" in thousandths; what is no number is 1. */
static int q_parse(const char *text)
{
    int q = text[0] == '0' ? 0 : 1000;
    int place = 100;

    if ((text[0] != '0' && text[0] != '1') || text[1] != '.')
        return q;
    for (const char *at = text + 2; q < 1000 && place > 0 && *at >= '0' && *at <= '9'; at++) {
        q += (*at - '0') * place;
        place /= 10;
    }
    return q;
}

/* The next element; NULL: there is none. */
static const char *range_next(const char *at, struct range *ret)
{
    at += strspn(at, " \t,");
    if (!*at)
        return NULL;
    size_t end = strcspn(at, ",");
    *ret = (struct range){ .type = at, .type_len = strcspn(at, ",; \t"), .q = 1000 };
    for (const char *part = at + strcspn(at, ",;"); part < at + end && *part == ';';) {
        part = skip_blank(part + 1);
        if ((part[0] == 'q' || part[0] == 'Q') && part[1] == '=')
            ret->q = q_parse(part + 2);
        part += strcspn(part, ",;");
    }
    return at + end;
}

/* How closely the range names the type: 0 not at all, 1 by the lone star, 2 by its first half, 3
 * whole. */
static int range_fits(const struct range *range, const char *type)
{
    size_t half = strcspn(type, "/") + 1;

    if (range->type_len == strlen(type) && strncasecmp(range->type, type, range->type_len) == 0)
        return 3;
    if (range->type_len == half + 1 && range->type[half] == '*' &&
        strncasecmp(range->type, type, half) == 0)
        return 2;
    return range->type_len == 3 && memcmp(range->type, "*/*", 3) == 0;
}

static int type_q(const char *header, const char *type)
{
    struct range range;
    int best = 0;
    int q = 0;

    while ((header = range_next(header, &range))) {
        int fits = range_fits(&range, type);
        if (fits > best) {
            best = fits;
            q = range.q;
        }
    }
    return q;
}

int accept_choose(const char *header, const char *const *offers, size_t count)
{
    struct range range;
    int best = 0;
    int choice = -1;

    if (!header || !range_next(header, &range))
        return 0;
    for (size_t i = 0; i < count; i++) {
        int q = type_q(header, offers[i]);
        if (q > best) {
            best = q;
            choice = (int)i;
        }
    }
    return choice;
}
