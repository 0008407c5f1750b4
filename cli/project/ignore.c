#include "cli/project/ignore.h"

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

/* Length without trailing blanks, unless the last one is quoted by a backslash. */
static size_t trimmed(const char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t' || line[len - 1] == '\r')) {
        if (len > 1 && line[len - 2] == '\\')
            break;
        len--;
    }
    return len;
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
        int rc = pattern_add(ignore, folder, text + start, stop - start, err);
        if (rc < 0)
            return rc;
        start = stop + 1;
    }
    return 0;
}

/* One "[…]" against one character; *ret_next is behind it, NULL when it is no class at all. */
static bool class_matches(const char *glob, char c, const char **ret_next)
{
    const char *p = glob + 1;
    bool negated = *p == '!' || *p == '^';
    bool found = false;
    if (negated)
        p++;
    for (bool first = true; first || *p != ']'; first = false) {
        if (!*p) {
            *ret_next = NULL;
            return false;
        }
        char low = *p == '\\' && p[1] ? *++p : *p;
        char high = low;
        p++;
        if (p[0] == '-' && p[1] && p[1] != ']') {
            high = p[1] == '\\' && p[2] ? *(p += 2) : *(p += 1);
            p++;
        }
        found = found || (c >= low && c <= high);
    }
    *ret_next = p + 1;
    return found != negated && c != '/';
}

/* Does one element of the pattern at *glob (no star) match the character at text? */
static bool one_matches(const char *glob, const char *text, const char **ret_next)
{
    *ret_next = glob + 1;
    if (*glob == '?')
        return *text && *text != '/';
    if (*glob == '[') {
        bool matches = class_matches(glob, *text, ret_next);
        if (*ret_next)
            return *text && matches;
        *ret_next = glob + 1;
        return *text == '[';
    }
    if (*glob == '\\' && glob[1]) {
        *ret_next = glob + 2;
        return *text == glob[1];
    }
    return *glob == *text;
}

/* Backtracks to the last star only, and to the last double star: linear in practice, and at worst
 * the product of the two lengths for each. */
bool ignore_glob(const char *pattern, const char *text)
{
    const char *star = NULL, *star_text = NULL;
    const char *deep = NULL, *deep_text = NULL;
    const char *begin = pattern;
    for (;;) {
        if (pattern[0] == '*' && pattern[1] == '*' && (pattern == begin || pattern[-1] == '/') &&
            (pattern[2] == '/' || !pattern[2])) {
            if (!pattern[2])
                return *text != '\0';
            deep = pattern + 3;
            deep_text = text;
            star = NULL;
            pattern = deep;
            continue;
        }
        if (*pattern == '*') {
            while (*pattern == '*')
                pattern++;
            star = pattern;
            star_text = text;
            continue;
        }
        const char *next;
        if (*pattern ? *text && one_matches(pattern, text, &next) : !*text) {
            if (!*text)
                return true;
            pattern = next;
            text++;
            continue;
        }
        if (star && *star_text && *star_text != '/') {
            text = ++star_text;
            pattern = star;
            continue;
        }
        const char *slash = deep ? strchr(deep_text, '/') : NULL;
        if (!slash)
            return false;
        text = deep_text = slash + 1;
        pattern = deep;
        star = NULL;
    }
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
    const char *name = strrchr(path, '/');
    return ignore_glob(pattern->glob, pattern->anchored || !name ? path : name + 1);
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
