#include "sos/serve/reach.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sos/base/auto.h"

enum { HOST_MAX = 255, NETWORKS_MAX = 64 };

/* An address with its first `bits` told; IPv4 as mapped into IPv6, so that there is one kind. */
struct network {
    uint8_t bytes[16];
    int bits;
};

struct reach {
    struct place {
        char host[HOST_MAX + 1]; /* "": a network */
        int port;                /* 0: any */
        struct network network;
    } places[NETWORKS_MAX];
    size_t count;
};

/* --- addresses --- */

static const struct network mapped = { { [10] = 0xff, [11] = 0xff }, 96 };

static bool is_in(const struct network *network, const uint8_t bytes[16])
{
    int whole = network->bits / 8;
    int rest = network->bits % 8;

    return memcmp(network->bytes, bytes, (size_t)whole) == 0 &&
           (rest == 0 || (network->bytes[whole] ^ bytes[whole]) >> (8 - rest) == 0);
}

static void from_ipv4(uint8_t bytes[16], const void *address)
{
    memcpy(bytes, mapped.bytes, 12);
    memcpy(bytes + 12, address, 4);
}

static bool address_bytes(const struct sockaddr *address, uint8_t bytes[16])
{
    if (address->sa_family == AF_INET6)
        memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    else if (address->sa_family == AF_INET)
        from_ipv4(bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr);
    else
        return false;
    return true;
}

/* The IPv4 address that one of IPv6 stands for: RFC 4291, 6052, 3056. */
static bool stands_for(const uint8_t bytes[16], uint8_t ret[16])
{
    static const struct network nat64 = { { 0x00, 0x64, 0xff, 0x9b }, 96 };
    static const struct network six_to_four = { { 0x20, 0x02 }, 16 };

    if (is_in(&mapped, bytes) || is_in(&nat64, bytes))
        from_ipv4(ret, bytes + 12);
    else if (is_in(&six_to_four, bytes))
        from_ipv4(ret, bytes + 2);
    else
        return false;
    return true;
}

#define V4(a, b, c, d, n)                                                                          \
    {                                                                                              \
        { [10] = 0xff, [11] = 0xff, a, b, c, d }, 96 + (n)                                         \
    }

/* IANA's registries of special addresses, but for those of documentation. */
static bool ipv4_is_public(const uint8_t bytes[16])
{
    static const struct network others[] = {
        V4(0, 0, 0, 0, 8),    V4(10, 0, 0, 0, 8),     V4(100, 64, 0, 0, 10),
        V4(127, 0, 0, 0, 8),  V4(169, 254, 0, 0, 16), V4(172, 16, 0, 0, 12),
        V4(192, 0, 0, 0, 24), V4(192, 168, 0, 0, 16), V4(198, 18, 0, 0, 15),
        V4(224, 0, 0, 0, 3),
    };

    for (size_t i = 0; i < countof(others); i++)
        if (is_in(&others[i], bytes))
            return false;
    return true;
}

bool reach_is_public(const struct sockaddr *address)
{
    static const struct network global = { { 0x20 }, 3 };
    static const struct network protocols = { { 0x20, 0x01 }, 23 };
    uint8_t bytes[16];
    uint8_t ipv4[16];

    if (!address_bytes(address, bytes))
        return false;
    if (stands_for(bytes, ipv4))
        return ipv4_is_public(ipv4);
    return is_in(&global, bytes) && !is_in(&protocols, bytes);
}

bool reach_address(const char *text, struct sockaddr_storage *ret)
{
    struct sockaddr_in ipv4 = { .sin_family = AF_INET };
    struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6 };
    size_t len = strlen(text);
    bool quoted = len > 2 && text[0] == '[' && text[len - 1] == ']';
    auto_free char *plain = quoted ? xstrndup(text + 1, len - 2) : xstrdup(text);

    plain[strcspn(plain, "%")] = '\0'; /* a zone */
    memset(ret, 0, sizeof *ret);
    if (!quoted && inet_pton(AF_INET, plain, &ipv4.sin_addr) == 1)
        memcpy(ret, &ipv4, sizeof ipv4);
    else if (inet_pton(AF_INET6, plain, &ipv6.sin6_addr) == 1)
        memcpy(ret, &ipv6, sizeof ipv6);
    else
        return false;
    return true;
}

/* --- the list --- */

static bool number_parse(const char *text, int max, int *ret)
{
    char *end;
    long value = strtol(text, &end, 10);

    *ret = (int)value;
    return text[0] >= '0' && text[0] <= '9' && !*end && value <= max;
}

/* "10.0.0.0/8" or "::1" */
static bool network_parse(const char *text, struct network *ret)
{
    size_t len = strcspn(text, "/");
    auto_free char *plain = xstrndup(text, len);
    struct sockaddr_storage address;

    if (!reach_address(plain, &address) ||
        !address_bytes((const struct sockaddr *)&address, ret->bytes))
        return false;
    int lead = address.ss_family == AF_INET ? 96 : 0;
    ret->bits = 128;
    if (text[len] && !number_parse(text + len + 1, 128 - lead, &ret->bits))
        return false;
    ret->bits += text[len] ? lead : 0;
    return true;
}

static bool host_parse(const char *text, struct place *ret)
{
    size_t len = strcspn(text, ":");

    if (len == 0 || len > HOST_MAX || strcspn(text, "/@ []") < strlen(text))
        return false;
    if (text[len] && (!number_parse(text + len + 1, 65535, &ret->port) || ret->port == 0))
        return false;
    memcpy(ret->host, text, len);
    return true;
}

int reach_parse(const char *list, struct reach **ret, struct err *err)
{
    auto_free char *copy = xstrdup(list);
    auto_free struct reach *reach = xcalloc(1, sizeof *reach);
    char *rest = copy;

    for (char *one; (one = strsep(&rest, ", \n"));) {
        struct place place = { 0 };
        if (!*one)
            continue;
        if (!network_parse(one, &place.network) && !host_parse(one, &place))
            return err_set(err, ERR_INVALID,
                           "'%.60s' is no HOST, HOST:PORT, ADDRESS or ADDRESS/BITS", one);
        if (reach->count == NETWORKS_MAX)
            return err_set(err, ERR_INVALID, "more than %d hosts and networks", NETWORKS_MAX);
        reach->places[reach->count++] = place;
    }
    *ret = take_ptr(reach);
    return 0;
}

void reach_free(struct reach *reach)
{
    free(reach);
}

static bool is_place(const struct place *place, const char *host, int port,
                     const uint8_t address[16])
{
    if (!place->host[0])
        return is_in(&place->network, address);
    return strcasecmp(place->host, host) == 0 && (place->port == 0 || place->port == port);
}

bool reach_allows(const struct reach *reach, const char *host, int port,
                  const struct sockaddr *address)
{
    uint8_t bytes[16];

    if (!address_bytes(address, bytes))
        return false;
    for (size_t i = 0; reach && i < reach->count; i++)
        if (is_place(&reach->places[i], host, port, bytes))
            return true;
    return reach_is_public(address);
}
