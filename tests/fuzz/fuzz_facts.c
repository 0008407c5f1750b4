/* fuzz_facts.c - the readers of projects' own files: the first byte chooses one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/project/facts.h"
#include "cli/project/ignore.h"
#include "sos/base/auto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore_try(const char *text, size_t len)
{
    struct ignore *ignore = ignore_new();
    ignore_add(ignore, "a", text, len, NULL);
    (void)ignore_matches(ignore, "a/b/c.d", false);
    (void)ignore_matches(ignore, "a/bb/[x]", true);
    ignore_free(ignore);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 4096)
        return 0;
    auto_free char *text = xstrndup((const char *)data + 1, size - 1);
    size_t len = strlen(text);
    auto_free char *value = NULL;
    switch (data[0] % 4) {
    case 0:
        value = fact_toml(text, "project.name");
        break;
    case 1:
        value = fact_json(text, len, "/a/0/b", NULL);
        break;
    case 2:
        value = fact_xml(text, len, "project/artifactId", NULL);
        break;
    default:
        ignore_try(text, len);
    }
    return 0;
}
