#include "sos/base/config.h"

#include "tests/unit/unit.h"

static const struct config_item ITEMS[] = {
    { "listen", CONFIG_STRING, "127.0.0.1:8600", "address to serve on", 'l', false },
    { "store-url", CONFIG_STRING, NULL, "where the store is", 0, false },
    { "slots", CONFIG_INT, "2", "builds at once", 'n', false },
    { "quiet", CONFIG_BOOL, "false", "say less", 'q', false },
    { "follow", CONFIG_BOOL, "true", "wait for the end", 'f', false },
    { "lease-time", CONFIG_DURATION, "30s", "of a lease", 0, false },
    { "log-max", CONFIG_BYTES, "64MiB", "of a log", 0, false },
    { "label", CONFIG_LIST, NULL, "put on the build", 'L', false },
    { "json", CONFIG_BOOL, NULL, "print JSON", 0, true },
};

struct scene {
    void **state;
    struct config *config;
    struct err err;
};

/* The first of `argv` is the default file; a program's name takes its place. */
static int load(struct scene *s, char **argv)
{
    int argc = 1;
    while (argv[argc])
        argc++;
    const char *default_file = argv[0];
    argv[0] = "program";
    return config_load(ITEMS, countof(ITEMS), argc, argv, default_file, &s->config, &s->err);
}
#define LOAD(s, ...) load(&(s), (char *[]){ __VA_ARGS__, NULL })

static char *write_yaml(void **state, const char *text)
{
    char *path = xasprintf("%s/sos.yaml", (char *)*state);
    assert_int_equal(fs_write_atomic(path, text, strlen(text), 0600, NULL), 0);
    return path;
}

static void nothing_given_is_the_built_in(void **state)
{
    struct scene s = { 0 };
    (void)state;
    assert_ok(LOAD(s, NULL), s.err);
    assert_string_equal(config_string(s.config, "listen"), "127.0.0.1:8600");
    assert_string_equal(config_string(s.config, "store-url"), "");
    assert_int_equal(config_int(s.config, "slots"), 2);
    assert_false(config_bool(s.config, "quiet"));
    assert_true(config_bool(s.config, "follow"));
    assert_int_equal(config_int(s.config, "lease-time"), 30000);
    assert_int_equal(config_int(s.config, "log-max"), 64 << 20);
    assert_string_equal(config_string(s.config, "label"), "");
    assert_string_equal(config_origin(s.config, "slots"), "built-in");
    config_free(s.config);
    config_free(NULL);
}

static void a_flag_beats_the_environment_beats_the_file(void **state)
{
    struct scene s = { 0 };
    auto_free char *file = write_yaml(state, "slots: 3\nlisten: file\nstore:\n  url: file\n");
    auto_free char *origin = xasprintf("%s:4", file);
    setenv("SOS_SLOTS", "4", 1);
    setenv("SOS_LISTEN", "environment", 1);
    setenv("SOS_LOG_MAX", "", 1); /* as if it were not set */
    assert_ok(LOAD(s, NULL, "--config", file, "--slots=5"), s.err);
    unsetenv("SOS_SLOTS");
    unsetenv("SOS_LISTEN");
    unsetenv("SOS_LOG_MAX");
    assert_int_equal(config_int(s.config, "slots"), 5);
    assert_string_equal(config_origin(s.config, "slots"), "flag");
    assert_string_equal(config_string(s.config, "listen"), "environment");
    assert_string_equal(config_origin(s.config, "listen"), "environment");
    assert_string_equal(config_string(s.config, "store-url"), "file");
    assert_string_equal(config_origin(s.config, "store-url"), origin);
    assert_int_equal(config_int(s.config, "log-max"), 64 << 20);
    config_free(s.config);
}

static void flags_come_in_every_usual_form(void **state)
{
    struct scene s = { 0 };
    size_t count = 0;
    (void)state;
    assert_ok(LOAD(s, NULL, "build", "--listen=a=b", "-n", "7", "-", "-qLx=1", "--label", "y=2",
                   "--no-follow", "dir", "--json=true", "--", "--slots", "-q"),
              s.err);
    assert_string_equal(config_string(s.config, "listen"), "a=b");
    assert_int_equal(config_int(s.config, "slots"), 7);
    assert_true(config_bool(s.config, "quiet"));
    assert_false(config_bool(s.config, "follow"));
    assert_true(config_bool(s.config, "json"));
    assert_string_equal(config_string(s.config, "label"), "x=1\ny=2");
    char **args = config_args(s.config, &count);
    static const char *const want[] = { "build", "-", "dir", "--slots", "-q" };
    assert_int_equal(count, countof(want));
    for (size_t i = 0; i < count; i++)
        assert_string_equal(args[i], want[i]);
    assert_null(args[count]);
    config_free(s.config);

    assert_ok(LOAD(s, NULL, "-n9", "--slots=10", "--listen="), s.err); /* the last one counts */
    assert_int_equal(config_int(s.config, "slots"), 10);
    assert_string_equal(config_string(s.config, "listen"), "");
    config_free(s.config);
}

