#include "server/disk/farmdb.h"

/* Made by cmake/embed.cmake. */
extern const struct db_migration server_migrations[];
extern const size_t server_migrations_count;

int farmdb_open(const char *path, struct db **ret, struct err *err)
{
    return db_open_writer(path, server_migrations, server_migrations_count, ret, err);
}
