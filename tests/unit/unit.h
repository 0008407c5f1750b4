/* unit.h - what every unit test includes first: cmocka and what it needs, and a
 * folder of one's own.
 *
 *     static void a_cut_text_keeps_whole_characters(void **state) { … }
 *     int main(void)
 *     {
 *         const struct CMUnitTest tests[] = { cmocka_unit_test(a_cut_…) };
 *         return cmocka_run_group_tests(tests, NULL, NULL);
 *     }
 *
 * A test that needs files is listed with unit_test_in_folder(): *state is then
 * the path of an empty folder that goes away after it. */
#pragma once
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sos/base/auto.h"
#include "sos/base/err.h"
#include "sos/base/fs.h"

static inline int unit_folder_make(void **state)
{
    const char *tmp = getenv("TMPDIR");
    char *path = xasprintf("%s/sos-unit-XXXXXX", tmp ? tmp : "/tmp");
    *state = mkdtemp(path);
    return *state ? 0 : -1;
}
static inline int unit_folder_drop(void **state)
{
    int rc = fs_remove_tree(*state, NULL);
    free(*state);
    return rc;
}
#define unit_test_in_folder(f)                                                                     \
    cmocka_unit_test_setup_teardown(f, unit_folder_make, unit_folder_drop)

static inline bool unit_put(const char *path, const char *text)
{
    auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) > 0;
}
/* From here on this process (a child made for it) may mount what nobody else sees; false when the
 * kernel does not let it. */
static inline bool unit_own_mounts(void)
{
    auto_free char *uids = xasprintf("0 %u 1", geteuid());
    auto_free char *gids = xasprintf("0 %u 1", getegid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && unit_put("/proc/self/setgroups", "deny") &&
           unit_put("/proc/self/uid_map", uids) && unit_put("/proc/self/gid_map", gids);
}

/* The call succeeds; if not, the test fails with what it said. */
#define assert_ok(call, err)                                                                       \
    do {                                                                                           \
        if ((call) != 0)                                                                           \
            fail_msg("%s: %s", #call, (err).text);                                                 \
    } while (0)
#define assert_fails(call, err_code) assert_int_equal((call), -(int)(err_code))
