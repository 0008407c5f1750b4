#include "cli/project/ignore.h"

#include <ctype.h>
#include <string.h>

#include "sos/base/auto.h"

struct pattern {
    char *glob;
    char *folder; /* holds below this one */
    bool negated;
    bool folder_only;
    bool anchored; /* against the path below `folder`, not the last element */
};

struct ignore {
    struct pattern *patterns;
    size_t count;
    size_t cap;
};

struct ignore *ignore_new(void)
{
    return xcalloc(1, sizeof(struct ignore));
}

void ignore_free(struct ignore *ignore)
{
    if (!ignore)
        return;
    ignore_reset(ignore, 0);
    free(ignore->patterns);
    free(ignore);
}

size_t ignore_mark(const struct ignore *ignore)
{
    return ignore->count;
}

void ignore_reset(struct ignore *ignore, size_t mark)
{
    while (ignore->count > mark) {
        struct pattern *pattern = &ignore->patterns[--ignore->count];
        free(pattern->glob);
        free(pattern->folder);
    }
}

/* Length without the blanks at the end, unless a backslash quotes the first of them. */
static size_t trimmed(const char *line, size_t len)
{
    size_t keep = 0;
    for (size_t i = 0; i < len; i++) {
        if (line[i] == '\\' && i + 1 < len)
            i++;
        else if (line[i] == ' ')
            continue;
        keep = i + 1;
    }
    return keep;
}

