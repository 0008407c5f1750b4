#include "server/core/build.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"

struct build *build_new(const struct sos_build *msg)
{
    struct build *build = xcalloc(1, sizeof *build);
    sos_build_copy(&build->msg, msg);
    build->seq = msg->number;
    build->revision = 1;
    list_init(&build->link);
    return build;
}

void build_free(struct build *build)
{
    if (!build)
        return;
    assert(!build->pool && list_empty(&build->link));
    sos_build_done(&build->msg);
    free(build);
}

struct build *build_copy(const struct build *build)
{
    struct build *copy = xmalloc(sizeof *copy);
    *copy = *build;
    sos_build_copy(&copy->msg, &build->msg);
    copy->waiting = (struct rank_node){ 0 };
    copy->pool = NULL;
    list_init(&copy->link);
    return copy;
}

void build_replace(struct build *build, struct build *next)
{
    assert(build->seq == next->seq && build->revision < next->revision);
    sos_build_done(&build->msg);
    build->msg = next->msg;
    build->revision = next->revision;
    build->fence = next->fence;
    memcpy(build->session, next->session, sizeof build->session);
    memcpy(build->fingerprint, next->fingerprint, sizeof build->fingerprint);
    build->lease_until_mono_ms = next->lease_until_mono_ms;
    free(next);
}

const char *build_image(const struct build *build)
{
    const struct sos_image_ref *image = build->msg.image;
    return image && image->build_digest ? image->build_digest : "";
}
