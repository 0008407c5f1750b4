#include "store/core/golang.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"

/* --- escapes --- */

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* golang.org/x/mod/module: what may stand in a path and in a version. */
static bool is_plain(char c)
{
    return is_lower(c) || is_upper(c) || is_digit(c) || (c != '\0' && strchr("-._~/+", c));
}

static bool unescape(const char *text, size_t len, char *ret, size_t room)
{
    size_t out = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '!' && i + 1 < len && is_lower(text[i + 1]))
            c = (char)(text[++i] - 'a' + 'A');
        else if (c == '!' || is_upper(c))
            return false;
        if (!is_plain(c) || out + 1 >= room)
            return false;
        ret[out++] = c;
    }
    ret[out] = '\0';
    return out > 0;
}

bool golang_escape(const char *text, char *ret, size_t room)
{
    size_t out = 0;

    for (; *text; text++) {
        if (!is_plain(*text) || out + 3 > room)
            return false;
        if (is_upper(*text))
            ret[out++] = '!';
        ret[out++] = is_upper(*text) ? (char)(*text - 'A' + 'a') : *text;
    }
    ret[out] = '\0';
    return out > 0;
}

/* --- paths --- */

static bool module_take(const char *text, size_t len, struct golang_path *ret)
{
    return len > 0 && text[len - 1] != '/' && unescape(text, len, ret->module, sizeof ret->module);
}

static bool ends_with(const char *text, size_t len, const char *end)
{
    size_t end_len = strlen(end);
    return len > end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

static bool file_parse(const char *name, struct golang_path *ret)
{
    static const struct {
        const char *suffix;
        enum golang_kind kind;
    } kinds[] = { { ".info", GOLANG_INFO }, { ".mod", GOLANG_MOD }, { ".zip", GOLANG_ZIP } };
    size_t len = strlen(name);

    ret->kind = GOLANG_LIST;
    if (strcmp(name, "list") == 0)
        return true;
    for (size_t i = 0; i < countof(kinds); i++)
        if (ends_with(name, len, kinds[i].suffix)) {
            ret->kind = kinds[i].kind;
            /* A branch may have slashes in its name. */
            return unescape(name, len - strlen(kinds[i].suffix), ret->version, sizeof ret->version);
        }
    return false;
}

static bool lookup_parse(const char *text, struct golang_path *ret)
{
    const char *at = strrchr(text, '@');

    ret->kind = GOLANG_SUMDB_LOOKUP;
    return at && module_take(text, (size_t)(at - text), ret) &&
           unescape(at + 1, strlen(at + 1), ret->version, sizeof ret->version);
}

static bool tile_parse(const char *text, struct golang_path *ret)
{
    ret->kind = GOLANG_SUMDB_TILE;
    return text[0] != '\0' &&
           strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz./") == strlen(text);
}

static bool sumdb_parse(const char *path, struct golang_path *ret)
{
    size_t len = strcspn(path, "/");
    const char *rest = path + len + 1;

    if (len == 0 || path[len] != '/' || !unescape(path, len, ret->sumdb, sizeof ret->sumdb))
        return false;
    if (strncmp(rest, "lookup/", 7) == 0)
        return lookup_parse(rest + 7, ret);
    if (strncmp(rest, "tile/", 5) == 0)
        return tile_parse(rest + 5, ret);
    ret->kind = strcmp(rest, "latest") == 0 ? GOLANG_SUMDB_LATEST : GOLANG_SUMDB_SUPPORTED;
    return strcmp(rest, "latest") == 0 || strcmp(rest, "supported") == 0;
}

bool golang_path_parse(const char *path, struct golang_path *ret)
{
    size_t len = strlen(path);
    const char *at = strstr(path, "/@v/");

    *ret = (struct golang_path){ 0 };
    if (len > ITEM_PATH_MAX)
        return false;
    if (strncmp(path, "sumdb/", 6) == 0)
        return sumdb_parse(path + 6, ret);
    if (ends_with(path, len, "/@latest")) {
        ret->kind = GOLANG_LATEST;
        at = path + len - strlen("/@latest");
    } else if (!at || !file_parse(at + 4, ret)) {
        return false;
    }
    snprintf(ret->folder, sizeof ret->folder, "%.*s/@v", (int)(at - path), path);
    return module_take(path, (size_t)(at - path), ret);
}

bool golang_is_immutable(const struct golang_path *path)
{
    switch (path->kind) {
    case GOLANG_INFO:
    case GOLANG_MOD:
    case GOLANG_ZIP:
        return golang_version_is_canonical(path->version);
    case GOLANG_SUMDB_LOOKUP:
    case GOLANG_SUMDB_TILE:
        return true;
    default:
        return false;
    }
}

/* --- versions --- */

struct version {
    const char *numbers[3];
    size_t lens[3];
    const char *pre; /* without the dash … */
    size_t pre_len;  /* … 0: a release */
};

static bool number_take(const char **at, const char **ret, size_t *ret_len)
{
    *ret = *at;
    *ret_len = strspn(*at, "0123456789");
    *at += *ret_len;
    return *ret_len > 0 && (*ret_len == 1 || (*ret)[0] != '0');
}

/* Identifiers with dots between; of digits alone: no zero before. */
static bool pre_is_valid(const char *pre, size_t len)
{
    while (true) {
        size_t one = 0;
        bool digits = true;
        for (; one < len && pre[one] != '.'; one++) {
            digits &= is_digit(pre[one]);
            if (!is_lower(pre[one]) && !is_upper(pre[one]) && !is_digit(pre[one]) &&
                pre[one] != '-')
                return false;
        }
        if (one == 0 || (digits && one > 1 && pre[0] == '0'))
            return false;
        if (one == len)
            return true;
        pre += one + 1;
        len -= one + 1;
    }
}

static bool version_parse(const char *text, struct version *ret)
{
    *ret = (struct version){ 0 };
    if (*text++ != 'v')
        return false;
    for (int i = 0; i < 3; i++) {
        if (i > 0 && *text++ != '.')
            return false;
        if (!number_take(&text, &ret->numbers[i], &ret->lens[i]))
            return false;
    }
    if (*text == '-') {
        ret->pre = ++text;
        ret->pre_len = strcspn(text, "+");
        if (!pre_is_valid(text, ret->pre_len))
            return false;
        text += ret->pre_len;
    }
    return *text == '\0' || strcmp(text, "+incompatible") == 0;
}

bool golang_version_is_canonical(const char *version)
{
    struct version parsed;
    return version_parse(version, &parsed);
}

bool golang_version_is_pseudo(const char *version)
{
    struct version parsed;

    if (!version_parse(version, &parsed) || parsed.pre_len < 27)
        return false;
    const char *end = parsed.pre + parsed.pre_len;
    const char *commit = end - 12;
    const char *time = commit - 15;
    for (int i = 0; i < 14; i++)
        if (!is_digit(time[i]))
            return false;
    if (commit[-1] != '-' || memchr(commit, '.', 12) || memchr(commit, '-', 12))
        return false;
    /* "v1.0.0-T-C", "v1.2.3-0.T-C", "v1.2.3-pre.0.T-C" */
    return time == parsed.pre || (time - parsed.pre >= 2 && time[-1] == '.' && time[-2] == '0' &&
                                  (time - parsed.pre == 2 || time[-3] == '.'));
}

static int number_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    if (a_len != b_len)
        return a_len < b_len ? -1 : 1;
    return memcmp(a, b, a_len);
}

