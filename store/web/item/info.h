/* info.h - what the files of GET api/storage share. */
#pragma once
#include "store/disk/index.h"
#include "store/web/call.h"

#define INFO_TYPE(name) "application/vnd.org.jfrog.artifactory.storage." name "+json"

/* Pool thread: call->item; of a virtual repository the first member's that has it, and call->at is
 * then that. */
int info_find(struct call *call, struct db *db, struct err *err);
/* ?list of call->at. */
void info_list_call(struct call *call);
