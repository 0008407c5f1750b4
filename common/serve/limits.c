#include "sos/serve/limits.h"

#include <sys/resource.h>

int64_t limits_raise_files(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return 0;
    if (files.rlim_cur < files.rlim_max) {
        struct rlimit all = { .rlim_cur = files.rlim_max, .rlim_max = files.rlim_max };
        if (setrlimit(RLIMIT_NOFILE, &all) == 0)
            files = all;
    }
    return files.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)files.rlim_cur;
}
