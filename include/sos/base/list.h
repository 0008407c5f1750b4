/* list.h - intrusive doubly linked lists: a state is the list a thing is on.
 *
 *     struct list builds;  list_init(&builds);
 *     list_append(&builds, &build->link);
 *     list_each (link, &builds) { struct build *b = list_item(link, struct build, link); … }
 *
 * list_each() allows the current item to be removed.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "sos/base/auto.h"

struct list {
    struct list *next;
    struct list *prev;
};

static inline void list_init(struct list *list)
{
    list->next = list->prev = list;
}
static inline bool list_empty(const struct list *list)
{
    return list->next == list;
}
static inline void list_append(struct list *list, struct list *item)
{
    item->prev = list->prev;
    item->next = list;
    list->prev->next = item;
    list->prev = item;
}
/* Safe on an item that is on no list, if it was inited. */
static inline void list_remove(struct list *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    list_init(item);
}
static inline struct list *list_pop(struct list *list)
{
    struct list *item = list->next;
    if (item == list)
        return NULL;
    list_remove(item);
    return item;
}
#define list_item(ptr, type, member) container_of(ptr, type, member)
#define list_each(item, head)                                                                      \
    for (struct list *item = (head)->next, *item##_next = item->next; item != (head);              \
         item = item##_next, item##_next = item->next)
