/* fuzz_store_maven_path.c - any bytes as a path of the layout, and as two versions, "a\nb".  The
 * coordinates of a file name it, and the order of two versions is the opposite the other way. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/maven_path.h"
#include "store/core/maven_version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void file_is_named_by_its_coordinates(const struct item_path *at)
{
    struct maven_file file;

    if (!maven_file_parse(at, &file))
        return;
    auto_free char *name =
        xasprintf("%s-%s%s%s.%s", file.artifact, file.build, file.classifier[0] ? "-" : "",
                  file.classifier, file.extension);
    auto_free char *folder = xasprintf("/%s/%s/", file.artifact, file.version);
    assert(strcmp(name, item_name(at)) == 0);
    assert(strstr(at->path, folder));
    assert((file.number > 0) == (file.stamp[0] != '\0'));
    assert(maven_policy_allows(at, file.snapshot, !file.snapshot) == false);
}

static int sign(int value)
{
    return value < 0 ? -1 : value > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = xstrndup((const char *)data, size);
    struct item_path at;

    if (item_path_check(text, &at, NULL) == 0) {
        file_is_named_by_its_coordinates(&at);
        maven_document_of(&at, NULL);
    }
    char *second = strchr(text, '\n');
    if (second) {
        *second++ = '\0';
        assert(sign(maven_version_compare(text, second)) ==
               -sign(maven_version_compare(second, text)));
        assert(maven_version_compare(second, second) == 0);
    }
    return 0;
}
