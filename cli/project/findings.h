/* findings.h - what the checks say of a project: all at once, each with a stable
 * id, the file, the reason and the one command that mends it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR };
enum { FINDINGS_MAX = 200 };

struct finding {
    const char *id; /* static: "lock-missing" */
    enum severity severity;
    char *what;
    char *fix; /* may be NULL */
};

struct findings {
    struct finding *items;
    size_t count;
    size_t passed; /* checks that found nothing */
    size_t errors;
    size_t warnings;
};

void findings_add(struct findings *findings, const char *id, enum severity severity,
                  const char *fix, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void findings_done(struct findings *findings);
