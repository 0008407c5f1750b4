/* farm.h - the one door to the farm's state: builds, sources, logs, workers,
 * images, artifacts, tokens.
 *
 * Everything here is called on the loop thread and calls back on it.  A callback
 * comes exactly once for a call, perhaps before the call returns; what its
 * arguments point to is borrowed until it returns.  Arguments of a call are
 * copied, unless said otherwise.  Nothing is told before it is on disk.
 *
 *   web --> farm --> core (what may happen)  and  disk (strands: what did)
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "sos/base/err.h"
#include "sos/base/id.h"
#include "sos/serve/auth.h"
#include "sos/serve/metrics.h"
#include "sos/v1.h"

struct farm;

/* What is published of a finished build.  All borrowed. */
struct publish_order {
    const struct sos_build *build;
    struct sos_artifact *artifact;     /* its urls are filled in */
    const struct sos_dependency *used; /* what the build downloaded */
    size_t used_count;
    const char *repository; /* of the store */
};

/* How a finished artifact gets to where it is kept: blocking, called again and again until it gives
 * 0 (then the urls are filled in), -ERR_CONFLICT (other bytes are there under this name and
 * version; `err` names both) or -ERR_NOT_FOUND (our bytes are gone).  Any other error may pass. */
typedef int (*farm_publish_fn)(void *ctx, const struct publish_order *order, struct err *err);

struct farm_config {
    const char *state_dir;   /* "<state>/server": farm.db, blobs/, logs/, cache/, *.token */
    const char *images_dir;  /* holds <name>.json */
    const char *store_url;   /* "http://127.0.0.1:8601/artifactory", no slash at the end */
    const char *store_token; /* "": none */
    const char *store_repository;
    int64_t lease_ttl_ms;
    int64_t renew_interval_ms;
    int64_t queue_ttl_ms;     /* a build that waits longer expires; 0: never */
    int64_t publish_retry_ms; /* first pause after a failed publication; doubles up to 60 s */
    int64_t log_bytes_max;    /* of one attempt */
    int64_t source_bytes_max; /* of one tree */
    int64_t cache_bytes_max;  /* of archives and fetched artifacts kept at hand */
    farm_publish_fn publish;  /* NULL: the store by HTTP */
    void *publish_ctx;
};

/* The disk broke: stop and be started again. */
typedef void (*farm_broken_fn)(void *ctx, const struct err *err);

/* Blocking: opens the state, migrates, reads what lives, makes the first tokens.  The caller owns
 * *ret. */
int farm_start(uv_loop_t *loop, const struct farm_config *config, farm_broken_fn on_broken,
               void *ctx, struct farm **ret, struct err *err);
/* Answers everything that waits, finishes what the strands hold, then `stopped` and is gone. */
void farm_stop(struct farm *farm, void (*stopped)(void *ctx), void *ctx);
bool farm_is_ready(const struct farm *farm);
struct auth *farm_auth(struct farm *farm);
struct metrics *farm_metrics(struct farm *farm);
void farm_gauge(struct farm *farm); /* brings the gauges up to date, before they are told */

/* --- callbacks --- */
typedef void (*farm_done_fn)(void *ctx, int rc, const struct err *err);
/* `revision` grows with each change of the build. */
typedef void (*farm_build_fn)(void *ctx, int rc, const struct sos_build *build, int64_t revision,
                              const struct err *err);
typedef void (*farm_source_fn)(void *ctx, int rc, const struct sos_source *source,
                               const struct err *err);
/* A whole file; takes `fd` (the callee closes it). */
typedef void (*farm_file_fn)(void *ctx, int rc, int fd, int64_t size, const struct err *err);

/* --- sources --- */
/* From the ProtoJSON of a Manifest, which may be large.  `fault` is set when it is not as it must
 * be, and tells where. */
typedef void (*farm_manifest_fn)(void *ctx, int rc, const struct sos_source *source,
                                 const struct wire_fault *fault, const struct err *err);
void farm_source_create(struct farm *farm, const char *json, size_t len, farm_manifest_fn done,
                        void *ctx);
/* The deterministic archive of a complete source. */
void farm_source_archive(struct farm *farm, const char *source, farm_file_fn done, void *ctx);

/* A body on its way to the blobs: one write at a time, the next after `done`.  The caller owns it
 * until farm_upload_end() or farm_upload_abort(), neither of which may come while a write is out.
 */
struct farm_upload;
typedef void (*farm_upload_fn)(void *ctx, int rc, struct farm_upload *upload,
                               const struct err *err);
void farm_blobs_open(struct farm *farm, const char *source, farm_upload_fn done, void *ctx);
void farm_artifact_open(struct farm *farm, const char *attempt, int64_t fence, const char *sha256,
                        farm_upload_fn done, void *ctx);
void farm_upload_write(struct farm_upload *upload, const void *data, size_t len, farm_done_fn done,
                       void *ctx);
/* Each takes the upload.  The end is verified and durable when told. */
typedef void (*farm_artifact_fn)(void *ctx, int rc, const struct sos_artifact_file *file,
                                 const struct err *err);
void farm_blobs_end(struct farm_upload *upload, farm_source_fn done, void *ctx);
void farm_artifact_end(struct farm_upload *upload, farm_artifact_fn done, void *ctx);
void farm_upload_abort(struct farm_upload *upload);

