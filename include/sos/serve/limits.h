/* limits.h - what the system lets one process have. */
#pragma once
#include <stdint.h>

/* As many open files as it may have (the hard limit): a shell's soft limit is often 1024, less than
 * the connections we take.  Tells how many; once, at the start. */
int64_t limits_raise_files(void);
