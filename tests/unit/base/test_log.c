#include "sos/base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>

#include "tests/unit/unit.h"

/* What the lines between capture_begin() and capture_end() were. */
struct capture {
    int file;
    int before;
};

static struct capture capture_begin(void)
{
    struct capture c = { memfd_create("log", MFD_CLOEXEC), dup(STDERR_FILENO) };
    assert_int_equal(fcntl(c.file, F_SETFL, O_APPEND), 0);
    assert_true(dup2(c.file, STDERR_FILENO) >= 0);
    return c;
}

static char *capture_end(struct capture c)
{
    assert_true(dup2(c.before, STDERR_FILENO) >= 0);
    close(c.before);
    off_t size = lseek(c.file, 0, SEEK_END);
    char *text = xcalloc(1, (size_t)size + 1);
    assert_int_equal(pread(c.file, text, (size_t)size, 0), size);
    close(c.file);
    return text;
}

static void an_event_is_one_line_with_its_keys(void **state)
{
    (void)state;
    struct capture c = capture_begin();
    log_info("build", "leased", "build=%s attempt=%d", "bld_1", 2);
    log_warn("store", "down", "%s", "");
    log_error("x", "y", "k=v");
    auto_free char *text = capture_end(c);
    assert_non_null(strstr(text, "Z INFO  build leased build=bld_1 attempt=2\n20"));
    assert_non_null(strstr(text, "Z WARN  store down \n"));
    assert_non_null(strstr(text, "Z ERROR x y k=v\n"));
}

static void what_is_below_the_level_is_not_said(void **state)
{
    (void)state;
    struct capture c = capture_begin();
    log_debug("a", "hidden", "k=v");
    log_level_set(LOG_ERROR);
    log_warn("a", "hidden", "k=v");
    log_level_set(LOG_DEBUG);
    log_debug("a", "shown", "k=v");
    log_level_set(LOG_INFO);
    auto_free char *text = capture_end(c);
    assert_null(strstr(text, "hidden"));
    assert_non_null(strstr(text, "DEBUG a shown k=v\n"));
}

static void nothing_in_a_value_can_forge_a_line_or_drive_a_terminal(void **state)
{
    (void)state;
    struct capture c = capture_begin();
    log_info("a", "b", "v=%s",
             "x\n2026 INFO fake\r\x1b]52;\x07 \xc2\x9b \xe2\x80\xae \xff \xc3\xbc \\");
    auto_free char *text = capture_end(c);
    assert_non_null(strstr(text, "v=x\\n2026 INFO fake\\x0d\\x1b]52;\\x07 \\u009b \\u202e \\xff "
                                 "\xc3\xbc \\\\\n"));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void a_long_line_ends_with_dots_within_its_cap(void **state)
{
    (void)state;
    auto_free char *value = xcalloc(1, 10001);
    for (int fill = 0; fill < 2; fill++) {
        memset(value, fill ? '\n' : 'v', 10000);
        struct capture c = capture_begin();
        log_info("a", "b", "v=%s", value);
        auto_free char *text = capture_end(c);
        assert_true(strlen(text) <= 4096);
        assert_string_equal(text + strlen(text) - 4, "...\n");
    }
}

static void *say_much(void *arg)
{
    (void)arg;
    for (int i = 0; i < 500; i++)
        log_info("thread", "said", "padding=%0200d", i);
    return NULL;
}

static void lines_of_threads_never_mix(void **state)
{
    pthread_t threads[4];
    (void)state;
    struct capture c = capture_begin();
    for (size_t i = 0; i < countof(threads); i++)
        pthread_create(&threads[i], NULL, say_much, NULL);
    for (size_t i = 0; i < countof(threads); i++)
        pthread_join(threads[i], NULL);
    auto_free char *text = capture_end(c);
    int lines = 0;
    for (char *line = text, *end = NULL; (end = strchr(line, '\n')); line = end + 1, lines++) {
        *end = '\0';
        assert_non_null(strstr(line, "INFO  thread said padding="));
        assert_int_equal(strlen(strstr(line, "padding=")), 8 + 200);
    }
    assert_int_equal(lines, 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_one_line_with_its_keys),
        cmocka_unit_test(what_is_below_the_level_is_not_said),
        cmocka_unit_test(nothing_in_a_value_can_forge_a_line_or_drive_a_terminal),
        cmocka_unit_test(a_long_line_ends_with_dots_within_its_cap),
        cmocka_unit_test(lines_of_threads_never_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
