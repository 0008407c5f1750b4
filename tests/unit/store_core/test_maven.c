#include "tests/unit/unit.h"

#include "store/core/maven_metadata.h"
#include "store/core/maven_version.h"

/* --- the order of versions --- */

static int sign(int value)
{
    return value < 0 ? -1 : value > 0;
}

/* From Maven's own description of its order, and from what people publish. */
static void versions_are_ordered_as_maven_documents_it(void **state)
{
    static const struct {
        const char *less;
        const char *greater;
    } rows[] = {
        { "1", "1.1" },
        { "1-snapshot", "1" },
        { "1", "1-sp" },
        { "1-foo2", "1-foo10" },
        { "1-foo", "1-1" },
        { "1-1", "1.1" },
        { "1-ga", "1-sp" },
        { "1-ga.1", "1-sp.1" },
        { "1-sp-1", "1-ga-1" },
        { "1-alpha", "1-beta" },
        { "1-beta", "1-milestone" },
        { "1-milestone", "1-rc" },
        { "1-rc", "1-snapshot" },
        { "1-alpha-9", "1-alpha-10" },
        { "2.0.1", "2.0.1-123" },
        { "2.0.1-klm", "2.0.1-lmn" },
        { "2.0.1-xyz", "2.0.1-123" },
        { "1.0-SNAPSHOT", "1.0" },
        { "1.0-m3", "1.0-rc1" },
        { "9", "10" },
        { "1.9.9", "1.10.0" },
        { "20250101", "20250101.1" },
        { "31.1-android", "31.1-jre" },
        { "1.7", "20040616" },
        { "99999999999999999999998", "99999999999999999999999" },
        { "1.0.0.RC2", "1.0.0.RELEASE" },
        { "", "1" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        if (sign(maven_version_compare(rows[i].less, rows[i].greater)) != -1 ||
            sign(maven_version_compare(rows[i].greater, rows[i].less)) != 1)
            fail_msg("%s is not before %s", rows[i].less, rows[i].greater);
        assert_int_equal(maven_version_compare(rows[i].less, rows[i].less), 0);
    }
}

static void what_says_nothing_makes_no_difference(void **state)
{
    static const char *const same[][2] = {
        { "1", "1.0" },
        { "1", "1.ga" },
        { "1", "1-0" },
        { "1.0", "1-final" },
        { "1-a1", "1-alpha-1" },
        { "1.foo", "1-foo" },
        { "1-RC", "1-cr" },
        { "1.0.0-foo.0.0", "1-foo" },
        { "1.", "1-" },
        { "1.0.0-0.0.0", "1" },
        { "001.02", "1.2" },
        { "1x", "1-X" },
        { "1.Final", "1.0.0.GA" },
    };

    (void)state;
    for (size_t i = 0; i < countof(same); i++)
        if (maven_version_compare(same[i][0], same[i][1]) != 0)
            fail_msg("%s is not %s", same[i][0], same[i][1]);
}

/* --- paths --- */

static struct item_path path_of(const char *text)
{
    struct item_path at;
    struct err err = { 0 };

    assert_ok(item_path_check(text, &at, &err), err);
    return at;
}

static void a_file_tells_its_coordinates(void **state)
{
    static const struct {
        const char *path;
        const char *version;
        const char *build;
        long number;
        const char *classifier;
        const char *extension;
    } rows[] = {
        { "app/1.0/app-1.0.jar", "1.0", "1.0", 0, "", "jar" },
        { "app/1.0/app-1.0-sources.jar", "1.0", "1.0", 0, "sources", "jar" },
        { "app/1.0/app-1.0.tar.gz", "1.0", "1.0", 0, "", "tar.gz" },
        { "app/1.0/app-1.0-bin.tar.gz.asc", "1.0", "1.0", 0, "bin", "tar.gz.asc" },
        { "app/1.0/app-1.0-jdk1.5.jar", "1.0", "1.0", 0, "jdk1.5", "jar" },
        { "app/1.0/app-1.0.pom.asc", "1.0", "1.0", 0, "", "pom.asc" },
        { "app/1-SNAPSHOT/app-1-SNAPSHOT.pom", "1-SNAPSHOT", "1-SNAPSHOT", 0, "", "pom" },
        { "app/1-SNAPSHOT/app-1-20260102.030405-7.pom", "1-SNAPSHOT", "1-20260102.030405-7", 7, "",
          "pom" },
        { "app/1-SNAPSHOT/app-1-20260102.030405-12-x.jar", "1-SNAPSHOT", "1-20260102.030405-12", 12,
          "x", "jar" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct maven_file file;
        char text[200];
        snprintf(text, sizeof text, "repo/org/acme/%s", rows[i].path);
        struct item_path at = path_of(text);
        if (!maven_file_parse(&at, &file))
            fail_msg("%s is not understood", text);
        assert_string_equal(file.group, "org.acme");
        assert_string_equal(file.artifact, "app");
        assert_string_equal(file.version, rows[i].version);
        assert_string_equal(file.build, rows[i].build);
        assert_int_equal(file.number, rows[i].number);
        assert_string_equal(file.classifier, rows[i].classifier);
        assert_string_equal(file.extension, rows[i].extension);
    }
}

static void what_is_no_file_of_a_version_is_told(void **state)
{
    static const char *const paths[] = {
        "repo/a.jar",
        "repo/app/1.0/app-1.0.jar", /* no group */
        "repo/org/app/1.0/app-1.0.jar.sha1",
        "repo/org/app/1.0/maven-metadata.xml",
        "repo/org/app/1.0/app-1.1.jar",
        "repo/org/app/1.0/other-1.0.jar",
        "repo/org/app/1.0/app-1.0",
        "repo/org/app/1.0/app-1.0.",
        "repo/org/app/1.0/app-1.0-.jar",
        "repo/org/app/1-SNAPSHOT/app-1-20260102.030405-0.jar",
        "repo/org/app/1-SNAPSHOT/app-1-20260102.030405.jar",
        "repo/org/app/1-SNAPSHOT/app-1-20260102.030405-99999999999999999999.jar",
        "repo/org/app/1.0/app-1.0.jar/",
    };

    (void)state;
    for (size_t i = 0; i < countof(paths); i++) {
        struct maven_file file;
        struct item_path at = path_of(paths[i]);
        if (maven_file_parse(&at, &file))
            fail_msg("%s is taken as %s:%s", paths[i], file.artifact, file.build);
    }
}

static void only_releases_and_numbered_builds_never_change(void **state)
{
    static const struct {
        const char *path;
        bool fixed;
    } rows[] = {
        { "r/org/a/1.0/a-1.0.jar", true },
        { "r/org/a/1.0/a-1.0.jar.sha512", true },
        { "r/org/a/1-SNAPSHOT/a-1-20260102.030405-7.pom.sha1", true },
        { "r/org/a/1-SNAPSHOT/a-1-SNAPSHOT.jar", false },
        { "r/org/a/1-SNAPSHOT/a-1-SNAPSHOT.jar.md5", false },
        { "r/org/a/maven-metadata.xml", false },
        { "r/org/a/1.0/maven-metadata.xml.sha1", false },
        { "r/archetype-catalog.xml", false },
        { "r/org/a/1.0/", false },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct item_path at = path_of(rows[i].path);
        assert_int_equal(maven_path_is_fixed(&at), rows[i].fixed);
    }
}

static void a_policy_refuses_only_what_is_plainly_of_the_other_kind(void **state)
{
    static const struct {
        const char *path;
        bool release;
        bool snapshot;
    } rows[] = {
        { "r/org/a/1.0/a-1.0.jar", true, false },
        { "r/org/a/1.0-SNAPSHOT/a-1.0-SNAPSHOT.jar", false, true },
        { "r/org/a/1.0-SNAPSHOT/a-1.0-20260102.030405-7.jar", false, true },
        { "r/org/a/1.0-SNAPSHOT/maven-metadata.xml", false, true },
        { "r/org/a/maven-metadata.xml", true, true },
        { "r/org/a/SNAPSHOT/a-SNAPSHOT.jar", false, true },
        { "r/archetype-catalog.xml", true, true },
        { "r/org/a/NOSNAPSHOT/a-NOSNAPSHOT.jar", true, false },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct item_path at = path_of(rows[i].path);
        assert_int_equal(maven_policy_allows(&at, true, false), rows[i].release);
        assert_int_equal(maven_policy_allows(&at, false, true), rows[i].snapshot);
        assert_true(maven_policy_allows(&at, false, false));
    }
}

/* --- metadata --- */

static char *written(const struct maven_metadata *metadata)
{
    struct buf buf;

    buf_init(&buf, MAVEN_METADATA_BYTES_MAX);
    maven_metadata_write(metadata, &buf);
    return buf_take(&buf);
}

static void parsed(const char *text, struct maven_metadata *ret)
{
    struct err err = { 0 };

    maven_metadata_init(ret);
    assert_ok(maven_metadata_parse(text, strlen(text), ret, &err), err);
}

static const char versions_text[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                    "<metadata modelVersion=\"1.1.0\">\n"
                                    "  <groupId>org.acme</groupId>\n"
                                    "  <artifactId>app</artifactId>\n"
                                    "  <versioning>\n"
                                    "    <latest>1.10</latest>\n"
                                    "    <release>1.9</release>\n"
                                    "    <versions>\n"
                                    "      <version>1.9</version>\n"
                                    "      <version>1.10-SNAPSHOT</version>\n"
                                    "      <version>1.10</version>\n"
                                    "    </versions>\n"
                                    "    <lastUpdated>20260102030405</lastUpdated>\n"
                                    "  </versioning>\n"
                                    "</metadata>\n";

static const char builds_text[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                  "<metadata modelVersion=\"1.1.0\">\n"
                                  "  <groupId>org.acme</groupId>\n"
                                  "  <artifactId>app</artifactId>\n"
                                  "  <version>1-SNAPSHOT</version>\n"
                                  "  <versioning>\n"
                                  "    <snapshot>\n"
                                  "      <timestamp>20260102.030405</timestamp>\n"
                                  "      <buildNumber>7</buildNumber>\n"
                                  "    </snapshot>\n"
                                  "    <lastUpdated>20260102030405</lastUpdated>\n"
                                  "    <snapshotVersions>\n"
                                  "      <snapshotVersion>\n"
                                  "        <classifier>a&amp;b</classifier>\n"
                                  "        <extension>jar</extension>\n"
                                  "        <value>1-20260102.030405-7</value>\n"
                                  "        <updated>20260102030405</updated>\n"
                                  "      </snapshotVersion>\n"
                                  "    </snapshotVersions>\n"
                                  "  </versioning>\n"
                                  "  <plugins>\n"
                                  "    <plugin>\n"
                                  "      <name>Acme &lt;3</name>\n"
                                  "      <prefix>acme</prefix>\n"
                                  "      <artifactId>acme-maven-plugin</artifactId>\n"
                                  "    </plugin>\n"
                                  "  </plugins>\n"
                                  "</metadata>\n";

static void what_is_written_is_what_was_read(void **state)
{
    static const char *const texts[] = { versions_text, builds_text };

    (void)state;
    for (size_t i = 0; i < countof(texts); i++) {
        struct maven_metadata metadata;
        parsed(texts[i], &metadata);
        maven_metadata_finish(&metadata);
        auto_free char *text = written(&metadata);
        assert_string_equal(text, texts[i]);
        maven_metadata_done(&metadata);
    }
}

static void versions_of_all_are_merged_in_order(void **state)
{
    struct maven_metadata all;
    struct maven_metadata other;
    struct err err = { 0 };

    (void)state;
    parsed(versions_text, &all);
    parsed("<metadata><versioning><latest>2-SNAPSHOT</latest><release>1.2</release>"
           "<versions><version>2-SNAPSHOT</version><version>1.9</version><version>1.2</version>"
           "</versions><lastUpdated>20270101000000</lastUpdated></versioning></metadata>",
           &other);
    assert_ok(maven_metadata_merge(&all, &other, &err), err);
    maven_metadata_finish(&all);
    static const char *const want[] = { "1.2", "1.9", "1.10-SNAPSHOT", "1.10", "2-SNAPSHOT" };
    assert_int_equal(all.versions_count, countof(want));
    for (size_t i = 0; i < countof(want); i++)
        assert_string_equal(all.versions[i], want[i]);
    assert_string_equal(all.latest, "2-SNAPSHOT");
    assert_string_equal(all.release, "1.9");
    assert_string_equal(all.updated, "20270101000000");
    assert_string_equal(all.artifact, "app");
    maven_metadata_done(&other);
    maven_metadata_done(&all);
}

static void untold_latest_and_release_are_the_greatest(void **state)
{
    struct maven_metadata metadata;

    (void)state;
    maven_metadata_init(&metadata);
    assert_true(maven_metadata_is_empty(&metadata));
    maven_metadata_add_version(&metadata, "1.10", NULL);
    maven_metadata_add_version(&metadata, "2-SNAPSHOT", NULL);
    maven_metadata_add_version(&metadata, "1.9", NULL);
    maven_metadata_finish(&metadata);
    assert_string_equal(metadata.latest, "2-SNAPSHOT");
    assert_string_equal(metadata.release, "1.10");
    maven_metadata_done(&metadata);
}

static struct maven_build build_of(const char *value, const char *updated, long number)
{
    struct maven_build build = { .classifier = (char *)"",
                                 .extension = (char *)"jar",
                                 .value = (char *)value,
                                 .number = number };

    snprintf(build.updated, sizeof build.updated, "%s", updated);
    return build;
}

/* Whose clock is behind still builds the newest; across repositories only time tells. */
static void the_newest_build_is_kept(void **state)
{
    struct maven_metadata metadata;
    struct maven_metadata all;
    struct maven_build first = build_of("1-b1", "20260102030405", 1);
    struct maven_build second = build_of("1-b2", "20260102030400", 2);
    struct maven_build foreign = build_of("1-b9", "20260102030401", 9);

    (void)state;
    maven_metadata_init(&metadata);
    maven_metadata_init(&all);
    maven_metadata_add_build(&metadata, &second, NULL);
    maven_metadata_add_build(&metadata, &first, NULL);
    assert_int_equal(metadata.builds_count, 1);
    assert_string_equal(metadata.builds[0].value, "1-b2");
    maven_metadata_merge(&all, &metadata, NULL);
    maven_metadata_done(&metadata);
    maven_metadata_add_build(&metadata, &foreign, NULL);
    maven_metadata_merge(&all, &metadata, NULL);
    assert_string_equal(all.builds[0].value, "1-b9");
    maven_metadata_done(&metadata);
    maven_metadata_done(&all);
}

static void points_in_time_are_read_as_they_are_written(void **state)
{
    char text[MAVEN_WHEN_MAX];

    (void)state;
    assert_int_equal(maven_when_parse("20260102030405"), 1767323045000);
    maven_when(1767323045999, text);
    assert_string_equal(text, "20260102030405");
    assert_int_equal(maven_when_parse(""), 0);
}

static void bad_documents_are_refused(void **state)
{
    static const struct {
        const char *text;
        int code;
    } rows[] = {
        { "", ERR_INVALID },
        { "<html/>", ERR_INVALID },
        { "<metadatas/>", ERR_INVALID },
        { "<metadata>", ERR_INVALID },
        { "<!DOCTYPE metadata [<!ENTITY a \"aaaa\">]><metadata>&a;</metadata>", ERR_INVALID },
        { "<metadata>&a;</metadata>", ERR_INVALID },
    };
    struct maven_metadata metadata;

    (void)state;
    maven_metadata_init(&metadata);
    for (size_t i = 0; i < countof(rows); i++)
        assert_fails(maven_metadata_parse(rows[i].text, strlen(rows[i].text), &metadata, NULL),
                     rows[i].code);
    struct buf deep;
    buf_init(&deep, 1 << 20);
    buf_add_str(&deep, "<metadata>");
    for (int i = 0; i < 1000; i++)
        buf_add_str(&deep, "<a>");
    assert_fails(maven_metadata_parse(deep.data, deep.len, &metadata, NULL), ERR_LIMIT);
    buf_clear(&deep);
    buf_add_str(&deep, "<metadata><groupId>");
    for (int i = 0; i < 10000; i++)
        buf_add_str(&deep, "x");
    assert_fails(maven_metadata_parse(deep.data, deep.len, &metadata, NULL), ERR_LIMIT);
    buf_done(&deep);
    assert_true(maven_metadata_is_empty(&metadata));
    maven_metadata_done(&metadata);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_ordered_as_maven_documents_it),
        cmocka_unit_test(what_says_nothing_makes_no_difference),
        cmocka_unit_test(a_file_tells_its_coordinates),
        cmocka_unit_test(what_is_no_file_of_a_version_is_told),
        cmocka_unit_test(only_releases_and_numbered_builds_never_change),
        cmocka_unit_test(a_policy_refuses_only_what_is_plainly_of_the_other_kind),
        cmocka_unit_test(what_is_written_is_what_was_read),
        cmocka_unit_test(versions_of_all_are_merged_in_order),
        cmocka_unit_test(untold_latest_and_release_are_the_greatest),
        cmocka_unit_test(the_newest_build_is_kept),
        cmocka_unit_test(points_in_time_are_read_as_they_are_written),
        cmocka_unit_test(bad_documents_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
