#include "sos/base/digest.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "sos/base/auto.h"

enum { HASHES = 3, READ_SIZE = 262144 };

struct hasher {
    EVP_MD_CTX *ctx[HASHES]; /* SHA-256, SHA-1, MD5; NULL: not wanted */
    int64_t size_bytes;
};

static void to_hex(const unsigned char *bytes, size_t len, char *ret_hex)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        ret_hex[2 * i] = digits[bytes[i] >> 4];
        ret_hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_hex[2 * len] = '\0';
}

/* Looked up once: OpenSSL's own EVP_sha256() is looked up again, under a lock, each time it is
 * used.  Never freed. */
static EVP_MD *fetched[HASHES];
static pthread_once_t fetched_once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
    static const char *const names[HASHES] = { "SHA256", "SHA1", "MD5" };

    for (size_t i = 0; i < HASHES; i++) {
        fetched[i] = EVP_MD_fetch(NULL, names[i], NULL);
        assert(fetched[i]);
    }
}

static const EVP_MD *digest_of(size_t which)
{
    pthread_once(&fetched_once, fetch);
    return fetched[which];
}

/* OpenSSL fails here only when memory is out or the digest was taken away from
 * it: neither can be gone on from. */
static EVP_MD_CTX *must_init(const EVP_MD *md)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int rc = ctx ? EVP_DigestInit_ex(ctx, md, NULL) : 0;
    assert(rc == 1);
    return ctx;
}

struct hasher *hasher_new_sha256(void)
{
    struct hasher *hasher = xcalloc(1, sizeof(*hasher));
    hasher->ctx[0] = must_init(digest_of(0));
    return hasher;
}

struct hasher *hasher_new(void)
{
    struct hasher *hasher = hasher_new_sha256();
    hasher->ctx[1] = must_init(digest_of(1));
    hasher->ctx[2] = must_init(digest_of(2));
    return hasher;
}

void hasher_add(struct hasher *hasher, const void *data, size_t len)
{
    for (size_t i = 0; i < HASHES; i++)
        if (hasher->ctx[i])
            EVP_DigestUpdate(hasher->ctx[i], data, len);
    hasher->size_bytes += (int64_t)len;
}

void hasher_end(struct hasher *hasher, struct digests *ret)
{
    char *hex[HASHES] = { ret->sha256, ret->sha1, ret->md5 };
    for (size_t i = 0; i < HASHES; i++) {
        unsigned char bytes[EVP_MAX_MD_SIZE];
        unsigned len = 0;
        if (hasher->ctx[i])
            EVP_DigestFinal_ex(hasher->ctx[i], bytes, &len);
        to_hex(bytes, len, hex[i]);
    }
    ret->size_bytes = hasher->size_bytes;
}

void hasher_again(struct hasher *hasher)
{
    for (size_t i = 0; i < HASHES; i++) {
        int rc = hasher->ctx[i] ? EVP_DigestInit_ex(hasher->ctx[i], NULL, NULL) : 1;
        assert(rc == 1);
    }
    hasher->size_bytes = 0;
}

void hasher_free(struct hasher *hasher)
{
    if (!hasher)
        return;
    for (size_t i = 0; i < HASHES; i++)
        EVP_MD_CTX_free(hasher->ctx[i]);
    free(hasher);
}

void sha256_hex(const void *data, size_t len, char ret_hex[SHA256_HEX])
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    int rc = EVP_Digest(data, len, bytes, &size, digest_of(0), NULL);
    assert(rc == 1);
    to_hex(bytes, size, ret_hex);
}

bool sha256_hex_is_valid(const char *hex)
{
    return strnlen(hex, SHA256_HEX) == SHA256_HEX - 1 &&
           strspn(hex, "0123456789abcdef") == SHA256_HEX - 1;
}

static int digest_fd(int fd, const char *path, struct hasher *hasher, struct err *err)
{
    auto_free char *part = xmalloc(READ_SIZE);
    for (;;) {
        ssize_t got = read(fd, part, READ_SIZE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, "read %s", path);
        if (got == 0)
            return 0;
        hasher_add(hasher, part, (size_t)got);
    }
}

int digest_file(const char *path, struct digests *ret, struct err *err)
{
    /* O_NONBLOCK: opening a fifo must not wait for its writer. */
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_errno(err, "open %s", path);
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_errno(err, "stat %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_INVALID, "%s is not a regular file", path);

    struct hasher *hasher = hasher_new();
    int rc = digest_fd(fd, path, hasher, err);
    if (rc == 0)
        hasher_end(hasher, ret);
    hasher_free(hasher);
    return rc;
}
