/* spawn.h - run another program and wait (posix_spawn; argv, never a shell).
 * Only descriptors 0, 1 and 2 pass to it. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "sos/base/buf.h"
#include "sos/base/err.h"

struct spawn {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
    const char *const *env;  /* NULL: ours */
    const char *dir;         /* working directory; NULL: ours */
    int64_t timeout_ms;      /* SIGKILL of its process group then; 0: none */
};

/* 0 when it exited with 0.  Its standard output and error (each up to the max of the buf; the
 * rest is read and dropped) go to `out` and `errout`, which may be NULL or the same.  A failure
 * names the program, its status and the last line it said. */
int spawn_run(const struct spawn *spawn, struct buf *out, struct buf *errout, struct err *err);