/* --- builds --- */
struct farm_submission {
    const char *subject;
    const char *idempotency_key; /* NULL: none */
    const char *request_sha256;  /* of the body, to tell a repeat from another request */
    const struct sos_create_build_request *request;
};
/* rc 0: made; 1: the one that the same key made before. */
void farm_submit(struct farm *farm, const struct farm_submission *submission, farm_build_fn done,
                 void *ctx);
/* With seen_revision >= 0 and wait_ms > 0: waits until the revision is another, or the time is up.
 */
void farm_build_get(struct farm *farm, const char *build, int64_t seen_revision, int64_t wait_ms,
                    farm_build_fn done, void *ctx);
/* `only_subject`: NULL, or the one whose builds may be touched (else -ERR_DENIED). */
void farm_cancel(struct farm *farm, const char *build, const char *only_subject, const char *by,
                 const char *reason, farm_build_fn done, void *ctx);

struct farm_filter {
    const char *project;    /* NULL: any; also of the name of an artifact */
    const char *created_by; /* NULL: any */
    int state;              /* enum sos_build_state; 0: any */
    int page_size;          /* 0: 50; at most 200 */
    const char *page_token; /* NULL: the first page */
};
typedef void (*farm_builds_fn)(void *ctx, int rc, const struct sos_list_builds_response *builds,
                               const struct err *err);
void farm_build_list(struct farm *farm, const struct farm_filter *filter, farm_builds_fn done,
                     void *ctx);

/* The log of an attempt (0: the newest).  When `offset` is its end, it is not complete and
 * wait_ms > 0: waits for more.  The fd is borrowed; -1 when there is no byte yet. */
struct farm_log {
    int fd;
    int64_t size;
    int attempt;
    bool complete;
};
typedef void (*farm_log_fn)(void *ctx, int rc, const struct farm_log *log, const struct err *err);
void farm_log_get(struct farm *farm, const char *build, int attempt, int64_t offset,
                  int64_t wait_ms, farm_log_fn done, void *ctx);

/* --- the queue, from memory: filled at once; the caller owns what comes back --- */
int64_t farm_queue(struct farm *farm, struct sos_queue *ret); /* gives its revision */
void farm_workers(struct farm *farm, struct sos_list_workers_response *ret);
void farm_images(struct farm *farm, struct sos_list_images_response *ret);
int farm_image(struct farm *farm, const char *name, struct sos_image *ret, struct err *err);

/* --- artifacts --- */
typedef void (*farm_artifacts_fn)(void *ctx, int rc, const struct sos_list_artifacts_response *list,
                                  const struct err *err);
typedef void (*farm_artifact_get_fn)(void *ctx, int rc, const struct sos_artifact *artifact,
                                     const struct err *err);
void farm_artifact_list(struct farm *farm, const struct farm_filter *filter, farm_artifacts_fn done,
                        void *ctx);
void farm_artifact_get(struct farm *farm, const char *name, const char *version,
                       farm_artifact_get_fn done, void *ctx);
/* The bytes, fetched from the store and verified before the first of them is given. */
void farm_artifact_file(struct farm *farm, const char *name, const char *version, const char *file,
                        farm_file_fn done, void *ctx);

/* --- workers --- */
typedef void (*farm_session_fn)(void *ctx, int rc, const char *session, const struct err *err);
void farm_register(struct farm *farm, const struct sos_register_worker_request *request,
                   farm_session_fn done, void *ctx);
/* Parks the slot up to wait_ms; `lease` NULL: nothing to do. */
typedef void (*farm_lease_fn)(void *ctx, int rc, const struct sos_lease *lease,
                              const struct err *err);
void farm_lease(struct farm *farm, const struct sos_lease_request *request, int64_t wait_ms,
                farm_lease_fn done, void *ctx);
typedef void (*farm_update_fn)(void *ctx, int rc, const struct sos_update_attempt_response *answer,
                               const struct err *err);
void farm_update(struct farm *farm, const char *attempt,
                 const struct sos_update_attempt_request *request, farm_update_fn done, void *ctx);
/* Bytes at `offset` of the attempt's log; those that are there already are skipped. */
void farm_log_append(struct farm *farm, const char *attempt, int64_t fence, int64_t offset,
                     const void *data, size_t len, farm_done_fn done, void *ctx);
void farm_finish(struct farm *farm, const char *attempt,
                 const struct sos_finish_attempt_request *request, farm_build_fn done, void *ctx);

/* --- dependencies --- */
typedef void (*farm_dependencies_fn)(void *ctx, int rc,
                                     const struct sos_list_dependencies_response *list,
                                     const struct err *err);
void farm_dependencies_add(struct farm *farm, const char *attempt,
                           const struct sos_add_dependencies_request *request, farm_done_fn done,
                           void *ctx);
/* page_size 0: the most there may be; page_token NULL: the first page. */
void farm_dependencies_list(struct farm *farm, const char *build, int page_size,
                            const char *page_token, farm_dependencies_fn done, void *ctx);

/* --- tokens --- */
typedef void (*farm_token_fn)(void *ctx, int rc, const struct sos_token *token,
                              const struct err *err);
typedef void (*farm_tokens_fn)(void *ctx, int rc, const struct sos_list_tokens_response *tokens,
                               const struct err *err);
void farm_token_create(struct farm *farm, const struct sos_create_token_request *request,
                       farm_token_fn done, void *ctx);
void farm_token_list(struct farm *farm, farm_tokens_fn done, void *ctx);
void farm_token_revoke(struct farm *farm, const char *id, farm_done_fn done, void *ctx);
