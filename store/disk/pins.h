/* pins.h - the one race between uploads and deletions, closed.
 *
 *   upload   seal -> pins_add -> blob durable -> row committed -> pins_drop
 *   remover  row gone, committed -> pins_remove_blob: pinned? row again? else unlink
 *
 * Whoever wants to keep bytes pins their digest before he looks whether the file is
 * there already; a file is removed only while its digest is not pinned and no
 * committed row has it.  An upload that pins a digest in the middle of its removal
 * waits for the removal's end, then writes the file anew. */
#pragma once
#include "sos/base/blob.h"
#include "sos/serve/db.h"

struct pins;

struct pins *pins_new(void);
void pins_free(struct pins *pins);
/* Both from any thread; a digest may be pinned many times.  pins_add() may block, pins_drop() not.
 */
void pins_add(struct pins *pins, const char *sha256);
void pins_drop(struct pins *pins, const char *sha256);
/* 1: the file is gone, 0: it is needed.  `reader` sees what is committed.  Absent is fine. */
int pins_remove_blob(struct pins *pins, struct blobs *blobs, struct db *reader, const char *sha256,
                     struct err *err);
/* The same for a blob whose bytes are wrong, whatever has it: its file goes to `quarantine_dir`.
 * 1: it is there, 0: somebody is putting these bytes now, try later. */
int pins_quarantine_blob(struct pins *pins, const char *blobs_dir, const char *quarantine_dir,
                         const char *sha256, struct err *err);
