/* upload.h - bring a source to the server: the manifest, then only the blobs it lacks. */
#pragma once
#include "cli/cli.h"
#include "cli/project/project.h"

struct upload_sum {
    /* Set by the caller (may be NULL): called before bytes travel, with what will. */
    void (*on_send)(const struct upload_sum *sum, void *ctx);
    void *ctx;
    size_t files_new;
    int64_t bytes_new;  /* before compression */
    int64_t bytes_sent; /* on the wire, in blobs */
};

int upload_source(struct cli *cli, const struct project *project, struct upload_sum *sum,
                  struct err *err);
