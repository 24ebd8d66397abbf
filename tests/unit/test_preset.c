#include "base/fsutil.h"
#include "base/mem.h"
#include "config/config.h"
#include "unit/check.h"
#include <stdlib.h>
#include <sys/stat.h>

#define SHARE PCLEAN_TEST_TMP "/share"

static void put(const char *path, const char *text) {
    pclean_err err;
    assert_ok(pcl_fs_write_text(path, text, strlen(text), &err));
}

static int begin(void **state) {
    (void)state;
    mkdir(PCLEAN_TEST_TMP, 0777);
    if (pcl_fs_remove_tree(SHARE, NULL) != 0)
        return -1;
    mkdir(SHARE, 0777);
    return mkdir(SHARE "/presets", 0777);
}

static int end(void **state) {
    (void)state;
    unsetenv("PCLEAN_SHARE");
    return pcl_fs_remove_tree(SHARE, NULL);
}

static char *list(void) {
    pclean_err err;
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    assert_ok(pclean_config_list_presets(out, &err));
    fclose(out);
    return text;
}

/* Ours are readable, described, and complete but for the names. */
static void test_our_presets(void **state) {
    (void)state;
    static const char *const name[] = {"alma-12m-long", "alma-12m-short", "alma-7m",    "alma-cube",
                                       "continuum",     "quick-look",     "vla-hi-cube"};
    char *text = list(), *at = text;
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        pclean_config config;
        pclean_err err;
        char line[60];
        snprintf(line, sizeof line, "%s\t", name[i]);
        at = strstr(at, line); /* in this order */
        assert_non_null(at);
        assert_true(strcspn(at, "\n") > strlen(line) + 20);
        assert_ok(pcl_config_init(&config, &err));
        assert_ok(pclean_config_apply_preset(&config, name[i], &err));
        assert_ok(pclean_config_set(&config, "vis", "a.ms", &err));
        assert_ok(pclean_config_set(&config, "imagename", "a", &err));
        assert_ok(pclean_config_validate(&config, &err));
        pcl_config_clear(&config);
    }
    free(text);
}

static void test_own_folder_comes_first(void **state) {
    (void)state;
    pclean_config config;
    pclean_err err;
    put(SHARE "/presets/continuum.yaml", "# Mine\nniter: 3\n");
    put(SHARE "/presets/zebra.yaml", "niter: 4\n");
    put(SHARE "/presets/notes.txt", "x\n");
    setenv("PCLEAN_SHARE", SHARE, 1);
    char *text = list();
    assert_non_null(strstr(text, "continuum\tMine\n"));
    assert_non_null(strstr(text, "zebra\t\n"));
    assert_non_null(strstr(text, "alma-cube\t"));
    assert_null(strstr(text, "notes"));
    free(text);
    assert_ok(pcl_config_init(&config, &err));
    assert_ok(pclean_config_apply_preset(&config, "continuum", &err));
    assert_int_equal(config.niter, 3);
    assert_fails(pclean_config_apply_preset(&config, "zebr", &err), PCLEAN_EPARAM,
                 "alma-cube, continuum");
    assert_ok(pclean_config_apply_preset(&config, SHARE "/presets/zebra.yaml", &err));
    assert_int_equal(config.niter, 4);
    assert_fails(pclean_config_apply_preset(&config, "absent.yaml", &err), PCLEAN_EIO,
                 "absent.yaml");
    pcl_config_clear(&config);
}

/* A path in a file is meant from that file's folder. */
static void test_relative_path(void **state) {
    (void)state;
    pclean_config config;
    pclean_err err;
    put(SHARE "/base.yaml", "niter: 3\ngain: 0.2\n");
    put(SHARE "/run.yaml", "preset: base.yaml\nniter: 4\n");
    assert_ok(pcl_config_init(&config, &err));
    assert_ok(pclean_config_read_yaml(&config, SHARE "/run.yaml", &err));
    assert_int_equal(config.niter, 4);
    assert_true(config.gain > 0.19);
    pcl_config_clear(&config);
}

static void test_out_of_memory(void **state) {
    (void)state;
    pclean_config config;
    pclean_err err;
    int rc = -1;
    assert_ok(pcl_config_init(&config, &err));
    for (long n = 1; rc != 0; n++) {
        pcl_mem_fail_after(n);
        rc = pclean_config_apply_preset(&config, "alma-cube", &err);
        pcl_mem_fail_after(0);
        assert_true(rc == 0 || rc == -PCLEAN_ENOMEM);
        assert_true(n < 5000);
    }
    pcl_config_clear(&config);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        in_folder(test_our_presets), in_folder(test_own_folder_comes_first),
        in_folder(test_relative_path), in_folder(test_out_of_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
