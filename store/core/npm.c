#include "store/core/npm.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/accept.h"
#include "store/core/text.h"

#define DIGITS "0123456789"
#define PLAIN  DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~"
#define SEMVER DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-"

/* --- names --- */

/* Bytes that old names have and new ones may not: !'()* */
static bool name_part_is_valid(const char *part, size_t len)
{
    return len > 0 && part[0] != '.' && part[0] != '-' && strspn(part, PLAIN "'()*") >= len;
}

bool npm_name_is_valid(const char *name)
{
    const char *base = npm_name_base(name);

    if (strlen(name) > NPM_NAME_MAX || strcmp(name, "node_modules") == 0)
        return false;
    if (name[0] != '@')
        return name_part_is_valid(name, strlen(name));
    return base > name && name_part_is_valid(name + 1, (size_t)(base - name - 2)) &&
           name_part_is_valid(base, strlen(base));
}

bool npm_name_is_new(const char *name)
{
    for (const char *at = name; *at; at++)
        if (isupper((unsigned char)*at))
            return false;
    return npm_name_is_valid(name) && name[0] != '_' && !strpbrk(name, "~'()*");
}

const char *npm_name_base(const char *name)
{
    const char *slash = name[0] == '@' ? strchr(name, '/') : NULL;
    return slash ? slash + 1 : name;
}

/* --- versions --- */

/* "1.2.3": three numbers without zeros before them. */
static bool numbers_are_valid(const char *text, const char **ret_end)
{
    for (int i = 0; i < 3; i++) {
        size_t digits = strspn(text, DIGITS);
        if (digits == 0 || digits > 16 || (digits > 1 && text[0] == '0'))
            return false;
        text += digits;
        if (i < 2 && *text++ != '.')
            return false;
    }
    *ret_end = text;
    return true;
}

/* "alpha.1": words between dots, none empty; `numbers`: none with a zero before a number. */
static bool words_are_valid(const char *text, size_t len, bool numbers)
{
    for (const char *end = text + len;;) {
        size_t word = strspn(text, SEMVER);
        if (word == 0)
            return false;
        if (numbers && word > 1 && text[0] == '0' && strspn(text, DIGITS) >= word)
            return false;
        text += word;
        if (text >= end)
            return text == end;
        if (*text++ != '.')
            return false;
    }
}

bool npm_version_is_valid(const char *version)
{
    const char *at;

    if (strlen(version) > NPM_VERSION_MAX || !numbers_are_valid(version, &at))
        return false;
    if (*at == '-') {
        size_t len = strcspn(++at, "+");
        if (!words_are_valid(at, len, true))
            return false;
        at += len;
    }
    return *at == '+' ? words_are_valid(at + 1, strlen(at + 1), false) : *at == '\0';
}

static int word_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    bool a_number = strspn(a, DIGITS) >= a_len;
    bool b_number = strspn(b, DIGITS) >= b_len;

    if (a_number != b_number)
        return a_number ? -1 : 1;
    if (a_number && a_len != b_len)
        return a_len < b_len ? -1 : 1;
    int rc = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return rc ? rc : a_len < b_len ? -1 : a_len > b_len;
}

/* Word by word up to `stop`; what has fewer is less. */
static int words_compare(const char *a, const char *b, const char *stop)
{
    for (;;) {
        size_t a_len = strcspn(a, stop);
        size_t b_len = strcspn(b, stop);
        int rc = word_compare(a, a_len, b, b_len);
        if (rc != 0)
            return rc;
        a += a_len;
        b += b_len;
        if (*a != '.' || *b != '.')
            return (*a == '.') - (*b == '.');
        a++, b++;
    }
}

static const char *prerelease_of(const char *version)
{
    const char *at = version + strcspn(version, "-+");
    return *at == '-' ? at + 1 : NULL;
}

bool npm_version_is_prerelease(const char *version)
{
    return prerelease_of(version) != NULL;
}

