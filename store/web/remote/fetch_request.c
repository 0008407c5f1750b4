/* fetch_request.c - what an upstream is asked for a fetch, and how much of it is taken. */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "store/web/remote/remote_own.h"

static int64_t bytes_max(const struct store *store, const struct remote_want *want)
{
    const struct store_settings *settings = store->settings;
    return want->document ? settings->metadata_bytes_max : settings->upload_bytes_max;
}

int fetch_too_large(const struct store *store, const struct remote_want *want, struct err *err)
{
    err_set(err, ERR_LIMIT,
            "what the upstream gives for %.120s is larger than %s, %" PRId64 " bytes",
            want->at.path, want->document ? "metadata-max" : "upload-max", bytes_max(store, want));
    err_reason(err, "UPSTREAM");
    return -ERR_LIMIT;
}

/* Documents of these grow large and shrink well; files travel as they are kept, so that they can
 * be gone on with. */
static bool is_welcome_coded(const struct fetch *fetch)
{
    enum repo_type type = fetch->want.repository->type;
    return fetch->want.document && (type == REPO_NPM || type == REPO_PYPI);
}

/* What a page of an upstream names may lie on another host: that one gets no secret of ours. */
static const char *credentials_of(const struct fetch *fetch)
{
    struct remote *remote = fetch->remote;
    const char *base = remote_base(remote->store, fetch->want.repository);
    const char *host = strstr(base, "://");
    size_t len = host ? (size_t)(host + 3 - base) + strcspn(host + 3, "/") : 0;

    if (len == 0 || strncasecmp(base, fetch->want.url, len) != 0 ||
        !strchr("/?", fetch->want.url[len]))
        return NULL;
    return origins_credentials(remote->origins, fetch->want.at.repo);
}

struct upstream_request fetch_request(const struct fetch *fetch)
{
    const struct remote *remote = fetch->remote;

    return (struct upstream_request){
        .url = fetch->want.url,
        .home = remote_base(remote->store, fetch->want.repository),
        .head = fetch->head,
        .coded = is_welcome_coded(fetch),
        .accept = fetch->want.accept,
        .credentials = credentials_of(fetch),
        .etag = fetch->cached.etag,
        .modified = fetch->cached.modified,
        .bytes_max = bytes_max(remote->store, &fetch->want),
    };
}
