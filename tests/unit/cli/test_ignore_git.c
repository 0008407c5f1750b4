/* Random trees with random ignore files: what is sent is what git lists as not ignored, also below
 * a sub-folder of a work tree. */
#include "tests/unit/unit.h"

#include "cli/project/walk.h"

#include <sys/stat.h>

#include "sos/base/spawn.h"

enum { ROUNDS = 120, FILES = 24, RULES = 5 };

static const char *const names[] = { "a",   "b",  "ab", "a.c", "b.o", "x y", "[a]",
                                     "a*b", "#f", "!g", "abc", "B",   "a-b", ".h" };
static const char *const parts[] = { "a",           "b",      "ab",   "*",     "**",    "*.c",
                                     "a*",          "?",      "[ab]", "[!a]*", "\\#f",  "x y",
                                     "[[:alpha:]]", "[a-b]*", "#f",   "\\!g",  "a\\*b", "*b*",
                                     "**b",         "[]a]",   "[",    "x\\ y", "B",     "[^a]",
                                     "a**",         ".*",     "[a",   "\\a" };

static uint32_t seed;
static size_t pick(size_t count)
{
    seed = seed * 1664525u + 1013904223u;
    return (size_t)(seed >> 16) % count;
}

static void put(const char *top, const char *path, const char *text)
{
    auto_free char *full = xasprintf("%s/%s", top, path);
    char *slash = strrchr(full, '/');
    *slash = '\0';
    int rc = fs_mkdirs(full, 0755, NULL);
    *slash = '/';
    auto_fclose FILE *f = rc == 0 ? fopen(full, "wxe") : NULL;
    if (f) /* a name that is a folder already stays one */
        fputs(text, f);
}

static char *random_path(void)
{
    struct buf path;
    buf_init(&path, 200);
    for (size_t i = pick(3); i > 0; i--)
        buf_printf(&path, "%s/", names[pick(countof(names))]);
    buf_add_str(&path, names[pick(countof(names))]);
    return buf_take(&path);
}

static void random_rules(struct buf *ret)
{
    buf_init(ret, 1000);
    for (size_t i = pick(RULES) + 1; i > 0; i--) {
        buf_add_str(ret, pick(4) == 0 ? "!" : "");
        buf_add_str(ret, pick(5) == 0 ? "/" : "");
        for (size_t n = pick(3); n > 0; n--)
            buf_printf(ret, "%s/", parts[pick(countof(parts))]);
        buf_add_str(ret, parts[pick(countof(parts))]);
        buf_add_str(ret, pick(5) == 0 ? "/" : "");
        buf_add_str(ret, pick(8) == 0 ? "  " : "");
        buf_add_str(ret, pick(12) == 0 ? "\r\n" : "\n");
    }
}

static bool git(const char *top, struct buf *out, const char *const args[])
{
    static const char *const env[] = { "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1",
                                       "PATH=/usr/bin:/bin", "GIT_CONFIG_GLOBAL=/dev/null", NULL };
    const char *argv[16] = { "git", "-C", top };
    for (size_t i = 0; args[i]; i++)
        argv[i + 3] = args[i];
    struct spawn spawn = { .argv = argv, .env = env, .timeout_ms = 60000 };
    return spawn_run(&spawn, out, NULL, NULL) == 0;
}
#define GIT(top, out, ...) git(top, out, (const char *const[]){ __VA_ARGS__, NULL })

static void tree_make(const char *top)
{
    static const char *const places[] = { ".gitignore", "a/.gitignore", "ab/.gitignore",
                                          "a/b/.gitignore" };
    for (size_t i = 0; i < FILES; i++) {
        auto_free char *path = random_path();
        put(top, path, "x");
    }
    put(top, "a/ab/abc", "x");
    for (size_t i = 0; i < countof(places); i++) {
        struct buf rules;
        random_rules(&rules);
        put(top, places[i], rules.data);
        buf_done(&rules);
    }
    assert_true(GIT(top, NULL, "init", "-q"));
    auto_free char *exclude = xasprintf("%s/.git/info/exclude", top);
    auto_free char *line = xasprintf("%s\n", parts[pick(countof(parts))]);
    assert_int_equal(fs_write_atomic(exclude, line, strlen(line), 0644, NULL), 0);
}

static int line_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The files that git would take, sorted, a line each. */
static char *git_list(const char *folder)
{
    struct buf out, sorted;
    char *lines[1000];
    size_t count = 0;
    buf_init(&out, 1 << 20);
    buf_init(&sorted, 1 << 20);
    buf_add(&sorted, "", 0);
    assert_true(GIT(folder, &out, "-c", "core.quotePath=false", "ls-files", "-o",
                    "--exclude-standard", "-z"));
    for (size_t at = 0; at < out.len && count < countof(lines); at += strlen(out.data + at) + 1)
        lines[count++] = out.data + at;
    if (count > 0)
        qsort(lines, count, sizeof *lines, line_compare);
    for (size_t i = 0; i < count; i++)
        buf_printf(&sorted, "%s\n", lines[i]);
    buf_done(&out);
    return buf_take(&sorted);
}

static char *our_list(const char *folder)
{
    struct walk walk;
    struct err err = { 0 };
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_add(&text, "", 0);
    assert_ok(walk_project(folder, NULL, 0, &walk, &err), err);
    for (size_t i = 0; i < walk.tree.count; i++)
        buf_printf(&text, "%s\n", walk.tree.files[i].path);
    walk_done(&walk);
    return buf_take(&text);
}

/* A folder that its parents ignore is sent all the same: the user named it. */
static bool is_ignored(const char *top, const char *folder)
{
    auto_free char *inside = xasprintf("%s/", folder);
    return GIT(top, NULL, "check-ignore", "-q", inside);
}

static void what_is_sent_is_what_git_does_not_ignore(void **state)
{
    static const char *const below[] = { "", "/a", "/a/ab", "/ab" };
    for (size_t round = 0; round < ROUNDS; round++) {
        auto_free char *raw = xasprintf("%s/%zu", (char *)*state, round);
        assert_int_equal(fs_mkdirs(raw, 0755, NULL), 0);
        auto_free char *top = realpath(raw, NULL);
        seed = (uint32_t)round + 1;
        tree_make(top);
        for (size_t i = 0; i < countof(below); i++) {
            struct stat st;
            auto_free char *folder = xasprintf("%s%s", top, below[i]);
            if (stat(folder, &st) < 0 || !S_ISDIR(st.st_mode) ||
                (i > 0 && is_ignored(top, below[i] + 1)))
                continue;
            auto_free char *ours = our_list(folder), *theirs = git_list(folder);
            if (strcmp(ours, theirs) != 0)
                fail_msg("round %zu, %s\nours:\n%s\ngit's:\n%s", round, folder, ours, theirs);
        }
        fs_remove_tree(top, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(what_is_sent_is_what_git_does_not_ignore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
