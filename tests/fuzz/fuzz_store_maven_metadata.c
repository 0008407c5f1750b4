/* fuzz_store_maven_metadata.c - any bytes as a maven-metadata.xml.  What is read, merged and
 * written can be read again and then says the same. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/maven_metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *written(struct maven_metadata *metadata)
{
    struct buf buf;

    buf_init(&buf, 2 * MAVEN_METADATA_BYTES_MAX);
    maven_metadata_finish(metadata);
    maven_metadata_write(metadata, &buf);
    assert(!buf.over);
    return buf_take(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct maven_metadata read;
    struct maven_metadata merged;
    struct maven_metadata again;

    maven_metadata_init(&read);
    maven_metadata_init(&merged);
    maven_metadata_init(&again);
    if (maven_metadata_parse((const char *)data, size, &read, NULL) == 0) {
        int rc = maven_metadata_merge(&merged, &read, NULL);
        assert(rc == 0);
        auto_free char *text = written(&merged);
        rc = maven_metadata_parse(text, strlen(text), &again, NULL);
        assert(rc == 0 && again.versions_count == merged.versions_count);
        auto_free char *second = written(&again);
        assert(strcmp(text, second) == 0);
    }
    maven_metadata_done(&again);
    maven_metadata_done(&merged);
    maven_metadata_done(&read);
    return 0;
}
