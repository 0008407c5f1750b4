/* list.c - GET api/storage?list: what is below a folder.
 *
 * However long it is, it is made row by row on a searcher's strand and costs little memory; see
 * store/web/search/spool.h. */
#include <inttypes.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/text.h"
#include "store/core/when.h"
#include "store/web/item/info.h"
#include "store/web/json.h"
#include "store/web/search/spool.h"

#define LIST_BYTES_MAX (1LL << 30)

struct listing {
    struct spool answer;
    struct db *db;
    int depth;    /* levels of folders; 0: all */
    bool folders; /* they are listed too … */
    bool root;    /* … and the one asked for */
    bool times;   /* when properties changed */
    size_t skip;  /* of each path: what the folder's own takes */
    bool some;    /* a row is there */
};

static void listing_free(struct call *call)
{
    struct listing *listing = take_ptr(call->own);

    spool_done(&listing->answer);
    free(listing);
}

/* --- blocking work (a searcher's strand) --- */

static void time_add(struct spool *answer, const char *name, int64_t at_ms)
{
    char when[WHEN_TEXT_MAX];

    when_iso(at_ms, when);
    spool_add(answer, name);
    spool_add_json(answer, when);
}

static int row_add(void *ctx, const struct item *item)
{
    struct listing *listing = ctx;
    struct spool *answer = &listing->answer;
    const char *rest = item->at.path + listing->skip;
    auto_free char *uri = xasprintf("%s%s", *rest == '/' ? "" : "/", rest);
    char size[64];

    if (item->at.folder && !listing->folders)
        return 0;
    spool_add(answer, listing->some ? ",\n{\"uri\" : " : "\n{\"uri\" : ");
    listing->some = true;
    spool_add_json(answer, uri);
    snprintf(size, sizeof size, ", \"size\" : %" PRId64,
             item->at.folder ? -1 : item->digests.size_bytes);
    spool_add(answer, size);
    time_add(answer, ", \"lastModified\" : ", item->modified_ms);
    spool_add(answer, item->at.folder ? ", \"folder\" : true" : ", \"folder\" : false");
    if (!item->at.folder) {
        spool_add(answer, ", \"sha1\" : ");
        spool_add_json(answer, item->digests.sha1);
        spool_add(answer, ", \"sha2\" : ");
        spool_add_json(answer, item->digests.sha256);
    }
    if (listing->times) {
        time_add(answer, ", \"mdTimestamps\" : {\"properties\" : ", item->updated_ms);
        spool_add(answer, "}");
    }
    spool_add(answer, "}");
    return answer->err.code ? -(int)answer->err.code : 0;
}

static int rows_add(struct call *call, struct listing *listing, struct err *err)
{
    struct spool *answer = &listing->answer;
    auto_free char *uri = item_url(&call->item.at, call->base, "/api/storage");
    int rc = 0;

    spool_add(answer, "{\"uri\" : ");
    spool_add_json(answer, uri);
    time_add(answer, ", \"created\" : ", call->now_ms);
    spool_add(answer, ", \"files\" : [");
    if (listing->root && listing->folders)
        rc = row_add(listing, &call->item);
    if (rc == 0)
        rc = index_list(listing->db, &call->at, listing->depth, row_add, listing, err);
    spool_add(answer, "\n]}");
    int ended = spool_end(answer, err);
    return ended < 0 ? ended : rc;
}

static void list_work(struct call *call)
{
    struct listing *listing = call->own;
    struct err *err = &call->task.err;
    int rc = info_find(call, listing->db, err);

    if (rc == 0 && !call->item.at.folder)
        rc = err_set(err, ERR_INVALID, "Expected a folder but found a file");
    listing->skip = strlen(call->at.path);
    call->task.rc = rc < 0 ? rc : rows_add(call, listing, err);
}

/* --- events (the loop) --- */

static void on_list(struct call *call)
{
    struct spool *answer = &((struct listing *)call->own)->answer;

    if (!call->request)
        return;
    if (call->task.rc < 0)
        call_fail(call, TEXT_NO_ITEM);
    else if (answer->fd >= 0)
        http_answer_file(call->request, 200, INFO_TYPE("FileList"), take_fd(answer->fd), 0,
                         answer->written);
    else
        http_answer(call->request, 200, INFO_TYPE("FileList"), answer->text.data, answer->text.len);
}

static int list_depth(const struct call *call)
{
    size_t len;
    const char *depth = text_query(http_raw_query(call->request), "depth", &len);

    if (!call_flag(call, "deep", false))
        return 1;
    long levels = depth ? strtol(depth, NULL, 10) : 0;
    return levels > 0 && levels <= ITEM_DEPTH_MAX ? (int)levels : 0;
}

void info_list_call(struct call *call)
{
    const struct searcher *searcher = store_searcher(call->store);
    struct listing *listing = xcalloc(1, sizeof *listing);

    *listing = (struct listing){ .db = searcher->db,
                                 .depth = list_depth(call),
                                 .folders = call_flag(call, "listFolders", false),
                                 .root = call_flag(call, "includeRootPath", false),
                                 .times = call_flag(call, "mdTimestamps", false) };
    spool_init(&listing->answer, call->store->settings->state_dir, LIST_BYTES_MAX);
    call_own(call, listing, listing_free);
    call_post(call, searcher->strand, list_work, on_list);
}
