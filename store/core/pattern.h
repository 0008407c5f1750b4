/* pattern.h - patterns of paths as Ant has them, and Artifactory.
 *
 *   ?   one character of a name
 *   *   any characters of a name
 *   **  as a whole name: any folders, none too, and at the end all that is in them */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* A list of patterns has a '+' between them. */
bool pattern_list_is_valid(const char *list);
/* Does one of them match the path (no slash around it)? */
bool pattern_list_matches(const char *list, const char *path);
/* Could one of them match something below the folder? */
bool pattern_list_reaches(const char *list, const char *folder);
/* Does one of them match everything below the folder? */
bool pattern_list_covers(const char *list, const char *folder);
