#include "store/disk/sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sos/base/auto.h"

/* The digest a file of the shelf is named by; false: it is no blob. */
static bool blob_digest(int shelf, const char *name, char ret[SHA256_HEX])
{
    if (strlen(name) != SHA256_HEX - 3)
        return false;
    snprintf(ret, SHA256_HEX, "%02x%.62s", (unsigned)shelf & 255, name);
    return sha256_hex_is_valid(ret);
}

int sweep_shelf(const char *blobs_dir, int shelf, int64_t grace_ms, int64_t now_wall_ms,
                struct pins *pins, struct blobs *blobs, struct db *reader, int64_t *ret_bytes,
                struct err *err)
{
    auto_free char *path = xasprintf("%s/%02x", blobs_dir, (unsigned)shelf & 255);
    DIR *dir = opendir(path);
    if (!dir)
        return err_errno(err, "open %s", path);

    int rc = 0;
    for (struct dirent *entry; rc >= 0 && (entry = readdir(dir));) {
        char sha256[SHA256_HEX];
        struct stat st;
        if (!blob_digest(shelf, entry->d_name, sha256) ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            st.st_mtim.tv_sec * 1000 + grace_ms > now_wall_ms)
            continue;
        rc = pins_remove_blob(pins, blobs, reader, sha256, err);
        if (rc > 0)
            *ret_bytes += st.st_size;
    }
    closedir(dir);
    return rc < 0 ? rc : 0;
}
