/* detect.h - what a project is, by the images' own rules.
 *
 * Markers, never file counts.  One language with a strong marker wins; a weak one
 * decides only when it is alone; two strong ones stop the build, since guessing
 * is a bug. */
#pragma once
#include "sos/base/err.h"
#include "sos/v1.h"

struct detection {
    const struct sos_image *image; /* borrowed from the list */
    char evidence[200];            /* "go.mod" */
    char note[200];                /* what else was seen; may be empty */
};

/* `language` and `image_name` (either may be NULL) narrow the choice.  err explains with every
 * marker seen and the flag or sos.yaml line that settles it. */
int detect_project(const char *root, const struct sos_list_images_response *images,
                   const char *language, const char *image_name, struct detection *ret,
                   struct err *err);
