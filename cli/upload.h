/* upload.h - bring a source to the server: the manifest, then only the blobs it lacks. */
#pragma once
#include "cli/cli.h"
#include "cli/project/project.h"

struct upload_sum {
    size_t files_new;
    int64_t bytes_new;  /* before compression */
    int64_t bytes_sent; /* on the wire, in blobs */
};

int upload_source(struct cli *cli, const struct project *project, struct upload_sum *ret,
                  struct err *err);
