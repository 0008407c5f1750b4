/* maven_version.h - the order of versions, as Maven documents it (POM reference, "Version Order
 * Specification") and its ComparableVersion has it.
 *
 *     1.0-alpha1 < 1.0-beta-2 < 1.0-rc1 < 1.0-SNAPSHOT < 1.0 = 1 = 1.0-ga < 1.0-sp < 1.0-foo
 *     < 1.0-1 < 1.0.1
 *
 * A version is split at dots, hyphens and between digits and others; zeros and empty qualifiers at
 * the end, and before a hyphen, say nothing.  (ComparableVersion nests what follows a hyphen, and
 * so orders a few contrived versions otherwise: "10.v-b" before "10a".) */
#pragma once

/* Less than, equal to or greater than 0.  Any text will do; what lies beyond the first
 * MAVEN_VERSION_TOKENS parts is not looked at. */
enum { MAVEN_VERSION_TOKENS = 128 };
int maven_version_compare(const char *a, const char *b);
