/* upload.h - the bytes of one file on their way in.
 *
 *   LOOKING --room, no conflict--> RECEIVING --end--> SEALING --durable--> RECORDING --> DONE
 *      |  \                            |                 |                     ^  |        ^
 *      |   +-- the claimed bytes are here, Expect: sent -|---------------------+  |        |
 *      +------- refused ---------------+--- error -------+------------------------+--------+
 *
 * LOOKING asks the index and the disk before the body is asked for, so that a client
 * that sent Expect: 100-continue hears at once, with no byte sent, that its file is
 * refused or here already.  While one part of the body is written and hashed on a disk
 * strand the next is received, and no more than that: a slow disk slows the client. */
#pragma once
#include "store/web/call.h"

/* A PUT of a file: path, properties and claims are in the call. */
void upload_call(struct call *call);

/* A body that is not simply the file; NULL: that part of it is as ever.  Most are a form of which
 * the file is a part, so that its path is known when all has come.  What is stored once then stays:
 * other bytes for the same path are -ERR_DENIED to everybody. */
struct upload_shape {
    /* It is not kept: when `answer` is called with task.rc 0, call->fd has its bytes. */
    bool passes;
    /* The next bytes of the body (loop); it gives those of the file to upload_add(). */
    int (*take)(struct call *call, const char *data, size_t len, struct err *err);
    /* It was the last: path, properties and claims are in the call now, at will (loop). */
    int (*whole)(struct call *call, struct err *err);
    /* Bytes of the file, in order (pool thread). */
    void (*hash)(struct call *call, const char *data, size_t len);
    /* They are what was claimed; is there something else that they must be (pool thread)? */
    int (*check)(struct call *call, struct err *err);
    /* They are on disk, not yet recorded: properties may be added (pool thread). */
    void (*look)(struct call *call, int fd);
    call_fn answer; /* instead of deployed_done() */
};
/* `shape` is static. */
void upload_call_shaped(struct call *call, const struct upload_shape *shape);
void upload_add(struct call *call, const char *data, size_t len);
/* With its call; that may have none. */
void upload_free(struct call *call);
