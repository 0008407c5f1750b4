/* Detection, walking and the checks, on real folders. */
#include "tests/unit/unit.h"

#include "cli/project/project.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/fs.h"

static const char images_text[] =
    "{\"images\":["
    "{\"name\":\"go\",\"language\":\"go\",\"default\":true,"
    "\"detect\":[{\"file\":\"go.mod\",\"strength\":\"STRONG\"}],"
    "\"facts\":[{\"fact\":\"NAME\",\"file\":\"go.mod\",\"match\":\"^module +([^ "
    "]+)\",\"basename\":true}],"
    "\"locks\":[{\"file\":\"go.sum\",\"requiredIf\":{\"file\":\"go.mod\",\"contains\":\"^require\"}"
    ","
    "\"id\":\"lock-missing\",\"fix\":\"go mod tidy\"}],\"exclude\":[\"bin\"]},"
    "{\"name\":\"node-24\",\"language\":\"node\",\"default\":true,"
    "\"detect\":[{\"file\":\"package.json\",\"contains\":\"\\\"main\\\"\",\"strength\":\"STRONG\"},"
    "{\"file\":\"package.json\",\"strength\":\"WEAK\"}],"
    "\"facts\":[{\"fact\":\"NAME\",\"file\":\"package.json\",\"json\":\"/name\"},"
    "{\"fact\":\"VERSION\",\"file\":\"package.json\",\"json\":\"/version\"}]}]}";

struct room {
    char dir[64];
    struct sos_list_images_response images;
    struct project project;
    struct err err;
};

static int setup(void **state)
{
    struct room *room = xcalloc(1, sizeof *room);
    snprintf(room->dir, sizeof room->dir, "/tmp/sos-project-XXXXXX");
    assert_non_null(mkdtemp(room->dir));
    assert_int_equal(sos_list_images_response_read(images_text, strlen(images_text), &room->images,
                                                   &room->err),
                     0);
    *state = room;
    return 0;
}

static int teardown(void **state)
{
    struct room *room = *state;
    project_done(&room->project);
    sos_list_images_response_done(&room->images);
    fs_remove_tree(room->dir, NULL);
    free(room);
    return 0;
}

