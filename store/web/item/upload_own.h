/* upload_own.h - what the files of uploads share. */
#pragma once
#include "store/web/item/upload.h"

enum upload_state {
    UPLOAD_LOOKING,
    UPLOAD_RECEIVING,
    UPLOAD_SEALING,
    UPLOAD_RECORDING,
    UPLOAD_DONE
};

struct upload {
    struct call *call;                /* owns us */
    const struct upload_shape *shape; /* NULL: the body is the file */
    enum upload_state state;
    struct strand *disk;
    struct blob_writer *writer; /* owned until it is committed or aborted */
    struct buf coming;          /* received, not yet given to the strand */
    struct buf part;            /* being written */
    bool writing;               /* a task has `part` */
    bool paused;                /* no more is received until it is written */
    bool ended;                 /* the body is whole */
    struct err refusal;         /* why no more of it is wanted */
    bool announced;             /* the size is known from the start */
    int64_t coming_bytes;       /* our part of store->incoming_bytes */
    int64_t others_bytes;       /* that of the others, when the look began */
    int64_t received_bytes;
    int64_t written_bytes;
    struct digests digests;
    bool pinned; /* digests.sha256 is, until the row is committed */
    bool known;  /* LOOKING found the claimed bytes */
    bool waits_for_continue;
    bool recorded;
};

/* It is not kept: its bytes are for somebody else (struct upload_shape). */
bool upload_passes(const struct upload *upload);

/* upload_work.c: on strands. */
void upload_look_work(struct call *call);
void upload_write_work(struct call *call);
void upload_seal_work(struct call *call); /* the last part, then what all of them are */
void upload_abort_work(struct call *call);
void upload_record_work(struct call *call);
