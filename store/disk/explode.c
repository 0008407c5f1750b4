#include "store/disk/explode.h"

#include <archive_entry.h>
#include <ctype.h>
#include <locale.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/tree.h"
#include "store/disk/archive_in.h"

enum {
    PART_BYTES = 128 << 10,
    STEP_BYTES = 16 << 20,
    STEP_ENTRIES = 1000,
    BATCH = 64, /* files that become durable together */
};

struct explode {
    struct explode_plan plan;
    struct archive_in in;
    struct err *err; /* of the step at work */
    locale_t utf8;   /* libarchive gives names in the thread's locale */
    char *part;

    struct explode_entry *list;
    size_t count;
    size_t unpinned; /* the first of them are */
    size_t durable;  /* the first of them are pinned, too */
    int64_t bytes;   /* that came out */
    int64_t bytes_max;
    bool open;     /* the last entry is being read … */
    bool left_out; /* … or one that is not kept */

    struct blob_writer *batch[BATCH]; /* of the last files */
    size_t batch_entry[BATCH];
    size_t batch_count;
};

/* --- what is wrong with it --- */

static int unsafe(const struct explode *explode, const char *path, const char *why)
{
    return err_set(explode->err, ERR_INVALID, "The archive's entry '%.120s' %s", path ? path : "",
                   why);
}

static int damaged(const struct explode *explode)
{
    return archive_in_fault(&explode->in, explode->err);
}

static int too_big(const struct explode *explode)
{
    return err_set(
        explode->err, ERR_LIMIT,
        "The archive's files have more than the %lld bytes that one of its size may have",
        (long long)explode->bytes_max);
}

static int64_t bytes_allowed(const struct explode_plan *plan, int64_t packed_bytes)
{
    int64_t bytes;

    if (__builtin_mul_overflow(packed_bytes, plan->ratio_max, &bytes))
        bytes = INT64_MAX;
    if (bytes < RATIO_FREE_BYTES)
        bytes = RATIO_FREE_BYTES;
    return bytes < plan->bytes_max ? bytes : plan->bytes_max;
}

/* --- entries --- */

static void batch_abort(struct explode *explode)
{
    while (explode->batch_count > 0)
        blob_abort(explode->batch[--explode->batch_count]);
}

static int batch_commit(struct explode *explode)
{
    size_t count = explode->batch_count;
    int rc = 0;

    for (size_t i = 0; i < count; i++) {
        struct explode_entry *entry = &explode->list[explode->batch_entry[i]];
        blob_seal(explode->batch[i], &entry->digests);
        pins_add(explode->plan.pins, entry->digests.sha256);
    }
    explode->durable = explode->count;
    explode->batch_count = 0;
    if (count > 0)
        rc = blob_commit_all(explode->batch, count, explode->err);
    return rc;
}

/* tar's "./a", which is "a". */
static const char *name_plain(const char *name)
{
    while (name[0] == '.' && name[1] == '/')
        name += 2 + strspn(name + 2, "/");
    return strcmp(name, ".") == 0 ? "" : name;
}

/* Where the entry goes.  1: it is the folder that all go to. */
static int entry_place(const struct explode *explode, struct archive_entry *found,
                       struct item_path *ret)
{
    const struct item_path *folder = explode->plan.folder;
    const char *given = archive_entry_pathname(found);
    struct err why = { 0 };

    if (!given)
        return unsafe(explode, given, "has a name that is not UTF-8");
    const char *name = name_plain(given);
    bool is_folder = archive_entry_filetype(found) == AE_IFDIR;
    size_t len = strlen(name);
    if (len > 0 && is_folder && name[len - 1] == '/')
        len--;
    if (len == 0 && is_folder)
        return 1;
    auto_free char *path = xstrndup(name, len);
    if (tree_path_check(path, &why) < 0)
        return unsafe(explode, given, why.text);
    auto_free char *whole = xasprintf("%s/%s/%s", folder->repo, folder->path, path);
    if (item_path_check(whole, ret, &why) < 0)
        return unsafe(explode, given, why.text);
    ret->folder = is_folder;
    return 0;
}

/* What has no bytes of its own, or not those it tells. */
static int entry_check(const struct explode *explode, struct archive_entry *found)
{
    const char *name = archive_entry_pathname(found);
    mode_t type = archive_entry_filetype(found);
    bool sized = archive_entry_size_is_set(found);

    if (archive_entry_hardlink(found))
        return unsafe(explode, name, "is a hard link");
    if (type == AE_IFLNK)
        return unsafe(explode, name, "is a link");
    if (type != AE_IFREG && type != AE_IFDIR)
        return unsafe(explode, name, "is neither a file nor a folder");
    if (archive_entry_sparse_count(found) > 0)
        return unsafe(explode, name, "is a sparse file");
    if (archive_entry_is_encrypted(found))
        return unsafe(explode, name, "is encrypted");
    if (sized &&
        (archive_entry_size(found) < 0 || (type == AE_IFDIR && archive_entry_size(found) > 0)))
        return unsafe(explode, name, "has a size that cannot be");
    if (sized && archive_entry_size(found) > explode->bytes_max - explode->bytes)
        return too_big(explode);
    return 0;
}

/* "ZIP 2.0 (deflation)": asked before any of its bytes is unpacked. */
static int method_check(const struct explode *explode, const char *name)
{
    const char *method = strchr(archive_format_name(explode->in.archive), '(');

    if (archive_format(explode->in.archive) != ARCHIVE_FORMAT_ZIP || !method ||
        strcmp(method, "(deflation)") == 0 || strcmp(method, "(uncompressed)") == 0)
        return 0;
    return unsafe(explode, name, "is packed by a method that is not taken: deflate is");
}

