#include "sos/base/tree.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/utf8.h"

enum { PATH_ELEMENTS_MAX = 64, LINE_LEAST = 6 + 1 + 1 + 1 + 64 + 1 + 1 };
/* 1 TiB: so that the sizes of all files a tree may have never overflow. */
static const int64_t FILE_SIZE_MAX = 1LL << 40;

/* --- paths --- */

static int bad_path(struct err *err, const char *path, const char *why)
{
    err_set(err, ERR_INVALID, "path '%.120s' %s", path, why);
    err_reason(err, "PATH_INVALID");
    return -ERR_INVALID;
}

/* The bytes a path or a link's target may hold; NULL or what is wrong. */
static const char *bad_bytes(const char *path, size_t len)
{
    if (len == 0)
        return "is empty";
    if (len > TREE_PATH_MAX)
        return "is too long";
    if (!utf8_is_valid(path, len))
        return "is not UTF-8";
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f)
            return "holds a control character";
    return NULL;
}

static bool is_element(const char *at, size_t len, const char *name)
{
    return len == strlen(name) && memcmp(at, name, len) == 0;
}

int tree_path_check(const char *path, struct err *err)
{
    size_t len = strnlen(path, TREE_PATH_MAX + 1);
    const char *why = bad_bytes(path, len);
    if (why)
        return bad_path(err, path, why);
    if (path[0] == '/')
        return bad_path(err, path, "is absolute");
    if (memchr(path, '\\', len))
        return bad_path(err, path, "holds a backslash");

    int elements = 0;
    for (const char *at = path;; at++) {
        size_t size = strcspn(at, "/");
        if (size == 0)
            return bad_path(err, path, "has an empty element");
        if (is_element(at, size, ".") || is_element(at, size, ".."))
            return bad_path(err, path, "has the element '.' or '..'");
        if (size > 255)
            return bad_path(err, path, "has an element longer than 255 bytes");
        if (++elements > PATH_ELEMENTS_MAX)
            return bad_path(err, path, "has more than 64 elements");
        at += size;
        if (*at == '\0')
            return 0;
    }
}

/* A link in a real folder that first goes up, no further than to the top, and
 * then only down by names cannot leave, whatever it meets: another link on the
 * way starts in its own real folder under the same rule.  A ".." behind a name
 * would count from wherever that name leads. */
int tree_link_check(const char *path, const char *target, struct err *err)
{
    size_t len = strnlen(target, TREE_PATH_MAX + 1);
    const char *why = bad_bytes(target, len);
    if (!why && target[0] == '/')
        why = "is absolute";

    int depth = 0;
    for (const char *p = path; *p; p++)
        depth += *p == '/';
    bool down = false;
    for (const char *at = target; !why && *at; at += *at == '/') {
        size_t size = strcspn(at, "/");
        bool up = is_element(at, size, "..");
        if (up && down)
            why = "has '..' behind a name";
        else if (up && --depth < 0)
            why = "leaves the tree";
        else if (!up && size > 0 && !is_element(at, size, "."))
            down = true;
        at += size;
    }
    if (!why)
        return 0;
    err_set(err, ERR_INVALID, "link '%.90s' to '%.90s' %s", path, target, why);
    err_reason(err, "LINK_INVALID");
    return -ERR_INVALID;
}

/* --- the tree --- */

void tree_init(struct tree *tree)
{
    *tree = (struct tree){ 0 };
}

void tree_done(struct tree *tree)
{
    for (size_t i = 0; i < tree->count; i++)
        free(tree->files[i].path);
    free(tree->files);
    tree_init(tree);
}

static int check_file(const char *path, enum tree_mode mode, int64_t size_bytes, const char *sha256,
                      struct err *err)
{
    int rc = tree_path_check(path, err);
    if (rc < 0)
        return rc;
    if (mode != TREE_REGULAR && mode != TREE_EXECUTABLE && mode != TREE_SYMLINK)
        return bad_path(err, path, "has a mode that is not 100644, 100755 or 120000");
    if (size_bytes < 0 || size_bytes > FILE_SIZE_MAX)
        return bad_path(err, path, "has an impossible size");
    if (mode == TREE_SYMLINK && (size_bytes == 0 || size_bytes > TREE_PATH_MAX))
        return bad_path(err, path, "is a link whose target is empty or too long");
    if (!sha256_hex_is_valid(sha256))
        return bad_path(err, path, "has no SHA-256 of 64 lower-case hex digits");
    return 0;
}