static int pattern_add(struct ignore *ignore, const char *folder, const char *line, size_t len,
                       struct err *err)
{
    struct pattern pattern = { 0 };
    len = trimmed(line, len);
    if (len == 0 || line[0] == '#')
        return 0;
    if (line[0] == '!') {
        pattern.negated = true;
        line++, len--;
    }
    if (len > 0 && line[len - 1] == '/') {
        pattern.folder_only = true;
        len--;
    }
    if (len == 0)
        return 0;
    if (len > IGNORE_PATTERN_MAX)
        return err_set(err, ERR_LIMIT, "an ignore pattern of more than %d bytes",
                       IGNORE_PATTERN_MAX);
    if (ignore->count == IGNORE_PATTERNS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d ignore patterns", IGNORE_PATTERNS_MAX);

    pattern.anchored = memchr(line, '/', len) != NULL;
    if (line[0] == '/')
        line++, len--;
    pattern.glob = xstrndup(line, len);
    pattern.folder = xstrdup(folder);
    if (ignore->count == ignore->cap) {
        ignore->cap = ignore->cap ? ignore->cap * 2 : 64;
        ignore->patterns = xrealloc(ignore->patterns, ignore->cap * sizeof *ignore->patterns);
    }
    ignore->patterns[ignore->count++] = pattern;
    return 0;
}

int ignore_add_pattern(struct ignore *ignore, const char *folder, const char *pattern,
                       struct err *err)
{
    return pattern_add(ignore, folder, pattern, strlen(pattern), err);
}

int ignore_add(struct ignore *ignore, const char *folder, const char *text, size_t len,
               struct err *err)
{
    size_t start = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (start < len) {
        const char *end = memchr(text + start, '\n', len - start);
        size_t stop = end ? (size_t)(end - text) : len;
        bool cr = end && stop > start && text[stop - 1] == '\r';
        int rc = pattern_add(ignore, folder, text + start, stop - start - cr, err);
        if (rc < 0)
            return rc;
        start = stop + 1;
    }
    return 0;
}

/* --- the glob --- */

/* "[:alpha:]" at `p`: does c belong to it?  *ret_next is behind it, NULL when there is no such. */
static bool named_class_matches(const char *p, char c, const char **ret_next)
{
    static const struct {
        const char *name;
        int (*is)(int c);
    } classes[] = {
        { "alnum", isalnum }, { "alpha", isalpha }, { "blank", isblank }, { "cntrl", iscntrl },
        { "digit", isdigit }, { "graph", isgraph }, { "lower", islower }, { "print", isprint },
        { "punct", ispunct }, { "space", isspace }, { "upper", isupper }, { "xdigit", isxdigit },
    };
    const char *end = strstr(p + 2, ":]");
    *ret_next = NULL;
    for (size_t i = 0; end && i < countof(classes); i++)
        if (strlen(classes[i].name) == (size_t)(end - p) - 2 &&
            strncmp(classes[i].name, p + 2, (size_t)(end - p) - 2) == 0) {
            *ret_next = end + 2;
            return classes[i].is((unsigned char)c) != 0;
        }
    return false;
}

/* One character of a class, or a range of them; NULL when the class does not end. */
static const char *range_matches(const char *p, char c, bool *ret_found)
{
    unsigned char low = (unsigned char)(*p == '\\' ? *++p : *p), high = low, u = (unsigned char)c;
    if (!low)
        return NULL;
    p++;
    if (p[0] == '-' && p[1] && p[1] != ']') {
        high = (unsigned char)(p[1] == '\\' ? *(p += 2) : *(p += 1));
        if (!high)
            return NULL;
        p++;
    }
    *ret_found = *ret_found || (u >= low && u <= high);
    return p;
}

/* One "[...]" against one character; *ret_next is behind it, NULL when it is no class at all. */
static bool class_matches(const char *glob, char c, const char **ret_next)
{
    const char *p = glob + 1;
    bool negated = *p == '!' || *p == '^';
    bool found = false;
    p += negated;
    for (bool first = true; first || *p != ']'; first = false) {
        const char *next = NULL;
        if (p[0] == '[' && p[1] == ':')
            found = named_class_matches(p, c, &next) || found;
        else if (*p)
            next = range_matches(p, c, &found);
        *ret_next = p = next;
        if (!p)
            return false;
    }
    *ret_next = p + 1;
    return found != negated && c != '/';
}

/* Does one element of the pattern (no star) match the character at `text`? */
static bool one_matches(const char *glob, const char *text, const char **ret_next)
{
    *ret_next = glob + 1;
    if (*glob == '?')
        return *text != '/';
    if (*glob == '[')
        return class_matches(glob, *text, ret_next) && *ret_next;
    if (*glob == '\\') {
        *ret_next = glob + 2;
        return glob[1] && *text == glob[1];
    }
    return *glob == *text;
}

/* NO_LONGER: the text is too short for the rest, so no star before can help.
 * NOT_HERE: a "/" is in the way of a "*", so only a "**" can. */
enum match { NO, YES, NO_LONGER, NOT_HERE };

static enum match glob_match(const char *glob, const char *text);

/* A star at *glob, or several; `begin` is where this part of the pattern begins. */
static enum match star_match(const char *begin, const char *glob, const char *text)
{
    const char *rest = glob + strspn(glob, "*");
    bool bounded = (glob == begin || glob[-1] == '/') && (!*rest || *rest == '/');
    bool deep = rest - glob > 1 && bounded;
    if (deep && *rest == '/' && glob_match(rest + 1, text) == YES)
        return YES;
    if (!*rest)
        return deep || !strchr(text, '/') ? YES : NOT_HERE;
    for (;; text++) {
        enum match match = glob_match(rest, text);
        if (match != NO && (!deep || match != NOT_HERE))
            return match;
        if (!*text)
            return NO_LONGER;
        if (!deep && *text == '/')
            return NOT_HERE;
    }
}

static enum match glob_match(const char *glob, const char *text)
{
    const char *next;
    for (const char *begin = glob; *glob; glob = next, text++) {
        if (*glob == '*')
            return star_match(begin, glob, text);
        if (!*text)
            return NO_LONGER;
        if (!one_matches(glob, text, &next))
            return NO;
    }
    return *text ? NO : YES;
}

bool ignore_glob(const char *pattern, const char *text)
{
    return glob_match(pattern, text) == YES;
}

/* git compares what stands before the first special character as it is, and takes the rest for a
 * pattern of its own: "a**" is "a" and then "**". */
static bool path_matches(const char *glob, const char *path)
{
    size_t plain = strcspn(glob, "*?[\\");
    if (strncmp(glob, path, plain) != 0)
        return false;
    return glob[plain] ? ignore_glob(glob + plain, path + plain) : !path[plain];
}

static bool pattern_matches(const struct pattern *pattern, const char *path, bool is_folder)
{
    size_t below = strlen(pattern->folder);
    if (pattern->folder_only && !is_folder)
        return false;
    if (below > 0) {
        if (strncmp(path, pattern->folder, below) != 0 || path[below] != '/')
            return false;
        path += below + 1;
    }
    if (pattern->anchored)
        return path_matches(pattern->glob, path);
    const char *name = strrchr(path, '/');
    return ignore_glob(pattern->glob, name ? name + 1 : path);
}

/* 1 out, 0 in, -1 nothing is said of it. */
static int verdict(const struct ignore *ignore, const char *path, bool is_folder)
{
    for (size_t i = ignore->count; i > 0; i--)
        if (pattern_matches(&ignore->patterns[i - 1], path, is_folder))
            return !ignore->patterns[i - 1].negated;
    return -1;
}

bool ignore_matches(const struct ignore *ignore, const char *path, bool is_folder)
{
    return verdict(ignore, path, is_folder) == 1;
}

bool ignore_decide(const struct ignore *under, const struct ignore *over, const char *path,
                   bool is_folder)
{
    int said = verdict(over, path, is_folder);
    return said < 0 ? ignore_matches(under, path, is_folder) : said == 1;
}
