#include "cli/project/findings.h"

#include <stdarg.h>
#include <string.h>

#include "sos/base/auto.h"

void findings_add(struct findings *findings, const char *id, enum severity severity,
                  const char *fix, const char *fmt, ...)
{
    if (findings->count == FINDINGS_MAX)
        return;
    char *what = NULL;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&what, fmt, args) < 0)
        abort();
    va_end(args);
    findings->items = xrealloc(findings->items, (findings->count + 1) * sizeof *findings->items);
    findings->items[findings->count++] =
        (struct finding){ .id = id, .severity = severity, .what = what, .fix = xstrdup(fix) };
    findings->errors += severity == SEVERITY_ERROR;
    findings->warnings += severity == SEVERITY_WARNING;
}

void findings_done(struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        free(findings->items[i].what);
        free(findings->items[i].fix);
    }
    free(findings->items);
    memset(findings, 0, sizeof *findings);
}