static int identifier_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    bool a_number = strspn(a, "0123456789") >= a_len;
    bool b_number = strspn(b, "0123456789") >= b_len;

    if (a_number && b_number)
        return number_compare(a, a_len, b, b_len);
    if (a_number != b_number)
        return a_number ? -1 : 1;
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static size_t identifier_len(const char *at, const char *end)
{
    const char *dot = memchr(at, '.', (size_t)(end - at));
    return (size_t)((dot ? dot : end) - at);
}

static int pre_compare(const struct version *a, const struct version *b)
{
    const char *at = a->pre;
    const char *bt = b->pre;

    if (a->pre_len == 0 || b->pre_len == 0)
        return (a->pre_len == 0) - (b->pre_len == 0);
    const char *a_end = at + a->pre_len;
    const char *b_end = bt + b->pre_len;
    while (at < a_end && bt < b_end) {
        size_t a_len = identifier_len(at, a_end);
        size_t b_len = identifier_len(bt, b_end);
        int order = identifier_compare(at, a_len, bt, b_len);
        if (order != 0)
            return order;
        at += a_len + 1;
        bt += b_len + 1;
    }
    return (at < a_end) - (bt < b_end);
}

int golang_version_compare(const char *a, const char *b)
{
    struct version left;
    struct version right;
    int order = 0;

    if (!version_parse(a, &left) || !version_parse(b, &right))
        return strcmp(a, b);
    for (int i = 0; i < 3 && order == 0; i++)
        order = number_compare(left.numbers[i], left.lens[i], right.numbers[i], right.lens[i]);
    return order != 0 ? order : pre_compare(&left, &right);
}

static int version_rank(const char *version)
{
    return golang_version_is_pseudo(version) ? 0 : strchr(version, '-') ? 1 : 2;
}

bool golang_version_is_later(const char *a, const char *b)
{
    int a_rank = version_rank(a);
    int b_rank = version_rank(b);

    return a_rank != b_rank ? a_rank > b_rank : golang_version_compare(a, b) > 0;
}

/* --- sums --- */

static bool sum_take(const char *text, size_t len, char ret[GOLANG_SUM_MAX])
{
    if (len < 4 || len >= GOLANG_SUM_MAX || memcmp(text, "h1:", 3) != 0)
        return false;
    memcpy(ret, text, len);
    ret[len] = '\0';
    return true;
}

bool golang_lookup_sum(const char *text, size_t len, const char *module, const char *version,
                       char ret[GOLANG_SUM_MAX])
{
    auto_free char *line = xasprintf("%s %s ", module, version);
    size_t line_len = strlen(line);
    const char *end = text + len;

    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        stop = stop ? stop : end;
        size_t left = (size_t)(stop - text);
        if (left == 0)
            return false; /* behind it come the tree's own lines */
        if (left > line_len && memcmp(text, line, line_len) == 0)
            return sum_take(text + line_len, left - line_len, ret);
        text = stop + 1;
    }
    return false;
}

/* --- patterns --- */

/* As many elements of the module as the pattern has. */
static bool pattern_matches(const char *pattern, const char *module)
{
    int elements = 1;
    size_t len = 0;

    for (const char *at = pattern; *at; at++)
        elements += *at == '/';
    for (; module[len]; len++)
        if (module[len] == '/' && --elements == 0)
            break;
    auto_free char *head = xstrndup(module, len);
    return pattern[0] && fnmatch(pattern, head, FNM_PATHNAME | FNM_NOESCAPE) == 0;
}

bool golang_matches(const char *patterns, const char *module)
{
    auto_free char *copy = xstrdup(patterns);
    char *rest = copy;

    for (char *one; (one = strsep(&rest, ",\n"));)
        if (pattern_matches(one, module))
            return true;
    return false;
}
