/* system.c - ping, version, storage info, metrics. */
#include <inttypes.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/web/call.h"
#include "store/web/json.h"

enum { USAGE_BODY_MAX = 64 << 10, METRICS_MAX = 1 << 20 };

/* jf asks more of newer servers (a multipart upload API from 7.82.2, a call home from 7.102). */
#define VERSION_TEXT                                                                               \
    "{\n  \"version\" : \"7.77.0\",\n  \"revision\" : \"77700900\",\n  \"addons\" : [ ],\n"        \
    "  \"license\" : \"\"\n}"

static void ping(struct call *call)
{
    if (call->store->broken)
        call_answer(call, 503, "text/plain", "The disk is broken");
    else
        call_answer(call, 200, "text/plain", "OK");
}

static void on_usage(struct http_request *request, const char *body, size_t len)
{
    (void)body;
    (void)len;
    call_answer(http_state(request), 200, "application/json", "{}");
}

/* --- storage info --- */

struct summary {
    const struct store *store;
    json_t *rows;
    int64_t all_bytes;
    int64_t all_files;
    int64_t all_folders;
};

/* As people read it: "1.50 GB". */
static json_t *bytes_text(int64_t bytes)
{
    static const char *const units[] = { "bytes", "KB", "MB", "GB", "TB" };
    double shown = (double)bytes;
    size_t unit = 0;
    char text[40];

    while (shown >= 1024 && unit + 1 < countof(units)) {
        shown /= 1024;
        unit++;
    }
    snprintf(text, sizeof text, unit ? "%.2f %s" : "%.0f %s", shown, units[unit]);
    return json_string(text);
}

static void usage_add(void *ctx, const struct index_usage *usage)
{
    struct summary *summary = ctx;
    const struct repository *repository = store_repository(summary->store, usage->repo);

    json_array_append_new(summary->rows,
                          json_pack("{s:s, s:o, s:I, s:I, s:o, s:I, s:I, s:o}", "repoKey",
                                    usage->repo, "repoType",
                                    json_upper(repo_class_name(repository->class)), "foldersCount",
                                    (json_int_t)usage->folders, "filesCount",
                                    (json_int_t)usage->files, "usedSpace", bytes_text(usage->bytes),
                                    "usedSpaceInBytes", (json_int_t)usage->bytes, "itemsCount",
                                    (json_int_t)(usage->folders + usage->files), "packageType",
                                    json_capital(repo_type_name(repository->type))));
    summary->all_bytes += usage->bytes;
    summary->all_files += usage->files;
    summary->all_folders += usage->folders;
}

static void summary_total(struct summary *summary)
{
    size_t i;
    json_t *row;

    json_array_foreach(summary->rows, i, row)
    {
        char text[16];
        double bytes = (double)json_integer_value(json_object_get(row, "usedSpaceInBytes"));
        snprintf(text, sizeof text, "%.2f%%",
                 summary->all_bytes ? 100 * bytes / (double)summary->all_bytes : 0);
        json_object_set_new(row, "percentage", json_string(text));
    }
    json_array_append_new(summary->rows,
                          json_pack("{s:s, s:s, s:I, s:I, s:o, s:I, s:I}", "repoKey", "TOTAL",
                                    "repoType", "NA", "foldersCount",
                                    (json_int_t)summary->all_folders, "filesCount",
                                    (json_int_t)summary->all_files, "usedSpace",
                                    bytes_text(summary->all_bytes), "usedSpaceInBytes",
                                    (json_int_t)summary->all_bytes, "itemsCount",
                                    (json_int_t)(summary->all_folders + summary->all_files)));
}

/* Of the whole store the counts are text: Go clients read them so. */
static json_t *count_text(int64_t count)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, count);
    return json_string(text);
}

static json_t *binaries_json(const struct summary *summary, int64_t blobs, int64_t bytes)
{
    char ratio[16];

    snprintf(ratio, sizeof ratio, "%.2f%%",
             summary->all_bytes ? 100.0 * (double)bytes / (double)summary->all_bytes : 100.0);
    return json_pack("{s:o, s:o, s:o, s:s, s:o, s:o}", "binariesCount", count_text(blobs),
                     "binariesSize", bytes_text(bytes), "artifactsSize",
                     bytes_text(summary->all_bytes), "optimization", ratio, "itemsCount",
                     count_text(summary->all_files + summary->all_folders), "artifactsCount",
                     count_text(summary->all_files));
}

static void storage_work(struct call *call)
{
    struct store *store = call->store;
    struct err *err = &call->task.err;
    struct summary summary = { .store = store, .rows = json_array() };
    int64_t blobs = 0;
    int64_t bytes = 0;

    call->task.rc = index_usage(store->reader_db, usage_add, &summary, err);
    if (call->task.rc == 0)
        call->task.rc = index_blobs_usage(store->reader_db, &blobs, &bytes, err);
    summary_total(&summary);
    int64_t free_bytes = blobs_free_bytes(store->blobs);
    json_t *disk =
        json_pack("{s:s, s:s, s:o, s:o, s:o}", "storageType", "file-system", "storageDirectory",
                  store->blobs_dir, "totalSpace", bytes_text(free_bytes + bytes), "usedSpace",
                  bytes_text(bytes), "freeSpace", bytes_text(free_bytes));
    call->text = json_take_text(json_pack("{s:o, s:o, s:o}", "binariesSummary",
                                          binaries_json(&summary, blobs, bytes), "fileStoreSummary",
                                          disk, "repositoriesSummaryList", summary.rows));
}

static void on_storage(struct call *call)
{
    if (call->task.rc < 0)
        call_fail(call, TEXT_NO_ITEM);
    else
        call_answer_text(call, 200, "application/json");
}

/* --- metrics --- */

static void metrics(struct call *call)
{
    struct buf text;

    buf_init(&text, METRICS_MAX);
    metrics_write(call->store->metrics, &text);
    call->text = buf_take(&text);
    call_answer_text(call, 200, "text/plain; version=0.0.4");
}

void system_call(struct call *call)
{
    switch (call->kind) {
    case CALL_PING:
        ping(call);
        break;
    case CALL_VERSION:
        call_answer(call, 200, "application/json", VERSION_TEXT);
        break;
    case CALL_USAGE:
        http_collect(call->request, USAGE_BODY_MAX, on_usage);
        break;
    case CALL_UPLOADS_CONFIG:
        call_answer(call, 200, "application/json", "{\"supported\":false}");
        break;
    case CALL_STORAGE_INFO:
        call_post(call, call->store->reader, storage_work, on_storage);
        break;
    case CALL_STORAGE_INFO_CALCULATE:
        call_answer(call, 202, "application/json", "{}"); /* it is always exact */
        break;
    default:
        metrics(call);
        break;
    }
}
