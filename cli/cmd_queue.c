/* cmd_queue.c - sos queue, workers, images: what the farm is doing and with what. */
#include <stdlib.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/text.h"
#include "sos/base/auto.h"

static void queue_print(const struct sos_queue *queue)
{
    char age[TEXT_MAX], cell[4][TEXT_MAX];
    printf("FARM  %s, %d running, %d queued\n", queue->accepting ? "accepting" : "not accepting",
           queue->running, queue->queued);
    struct table *table = table_new(5);
    table_row(table, (const char *const[]){ "POOL", "SLOTS", "BUSY", "QUEUED", "OLDEST" });
    for (size_t i = 0; i < queue->pools_count; i++) {
        const struct sos_pool *pool = &queue->pools[i];
        snprintf(cell[0], TEXT_MAX, "%d", pool->slots);
        snprintf(cell[1], TEXT_MAX, "%d", pool->busy);
        snprintf(cell[2], TEXT_MAX, "%d", pool->queued);
        table_row(table, (const char *const[]){ pool->name, cell[0], cell[1], cell[2],
                                                text_age(pool->oldest_time_ms, age) });
    }
    table_print(table, stdout);
    if (queue->builds_count > 0)
        builds_print(queue->builds, queue->builds_count);
}

static int queue_run(struct cli *cli)
{
    struct err err = { 0 };
    struct sos_queue queue = { 0 };
    if (api_call(cli, "GET", "/v1/queue", NULL, NULL, NULL, &sos_queue_type, &queue, NULL, &err) <
        0)
        return cli_fail(cli, &err);
    if (cli->json)
        message_print(&sos_queue_type, &queue);
    else
        queue_print(&queue);
    sos_queue_done(&queue);
    return EXIT_OK;
}

static char *worker_images(const struct sos_worker *worker)
{
    struct buf text;
    buf_init(&text, 200);
    for (size_t i = 0; i < worker->images_count; i++)
        buf_printf(&text, "%s%s", i ? "," : "", worker->images[i].name);
    return buf_take(&text);
}

static int workers_run(struct cli *cli)
{
    struct err err = { 0 };
    struct sos_list_workers_response list = { 0 };
    if (api_call(cli, "GET", "/v1/workers", NULL, NULL, NULL, &sos_list_workers_response_type,
                 &list, NULL, &err) < 0)
        return cli_fail(cli, &err);
    if (cli->json)
        message_print(&sos_list_workers_response_type, &list);
    else {
        struct table *table = table_new(7);
        table_row(table, (const char *const[]){ "WORKER", "STATE", "SLOTS", "BUILDS", "IMAGES",
                                                "SANDBOX", "SEEN" });
        for (size_t i = 0; i < list.workers_count; i++) {
            const struct sos_worker *w = &list.workers[i];
            char slots[TEXT_MAX], builds[TEXT_MAX], age[TEXT_MAX];
            auto_free char *images = worker_images(w);
            snprintf(slots, sizeof slots, "%d", w->slots);
            snprintf(builds, sizeof builds, "%zu", w->builds_count);
            table_row(table,
                      (const char *const[]){
                          w->name, wire_enum_name(&sos_worker_state_enum, (int)w->state), slots,
                          builds, images, w->sandbox, text_age(w->last_seen_time_ms, age) });
        }
        table_print(table, stdout);
    }
    sos_list_workers_response_done(&list);
    return EXIT_OK;
}

static char *image_tools(const struct sos_image *image)
{
    struct buf text;
    buf_init(&text, 200);
    for (size_t i = 0; i < image->tools_count; i++)
        buf_printf(&text, "%s%s %s", i ? ", " : "", image->tools[i].key, image->tools[i].value);
    return buf_take(&text);
}

static int images_run(struct cli *cli)
{
    struct err err = { 0 };
    struct sos_list_images_response list = { 0 };
    if (api_call(cli, "GET", "/v1/images", NULL, NULL, NULL, &sos_list_images_response_type, &list,
                 NULL, &err) < 0)
        return cli_fail(cli, &err);
    if (cli->json)
        message_print(&sos_list_images_response_type, &list);
    else {
        struct table *table = table_new(6);
        table_row(table, (const char *const[]){ "IMAGE", "LANGUAGE", "DIGEST", "AGE", "WORKERS",
                                                "TOOLS" });
        for (size_t i = 0; i < list.images_count; i++) {
            const struct sos_image *image = &list.images[i];
            char age[TEXT_MAX], workers[TEXT_MAX];
            auto_free char *tools = image_tools(image);
            auto_free char *digest =
                xasprintf("%.19s",
                          image->build && image->build->digest ? image->build->digest : "");
            snprintf(workers, sizeof workers, "%zu", image->workers_count);
            table_row(table, (const char *const[]){ image->name, image->language, digest,
                                                    text_age(image->create_time_ms, age), workers,
                                                    tools });
        }
        table_print(table, stdout);
    }
    sos_list_images_response_done(&list);
    return EXIT_OK;
}

const struct command command_queue = {
    .name = "queue",
    .args = "",
    .summary = "Show what runs and what waits.",
    .run = queue_run,
};
const struct command command_workers = {
    .name = "workers",
    .args = "",
    .summary = "Show the workers.",
    .run = workers_run,
};
const struct command command_images = {
    .name = "images",
    .args = "",
    .summary = "Show the curated images.",
    .run = images_run,
};
