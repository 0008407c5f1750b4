/* id.h - names that sort by time: "<prefix>_" and a ULID (26 characters of
 * Crockford base32: 48 bits of milliseconds, 80 random bits); and secrets. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ID_MAX = 40, ID_CHANCE = 16, SECRET_MAX = 64 };

void id_new(const char *prefix, int64_t wall_ms, char ret_id[ID_MAX]);
/* The same with chance that was drawn before, for names that are made very often. */
void id_new_of(const char *prefix, int64_t wall_ms, const uint8_t chance[ID_CHANCE],
               char ret_id[ID_MAX]);
bool id_is_valid(const char *prefix, const char *id);
/* "<prefix>_<40 base62 characters><6 characters of CRC32>": 238 random bits and
 * a checksum that tells a typing error from a wrong token. */
void secret_new(const char *prefix, char ret_secret[SECRET_MAX]);
bool secret_is_well_formed(const char *secret);
/* Fills from the kernel; aborts when there is none. */
void random_bytes(void *ret, size_t len);