static void put(struct room *room, const char *name, const char *text)
{
    auto_free char *path = xasprintf("%s/%s", room->dir, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(fs_mkdirs(path, 0755, NULL), 0);
    *slash = '/';
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int read_with(struct room *room, const struct project_wish *wish)
{
    memset(&room->err, 0, sizeof room->err);
    return project_read(room->dir, &room->images, wish, &room->project, &room->err);
}

static int read_it(struct room *room)
{
    const struct project_wish wish = { 0 };
    return read_with(room, &wish);
}

static bool has_finding(const struct room *room, const char *id)
{
    for (size_t i = 0; i < room->project.findings.count; i++)
        if (strcmp(room->project.findings.items[i].id, id) == 0)
            return true;
    return false;
}

static void a_strong_marker_decides_and_facts_are_read(void **state)
{
    struct room *room = *state;
    put(room, "go.mod", "module example.org/x/tool/v3\n");
    put(room, "main.go", "package main\n");
    put(room, "bin/out", "x");
    assert_int_equal(read_it(room), 0);
    assert_string_equal(room->project.detection.image->name, "go");
    assert_string_equal(room->project.name, "tool");
    assert_int_equal(strncmp(room->project.version, "0.0.0-", 6), 0);
    assert_int_equal(room->project.walk.tree.count, 2);
    assert_int_equal(room->project.walk.excluded, 1);
    assert_int_equal(room->project.findings.errors, 0);
    assert_int_equal(room->project.epoch_s, 315532800);
}

static void a_weak_marker_beside_a_strong_one_is_only_a_note(void **state)
{
    struct room *room = *state;
    put(room, "go.mod", "module x\n");
    put(room, "package.json", "{}");
    assert_int_equal(read_it(room), 0);
    assert_string_equal(room->project.detection.image->name, "go");
    assert_non_null(strstr(room->project.detection.note, "package.json"));
}

static void two_strong_markers_stop_and_say_how_to_choose(void **state)
{
    struct room *room = *state;
    put(room, "go.mod", "module x\n");
    put(room, "package.json", "{\"name\":\"w\",\n\"main\":\"i.js\",\"version\":\"1.0.0\"}");
    assert_true(read_it(room) < 0);
    assert_non_null(strstr(room->err.text, "go.mod"));
    assert_non_null(strstr(room->err.text, "package.json"));
    assert_non_null(strstr(room->err.hint, "--lang"));
    const struct project_wish wish = { .language = "node" };
    assert_int_equal(read_with(room, &wish), 0);
    assert_string_equal(room->project.version, "1.0.0");
}

static void no_marker_and_unknown_images_are_refused(void **state)
{
    struct room *room = *state;
    put(room, "notes.txt", "x");
    assert_true(read_it(room) < 0);
    assert_non_null(strstr(room->err.text, "go.mod"));
    const struct project_wish wish = { .image = "cobol-85" };
    assert_true(read_with(room, &wish) < 0);
    assert_non_null(strstr(room->err.hint, "node-24"));
}

/* As git has it: the rules of the folders above, up to the work tree's root, hold too. */
static void a_part_of_a_work_tree_follows_its_parents_rules(void **state)
{
    struct room *room = *state;
    put(room, "repo/.git/info/exclude", "*.local\n");
    put(room, "repo/.gitignore", "*.log\n/svc/tmp/\n");
    put(room, "repo/svc/.gitignore", "!keep.log\n");
    put(room, "repo/svc/go.mod", "module x\n");
    put(room, "repo/svc/a.log", "x");
    put(room, "repo/svc/keep.log", "x");
    put(room, "repo/svc/x.local", "x");
    put(room, "repo/svc/tmp/x", "x");
    put(room, ".gitignore", "go.mod\n"); /* above the work tree: says nothing */
    auto_free char *svc = xasprintf("%s/repo/svc", room->dir);
    const struct project_wish wish = { 0 };
    assert_ok(project_read(svc, &room->images, &wish, &room->project, &room->err), room->err);
    assert_int_equal(room->project.walk.tree.count, 3);
    assert_string_equal(room->project.walk.tree.files[2].path, "keep.log");
}

/* .git of a linked work tree is a file that leads to the repository. */
static void a_linked_work_tree_finds_its_exclude_file(void **state)
{
    struct room *room = *state;
    put(room, "main/.git/info/exclude", "*.local\n");
    put(room, "main/.git/worktrees/w/commondir", "../..\n");
    auto_free char *link = xasprintf("gitdir: %s/main/.git/worktrees/w\n", room->dir);
    put(room, "w/.git", link);
    put(room, "w/go.mod", "module x\n");
    put(room, "w/x.local", "x");
    auto_free char *tree = xasprintf("%s/w", room->dir);
    const struct project_wish wish = { 0 };
    assert_ok(project_read(tree, &room->images, &wish, &room->project, &room->err), room->err);
    assert_int_equal(room->project.walk.tree.count, 1);
}

/* A pipe in the place of an ignore file must not be waited for. */
static void an_ignore_file_that_is_a_pipe_says_nothing(void **state)
{
    struct room *room = *state;
    put(room, "go.mod", "module x\n");
    auto_free char *pipe = xasprintf("%s/.gitignore", room->dir);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_int_equal(read_it(room), 0);
    assert_true(has_finding(room, "file-kind"));
}

static void all_findings_come_at_once_each_with_its_id(void **state)
{
    struct room *room = *state;
    put(room, "go.mod", "module x\nrequire example.org/y v1.0.0\n");
    put(room, ".env", "TOKEN=x");
    put(room, ".env.example", "TOKEN=");
    put(room, "target/x.class", "x");
    put(room, "big.psd",
        "version https://git-lfs.github.com/spec/v1\noid "
        "sha256:0000000000000000000000000000000000000000"
        "000000000000000000000000\nsize 12345678\n");
    auto_free char *link = xasprintf("%s/out", room->dir);
    assert_int_equal(symlink("../../etc/passwd", link), 0);
    auto_free char *fifo = xasprintf("%s/pipe", room->dir);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(read_it(room), 0);
    const char *const ids[] = { "lock-missing", "secret-file",  "symlink",
                                "file-kind",    "built-output", "lfs-pointer" };
    for (size_t i = 0; i < countof(ids); i++)
        if (!has_finding(room, ids[i]))
            fail_msg("no finding %s", ids[i]);
    assert_int_equal(room->project.findings.errors, 5);
}

static void made_up_secrets_of_tests_are_told_and_do_not_stop(void **state)
{
    struct room *room = *state;
    put(room, "go.mod", "module x\n");
    put(room, "tests/client_certs/client.pem", "-----BEGIN CERTIFICATE-----");
    put(room, "pkg/testdata/dotenv/.env", "A=b");
    assert_int_equal(read_it(room), 0);
    assert_int_equal(room->project.findings.errors, 0);
    assert_int_equal(room->project.findings.warnings, 2);
    /* The names of folders, not of files or of parts of them. */
    put(room, "latest/.env", "A=b");
    put(room, "test.pem", "-----BEGIN CERTIFICATE-----");
    project_done(&room->project);
    assert_int_equal(read_it(room), 0);
    assert_int_equal(room->project.findings.errors, 2);
}

static void a_check_can_be_switched_off_and_warnings_made_errors(void **state)
{
    struct room *room = *state;
    put(room, "go.mod", "module x\n");
    put(room, ".env", "TOKEN=x");
    put(room, "target/x.class", "x");
    const char *skip[] = { "secret-file" };
    const struct project_wish wish = { .skip_checks = skip,
                                       .skip_checks_count = 1,
                                       .strict = true };
    assert_int_equal(read_with(room, &wish), 0);
    assert_false(has_finding(room, "secret-file"));
    assert_int_equal(room->project.findings.errors, 1);
}

static void a_lock_that_is_ignored_is_told_apart_from_one_that_is_missing(void **state)
{
    struct room *room = *state;
    put(room, "go.mod", "module x\nrequire example.org/y v1.0.0\n");
    put(room, "go.sum", "x");
    put(room, ".gitignore", "*.sum\n");
    assert_int_equal(read_it(room), 0);
    assert_true(has_finding(room, "lock-ignored"));
    put(room, ".sosignore", "!go.sum\n");
    project_done(&room->project);
    assert_int_equal(read_it(room), 0);
    assert_int_equal(room->project.findings.errors, 0);
}

/* The id of a source is a function of what is sent, nothing else. */
static void the_source_id_changes_with_bytes_and_modes_only(void **state)
{
    struct room *room = *state;
    put(room, "go.mod", "module x\n");
    assert_int_equal(read_it(room), 0);
    auto_free char *first = xstrdup(room->project.id);
    project_done(&room->project);
    put(room, "bin/ignored", "x");
    assert_int_equal(read_it(room), 0);
    assert_string_equal(room->project.id, first);
    project_done(&room->project);
    auto_free char *path = xasprintf("%s/go.mod", room->dir);
    assert_int_equal(chmod(path, 0755), 0);
    assert_int_equal(read_it(room), 0);
    assert_string_not_equal(room->project.id, first);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_strong_marker_decides_and_facts_are_read),
        CASE(a_weak_marker_beside_a_strong_one_is_only_a_note),
        CASE(two_strong_markers_stop_and_say_how_to_choose),
        CASE(no_marker_and_unknown_images_are_refused),
        CASE(a_part_of_a_work_tree_follows_its_parents_rules),
        CASE(a_linked_work_tree_finds_its_exclude_file),
        CASE(an_ignore_file_that_is_a_pipe_says_nothing),
        CASE(all_findings_come_at_once_each_with_its_id),
        CASE(made_up_secrets_of_tests_are_told_and_do_not_stop),
        CASE(a_check_can_be_switched_off_and_warnings_made_errors),
        CASE(a_lock_that_is_ignored_is_told_apart_from_one_that_is_missing),
        CASE(the_source_id_changes_with_bytes_and_modes_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
