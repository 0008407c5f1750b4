/* fuzz_tree.c - any bytes as a manifest.  What is taken is canonical: written
 * again it is the same bytes. */
#include <assert.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tree tree;
    struct err err = { 0 };
    int rc = tree_parse((const char *)data, size, &tree, &err);
    if (rc < 0) {
        assert(rc == -(int)err.code && err.text[0]);
        return 0;
    }
    size_t len = 0;
    auto_free char *text = tree_text(&tree, &len);
    assert(len == size && memcmp(text, data, len) == 0);
    for (size_t i = 0; i < tree.count; i++)
        assert(tree_path_check(tree.files[i].path, NULL) == 0 && tree_size(&tree) >= 0);
    tree_done(&tree);
    return 0;
}
