/* screen.h - what a build looks like while one waits for it.
 *
 * Three faces: lines with marks on a terminal (a live last line), plain lines
 * elsewhere, NDJSON events with --json.  The verdict never depends on the log. */
#pragma once
#include "cli/cli.h"
#include "cli/project/project.h"
#include "cli/text.h"

struct screen {
    struct cli *cli;
    struct text_filter filter;
    struct buf line;    /* of the log, not yet whole */
    char tail[12][256]; /* last lines of the running step */
    size_t tail_count;
    char said_step[32]; /* the step that was last announced */
    char said_wait[200];
    size_t steps_said; /* steps whose end was told … */
    int attempt;       /* … in this attempt */
    int64_t start_ms;
    bool live; /* a line without newline stands on the terminal */
    bool log;  /* print the whole log, not only its tail on failure */
};

void screen_init(struct screen *screen, struct cli *cli);
void screen_done(struct screen *screen);
/* "  ✓ upload     212 files …" */
void screen_line(struct screen *screen, char mark, const char *label, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void screen_findings(struct screen *screen, const struct project *project);
/* The build as it is now: tells what is new since the last call. */
void screen_build(struct screen *screen, const struct sos_build *build);
/* More of its log. */
void screen_log(struct screen *screen, const char *data, size_t len);
/* The last word about a finished build. */
void screen_verdict(struct screen *screen, const struct sos_build *build);
/* One event of --json: {"type":TYPE,TYPE:message}. */
void screen_event(struct screen *screen, const char *type, const struct wire_type *wire,
                  const void *message);
