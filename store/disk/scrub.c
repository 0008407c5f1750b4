#include "store/disk/scrub.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/fs.h"

enum { SHELVES = 256, READ_BYTES = 256 << 10, STATE_MAX = 16 };

struct scrub {
    const char *blobs_dir;
    const char *state_file;
    unsigned shelf;
    DIR *names; /* of the shelf; NULL: not begun */
    char next[SHA256_HEX];
    char sha256[SHA256_HEX]; /* the blob that is read */
    int fd;                  /* its file; -1: none */
    struct hasher *hasher;
    char *room;
    bool has_read; /* since it was written where it is */
};

/* --- where it is --- */

static unsigned state_read(const char *path)
{
    struct buf text;
    unsigned shelf = 0;

    buf_init(&text, STATE_MAX);
    if (fs_read(path, &text, NULL) == 0 && text.len > 0)
        shelf = (unsigned)strtoul(text.data, NULL, 10);
    buf_done(&text);
    return shelf < SHELVES ? shelf : 0;
}

/* Lost, it costs a second look at some blobs; that shelves are empty is seen again soon enough. */
static void state_write(struct scrub *scrub)
{
    char text[STATE_MAX];
    int len = snprintf(text, sizeof text, "%u\n", scrub->shelf);

    if (!scrub->has_read && scrub->shelf > 0)
        return;
    fs_write_atomic(scrub->state_file, text, (size_t)len, 0600, NULL);
    scrub->has_read = false;
}

struct scrub *scrub_new(const char *blobs_dir, const char *state_file)
{
    struct scrub *scrub = xcalloc(1, sizeof *scrub);

    scrub->blobs_dir = blobs_dir;
    scrub->state_file = state_file;
    scrub->shelf = state_read(state_file);
    scrub->fd = -1;
    return scrub;
}

static void blob_leave(struct scrub *scrub)
{
    if (scrub->fd >= 0)
        close(scrub->fd);
    hasher_free(scrub->hasher);
    scrub->fd = -1;
    scrub->hasher = NULL;
}

void scrub_free(struct scrub *scrub)
{
    if (!scrub)
        return;
    if (scrub->fd >= 0)
        blob_leave(scrub);
    if (scrub->names)
        closedir(scrub->names);
    free(scrub->room);
    free(scrub);
}

void scrub_look(struct scrub *scrub, const char *sha256)
{
    snprintf(scrub->next, sizeof scrub->next, "%s", sha256);
}

/* --- one blob --- */

/* One that is gone was deleted meanwhile. */
static int blob_open(struct scrub *scrub, struct err *err)
{
    auto_free char *path =
        xasprintf("%s/%.2s/%s", scrub->blobs_dir, scrub->sha256, scrub->sha256 + 2);

    scrub->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (scrub->fd < 0)
        return errno == ENOENT ? 0 : err_errno(err, "open %s", path);
    scrub->hasher = hasher_new_sha256();
    scrub->has_read = true;
    return 0;
}

static int blob_end(struct scrub *scrub, char ret_sha256[SHA256_HEX])
{
    struct digests digests;

    hasher_end(scrub->hasher, &digests);
    blob_leave(scrub);
    if (strcmp(digests.sha256, scrub->sha256) == 0)
        return SCRUB_MORE;
    memcpy(ret_sha256, scrub->sha256, SHA256_HEX);
    return SCRUB_WRONG;
}

static int blob_read(struct scrub *scrub, int64_t bytes, int64_t *ret_bytes,
                     char ret_sha256[SHA256_HEX], struct err *err)
{
    if (!scrub->room)
        scrub->room = xmalloc(READ_BYTES);
    while (*ret_bytes < bytes) {
        ssize_t got = read(scrub->fd, scrub->room, READ_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            int rc = err_errno(err, "read blob %s", scrub->sha256);
            blob_leave(scrub);
            return rc;
        }
        if (got == 0)
            return blob_end(scrub, ret_sha256);
        hasher_add(scrub->hasher, scrub->room, (size_t)got);
        *ret_bytes += got;
    }
    return SCRUB_MORE;
}

/* --- the walk --- */

static int shelf_open(struct scrub *scrub, struct err *err)
{
    auto_free char *path = xasprintf("%s/%02x", scrub->blobs_dir, scrub->shelf & 255);

    scrub->names = opendir(path);
    return scrub->names ? 0 : err_errno(err, "open %s", path);
}

static int shelf_leave(struct scrub *scrub)
{
    if (scrub->names)
        closedir(scrub->names);
    scrub->names = NULL;
    scrub->shelf = (scrub->shelf + 1) % SHELVES;
    state_write(scrub);
    return scrub->shelf == 0 ? SCRUB_END : SCRUB_MORE;
}

static int name_next(struct scrub *scrub, struct err *err)
{
    int rc = scrub->names ? 0 : shelf_open(scrub, err);

    if (rc < 0) {
        shelf_leave(scrub);
        return rc;
    }
    struct dirent *entry = readdir(scrub->names);
    if (!entry)
        return shelf_leave(scrub);
    snprintf(scrub->sha256, sizeof scrub->sha256, "%02x%.62s", scrub->shelf & 255, entry->d_name);
    return sha256_hex_is_valid(scrub->sha256) ? blob_open(scrub, err) : SCRUB_MORE;
}

int scrub_step(struct scrub *scrub, int64_t bytes, int64_t *ret_bytes, char ret_sha256[SHA256_HEX],
               struct err *err)
{
    int rc = SCRUB_MORE;

    *ret_bytes = 0;
    for (int names = 0; rc == SCRUB_MORE && names < 100 && *ret_bytes < bytes; names++) {
        if (scrub->fd < 0 && scrub->next[0]) {
            memcpy(scrub->sha256, scrub->next, SHA256_HEX);
            scrub->next[0] = '\0';
            rc = blob_open(scrub, err);
        } else if (scrub->fd < 0) {
            rc = name_next(scrub, err);
        }
        if (rc == SCRUB_MORE && scrub->fd >= 0)
            rc = blob_read(scrub, bytes, ret_bytes, ret_sha256, err);
    }
    return rc;
}
