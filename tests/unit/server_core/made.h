/* made.h - builds as the tests of core need them. */
#pragma once
#include "tests/unit/unit.h"

#include "server/core/machine.h"

/* A QUEUED build of an image ("D" is its digest and "image-D" its name). */
static inline struct build *made(int32_t number, const char *digest)
{
    struct sos_build msg = { .id = xasprintf("bld_%026d", number),
                             .number = number,
                             .state = SOS_BUILD_STATE_QUEUED,
                             .image = xcalloc(1, sizeof *msg.image) };
    msg.image->build_digest = xstrdup(digest);
    msg.image->name = xasprintf("image-%s", digest);
    struct build *build = build_new(&msg);
    sos_build_done(&msg);
    return build;
}

static inline void made_apply(struct build *build, enum build_event event)
{
    struct build_move move = { .event = event, .now_wall_ms = 1000, .worker = "w", .session = "s" };
    struct err err = { 0 };
    assert_ok(build_apply(build, &move, &err), err);
}
