#include "store/core/pattern.h"

#include <stdint.h>
#include <string.h>

/* What is left of a pattern, or of a path: names with slashes between. */
struct rest {
    const char *at;
    const char *end;
};

struct name {
    const char *at;
    size_t len;
};

static struct name name_first(struct rest rest)
{
    const char *slash = memchr(rest.at, '/', (size_t)(rest.end - rest.at));
    return (struct name){ rest.at, (size_t)((slash ? slash : rest.end) - rest.at) };
}

static struct rest name_skip(struct rest rest)
{
    rest.at += name_first(rest).len;
    rest.at += rest.at < rest.end;
    return rest;
}

static bool is_any_folders(struct name name)
{
    return name.len == 2 && memcmp(name.at, "**", 2) == 0;
}

/* '*' and '?' in one name; the last star takes as much as it must. */
static bool name_matches(struct name pattern, struct name name)
{
    size_t p = 0;
    size_t n = 0;
    size_t star = SIZE_MAX;
    size_t star_n = 0;

    while (n < name.len) {
        if (p < pattern.len && pattern.at[p] == '*') {
            star = p++;
            star_n = n;
        } else if (p < pattern.len && (pattern.at[p] == '?' || pattern.at[p] == name.at[n])) {
            p++;
            n++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            n = ++star_n;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.at[p] == '*')
        p++;
    return p == pattern.len;
}

/* The same of whole names, where "**" is the star. */
static bool matches(struct rest pattern, struct rest path)
{
    struct rest star = { 0 };
    struct rest star_path = { 0 };

    while (path.at < path.end) {
        bool more = pattern.at < pattern.end;
        if (more && is_any_folders(name_first(pattern))) {
            pattern = star = name_skip(pattern);
            star_path = path;
        } else if (more && name_matches(name_first(pattern), name_first(path))) {
            pattern = name_skip(pattern);
            path = name_skip(path);
        } else if (star.at) {
            pattern = star;
            path = star_path = name_skip(star_path);
        } else {
            return false;
        }
    }
    while (pattern.at < pattern.end && is_any_folders(name_first(pattern)))
        pattern = name_skip(pattern);
    return pattern.at == pattern.end;
}

/* Ant's matchPatternStart. */
static bool reaches(struct rest pattern, struct rest folder)
{
    for (; pattern.at < pattern.end; pattern = name_skip(pattern), folder = name_skip(folder))
        if (folder.at == folder.end || is_any_folders(name_first(pattern)))
            return true;
        else if (!name_matches(name_first(pattern), name_first(folder)))
            return false;
    return false;
}

/* It must end in "**", or in "**" and a lone star: what lies below then has any name. */
static bool covers(struct rest pattern, struct rest folder)
{
    const char *end = pattern.end;

    if (end - pattern.at >= 4 && memcmp(end - 4, "**/*", 4) == 0)
        pattern.end = end -= 2;
    if (end - pattern.at < 2 || memcmp(end - 2, "**", 2) != 0 ||
        (end - pattern.at > 2 && end[-3] != '/'))
        return false;
    return matches(pattern, folder);
}

static bool list_any(const char *list, const char *path, bool (*is)(struct rest, struct rest))
{
    const struct rest whole = { path, path + strlen(path) };

    for (size_t len; *list; list += len + (list[len] == '+')) {
        len = strcspn(list, "+");
        struct rest pattern = { list, list + len };
        if (is(pattern, whole))
            return true;
    }
    return false;
}

bool pattern_list_is_valid(const char *list)
{
    size_t len = strlen(list);

    for (size_t i = 0; i < len; i++)
        if ((unsigned char)list[i] <= ' ' || strchr("\\,;\"", list[i]) ||
            (list[i] == '+' && list[i + 1] == '+') ||
            (list[i] == '/' && (i == 0 || strchr("+/", list[i - 1]))))
            return false;
    return len > 0 && list[0] != '+' && !strchr("+/", list[len - 1]) && !strstr(list, "/+");
}

bool pattern_list_matches(const char *list, const char *path)
{
    return list_any(list, path, matches);
}

bool pattern_list_reaches(const char *list, const char *folder)
{
    return list_any(list, folder, reaches);
}

bool pattern_list_covers(const char *list, const char *folder)
{
    return list_any(list, folder, covers);
}
