/* pypi.h - PyPI repositories: /api/pypi/<repository>/ with simple/, packages/, and uploads. */
#pragma once
#include "store/web/call.h"

/* The repository that call->rest begins with; NULL: there is none of this type, which was answered.
 */
const struct repository *pypi_repository(struct call *call);
/* GET and HEAD of the file call->at, "<project>/<version>/<file>" or that and ".metadata". */
void pypi_get_file(struct call *call, const struct repository *repository);
