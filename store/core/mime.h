/* mime.h - the media type of a file, by its name. */
#pragma once

const char *mime_of(const char *name); /* "application/octet-stream" when unknown */
