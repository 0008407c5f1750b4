/* waiters.c - those who wait for a change or for the time to be up. */
#include "server/farm/state.h"

bool wait_begin(struct farm *farm, struct wait *wait, struct list *on, int64_t wait_ms,
                wait_fn over)
{
    if (wait_ms <= 0 || farm->stopping || farm->waits_count >= FARM_WAITS_MAX)
        return false;
    wait->over = over;
    wait->until_mono_ms = clock_mono_ms() + wait_ms;
    list_append(on, &wait->link);
    list_append(&farm->waits_due, &wait->due_link);
    farm->waits_count++;
    return true;
}

void wait_end(struct farm *farm, struct wait *wait)
{
    list_remove(&wait->link);
    list_remove(&wait->due_link);
    farm->waits_count--;
}

/* Who begins to wait again while being told joins the list anew and is not told twice: the old list
 * is emptied first. */
void waits_wake(struct farm *farm, struct list *on)
{
    struct list woken;

    list_init(&woken);
    for (struct list *link; (link = list_pop(on));)
        list_append(&woken, link);
    for (struct list *link = woken.next; link != &woken; link = woken.next) {
        struct wait *wait = list_item(link, struct wait, link);
        wait_end(farm, wait);
        wait->over(wait);
    }
}

void waits_sweep(struct farm *farm, int64_t now_mono_ms)
{
    struct list due;

    list_init(&due);
    list_each (link, &farm->waits_due) {
        struct wait *wait = list_item(link, struct wait, due_link);
        if (wait->until_mono_ms <= now_mono_ms || farm->stopping) {
            list_remove(link);
            list_append(&due, link);
        }
    }
    while (!list_empty(&due)) {
        struct wait *wait = list_item(due.next, struct wait, due_link);
        wait_end(farm, wait);
        wait->over(wait);
    }
}