static void a_wrong_flag_is_named(void **state)
{
    static const struct {
        char *flag, *value;
        const char *says;
    } cases[] = {
        { "--nonsense", NULL, "unknown flag --nonsense" },
        { "--slot", "3", "unknown flag --slot" },
        { "-z", NULL, "unknown flag -z" },
        { "-qz", NULL, "unknown flag -z" },
        { "--no-slots", NULL, "unknown flag --no-slots" },
        { "--slots", NULL, "--slots needs a value" },
        { "-n", NULL, "-n needs a value" },
        { "--config", NULL, "--config needs a file" },
        { "--slots", "three", "--slots: 'three' is not a whole number" },
        { "--slots=", NULL, "--slots: '' is not a whole number" },
        { "--slots=99999999999999999999", NULL, "not a whole number" },
        { "--quiet=maybe", NULL, "--quiet: 'maybe' is neither true nor false" },
        { "--lease-time=soon", NULL, "--lease-time: 'soon' is not a duration" },
        { "--log-max=64M", NULL, "--log-max: '64M' is not a size" },
        { "--log-max=9999999TiB", NULL, "is not a size" },
        { "--log-max=-1", NULL, "is not a size" },
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct scene s = { 0 };
        assert_fails(LOAD(s, NULL, cases[i].flag, cases[i].value), ERR_INVALID);
        if (!strstr(s.err.text, cases[i].says))
            fail_msg("'%s' does not say '%s'", s.err.text, cases[i].says);
        assert_null(s.config);
    }
}

static void sizes_are_read_in_both_systems(void **state)
{
    static const struct {
        char *text;
        int64_t bytes;
    } cases[] = {
        { "--log-max=0", 0 },
        { "--log-max=4096", 4096 },
        { "--log-max=7B", 7 },
        { "--log-max=64MiB", 64 << 20 },
        { "--log-max=10GB", 10000000000 },
        { "--log-max=1kB", 1000 },
        { "--log-max=1KiB", 1024 },
        { "--log-max=2TiB", 2LL << 40 },
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct scene s = { 0 };
        assert_ok(LOAD(s, NULL, cases[i].text), s.err);
        assert_int_equal(config_int(s.config, "log-max"), cases[i].bytes);
        config_free(s.config);
    }
}

static void help_ends_the_reading(void **state)
{
    struct scene s = { 0 };
    (void)state;
    assert_ok(LOAD(s, NULL, "--slots=3", "--help", "--nonsense"), s.err);
    assert_true(config_wants_help(s.config));
    config_free(s.config);
    assert_ok(LOAD(s, "/absent/but/never/read", "-h"), s.err);
    assert_true(config_wants_help(s.config));
    config_free(s.config);
}

static void help_tells_every_setting(void **state)
{
    char *text = NULL;
    size_t len = 0;
    (void)state;
    FILE *out = open_memstream(&text, &len);
    config_help(ITEMS, countof(ITEMS), out);
    fclose(out);
    for (size_t i = 0; i < countof(ITEMS); i++) {
        auto_free char *flag = xasprintf("--%s", ITEMS[i].name);
        assert_non_null(strstr(text, flag));
        assert_non_null(strstr(text, ITEMS[i].help));
    }
    assert_non_null(strstr(text, "(built-in: 64MiB)"));
    assert_non_null(strstr(text, "-n, --slots N"));
    free(text);
}

static void a_list_in_the_file_is_a_list(void **state)
{
    struct scene s = { 0 };
    auto_free char *file = write_yaml(state, "label: [a=1, b=2]\nlog:\n  max: 1GiB\n");
    assert_ok(LOAD(s, file), s.err);
    assert_string_equal(config_string(s.config, "label"), "a=1\nb=2");
    assert_int_equal(config_int(s.config, "log-max"), 1 << 30);
    config_free(s.config);
    assert_ok(LOAD(s, file, "-Lc=3"), s.err); /* a flag takes the place of the whole list */
    assert_string_equal(config_string(s.config, "label"), "c=3");
    config_free(s.config);
    setenv("SOS_LABEL", "d=4\ne=5", 1);
    assert_ok(LOAD(s, file), s.err);
    unsetenv("SOS_LABEL");
    assert_string_equal(config_string(s.config, "label"), "d=4\ne=5");
    config_free(s.config);
}

