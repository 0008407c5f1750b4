#include "tests/unit/unit.h"

#include "store/core/accept.h"

static void the_best_liked_offer_is_chosen(void **state)
{
    static const char *const offers[] = { "text/html", "application/x+json", "application/y" };
    static const struct {
        const char *header;
        int choice;
    } rows[] = {
        { NULL, 0 },
        { "", 0 },
        { " , ", 0 },
        { "*/*", 0 },
        { "application/*", 1 },
        { "application/y", 2 },
        { "APPLICATION/Y", 2 },
        { "application/y;q=0.5, application/x+json;q=0.4", 2 },
        { "application/y;q=0.5,application/x+json", 1 },
        { "application/y ; v=1 ; q=0.123 , text/html;q=0.12", 2 },
        { "application/*;q=0.8, application/x+json;q=0.1", 2 },
        { "*/*;q=0.1, text/html;q=0", 1 },
        { "text/html;q=0", -1 },
        { "image/png", -1 },
        { "text/html;q=0.000", -1 },
        { "text/html;q=", 0 },
        { "text/html;q=1.9", 0 },
        { "text", -1 },
        { "text/htm", -1 },
        { "application/x+json;q=0.0009, text/html;q=0.001", 0 },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        int choice = accept_choose(rows[i].header, offers, countof(offers));
        if (choice != rows[i].choice)
            fail_msg("%s: %d", rows[i].header, choice);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_best_liked_offer_is_chosen) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
