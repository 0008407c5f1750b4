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
