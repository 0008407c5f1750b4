/* What whoever waits is told when nothing happens. */
#include "tests/unit/unit.h"

#include "cli/screen.h"
#include "sos/base/clock.h"

/* What the call wrote on standard error. */
static const char *said(struct screen *screen, const struct sos_build *build)
{
    static char text[4096];
    fflush(stderr);
    int before = dup(STDERR_FILENO);
    FILE *file = tmpfile();
    assert_non_null(file);
    dup2(fileno(file), STDERR_FILENO);
    screen_tick(screen, build);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void half_a_minute_of_silence_is_broken_once(void **state)
{
    (void)state;
    struct cli cli = { .utf8 = true };
    struct screen screen;
    struct sos_step step = { .id = (char *)"build",
                             .state = SOS_STEP_STATE_RUNNING,
                             .start_time_ms = clock_wall_ms() - 65000 };
    const struct sos_build build = {
        .state = SOS_BUILD_STATE_RUNNING, .attempt = 1, .steps = &step, .steps_count = 1
    };
    screen_init(&screen, &cli);
    screen_log(&screen, "compiling\n", 10);
    assert_string_equal(said(&screen, &build), "");
    screen.said_ms -= 31000;
    assert_string_equal(said(&screen, &build),
                        "  · build     still at it after 1m05s: compiling\n");
    assert_string_equal(said(&screen, &build), "");
    cli.quiet = true;
    screen.said_ms -= 31000;
    assert_string_equal(said(&screen, &build), "");
    screen_done(&screen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_a_minute_of_silence_is_broken_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
