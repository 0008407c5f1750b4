/* pypi.h - names of Python packages: projects, and the files that distribute them.
 *
 *     project  "Flask_SQLAlchemy"                          ->  "flask-sqlalchemy"
 *     wheel    "flask_sqlalchemy-3.1.1-py3-none-any.whl"   ->  version "3.1.1"
 *     sdist    "Flask-SQLAlchemy-2.5.1.tar.gz"             ->  version "2.5.1"
 *
 * An item of a PyPI repository lies at <project>/<version>/<file>, the project in its normal form;
 * this is so for what was uploaded and for what is kept of an upstream.  So a path alone tells
 * the project.
 *
 * Sources: PEP 503 (normal form of a name), PEP 508 (which names there are), the binary and source
 * distribution formats of packaging.python.org. */
#pragma once
#include <stdbool.h>

#include "sos/base/err.h"
#include "store/core/path.h"

enum { PYPI_NAME_MAX = 128, PYPI_VERSION_MAX = 128, PYPI_FIELD_MAX = 1024 };

#define PYPI_METADATA_SUFFIX ".metadata" /* PEP 658: the metadata of the file before it */

/* What is known of a file beside its bytes, as properties of its item. */
#define PYPI_PROP_NAME     "pypi.name"
#define PYPI_PROP_VERSION  "pypi.version"
#define PYPI_PROP_PYTHON   "pypi.requires.python"
#define PYPI_PROP_METADATA "pypi.metadata.sha256"
#define PYPI_PROP_YANKED   "pypi.yanked" /* the reason, which may be empty */

/* Letters in lower case, and one '-' for each run of '-', '_' and '.'.  -ERR_INVALID: no project
 * can be named so. */
int pypi_normal_name(const char *name, char ret[PYPI_NAME_MAX + 1], struct err *err);
bool pypi_name_is_normal(const char *name);

struct pypi_file_name {
    char version[PYPI_VERSION_MAX + 1]; /* as the file has it */
    bool wheel;                         /* else a source distribution */
};
/* `file` is a file of `project` (normal form).  -ERR_INVALID: it is neither a wheel nor a source
 * distribution, or one of another project. */
int pypi_file_parse(const char *file, const char *project, struct pypi_file_name *ret,
                    struct err *err);
/* Where a file is kept: <project>/<version>/<file>, or <project>/-/<file> when its name tells no
 * version.  -ERR_INVALID: the name cannot be that of an item; -ERR_LIMIT. */
int pypi_item(const char *repo, const char *project, const char *file, struct item_path *ret,
              struct err *err);
/* The project an item belongs to; false: its path is not <project>/<version>/<file>. */
bool pypi_item_project(const struct item_path *item, char ret[PYPI_NAME_MAX + 1]);
/* It ends in PYPI_METADATA_SUFFIX: *ret is the file it describes. */
bool pypi_item_is_metadata(const struct item_path *item, struct item_path *ret);
