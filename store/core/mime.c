#include "store/core/mime.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *suffix;
    const char *type;
} types[] = {
    { ".jar", "application/java-archive" },
    { ".war", "application/java-archive" },
    { ".pom", "application/x-maven-pom+xml" },
    { ".xml", "application/xml" },
    { ".json", "application/json" },
    { ".jsonl", "application/jsonl" },
    { ".yaml", "application/yaml" },
    { ".yml", "application/yaml" },
    { ".js", "text/javascript" },
    { ".txt", "text/plain" },
    { ".log", "text/plain" },
    { ".md", "text/plain" },
    { ".mod", "text/plain" },
    { ".gz", "application/x-gzip" },
    { ".tgz", "application/x-gzip" },
    { ".tar", "application/x-tar" },
    { ".zst", "application/zstd" },
    { ".xz", "application/x-xz" },
    { ".bz2", "application/x-bzip2" },
    { ".zip", "application/zip" },
    { ".whl", "application/zip" },
    { ".sha1", "application/x-checksum" },
    { ".sha256", "application/x-checksum" },
    { ".md5", "application/x-checksum" },
};

/* HTML and SVG are left out on purpose: what was uploaded is never run by a browser under our
 * origin. */
const char *mime_of(const char *name)
{
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (strcasecmp(dot, types[i].suffix) == 0)
            return types[i].type;
    return "application/octet-stream";
}
