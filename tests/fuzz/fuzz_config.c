/* fuzz_config.c - any bytes as the YAML of a configuration: each setting has a
 * name and a line, and a refusal says where. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/base/config_yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check(void *ctx, const struct yaml_setting *setting, struct err *err)
{
    int *line = ctx;
    (void)err;
    assert(setting->name[0] && strlen(setting->name) < 128);
    assert(setting->value && setting->line >= *line && setting->item >= 0);
    *line = setting->line;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = { 0 };
    int line = 1;
    int rc = config_yaml_read("file", (const char *)data, size, check, &line, &err);
    assert(rc == 0 || (rc == -ERR_INVALID && strncmp(err.text, "file:", 5) == 0));
    return 0;
}