int npm_version_compare(const char *a, const char *b)
{
    const char *a_pre = prerelease_of(a);
    const char *b_pre = prerelease_of(b);
    int rc = words_compare(a, b, ".-+");

    if (rc != 0 || (!a_pre && !b_pre))
        return rc;
    if (!a_pre || !b_pre)
        return a_pre ? -1 : 1;
    return words_compare(a_pre, b_pre, ".+");
}

bool npm_tag_is_valid(const char *tag)
{
    size_t len = strlen(tag);
    const char *number = tag + (tag[0] == 'v' || tag[0] == 'V');

    return len > 0 && len <= NPM_TAG_MAX && strspn(tag, PLAIN) == len && tag[0] != '.' &&
           tag[0] != '-' && !isdigit((unsigned char)*number) && strcmp(tag, "x") != 0 &&
           strcmp(tag, "X") != 0;
}

/* --- where things lie --- */

void npm_file_name(const char *name, const char *version, char ret[ITEM_PATH_MAX + 1])
{
    snprintf(ret, ITEM_PATH_MAX + 1, "%s-%s.tgz", npm_name_base(name), version);
}

bool npm_file_version(const char *name, const char *file, char ret[NPM_VERSION_MAX + 1])
{
    const char *base = npm_name_base(name);
    size_t skip = strlen(base) + 1;
    size_t len = strlen(file);

    if (len < skip + 5 || len - skip - 4 > NPM_VERSION_MAX || strncmp(file, base, skip - 1) != 0 ||
        file[skip - 1] != '-' || strcmp(file + len - 4, ".tgz") != 0)
        return false;
    snprintf(ret, NPM_VERSION_MAX + 1, "%.*s", (int)(len - skip - 4), file + skip);
    return npm_version_is_valid(ret);
}

int npm_tarball_at(const char *repo, const char *name, const char *version, struct item_path *ret,
                   struct err *err)
{
    char file[ITEM_PATH_MAX + 1];

    npm_file_name(name, version, file);
    auto_free char *text = xasprintf("/%s/%s/-/%s", repo, name, file);
    return item_path_check(text, ret, err);
}

int npm_metadata_at(const char *repo, const char *name, const char *what, struct item_path *ret,
                    struct err *err)
{
    auto_free char *text = xasprintf("/%s/.npm/%s/%s.json", repo, name, what);
    return item_path_check(text, ret, err);
}

/* --- a request's path --- */

enum { SEGMENTS_MAX = 8 };

/* Split at the slashes of the decoded path: "@scope%2fname" is then as "@scope/name". */
static int segments_split(char *text, char *ret[SEGMENTS_MAX])
{
    int count = 0;

    for (char *word; (word = strsep(&text, "/"));) {
        if (!*word)
            continue;
        if (count == SEGMENTS_MAX)
            return -1;
        ret[count++] = word;
    }
    return count;
}

static bool text_take(char *ret, size_t max, const char *text)
{
    return snprintf(ret, max + 1, "%s", text) <= (int)max;
}

/* The name at the front; how many segments it took, 0: none is there. */
static int name_take(struct npm_path *ret, char *const *words, int count)
{
    bool scoped = count > 0 && words[0][0] == '@';
    int rc;

    if (count < 1 + scoped)
        return 0;
    rc = snprintf(ret->name, sizeof ret->name, "%s%s%s", words[0], scoped ? "/" : "",
                  scoped ? words[1] : "");
    return rc <= NPM_NAME_MAX && npm_name_is_valid(ret->name) ? 1 + scoped : 0;
}

/* "-rev/REV" and no more, or nothing. */
static bool rev_take(struct npm_path *ret, char *const *words, int count)
{
    if (count == 0)
        return true;
    return count == 2 && strcmp(words[0], "-rev") == 0 &&
           text_take(ret->rev, NPM_REV_MAX, words[1]);
}

/* Behind "-/package". */
static enum npm_what tags_parse(struct npm_path *ret, char *const *words, int count)
{
    int taken = name_take(ret, words, count);

