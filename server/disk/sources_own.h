/* sources_own.h - what the files of sources share with nobody else. */
#pragma once
#include "server/disk/sources.h"

/* The blobs of a tree, each once, by digest. */
struct want {
    const char *sha256; /* borrowed of the tree */
    int64_t size_bytes;
};

struct source_wants {
    struct blobs *blobs;
    struct tree tree;
    struct want *wants;
    size_t count;
    char id[TREE_ID_MAX]; /* "" until it is packed */
    void *packed;         /* the canonical text in one zstd frame */
    size_t packed_len;
    size_t text_len;
};
