/* tree.h - the manifest of a source tree: which files it is made of.
 *
 * Canonical form: one line a file, in bytewise order of the paths,
 *     <100644|100755|120000> <size> <sha256> <path>\n
 * and the id of the tree is "sha256:" and the SHA-256 of that text.  A symbolic
 * link's bytes are its target, as in git. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "sos/base/digest.h"
#include "sos/base/err.h"

enum tree_mode { TREE_REGULAR = 0100644, TREE_EXECUTABLE = 0100755, TREE_SYMLINK = 0120000 };
enum { TREE_FILES_MAX = 200000, TREE_PATH_MAX = 1024, TREE_ID_MAX = 72 };

struct tree_file {
    char *path;
    enum tree_mode mode;
    int64_t size_bytes;
    char sha256[SHA256_HEX];
};

struct tree {
    struct tree_file *files; /* owned; sorted after tree_seal() */
    size_t count;
    size_t cap;
};

void tree_init(struct tree *tree);
void tree_done(struct tree *tree);
/* Copies `path`.  Refuses what tree_path_check() refuses. */
int tree_add(struct tree *tree, const char *path, enum tree_mode mode, int64_t size_bytes,
             const char *sha256, struct err *err);
/* Sorts; refuses two files of one path and a file that is also a folder.  Names that differ
 * by case only are two files, as on the systems the builds run on. */
int tree_seal(struct tree *tree, struct err *err);
/* Canonical text of a sealed tree (gives; free()) and its id. */
char *tree_text(const struct tree *tree, size_t *ret_len);
void tree_id(const struct tree *tree, char ret_id[TREE_ID_MAX]);
/* The reverse: sealed; anything but the canonical form is -ERR_INVALID naming the line. */
int tree_parse(const char *text, size_t len, struct tree *ret, struct err *err);
int64_t tree_size(const struct tree *tree); /* sum of the files' bytes */
/* Relative, UTF-8, no empty, "." or ".." element, no control byte, no backslash,
 * at most TREE_PATH_MAX bytes and 64 elements of at most 255.  Reason PATH_INVALID. */
int tree_path_check(const char *path, struct err *err);
/* A link's target is refused when it is absolute, leaves the tree, or has ".." behind a name: with
 * that no chain of accepted links leads out of the tree.  Reason LINK_INVALID. */
int tree_link_check(const char *path, const char *target, struct err *err);