static int entry_begin(struct explode *explode, const struct item_path *at)
{
    struct item_path of;
    struct explode_entry *entry;

    if (explode->count == explode->plan.entries_max)
        return err_set(explode->err, ERR_LIMIT, "The archive has more than %zu entries",
                       explode->plan.entries_max);
    if ((explode->count & (explode->count - 1)) == 0)
        explode->list = xrealloc(explode->list,
                                 (explode->count ? 2 * explode->count : 1) * sizeof *explode->list);
    entry = &explode->list[explode->count];
    *entry =
        (struct explode_entry){ .kind = at->folder                              ? EXPLODE_FOLDER
                                        : item_sidecar(at, &of) != SIDECAR_NONE ? EXPLODE_CHECKSUM
                                                                                : EXPLODE_FILE };
    if (entry->kind == EXPLODE_FILE) {
        struct blob_writer *writer;
        int rc = blob_begin(explode->plan.blobs, &writer, explode->err);
        if (rc < 0)
            return rc;
        explode->batch[explode->batch_count] = writer;
        explode->batch_entry[explode->batch_count++] = explode->count;
    }
    entry->path = xstrdup(at->path);
    explode->count++;
    explode->open = entry->kind != EXPLODE_FOLDER;
    return 1;
}

/* 1: there is an entry, 0: there was none left. */
static int entry_next(struct explode *explode)
{
    struct archive_entry *found;
    struct item_path at;

    int rc = archive_read_next_header(explode->in.archive, &found);
    if (rc == ARCHIVE_EOF)
        return 0;
    if (rc != ARCHIVE_OK)
        return damaged(explode);
    rc = entry_check(explode, found);
    if (rc == 0)
        rc = method_check(explode, archive_entry_pathname(found));
    if (rc == 0)
        rc = entry_place(explode, found, &at);
    if (rc != 0)
        return rc;
    rc = explode->plan.rule(explode->plan.ctx, &at, explode->err);
    if (rc < 0)
        return rc;
    explode->left_out = rc > 0;
    if (rc == 0)
        return entry_begin(explode, &at);
    explode->open = !at.folder;
    return 1;
}

static int checksum_read(struct explode *explode, const char *data, size_t len)
{
    struct explode_entry *entry = &explode->list[explode->count - 1];
    size_t start = 0;
    size_t end;

    if (len > EXPLODE_CHECKSUM_MAX || entry->checksum)
        return unsafe(explode, entry->path, "is a checksum file of more than 1024 bytes");
    while (start < len && isspace((unsigned char)data[start]))
        start++;
    for (end = start; end < len && isalnum((unsigned char)data[end]); end++)
        ;
    entry->checksum = xstrndup(data + start, end - start);
    return 0;
}

/* The next bytes of the entry that is open. */
static int entry_more(struct explode *explode)
{
    la_ssize_t got = archive_read_data(explode->in.archive, explode->part, PART_BYTES);
    int rc = 0;

    if (got < 0)
        return damaged(explode);
    explode->open = got > 0;
    explode->bytes += got;
    if (explode->bytes > explode->bytes_max)
        return too_big(explode);
    if (got == 0 || explode->left_out)
        return 1;
    if (explode->list[explode->count - 1].kind == EXPLODE_CHECKSUM)
        rc = checksum_read(explode, explode->part, (size_t)got);
    else
        rc = blob_write(explode->batch[explode->batch_count - 1], explode->part, (size_t)got,
                        explode->err);
    return rc < 0 ? rc : 1;
}

static int read_on(struct explode *explode)
{
    int64_t bytes = explode->bytes + STEP_BYTES;
    int entries = STEP_ENTRIES;
    int rc = 1;

    if (!explode->in.archive) {
        int opened =
            archive_in_open(&explode->in, explode->plan.fd, explode->plan.ratio_max, explode->err);
        explode->bytes_max = bytes_allowed(&explode->plan, explode->in.size_bytes);
        rc = opened < 0 ? opened : rc;
    }
    while (rc > 0 && (explode->open || (explode->batch_count < BATCH && entries-- > 0)) &&
           explode->bytes < bytes)
        rc = explode->open ? entry_more(explode) : entry_next(explode);
    return rc;
}

int explode_step(struct explode *explode, struct err *err)
{
    locale_t before = uselocale(explode->utf8);

    explode->err = err;
    int rc = read_on(explode);
    if (rc == 0 || (rc > 0 && !explode->open && explode->batch_count == BATCH)) {
        int committed = batch_commit(explode);
        rc = committed < 0 ? committed : rc;
    }
    uselocale(before);
    return rc;
}

/* --- its life --- */

struct explode *explode_new(const struct explode_plan *plan)
{
    struct explode *explode = xcalloc(1, sizeof *explode);

    explode->plan = *plan;
    explode->part = xmalloc(PART_BYTES);
    explode->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    if (!explode->utf8)
        abort(); /* out of memory */
    return explode;
}

size_t explode_count(const struct explode *explode)
{
    return explode->count;
}

const struct explode_entry *explode_entry(const struct explode *explode, size_t i)
{
    return &explode->list[i];
}

void explode_unpin(struct explode *explode, size_t count)
{
    for (; explode->unpinned < count && explode->unpinned < explode->durable; explode->unpinned++)
        if (explode->list[explode->unpinned].kind == EXPLODE_FILE)
            pins_drop(explode->plan.pins, explode->list[explode->unpinned].digests.sha256);
}

void explode_free(struct explode *explode)
{
    if (!explode)
        return;
    batch_abort(explode);
    explode_unpin(explode, explode->count);
    for (size_t i = 0; i < explode->count; i++) {
        free(explode->list[i].path);
        free(explode->list[i].checksum);
    }
    free(explode->list);
    archive_in_done(&explode->in);
    freelocale(explode->utf8);
    free(explode->part);
    free(explode);
}
