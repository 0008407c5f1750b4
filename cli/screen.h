/* screen.h - what a build looks like while one waits for it.
 *
 * Three faces: lines with marks on a terminal (a live last line, as wide as the terminal), plain
 * lines elsewhere (one each HEARTBEAT at least), NDJSON events with --json.  The verdict never
 * depends on the log. */
#pragma once
#include "cli/cli.h"
#include "cli/project/project.h"
#include "cli/text.h"

enum { SCREEN_TAIL = 20 };

struct screen {
    struct cli *cli;
    struct text_filter filter;
    struct buf line;         /* of the log, not yet whole */
    char *tail[SCREEN_TAIL]; /* last lines of the attempt's log; owned */
    size_t tail_count;       /* of all its lines */
    char said_wait[200];
    size_t steps_said; /* steps whose end was told … */
    int attempt;       /* … in this attempt */
    bool waited;       /* that it waits was told, not yet that it does no more */
    int64_t said_ms;   /* when the last line was told */
    int64_t drawn_ms;  /* when the live line was */
    bool live;         /* a line without newline stands on the terminal */
    bool log;          /* print the whole log, not only its tail on failure */
};

void screen_init(struct screen *screen, struct cli *cli);
void screen_done(struct screen *screen);
/* "  ✓ upload     212 files …" */
void screen_line(struct screen *screen, char mark, const char *label, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* What was found out about the project, and what is wrong with it. */
void screen_project(struct screen *screen, const struct project *project);
/* The build changed: tells what is new since the last call. */
void screen_build(struct screen *screen, const struct sos_build *build);
/* Nothing may have changed, but time went by. */
void screen_tick(struct screen *screen, const struct sos_build *build);
/* More of its log. */
void screen_log(struct screen *screen, const char *data, size_t len);
/* The last word about a finished build. */
void screen_verdict(struct screen *screen, const struct sos_build *build);
/* The last line of --json.  `build` may be NULL: there is none. */
void screen_result(struct screen *screen, int exit_code, const struct sos_build *build);
