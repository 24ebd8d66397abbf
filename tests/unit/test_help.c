#include "config/options.h"
#include "unit/check.h"
#include <stdlib.h>

static char *collect(int width) { /* 0: Markdown */
    pclean_err err;
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    if (width)
        assert_ok(pclean_config_print_help(out, width, &err));
    else
        assert_ok(pclean_config_print_markdown(out, &err));
    fclose(out);
    return text;
}

static void test_help_names_everything(void **state) {
    (void)state;
    char *text = collect(80), expected[80];
    for (size_t i = 0; i < pcl_option_count(); i++) {
        snprintf(expected, sizeof expected, "\n  --%s\n", pcl_option_at(i)->name);
        if (!strstr(text, expected))
            fail_msg("no help for %s", pcl_option_at(i)->name);
    }
    for (size_t i = 0; i < pcl_group_count(); i++) {
        snprintf(expected, sizeof expected, "Group %s:\n", pcl_group_name(i));
        assert_non_null(strstr(text, expected));
    }
    assert_non_null(strstr(text, "default 1arcsec; unit: arcsec"));
    assert_non_null(strstr(text, "choices: natural, uniform, briggs"));
    free(text);
}

static void test_width(void **state) {
    (void)state;
    static const int width[] = {60, 80, 120};
    for (size_t i = 0; i < 3; i++) {
        char *text = collect(width[i]);
        size_t longest = 0;
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
            longest = strlen(line) > longest ? strlen(line) : longest;
        assert_true(longest <= (size_t)width[i]);
        assert_true(longest > (size_t)width[i] - 12); /* and is used */
        free(text);
    }
    free(collect(1)); /* no endless loop */
}

static void test_markdown(void **state) {
    (void)state;
    char *text = collect(0), expected[80];
    for (size_t i = 0; i < pcl_option_count(); i++) {
        snprintf(expected, sizeof expected, "\n| `%s` | ", pcl_option_at(i)->name);
        char *row = strstr(text, expected);
        assert_non_null(row);
        int bars = 0;
        for (char *p = row + 1; *p != '\n'; p++)
            bars += *p == '|' && p[-1] != '\\';
        assert_int_equal(bars, 7);
    }
    free(text);
}

static void test_full_disk(void **state) {
    (void)state;
    pclean_err err;
    FILE *full = fopen("/dev/full", "w");
    if (!full)
        skip();
    setvbuf(full, NULL, _IONBF, 0);
    assert_fails(pclean_config_print_help(full, 80, &err), PCLEAN_EIO, "help");
    assert_fails(pclean_config_print_markdown(full, &err), PCLEAN_EIO, "help");
    fclose(full);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help_names_everything), cmocka_unit_test(test_width),
        cmocka_unit_test(test_markdown), cmocka_unit_test(test_full_disk)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
