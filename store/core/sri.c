#include "store/core/sri.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t len;
} kinds[] = { { "sha512", 64 }, { "sha384", 48 }, { "sha256", 32 }, { "sha1", 20 } };

enum { KINDS = sizeof kinds / sizeof *kinds, CODED_MAX = 4 * ((SRI_DIGEST_MAX + 2) / 3) };

/* Exactly the base64 of `len` bytes, padded. */
static bool base64_decode(const char *text, size_t text_len, unsigned char *ret, size_t len)
{
    unsigned char room[CODED_MAX];
    size_t padding = (3 - len % 3) % 3;

    if (text_len != 4 * ((len + 2) / 3))
        return false;
    for (size_t i = 0; i < text_len; i++) {
        bool is_pad = i >= text_len - padding;
        bool is_code = (text[i] >= 'A' && text[i] <= 'Z') || (text[i] >= 'a' && text[i] <= 'z') ||
                       (text[i] >= '0' && text[i] <= '9') || text[i] == '+' || text[i] == '/';
        if (is_pad ? text[i] != '=' : !is_code)
            return false;
    }
    if (EVP_DecodeBlock(room, (const unsigned char *)text, (int)text_len) < (int)len)
        return false;
    memcpy(ret, room, len);
    return true;
}

/* The kind of one word; KINDS: none. */
static size_t word_parse(const char *word, size_t len, struct sri *ret)
{
    for (size_t i = 0; i < KINDS; i++) {
        size_t name = strlen(kinds[i].name);
        if (len <= name || strncmp(word, kinds[i].name, name) != 0 || word[name] != '-')
            continue;
        const char *code = word + name + 1;
        const char *options = memchr(code, '?', len - name - 1);
        size_t code_len = options ? (size_t)(options - code) : len - name - 1;
        if (!base64_decode(code, code_len, ret->digest, kinds[i].len))
            return KINDS;
        ret->algorithm = kinds[i].name;
        ret->len = kinds[i].len;
        return i;
    }
    return KINDS;
}

bool sri_parse(const char *text, struct sri *ret)
{
    size_t best = KINDS;

    while (*text) {
        struct sri one;
        text += strspn(text, " \t\r\n");
        size_t len = strcspn(text, " \t\r\n");
        size_t kind = word_parse(text, len, &one);
        if (kind < best) {
            best = kind;
            *ret = one;
        }
        text += len;
    }
    return best < KINDS;
}

void sri_write(const struct sri *sri, char ret[SRI_TEXT_MAX])
{
    unsigned char code[CODED_MAX + 1];

    EVP_EncodeBlock(code, sri->digest, (int)sri->len);
    snprintf(ret, SRI_TEXT_MAX, "%s-%s", sri->algorithm, (const char *)code);
}
