#include "store/core/maven_version.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "sos/base/auto.h"

/* Qualifiers in their order; those it does not name come behind all of them, by alphabet. */
enum { RANK_RELEASE = 5, RANK_UNKNOWN = 7 };
static const struct qualifier {
    const char *name;
    int rank;
} qualifiers[] = { { "alpha", 0 },
                   { "beta", 1 },
                   { "milestone", 2 },
                   { "rc", 3 },
                   { "cr", 3 },
                   { "snapshot", 4 },
                   { "", RANK_RELEASE },
                   { "ga", RANK_RELEASE },
                   { "final", RANK_RELEASE },
                   { "release", RANK_RELEASE },
                   { "sp", 6 } };

struct token {
    const char *text; /* of a number without its leading zeros */
    size_t len;
    bool number;
    bool dot; /* a dot stands before it; a qualifier's dot counts as a hyphen */
    int rank; /* of a qualifier */
};

struct tokens {
    struct token list[MAVEN_VERSION_TOKENS];
    size_t count;
};

/* --- splitting --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* a1, b1 and m1 are short for alpha, beta and milestone. */
static int qualifier_rank(const char *text, size_t len, bool before_digit)
{
    if (len == 1 && before_digit && strchr("aAbBmM", text[0]))
        return text[0] == 'a' || text[0] == 'A' ? 0 : text[0] == 'b' || text[0] == 'B' ? 1 : 2;
    for (size_t i = 0; i < countof(qualifiers); i++)
        if (strlen(qualifiers[i].name) == len && strncasecmp(text, qualifiers[i].name, len) == 0)
            return qualifiers[i].rank;
    return RANK_UNKNOWN;
}

static struct token token_make(const char *text, size_t len, bool dot)
{
    struct token token = { .text = text, .len = len, .number = len == 0 || is_digit(text[0]) };

    if (token.number)
        for (; token.len > 0 && token.text[0] == '0'; token.len--)
            token.text++;
    else
        token.rank = qualifier_rank(text, len, is_digit(text[len]));
    token.dot = dot && token.number;
    return token;
}

static void tokens_split(const char *version, struct tokens *ret)
{
    bool dot = true;

    ret->count = 0;
    for (const char *at = version; *at && ret->count < MAVEN_VERSION_TOKENS;) {
        size_t len = 0;
        while (at[len] && at[len] != '.' && at[len] != '-' &&
               (len == 0 || is_digit(at[len]) == is_digit(at[0])))
            len++;
        ret->list[ret->count++] = token_make(at, len, dot);
        at += len;
        dot = *at == '.';
        at += *at == '.' || *at == '-';
    }
}

static bool token_is_null(const struct token *token)
{
    return token->number ? token->len == 0 : token->rank == RANK_RELEASE;
}

/* Drop what says nothing at the end and before each hyphen. */
static void tokens_trim(struct tokens *tokens)
{
    size_t kept = 0;

    for (size_t i = 0; i <= tokens->count; i++) {
        bool hyphen = i == tokens->count || !tokens->list[i].dot;
        while (hyphen && kept > 0 && token_is_null(&tokens->list[kept - 1]))
            kept--;
        if (i < tokens->count)
            tokens->list[kept++] = tokens->list[i];
    }
    tokens->count = kept;
}

/* --- comparing --- */

static int sign(long value)
{
    return value < 0 ? -1 : value > 0;
}

static int text_compare(const struct token *a, const struct token *b)
{
    int order = strncasecmp(a->text, b->text, a->len < b->len ? a->len : b->len);
    return order ? sign(order) : sign((long)a->len - (long)b->len);
}

/* qualifier < -number < .number */
static int token_class(const struct token *token)
{
    return token->number ? 1 + token->dot : 0;
}

static int token_compare(const struct token *a, const struct token *b)
{
    if (token_class(a) != token_class(b))
        return token_class(a) - token_class(b);
    if (a->number)
        return a->len != b->len ? sign((long)a->len - (long)b->len) : text_compare(a, b);
    if (a->rank != b->rank || a->rank != RANK_UNKNOWN)
        return a->rank - b->rank;
    return text_compare(a, b);
}

/* The shorter one is filled up with what says nothing, of the other's kind. */
static struct token token_at(const struct tokens *tokens, size_t i, const struct tokens *other)
{
    struct token zero = { .text = "", .number = true, .dot = true };
    struct token release = { .text = "", .rank = RANK_RELEASE };

    if (i < tokens->count)
        return tokens->list[i];
    return other->list[i].dot ? zero : release;
}

int maven_version_compare(const char *a, const char *b)
{
    struct tokens left;
    struct tokens right;
    int order = 0;

    tokens_split(a, &left);
    tokens_split(b, &right);
    tokens_trim(&left);
    tokens_trim(&right);
    for (size_t i = 0; order == 0 && (i < left.count || i < right.count); i++) {
        struct token l = token_at(&left, i, &right);
        struct token r = token_at(&right, i, &left);
        order = token_compare(&l, &r);
    }
    return order;
}
