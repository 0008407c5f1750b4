/* image.h - curated images: which this host has, and their unpacked file systems.
 *
 *   <images>/NAME.json, <images>/oci     what images/make wrote
 *   <rootfs>/<sha256>/rootfs             one unpacked image, shared read-only by all sandboxes
 *   <rootfs>/<sha256>.lock, tmp-*        while one is made
 *
 * An unpacked image is made once per digest: umoci unpacks it beside, it is checked and hardened,
 * then renamed into place.  Set-uid bits are dropped; device nodes are refused; every place where
 * the runtime will mount something is a real folder or file (CVE-2026-47766 and its kind: a runtime
 * that follows a link there leaves the sandbox). */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "sos/base/err.h"
#include "sos/v1.h"

/* The images in the folder, for the registration: entries whose manifests are not there are left
 * out.  The caller frees each with sos_worker_image_done() and the array with free(). */
int images_list(const char *images, struct sos_worker_image **ret, size_t *ret_count,
                struct err *err);

/* Changes when an entry of the folder does; cheap enough to be asked every second. */
uint64_t images_stamp(const char *images);

/* Unpack the image with this manifest digest ("sha256:<hex>") unless that was done, waiting for
 * another process that is at it.  -ERR_NOT_FOUND: the layout lacks it; -ERR_INVALID: it must not
 * be run. */
int image_prepare(const char *images, const char *rootfs, const char *digest, struct err *err);
/* Root folder of a prepared image (gives; free()). */
char *image_root(const char *rootfs, const char *digest);

/* Check and harden an unpacked tree, as image_prepare() does. */
int image_harden(const char *root, struct err *err);
