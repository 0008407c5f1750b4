#include "cli/project/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/fs.h"

enum { ODDITIES_MAX = 1000, IGNORE_FILE_MAX = 1 << 20, DEPTH_MAX = 64, LINK_MAX = 4096 };

struct walker {
    const char *root;
    struct walk *walk;
    struct ignore *ignore; /* the image's excludes and .gitignore files */
    struct ignore *own;    /* .sosignore: outranks all */
    const char *prefix;    /* of the root in its git work tree: "", or "a/b" */
    struct err *err;
};

/* "a" and "b" are "a/b"; either may be empty (gives). */
static char *path_join(const char *folder, const char *name)
{
    return folder[0] && name[0] ? xasprintf("%s/%s", folder, name)
                                : xstrdup(folder[0] ? folder : name);
}

/* Always out, whatever an ignore file says: version control's own. */
static const char *const never[] = { ".git", ".hg", ".svn", ".bzr" };

static void oddity(struct walk *walk, enum walk_oddity_kind kind, const char *path,
                   const char *detail)
{
    if (walk->oddities_count == ODDITIES_MAX)
        return;
    walk->oddities = xrealloc(walk->oddities, (walk->oddities_count + 1) * sizeof *walk->oddities);
    walk->oddities[walk->oddities_count++] =
        (struct walk_oddity){ .kind = kind, .path = xstrdup(path), .detail = xstrdup(detail) };
}

static int rules_load(struct walker *w, struct ignore *into, int dirfd, const char *folder,
                      const char *name)
{
    auto_close int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return 0;
    struct buf text;
    buf_init(&text, IGNORE_FILE_MAX);
    char chunk[4096];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) > 0)
        buf_add(&text, chunk, (size_t)n);
    int rc = text.over   ? err_set(w->err, ERR_LIMIT, "larger than %d bytes", IGNORE_FILE_MAX)
             : text.data ? ignore_add(into, folder, text.data, text.len, w->err)
                         : 0;
    buf_done(&text);
    if (rc < 0)
        err_wrap(w->err, "%s/%s", folder[0] ? folder : w->root, name);
    return rc;
}

static int file_add(struct walker *w, int dirfd, const char *name, const char *path,
                    const struct stat *st)
{
    auto_close int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        oddity(w->walk, WALK_UNREADABLE, path, strerror(errno));
        return 0;
    }
    struct hasher *hasher = hasher_new_sha256();
    struct digests digests;
    static char chunk[1 << 17];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) > 0)
        hasher_add(hasher, chunk, (size_t)n);
    hasher_end(hasher, &digests);
    hasher_free(hasher);
    if (n < 0) {
        oddity(w->walk, WALK_UNREADABLE, path, strerror(errno));
        return 0;
    }
    return tree_add(&w->walk->tree, path, st->st_mode & 0100 ? TREE_EXECUTABLE : TREE_REGULAR,
                    digests.size_bytes, digests.sha256, w->err);
}

static int link_add(struct walker *w, int dirfd, const char *name, const char *path)
{
    char target[LINK_MAX];
    struct err why = { 0 };
    ssize_t len = readlinkat(dirfd, name, target, sizeof target - 1);
    if (len < 0) {
        oddity(w->walk, WALK_UNREADABLE, path, strerror(errno));
        return 0;
    }
    target[len] = '\0';
    struct stat st;
    if (tree_link_check(path, target, &why) < 0) {
        oddity(w->walk, WALK_BAD_LINK, path, target);
        return 0;
    }
    if (fstatat(dirfd, name, &st, 0) < 0) {
        oddity(w->walk, WALK_BAD_LINK, path, target);
        return 0;
    }
    char sha256[SHA256_HEX];
    sha256_hex(target, (size_t)len, sha256);
    return tree_add(&w->walk->tree, path, TREE_SYMLINK, len, sha256, w->err);
}

static int folder_walk(struct walker *w, int dirfd, const char *folder, int depth);

static int entry_walk(struct walker *w, int dirfd, const char *folder, const char *name, int depth)
{
    auto_free char *path = path_join(folder, name);
    struct err why = { 0 };
    struct stat st;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : err_errno(w->err, "stat %s", path);
    for (size_t i = 0; i < countof(never); i++)
        if (strcmp(name, never[i]) == 0)
            return 0;
    bool is_folder = S_ISDIR(st.st_mode);
    auto_free char *place = path_join(w->prefix, path);
    if (ignore_decide(w->ignore, w->own, place, is_folder)) {
        w->walk->excluded++;
        return 0;
    }
    if (tree_path_check(path, &why) < 0) {
        oddity(w->walk, WALK_BAD_NAME, path, why.text);
        return 0;
    }
    if (S_ISLNK(st.st_mode))
        return link_add(w, dirfd, name, path);
    if (S_ISREG(st.st_mode))
        return file_add(w, dirfd, name, path, &st);
    if (!is_folder) {
        oddity(w->walk, WALK_SPECIAL, path, "a device, socket or pipe");
        return 0;
    }
    auto_close int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        oddity(w->walk, WALK_UNREADABLE, path, strerror(errno));
        return 0;
    }
    return folder_walk(w, fd, path, depth + 1);
}

