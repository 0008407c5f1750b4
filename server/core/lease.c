#include "server/core/lease.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/core/machine.h"

void lease_extend(struct build *build, const struct lease_rules *rules, int64_t now_mono_ms)
{
    assert(build_is_leased(build->msg.state));
    build->lease_until_mono_ms = now_mono_ms + rules->ttl_ms;
}

bool lease_is_over(const struct build *build, int64_t now_mono_ms)
{
    return build_is_leased(build->msg.state) && now_mono_ms >= build->lease_until_mono_ms;
}

bool lease_is_orphaned(const struct build *build, const char *worker, const char *session)
{
    return build_is_leased(build->msg.state) && build->msg.worker &&
           strcmp(build->msg.worker, worker) == 0 && strcmp(build->session, session) != 0;
}

int lease_check(const struct build *build, int32_t attempt, int64_t fence, struct err *err)
{
    if (build_is_leased(build->msg.state) && build->msg.attempt == attempt && build->fence == fence)
        return 0;
    int rc = err_set(err, ERR_CONFLICT,
                     "attempt %" PRId32 " with fence %" PRId64 " does not hold the build", attempt,
                     fence);
    err_hint(err, "stop this attempt; the build is no longer yours");
    err_reason(err, "STALE_LEASE");
    return rc;
}

void attempt_id_format(const struct build *build, char ret_id[ATTEMPT_ID_MAX])
{
    snprintf(ret_id, ATTEMPT_ID_MAX, "%s.%" PRId32, build->msg.id, build->msg.attempt);
}

/* One or two digits, no zero first: one spelling for one attempt. */
static int32_t attempt_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 2 || text[digits] || text[0] == '0')
        return -1;
    return digits == 1 ? text[0] - '0' : (text[0] - '0') * 10 + text[1] - '0';
}

int attempt_id_parse(const char *id, char ret_build[ID_MAX], int32_t *ret_attempt, struct err *err)
{
    const char *dot = strrchr(id, '.');
    int32_t attempt = dot ? attempt_number(dot + 1) : -1;
    char build[ID_MAX] = "";
    if (dot && dot - id < ID_MAX)
        memcpy(build, id, (size_t)(dot - id));
    if (attempt < 0 || !id_is_valid("bld", build))
        return err_set(err, ERR_INVALID, "this is no id of an attempt");
    memcpy(ret_build, build, sizeof build);
    *ret_attempt = attempt;
    return 0;
}
