/* room.h - a slot's private folders, on a tmpfs that only its own mount namespace has.
 *
 *   ROOM/inside     what every sandbox sees read-only as /run/sos: init, ca.crt, hosts, resolv.conf
 *   ROOM/bundle     config.json of the run
 *   ROOM/runtime    the OCI runtime's own state
 *   ROOM/build-root ROOM/run-root   the images' file systems, bound read-only
 *   ROOM/scratch    the build's disk          ROOM/cache    the project's cache disk
 *   ROOM/artifact   the collected files, outside what the build can reach
 *   ROOM/empty
 *
 * The folder below the mount stays for ever: the kernel takes a mount away when its folder is
 * removed in another namespace, so a worker that tidied up would pull down its neighbour's rooms.
 *
 * The same path in every slot, and short; its folders can be passed by anyone since a sandbox
 * resolves them with its own identity. */
#pragma once
#include <stdbool.h>

#include "sos/base/err.h"
#include "worker/settings.h"

#define ROOM "/run/sos-worker"

/* Make the room; the caller has a mount namespace of its own, whose mounts do not propagate. */
int room_make(const struct settings *settings, struct err *err);
/* Bind a folder into the room, read-only or not; and take it away (absent is fine). */
int room_bind(const char *source, const char *target, bool read_only, struct err *err);
void room_unbind(const char *target);
