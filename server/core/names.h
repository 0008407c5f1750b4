/* names.h - what builds, versions and files may be called. */
#pragma once
#include <stdbool.h>

/* [a-z0-9][a-z0-9._-]{0,63}; NULL is not. */
bool name_is_project(const char *name);
/* [A-Za-z0-9][A-Za-z0-9._+-]{0,127} */
bool name_is_version(const char *name);
/* Of an artifact in the store: as a version, up to 200 characters. */
bool name_is_file(const char *name);
