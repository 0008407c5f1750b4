/* fingerprint.h - when are two builds the same build?
 *
 * SHA-256 over what decides the artifact, in one canonical text: source, build image, recipe,
 * project, version and entry.  Two builds of one fingerprint need to run once. */
#pragma once
#include "sos/base/digest.h"
#include "sos/v1.h"

void build_fingerprint(const struct sos_build *msg, char ret_hex[SHA256_HEX]);
