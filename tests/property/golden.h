/* golden.h: run a case of tests/golden with pclean and read its products back. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fsutil.h"
#include "casa/casa.h"
#include "config/config.h"
#include "pclean.h"

enum { GOLDEN_FIELDS = 32 };

/* Splits a line at tabs, in place; empty fields are "-" in these tables. */
static inline size_t golden_split(char *text, char *f[GOLDEN_FIELDS]) {
    size_t n = 0;
    char *save = NULL;
    text[strcspn(text, "\n")] = 0;
    for (char *p = strtok_r(text, "\t", &save); p && n < GOLDEN_FIELDS;
         p = strtok_r(NULL, "\t", &save))
        f[n++] = p;
    return n;
}

/* A table's header gives the column of a name. */
static inline size_t golden_column(char *const header[], size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(header[i] + (i == 0 && header[i][0] == '#'), name) == 0)
            return i;
    fail_msg("no column %s", name);
    return 0;
}

static inline void golden_set(pclean_config *c, const char *name, const char *value) {
    pclean_err err;
    if (strcmp(value, "-") && pclean_config_set(c, name, value, &err))
        fail_msg("%s=%s: %s", name, value, err.msg);
}

/* Config with vis and imagename set; products go to the tests' scratch folder. */
static inline void golden_config(pclean_config *c, const char *ms, const char *name) {
    char path[1024];
    pclean_err err;
    assert_int_equal(pcl_config_init(c, &err), 0);
    snprintf(path, sizeof path, PCLEAN_TEST_DATA "/%s", ms);
    golden_set(c, "vis", path);
    snprintf(path, sizeof path, PCLEAN_TEST_TMP "/%s", name);
    golden_set(c, "imagename", path);
    golden_set(c, "overwrite", "true");
}

/* One plane of a product, to be freed. */
static inline float *golden_plane(const pclean_config *c, const char *extension, size_t ichan,
                                  size_t ipol) {
    char path[1024];
    pclean_err err = {0};
    casa_image *im = NULL;
    casa_image_desc d;
    snprintf(path, sizeof path, "%s%s", c->imagename, extension);
    if (casa_image_open(path, &im, &err) || casa_image_get_desc(im, &d, &err))
        fail_msg("%s", err.msg);
    float *pixels = malloc(d.nx * d.ny * sizeof *pixels);
    if (casa_image_read_plane(im, ipol, ichan, pixels, NULL, &err))
        fail_msg("%s", err.msg);
    casa_image_close(im);
    return pixels;
}

static inline void golden_remove(const pclean_config *c) {
    static const char *const extension[] = {".psf",   ".residual",    ".model",
                                            ".image", ".image.pbcor", ".pb",
                                            ".sumwt", ".mask",        ".run.json"};
    char path[1024];
    pclean_err err;
    for (size_t i = 0; i < sizeof extension / sizeof *extension; i++) {
        snprintf(path, sizeof path, "%s%s", c->imagename, extension[i]);
        assert_int_equal(pcl_fs_remove_tree(path, &err), 0);
    }
}

#define ARCSEC (M_PI / 180 / 3600)
#endif
