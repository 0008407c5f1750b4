/* facts.h - read a project's name, version and entry point where its files say
 * them, by the image's rules. */
#pragma once
#include "sos/base/err.h"
#include "sos/v1.h"

/* The first rule of `fact` that finds something: *ret_value (gives; free()) and where it was found
 * ("pyproject.toml: project.name", gives).  0 found, 1 nothing says it, < 0 a file that is named by
 * a rule cannot be understood. */
int fact_find(const char *root, const struct sos_image *image, enum sos_fact_rule_fact fact,
              char **ret_value, char **ret_where, struct err *err);

/* The readers, for tests.  `text` is NUL-terminated; NULL when the key is absent or no string. */
char *fact_toml(const char *text, const char *key); /* "table.key" or "key" */
char *fact_json(const char *text, size_t len, const char *pointer, struct err *err);
char *fact_xml(const char *text, size_t len, const char *path, struct err *err);
char *fact_match(const char *text, const char *ere, struct err *err);
/* Does a line of `text` match? */
int line_matches(const char *text, const char *ere, struct err *err);
/* "github.com/a/tool/v2" -> "tool" (gives). */
char *fact_basename(const char *value);