static int folder_walk(struct walker *w, int dirfd, const char *folder, int depth)
{
    if (depth > DEPTH_MAX)
        return err_set(w->err, ERR_LIMIT, "%s is more than %d folders deep", folder, DEPTH_MAX);
    size_t mark = ignore_mark(w->ignore), own_mark = ignore_mark(w->own);
    auto_free char *place = path_join(w->prefix, folder);
    int rc = rules_load(w, w->ignore, dirfd, place, ".gitignore");
    if (rc == 0)
        rc = rules_load(w, w->own, dirfd, place, ".sosignore");

    int fd = fcntl(dirfd, F_DUPFD_CLOEXEC, 3);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        rc = err_errno(w->err, "read %s/%s", w->root, folder);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    const struct dirent *entry;
    while (rc == 0 && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = entry_walk(w, dirfd, folder, entry->d_name, depth);
    closedir(dir);
    ignore_reset(w->ignore, mark);
    ignore_reset(w->own, own_mark);
    return rc;
}

/* --- the git work tree that the project is a part of --- */

/* The nearest folder from `root` up that holds ".git" (gives); NULL: none. */
static char *worktree_top(const char *root)
{
    auto_free char *at = xstrdup(root);
    while (at[0]) {
        auto_free char *git = xasprintf("%s/.git", at);
        if (access(git, F_OK) == 0)
            return take_ptr(at);
        *strrchr(at, '/') = '\0';
    }
    return NULL;
}

/* What stands behind `label` in a file of one line (gives); NULL: it does not. */
static char *one_line(const char *path, const char *label)
{
    struct buf text;
    struct err ignored;
    buf_init(&text, LINK_MAX);
    char *value = NULL;
    if (fs_read(path, &text, &ignored) == 0 && text.data &&
        strncmp(text.data, label, strlen(label)) == 0) {
        const char *start = text.data + strlen(label);
        value = xstrndup(start, strcspn(start, "\r\n"));
    }
    buf_done(&text);
    return value;
}

static char *path_from(const char *folder, const char *path)
{
    return path[0] == '/' ? xstrdup(path) : xasprintf("%s/%s", folder, path);
}

/* Where info/exclude is: .git, or for a linked work tree what the file .git leads to
 * (gitrepository-layout(5): gitdir, commondir). */
static char *worktree_git_folder(const char *top)
{
    char *git = xasprintf("%s/.git", top);
    auto_free char *link = one_line(git, "gitdir: ");
    if (!link)
        return git;
    free(git);
    char *own = path_from(top, link);
    auto_free char *file = xasprintf("%s/commondir", own);
    auto_free char *common = one_line(file, "");
    if (!common)
        return own;
    git = path_from(own, common);
    free(own);
    return git;
}

static int rules_of_folder(struct walker *w, const char *path, const char *folder, const char *name)
{
    auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? 0 : rules_load(w, w->ignore, fd, folder, name);
}

/* info/exclude, then .gitignore of each folder above the root, the outermost first. */
static int worktree_rules(struct walker *w, const char *top)
{
    auto_free char *git = worktree_git_folder(top);
    auto_free char *info = xasprintf("%s/info", git);
    int rc = rules_of_folder(w, info, "", "exclude");
    for (const char *end = w->prefix; rc == 0 && *end;) {
        auto_free char *folder = xstrndup(w->prefix, (size_t)(end - w->prefix));
        auto_free char *path = xasprintf("%s%s%s", top, folder[0] ? "/" : "", folder);
        rc = rules_of_folder(w, path, folder, ".gitignore");
        end = strchrnul(end + (*end == '/'), '/');
    }
    return rc;
}

int walk_project(const char *root, char *const *excludes, size_t excludes_count, struct walk *ret,
                 struct err *err)
{
    memset(ret, 0, sizeof *ret);
    tree_init(&ret->tree);
    auto_close int dirfd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dirfd < 0)
        return err_errno(err, "open %s", root);
    auto_free char *top = worktree_top(root);
    const char *prefix = top ? root + strlen(top) : "";
    struct walker w = { .root = root,
                        .walk = ret,
                        .ignore = ignore_new(),
                        .own = ignore_new(),
                        .prefix = prefix + (prefix[0] == '/'),
                        .err = err };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < excludes_count; i++)
        rc = ignore_add_pattern(w.ignore, w.prefix, excludes[i], err);
    if (rc == 0 && top)
        rc = worktree_rules(&w, top);
    if (rc == 0)
        rc = folder_walk(&w, dirfd, "", 0);
    if (rc == 0)
        rc = tree_seal(&ret->tree, err);
    ignore_free(w.ignore);
    ignore_free(w.own);
    if (rc < 0)
        walk_done(ret);
    return rc;
}

void walk_done(struct walk *walk)
{
    for (size_t i = 0; i < walk->oddities_count; i++) {
        free(walk->oddities[i].path);
        free(walk->oddities[i].detail);
    }
    free(walk->oddities);
    tree_done(&walk->tree);
    memset(walk, 0, sizeof *walk);
}