int tree_add(struct tree *tree, const char *path, enum tree_mode mode, int64_t size_bytes,
             const char *sha256, struct err *err)
{
    int rc = check_file(path, mode, size_bytes, sha256, err);
    if (rc < 0)
        return rc;
    if (tree->count == TREE_FILES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d files", TREE_FILES_MAX);
    if (tree->count == tree->cap) {
        tree->cap = tree->cap ? tree->cap * 2 : 64;
        tree->files = xrealloc(tree->files, tree->cap * sizeof(*tree->files));
    }
    struct tree_file *file = &tree->files[tree->count++];
    *file = (struct tree_file){ .path = xstrdup(path), .mode = mode, .size_bytes = size_bytes };
    memcpy(file->sha256, sha256, SHA256_HEX);
    return 0;
}

static int by_path(const void *a, const void *b)
{
    const struct tree_file *left = a;
    const struct tree_file *right = b;
    return strcmp(left->path, right->path);
}

/* No folder on the way to a file is a file itself. */
static int check_parents(const struct tree *tree, const struct tree_file *file, struct err *err)
{
    char parent[TREE_PATH_MAX + 1];
    memcpy(parent, file->path, strlen(file->path) + 1);
    for (char *slash = strrchr(parent, '/'); slash; slash = strrchr(parent, '/')) {
        *slash = '\0';
        struct tree_file key = { .path = parent };
        if (bsearch(&key, tree->files, tree->count, sizeof(key), by_path))
            return bad_path(err, parent, "is both a file and a folder");
    }
    return 0;
}

int tree_seal(struct tree *tree, struct err *err)
{
    if (tree->count > 0)
        qsort(tree->files, tree->count, sizeof(*tree->files), by_path);
    for (size_t i = 0; i < tree->count; i++) {
        if (i > 0 && by_path(&tree->files[i - 1], &tree->files[i]) == 0)
            return bad_path(err, tree->files[i].path, "is there twice");
        int rc = check_parents(tree, &tree->files[i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int64_t tree_size(const struct tree *tree)
{
    int64_t sum = 0;
    for (size_t i = 0; i < tree->count; i++)
        sum += tree->files[i].size_bytes;
    return sum;
}

/* --- its text --- */

enum { HEAD_MAX = 100 };

/* "<mode> <size> <sha256> " */
static size_t file_head(const struct tree_file *file, char ret[HEAD_MAX])
{
    return (size_t)snprintf(ret, HEAD_MAX, "%06o %ld %s ", (unsigned)file->mode, file->size_bytes,
                            file->sha256);
}

char *tree_text(const struct tree *tree, size_t *ret_len)
{
    size_t room = 1;
    for (size_t i = 0; i < tree->count; i++)
        room += HEAD_MAX + strlen(tree->files[i].path) + 1;
    char *text = xmalloc(room);
    char *at = text;
    for (size_t i = 0; i < tree->count; i++) {
        char head[HEAD_MAX];
        at = mempcpy(at, head, file_head(&tree->files[i], head));
        at = stpcpy(at, tree->files[i].path);
        *at++ = '\n';
    }
    *at = '\0';
    if (ret_len)
        *ret_len = (size_t)(at - text);
    return text;
}

void tree_id(const struct tree *tree, char ret_id[TREE_ID_MAX])
{
    size_t len = 0;
    auto_free char *text = tree_text(tree, &len);
    ret_id = stpcpy(ret_id, "sha256:");
    sha256_hex(text, len, ret_id);
}

/* Decimal digits without a leading zero, and one space; moves *p past them. */
static bool take_size(const char **p, int64_t *ret_size)
{
    size_t digits = strspn(*p, "0123456789");
    if (digits == 0 || digits > 15 || (digits > 1 && **p == '0') || (*p)[digits] != ' ')
        return false;
    *ret_size = strtoll(*p, NULL, 10);
    *p += digits + 1;
    return true;
}

static bool take_mode(const char **p, enum tree_mode *ret_mode)
{
    static const enum tree_mode modes[] = { TREE_REGULAR, TREE_EXECUTABLE, TREE_SYMLINK };
    for (size_t i = 0; i < countof(modes); i++) {
        char text[16];
        int len = snprintf(text, sizeof(text), "%06o ", (unsigned)modes[i]);
        if (strncmp(*p, text, (size_t)len) == 0) {
            *ret_mode = modes[i];
            *p += len;
            return true;
        }
    }
    return false;
}

/* `line` has no end of line and no NUL inside. */
static int parse_line(struct tree *tree, char *line, struct err *err)
{
    const char *p = line;
    enum tree_mode mode = TREE_REGULAR;
    int64_t size_bytes = 0;
    if (!take_mode(&p, &mode) || !take_size(&p, &size_bytes) || strnlen(p, 65) < 65 || p[64] != ' ')
        return err_set(err, ERR_INVALID, "not '<mode> <size> <sha256> <path>'");
    char sha256[SHA256_HEX];
    memcpy(sha256, p, SHA256_HEX - 1);
    sha256[SHA256_HEX - 1] = '\0';
    const char *path = p + SHA256_HEX;
    if (tree->count > 0 && strcmp(tree->files[tree->count - 1].path, path) >= 0)
        return bad_path(err, path, "is out of order or there twice");
    return tree_add(tree, path, mode, size_bytes, sha256, err);
}

static int parse_lines(struct tree *tree, const char *text, size_t len, struct err *err)
{
    char line[HEAD_MAX + TREE_PATH_MAX + 1];
    for (size_t number = 1; len > 0; number++) {
        const char *end = memchr(text, '\n', len < sizeof(line) ? len : sizeof(line));
        size_t size = end ? (size_t)(end - text) : 0;
        if (!end || size < LINE_LEAST || memchr(text, '\0', size))
            return err_set(err, ERR_INVALID, "manifest line %zu is not one", number);
        memcpy(line, text, size);
        line[size] = '\0';
        int rc = parse_line(tree, line, err);
        if (rc < 0) {
            err_wrap(err, "manifest line %zu", number);
            return rc;
        }
        text += size + 1;
        len -= size + 1;
    }
    return 0;
}

int tree_parse(const char *text, size_t len, struct tree *ret, struct err *err)
{
    struct tree tree;
    tree_init(&tree);
    int rc = parse_lines(&tree, text, len, err);
    if (rc == 0)
        rc = tree_seal(&tree, err);
    if (rc < 0)
        tree_done(&tree);
    else
        *ret = tree;
    return rc;
}
