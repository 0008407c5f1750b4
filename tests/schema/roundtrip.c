/* roundtrip.c - the codec for tests/schema/test_roundtrip.py.
 *
 * Each line of standard input is "<strict|lenient> <message type> <JSON>"; the
 * answer is one line, what the codec writes of what it read (after a deep copy),
 * or "! <pointer> <message>". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/wire_table.h"
#include "sos/v1.h"

static const struct wire_type *type_find(const char *name)
{
    for (size_t i = 0; sos_types[i]; i++)
        if (strcmp(sos_types[i]->name, name) == 0)
            return sos_types[i];
    fprintf(stderr, "roundtrip: no message type %s\n", name);
    exit(2);
}

static void answer(const struct wire_type *type, enum wire_mode mode, const char *json)
{
    void *message = xmalloc(type->size);
    void *copy = xmalloc(type->size);
    struct wire_fault fault;

    if (wire_parse(type, json, strlen(json), mode, message, &fault, NULL) < 0) {
        printf("! %s %s\n", fault.pointer, fault.message);
    } else {
        wire_copy(type, copy, message);
        wire_done(type, message);
        auto_free char *text = wire_text(type, copy, NULL);
        wire_done(type, copy);
        puts(text);
    }
    free(copy);
    free(message);
}

int main(void)
{
    auto_free char *line = NULL;
    size_t cap = 0;

    for (ssize_t len; (len = getline(&line, &cap, stdin)) > 0;) {
        if (line[len - 1] == '\n')
            line[len - 1] = '\0';
        char *rest = line;
        const char *mode = strsep(&rest, " ");
        const char *name = rest ? strsep(&rest, " ") : NULL;
        if (!rest)
            return 2;
        answer(type_find(name), strcmp(mode, "strict") == 0 ? WIRE_STRICT : WIRE_LENIENT, rest);
        fflush(stdout);
    }
    return 0;
}
