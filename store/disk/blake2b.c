#include "store/disk/blake2b.h"

#include <gcrypt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "sos/base/auto.h"

enum { BLAKE2B_256 = 32 };

struct blake2b {
    gcry_md_hd_t hash;
};

static void library_init(void)
{
    gcry_check_version(NULL);
    gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
}

struct blake2b *blake2b_new(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct blake2b *blake2b = xcalloc(1, sizeof *blake2b);

    pthread_once(&once, library_init);
    if (gcry_md_open(&blake2b->hash, GCRY_MD_BLAKE2B_256, 0) != 0)
        abort(); /* out of memory */
    return blake2b;
}

void blake2b_add(struct blake2b *blake2b, const void *data, size_t len)
{
    gcry_md_write(blake2b->hash, data, len);
}

void blake2b_end(struct blake2b *blake2b, char ret_hex[BLAKE2B_256_HEX])
{
    const unsigned char *bytes = gcry_md_read(blake2b->hash, GCRY_MD_BLAKE2B_256);

    for (int i = 0; i < BLAKE2B_256; i++)
        sprintf(ret_hex + 2 * i, "%02x", bytes[i]);
}

void blake2b_free(struct blake2b *blake2b)
{
    if (!blake2b)
        return;
    gcry_md_close(blake2b->hash);
    free(blake2b);
}