    if (taken == 0 || count == taken || strcmp(words[taken], "dist-tags") != 0)
        return NPM_NONE;
    if (count == taken + 1)
        return NPM_TAGS;
    return count == taken + 2 && text_take(ret->tag, NPM_TAG_MAX, words[taken + 1]) ? NPM_TAG
                                                                                    : NPM_NONE;
}

static bool words_are(char *const *words, int count, const char *want)
{
    for (int i = 0; i < count; i++) {
        size_t len = strlen(words[i]);
        if (strncmp(want, words[i], len) != 0 || (want[len] != '/' && want[len] != '\0'))
            return false;
        want += len + (want[len] == '/');
    }
    return *want == '\0';
}

/* Behind "-": what the registry itself is asked. */
static enum npm_what registry_parse(struct npm_path *ret, char *const *words, int count)
{
    static const struct {
        const char *path;
        enum npm_what what;
    } rows[] = {
        { "ping", NPM_PING },
        { "whoami", NPM_WHOAMI },
        { "v1/login", NPM_WEB_LOGIN },
        { "v1/search", NPM_SEARCH },
        { "npm/v1/security/advisories/bulk", NPM_ADVISORIES },
        { "npm/v1/security/audits", NPM_ADVISORIES },
        { "npm/v1/security/audits/quick", NPM_ADVISORIES },
    };

    for (size_t i = 0; i < countof(rows); i++)
        if (words_are(words, count, rows[i].path))
            return rows[i].what;
    if (count == 2 && strcmp(words[0], "user") == 0)
        return NPM_USER;
    return count > 0 && strcmp(words[0], "package") == 0 ? tags_parse(ret, words + 1, count - 1)
                                                         : NPM_NONE;
}

/* Behind "NAME/-": older clients say the scope once more before the file. */
static enum npm_what tarball_parse(struct npm_path *ret, char *const *words, int count)
{
    if (count > 0 && words[0][0] == '@')
        words++, count--;
    if (count == 0 || !npm_file_version(ret->name, words[0], ret->version))
        return NPM_NONE;
    return rev_take(ret, words + 1, count - 1) ? NPM_TARBALL : NPM_NONE;
}

static enum npm_what package_parse(struct npm_path *ret, char *const *words, int count)
{
    int taken = name_take(ret, words, count);

    words += taken;
    count -= taken;
    if (taken == 0)
        return NPM_NONE;
    if (rev_take(ret, words, count))
        return NPM_PACKAGE;
    if (strcmp(words[0], "-") == 0)
        return tarball_parse(ret, words + 1, count - 1);
    return count == 1 && text_take(ret->version, NPM_VERSION_MAX, words[0]) ? NPM_VERSION
                                                                            : NPM_NONE;
}

int npm_path_parse(const char *raw, struct npm_path *ret, struct err *err)
{
    char text[ITEM_PATH_MAX + 1];
    char *words[SEGMENTS_MAX];
    int rc = text_decode(raw, strlen(raw), false, text, sizeof text, err);

    *ret = (struct npm_path){ 0 };
    if (rc < 0)
        return rc;
    int count = segments_split(text, words);
    if (count == 0 || (count > 0 && !repo_key_is_valid(words[0])))
        return err_set(err, ERR_INVALID, "there is no repository in this path");
    if (count > 0)
        snprintf(ret->repo, sizeof ret->repo, "%s", words[0]);
    if (count > 1 && strcmp(words[1], "-") == 0)
        ret->what = registry_parse(ret, words + 2, count - 2);
    else if (count > 1)
        ret->what = package_parse(ret, words + 1, count - 1);
    return 0;
}

bool npm_wants_abbreviated(const char *accept)
{
    static const char *const offers[] = { "application/json",
                                          "application/vnd.npm.install-v1+json" };

    return accept_choose(accept, offers, countof(offers)) == 1;
}