static void a_wrong_file_is_told_with_its_line(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        { "slots: 3\nnonsense: 1\n", "sos.yaml:2: unknown setting 'nonsense'" },
        { "store:\n  urll: x\n", "sos.yaml:2: unknown setting 'store-urll'" },
        { "\n\nslots: many\n", "sos.yaml:3: slots: 'many' is not a whole number" },
        { "slots: 1\nslots: 2\n", "sos.yaml:2: 'slots' is there twice, first in line 1" },
        { "store-url: a\nstore: { url: b }\n", "sos.yaml:2: 'store-url' is there twice" },
        { "label: [a]\nlabel: [b]\n", "'label' is there twice" },
        { "slots: [1, 2]\n", "sos.yaml:1: 'slots' takes one value" },
        { "json: true\n", "sos.yaml:1: 'json' can only be given as a flag" },
        { "- slots\n", "sos.yaml:1:" },
        { "slots\n", "sos.yaml:1: not a map of settings" },
        { "slots: 1\n\tquiet: x\n", "sos.yaml:" },
        { "slots: &a 1\nquiet: *a\n", "sos.yaml:2: aliases" },
        { "slots: 1\n---\nslots: 2\n", "a second document" },
        { "label: [[a]]\n", "a list where none can be" },
        { "label: [{ a: b }]\n", "a map where a value must be" },
        { "? { a: b }\n: c\n", "a map where a value must be" },
        { "a: {b: {c: {d: {e: {f: {g: {h: {i: 1}}}}}}}}\n", "nested too deep" },
        { "slots: \"1\\0\"\n", "a value with a NUL" },
        { "slots: \xff\n", "sos.yaml:" },
        { "slots: {", "sos.yaml:" },
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct scene s = { 0 };
        auto_free char *file = write_yaml(state, cases[i].text);
        assert_fails(LOAD(s, file), ERR_INVALID);
        if (!strstr(s.err.text, cases[i].says))
            fail_msg("'%s' does not say '%s'", s.err.text, cases[i].says);
        assert_fails(LOAD(s, file, "--slots=1"), ERR_INVALID); /* overriding hides no mistake */
    }
}

static void an_empty_file_sets_nothing(void **state)
{
    static const char *const texts[] = { "", "\n", "# comment\n", "---\n", "{}\n" };
    for (size_t i = 0; i < countof(texts); i++) {
        struct scene s = { 0 };
        auto_free char *file = write_yaml(state, texts[i]);
        assert_ok(LOAD(s, file), s.err);
        assert_int_equal(config_int(s.config, "slots"), 2);
        config_free(s.config);
    }
}

static void a_named_file_must_be_there_and_the_usual_one_need_not(void **state)
{
    struct scene s = { 0 };
    (void)state;
    assert_fails(LOAD(s, NULL, "--config=/absent/sos.yaml"), ERR_NOT_FOUND);
    assert_ok(LOAD(s, "/absent/sos.yaml"), s.err);
    config_free(s.config);
    setenv("SOS_CONFIG", "/absent/sos.yaml", 1);
    assert_fails(LOAD(s, NULL), ERR_NOT_FOUND);
    unsetenv("SOS_CONFIG");
}

static void a_wrong_environment_variable_is_named(void **state)
{
    struct scene s = { 0 };
    (void)state;
    setenv("SOS_LEASE_TIME", "soon", 1);
    assert_fails(LOAD(s, NULL), ERR_INVALID);
    unsetenv("SOS_LEASE_TIME");
    assert_non_null(strstr(s.err.text, "SOS_LEASE_TIME: 'soon' is not a duration"));
    setenv("SOS_JSON", "nonsense", 1); /* only a flag: the variable is not ours */
    assert_ok(LOAD(s, NULL), s.err);
    unsetenv("SOS_JSON");
    assert_false(config_bool(s.config, "json"));
    config_free(s.config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_given_is_the_built_in),
        unit_test_in_folder(a_flag_beats_the_environment_beats_the_file),
        cmocka_unit_test(flags_come_in_every_usual_form),
        cmocka_unit_test(a_wrong_flag_is_named),
        cmocka_unit_test(sizes_are_read_in_both_systems),
        cmocka_unit_test(help_ends_the_reading),
        cmocka_unit_test(help_tells_every_setting),
        unit_test_in_folder(a_list_in_the_file_is_a_list),
        unit_test_in_folder(a_wrong_file_is_told_with_its_line),
        unit_test_in_folder(an_empty_file_sets_nothing),
        cmocka_unit_test(a_named_file_must_be_there_and_the_usual_one_need_not),
        cmocka_unit_test(a_wrong_environment_variable_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
