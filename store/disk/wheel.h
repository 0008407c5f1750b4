/* wheel.h - the metadata in a wheel: the file <name>-<version>.dist-info/METADATA of the zip. */
#pragma once
#include "sos/base/buf.h"
#include "sos/base/err.h"
#include "store/core/pypi.h"

enum { WHEEL_METADATA_MAX = 4 << 20 };

/* Into `ret`, which was inited.  -ERR_INVALID: `fd` is not a wheel of `project` (normal form);
 * -ERR_LIMIT: its list of files or its metadata is too large to be looked at.  Pool thread. */
int wheel_metadata(int fd, const char *project, struct buf *ret, struct err *err);

/* The value of a field before the text of METADATA, e.g. "Requires-Python"; false: it is not there
 * (once), or too long. */
bool wheel_field(const char *metadata, const char *field, char ret[PYPI_FIELD_MAX + 1]);
