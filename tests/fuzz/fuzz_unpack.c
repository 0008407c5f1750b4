/* fuzz_unpack.c - any bytes as an archive.  Whatever it is, nothing appears beside
 * the folder it is unpacked into, no more than allowed comes out, and only plain
 * files, folders and links that stay inside are there afterwards. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "sos/base/pack.h"
#include "tests/fuzz/fuzz_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct unpack_limits LIMITS = { .bytes_max = 1 << 20,
                                             .files_max = 200,
                                             .ratio_max = 100 };

static int64_t check_folder(int fd, const char *path);

static int64_t check_entry(int dirfd, const char *folder, const char *name)
{
    struct stat st;
    auto_free char *path = xasprintf("%s%s%s", folder, folder[0] ? "/" : "", name);
    int rc = fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW);
    assert(rc == 0 && tree_path_check(path, NULL) == 0);
    if (S_ISDIR(st.st_mode))
        return check_folder(openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), path);
    if (S_ISLNK(st.st_mode)) {
        char target[TREE_PATH_MAX + 1] = "";
        ssize_t len = readlinkat(dirfd, name, target, TREE_PATH_MAX);
        assert(len > 0 && tree_link_check(path, target, NULL) == 0);
        return 0;
    }
    assert(S_ISREG(st.st_mode) && st.st_nlink == 1 && (st.st_mode & 07000) == 0);
    return st.st_size;
}

/* Bytes of all files in it; takes `fd`. */
static int64_t check_folder(int fd, const char *path)
{
    int64_t sum = 0;
    DIR *dir = fdopendir(fd);
    assert(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            sum += check_entry(dirfd(dir), path, entry->d_name);
    closedir(dir);
    return sum;
}

static int count_entries(const char *path)
{
    int count = 0;
    DIR *dir = opendir(path);
    assert(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t len = 0;
    auto_free char *bytes = fuzz_frame(data, size, &len);
    auto_free char *path = xasprintf("%s/in", fuzz_folder_get());
    int rc = mkdir(path, 0700);
    assert(rc == 0);
    auto_close int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_close int archive = memfd_create("archive", MFD_CLOEXEC);
    ssize_t put = write(archive, bytes, len);
    assert(put == (ssize_t)len);
    lseek(archive, 0, SEEK_SET);

    struct err err = { 0 };
    rc = unpack_tree(archive, dirfd, &LIMITS, -1, -1, &err);
    assert(rc == 0 || (rc == -(int)err.code && err.text[0]));
    assert(check_folder(open(path, O_RDONLY | O_DIRECTORY), "") <= LIMITS.bytes_max);
    assert(count_entries(fuzz_folder) == 3);
    rc = fs_remove_tree(path, NULL);
    assert(rc == 0);
    return 0;
}
