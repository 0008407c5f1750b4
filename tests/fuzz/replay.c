/* replay.c - a main() for the fuzz targets in builds without libFuzzer: each file
 * of the folders named as arguments is given to the target once. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "sos/base/auto.h"
#include "sos/base/fs.h"

enum { INPUT_MAX = 16 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const char *folder, const char *name)
{
    auto_free char *path = xasprintf("%s/%s", folder, name);
    struct err err = { 0 };
    struct buf input;

    buf_init(&input, INPUT_MAX);
    if (fs_read(path, &input, &err) < 0) {
        fprintf(stderr, "replay: %s\n", err.text);
        exit(1);
    }
    size_t len = input.len;
    auto_free char *bytes = buf_take(&input);
    LLVMFuzzerTestOneInput((const uint8_t *)bytes, len);
}

static int replay_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    int count = 0;

    if (!dir) {
        perror(folder);
        exit(1);
    }
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.') {
            replay(folder, entry->d_name);
            count++;
        }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;

    for (int i = 1; i < argc; i++)
        count += replay_folder(argv[i]);
    printf("%d inputs\n", count);
    return count > 0 ? 0 : 1;
}
