#include "worker/agent.h"

#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"
#include "worker/image.h"

enum { REGISTER_TIMEOUT_MS = 10000, LEASE_WAIT_S = 25, LEASE_TIMEOUT_MS = 35000 };

static int status_error(int status, const char *what, const struct client_answer *answer,
                        struct err *err)
{
    enum err_code code = status == 409                    ? ERR_CONFLICT
                         : status == 401 || status == 403 ? ERR_DENIED
                                                          : ERR_IO;
    return err_set(err, code, "%s: the server answered %d: %.120s", what, status,
                   answer->body.data ? answer->body.data : "");
}

static int post(struct client *client, const char *url, char *body, int64_t timeout_ms,
                int (*cancelled)(void *ctx), void *ctx, struct client_answer *ret, struct err *err)
{
    auto_free char *wait = xasprintf("Prefer: wait=%d", LEASE_WAIT_S);
    const char *headers[] = { "Content-Type: application/json", wait, NULL };
    struct client_request request = CLIENT_REQUEST("POST", url);
    request.headers = headers;
    request.body = body;
    request.body_len = strlen(body);
    request.timeout_ms = timeout_ms;
    request.idle_ms = timeout_ms;
    request.cancelled = cancelled;
    request.ctx = ctx;
    return client_do(client, &request, ret, err);
}

static char *register_text(struct settings *settings, const struct cgroups *cgroups,
                           struct err *err)
{
    struct sos_register_worker_request request = {
        .name = xstrdup(settings->name),
        .slots = settings->slots,
        .version = xstrdup(SOS_VERSION),
        .sandbox = xasprintf("%s, cgroup %s", settings->runtime_version, cgroups->kind),
    };
    size_t len;
    char *text = NULL;
    if (images_list(settings->images, &request.images, &request.images_count, err) == 0)
        text = sos_register_worker_request_text(&request, &len);
    sos_register_worker_request_done(&request);
    return text;
}

int agent_register(struct client *client, struct settings *settings, const struct cgroups *cgroups,
                   struct err *err)
{
    auto_free char *body = register_text(settings, cgroups, err);
    if (!body)
        return -ERR_IO;
    auto_free char *url = xasprintf("%s/v1/agent/register", settings->server_url);
    struct client_answer answer = { 0 };
    int rc = post(client, url, body, REGISTER_TIMEOUT_MS, NULL, NULL, &answer, err);
    if (rc < 0)
        return -ERR_IO;
    struct sos_register_worker_response said = { 0 };
    if (answer.status != 200)
        rc = status_error(answer.status, "register", &answer, err);
    else
        rc = sos_register_worker_response_read(answer.body.data ? answer.body.data : "",
                                               answer.body.len, &said, err);
    if (rc == 0)
        snprintf(settings->session, sizeof settings->session, "%s",
                 said.session ? said.session : "");
    sos_register_worker_response_done(&said);
    client_answer_done(&answer);
    return rc;
}

static char *lease_text(const struct settings *settings, int slot, struct err *err)
{
    struct sos_lease_request request = { .worker = xstrdup(settings->name),
                                         .session = xstrdup(settings->session),
                                         .slot = slot };
    char *text = NULL;
    if (images_list(settings->images, &request.images, &request.images_count, err) == 0)
        text = sos_lease_request_text(&request, NULL);
    sos_lease_request_done(&request);
    return text;
}

int agent_lease(struct client *client, const struct settings *settings, int slot,
                int (*cancelled)(void *ctx), void *ctx, struct sos_lease *ret, struct err *err)
{
    auto_free char *body = lease_text(settings, slot, err);
    if (!body)
        return -ERR_IO;
    auto_free char *url = xasprintf("%s/v1/agent/lease", settings->server_url);
    struct client_answer answer = { 0 };
    int rc = post(client, url, body, LEASE_TIMEOUT_MS, cancelled, ctx, &answer, err);
    if (rc < 0)
        return rc == -ERR_CONFLICT ? 0 : -ERR_IO; /* we gave it up ourselves */
    if (answer.status == 200)
        rc = sos_lease_read(answer.body.data ? answer.body.data : "", answer.body.len, ret, err) < 0
                 ? -ERR_IO
                 : 1;
    else if (answer.status != 204)
        rc = status_error(answer.status, "lease", &answer, err);
    client_answer_done(&answer);
    return rc;
}
