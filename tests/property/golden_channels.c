/* Channel grids against real tclean (tests/golden/chan_grid.tsv): the recipe to 1e-3 Hz. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "imager/setup.h"

static void set(pclean_config *c, const char *name, const char *value) {
    pclean_err err;
    if (strcmp(value, "-") && pclean_config_set(c, name, value, &err))
        fail_msg("%s=%s: %s", name, value, err.msg);
}

/* tclean's answers that pclean does not repeat, or that this version refuses: each says why. */
static const char *difference(char *const f[]) {
    if (f[13][0] == 'N')
        return f[13];
    if (strcmp(f[7], "optical") == 0 && strstr(f[4], "m/s"))
        return "optical velocity widths are refused";
    if (strcmp(f[12], "error") == 0)
        return "tclean fails on velocity start with a channel width; pclean does not";
    if (strncmp(f[0], "alma_mssel", 10) == 0 && strchr(f[2], ':') && strcmp(f[1], "cube") == 0)
        return "descending data: tclean forgets the channel selection when start is not given";
    return NULL;
}

/* tclean moves a start outside the band silently; ours is an error that says so. */
static bool start_was_moved(char *const f[], const pclean_err *err) {
    return strstr(err->msg, "outside the data") && (strstr(f[3], "Hz") || strstr(f[3], "m/s"));
}

static int check_row(char *const f[], int line) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", PCLEAN_TEST_DATA, f[0]);
    pclean_config c;
    pclean_err err = {0};
    assert_int_equal(pcl_config_init(&c, &err), 0);
    set(&c, "vis", path);
    set(&c, "imagename", "unused");
    set(&c, "imsize", "8");
    set(&c, "specmode", f[1]);
    set(&c, "spw", f[2]);
    set(&c, "start", f[3]);
    set(&c, "width", f[4]);
    set(&c, "nchan", strcmp(f[1], "mfs") ? f[5] : "-1");
    set(&c, "outframe", f[6]);
    set(&c, "veltype", f[7]);
    set(&c, "restfreq", f[8]);
    if (strncmp(f[0], "alma_mssel", 10) == 0)
        set(&c, "field", "0");
    set(&c, "stokes", "pseudoI");
    pcl_setup s;
    int bad = 0;
    if (pcl_setup_open(&c, &s, &err)) {
        if (!start_was_moved(f, &err)) {
            print_error("line %d: %s\n", line, err.msg);
            bad = 1;
        }
        pcl_config_clear(&c);
        return bad;
    }
    pcl_store vis = {0};
    /* Beyond 1e-3 Hz only what the two machines' tables differ in: observatory positions and Earth
     * rotation move LSRK and BARY by up to 4e-11; tclean samples the times of an mfs image. */
    const double first = strtod(f[10], NULL), step = strtod(f[11], NULL);
    const double tolerance = 1e-3 + (s.channels.mfs ? 1e-10 : 4e-11) * first;
    if (s.channels.mfs && pcl_setup_read(&s, NULL, NULL, &vis, &err) && err.code != PCLEAN_EDATA)
        fail_msg("line %d: %s", line, err.msg);
    if (s.channels.nchan != strtoul(f[9], NULL, 10) ||
        fabs(s.channels.first_hz - first) > tolerance ||
        fabs(s.channels.step_hz - step) > tolerance) {
        print_error("line %d: %s %s spw=%s start=%s width=%s %s: %zu channels from %.6f step %.6f, "
                    "tclean %s from %s step %s\n",
                    line, f[0], f[1], f[2], f[3], f[4], f[6], s.channels.nchan, s.channels.first_hz,
                    s.channels.step_hz, f[9], f[10], f[11]);
        bad = 1;
    }
    pcl_store_clear(&vis);
    pcl_setup_close(&s);
    pcl_config_clear(&c);
    return bad;
}

static void grids_are_those_of_tclean(void **state) {
    (void)state;
    FILE *in = fopen(PCLEAN_TEST_GOLDEN "/chan_grid.tsv", "r");
    assert_non_null(in);
    char text[1024];
    int line = 0, checked = 0, bad = 0;
    while (fgets(text, sizeof text, in)) {
        line++;
        text[strcspn(text, "\n")] = 0;
        char *f[16], *save = NULL;
        size_t n = 0;
        for (char *p = strtok_r(text, "\t", &save); p && n < 16; p = strtok_r(NULL, "\t", &save))
            f[n++] = p;
        if (text[0] == '#' || n < 14 || difference(f))
            continue;
        bad += check_row(f, line);
        checked++;
    }
    fclose(in);
    assert_true(checked > 60);
    assert_int_equal(bad, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(grids_are_those_of_tclean)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
