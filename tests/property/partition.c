/* Parts of an image: CASA's row ranges; every selected row in one part, by looking at the rows that
 * each part's own configuration selects; the planes of a cube's parts byte for byte those of the
 * cube; continuum parts that add up. */
#include "golden.h"
#include "imager/setup.h"

/* ---- rows ---- */

static void rows_are_casas(void **state) {
    (void)state;
    char line[512], *f[GOLDEN_FIELDS], path[1024];
    FILE *in = fopen(PCLEAN_TEST_GOLDEN "/partition.tsv", "r");
    assert_non_null(in);
    pclean_part_ms *parts = NULL;
    pclean_err err = {0};
    char ms[64] = "";
    size_t npart = 0, nline = 0;
    while (fgets(line, sizeof line, in)) {
        if (*line == '#')
            continue;
        assert_int_equal(golden_split(line, f), 4);
        nline++;
        if (strcmp(ms, f[0]) || npart != (size_t)atol(f[1])) {
            pclean_part_ms_free(parts, npart);
            snprintf(ms, sizeof ms, "%s", f[0]);
            npart = (size_t)atol(f[1]);
            snprintf(path, sizeof path, PCLEAN_TEST_DATA "/%s", ms);
            const pclean_ms_selection sel = {.msname = path};
            if (pclean_contdatapartition(1, &sel, (int)npart, &parts, &err))
                fail_msg("%s: %s", ms, err.msg);
        }
        if (strcmp(f[2], "empty") == 0) {
            size_t empty = 0;
            for (size_t k = 0; k < npart; k++)
                empty += parts[k].rows == 0;
            assert_int_equal(empty, atol(f[3]));
        } else {
            assert_string_equal(parts[atol(f[2])].taql, f[3]);
        }
    }
    assert_true(nline > 90);
    pclean_part_ms_free(parts, npart);
    fclose(in);
}

/* Adds 1 to count[row] for each row of MS ims that the config selects; returns how many. */
static size_t count_rows(const pclean_config *c, size_t ims, uint8_t *count, size_t nrow) {
    const casa_ms_selection sel = pcl_setup_selection(c, ims);
    pclean_err err = {0};
    casa_ms *ms = NULL;
    size_t n, of_ms;
    if (casa_ms_open_rows(c->vis.item[ims], &sel, &ms, &err))
        fail_msg("%s", err.msg);
    n = casa_ms_selected(ms, &of_ms);
    assert_int_equal(of_ms, nrow);
    for (size_t i = 0; i < n; i++)
        count[casa_ms_row_number(ms, i)]++;
    casa_ms_close(ms);
    return n;
}

static size_t rows_of(const char *path) {
    pclean_err err = {0};
    casa_ms *ms = NULL;
    size_t n;
    if (casa_ms_open_rows(path, NULL, &ms, &err))
        fail_msg("%s", err.msg);
    casa_ms_selected(ms, &n);
    casa_ms_close(ms);
    return n;
}

/* Every selected row of every MS is in one part, and no other row is in any. */
static void check_cover(const pclean_config *c, int nparts, const pclean_partition_options *o) {
    pclean_partition p;
    pclean_err err = {0};
    if (pclean_partition_continuum(c, nparts, o, &p, &err))
        fail_msg("%s: %s", c->vis.item[0], err.msg);
    assert_true(p.nparts >= 1 && p.nparts <= (size_t)nparts);
    for (size_t i = 0; i < c->vis.n; i++) {
        const size_t nrow = rows_of(c->vis.item[i]);
        uint8_t *want = calloc(nrow, 1), *is = calloc(nrow, 1);
        count_rows(c, i, want, nrow);
        for (size_t k = 0; k < p.nparts; k++) {
            const pclean_part *part = &p.part[k];
            size_t n = 0;
            assert_true(part->rows > 0);
            if (part->ms[i].rows)
                n = count_rows(&part->config, i, is, nrow);
            else
                assert_string_equal(part->config.spw.item[c->vis.n > 1 ? i : 0], "-1");
            assert_int_equal(n, part->ms[i].rows);
        }
        if (memcmp(want, is, nrow))
            fail_msg("%s: %zu parts do not cover the selection once", c->vis.item[i], p.nparts);
        free(want);
        free(is);
    }
    pclean_partition_clear(&p);
}

/* The rows of one TIME are in one part. */
static void check_alignment(const pclean_config *c, int nparts) {
    const pclean_partition_options o = {.align_integration = true};
    pclean_partition p;
    pclean_err err = {0};
    double last = -INFINITY;
    if (pclean_partition_continuum(c, nparts, &o, &p, &err))
        fail_msg("%s: %s", c->vis.item[0], err.msg);
    for (size_t k = 0; k < p.nparts; k++) {
        const casa_ms_selection sel = pcl_setup_selection(&p.part[k].config, 0);
        casa_ms *ms = NULL;
        if (casa_ms_open(c->vis.item[0], &sel, &ms, &err))
            fail_msg("%s", err.msg);
        const casa_ms_info *info = casa_ms_get_info(ms);
        assert_true(info->time_min_s > last);
        last = info->time_max_s;
        casa_ms_close(ms);
    }
    pclean_partition_clear(&p);
}

typedef struct selection {
    const char *ms, *setting[9];
} selection;
static const selection selections[] = {
    {"vla_ngc5921.ms", {NULL}},
    {"vla_ngc5921.ms", {"timerange", ">1995/04/13/09:40:00"}},
    {"vla_ngc5921.ms",
     {"antenna", "!5&&*", "scan", ">2", "taql", "ANTENNA1 % 3 != 1 && FLAG_ROW == False"}},
    {"vla_ngc5921.ms", {"uvrange", "100~500m", "taql", "TIME > 4304483000 || ANTENNA2 == 7"}},
    {"vla_posa_74mhz.ms", {"antenna", "0~5"}},
    {"vla_3c273_xband.ms", {"uvrange", ">500m"}},
    {"hera_zen_2458101.ms", {"taql", "ANTENNA1 == ANTENNA2 || ANTENNA2 % 2 == 0"}},
    {"vlba_m87_mojave_2spw.ms", {"spw", "1"}},
    {"vlba_m87_mojave_2spw.ms", {"field", "0", "spw", "0", "taql", "ROWNUMBER() % 5 == 2"}},
    {"alma_hd142527_b9_3spw.ms", {"spw", "0,2"}},
    {"alma_mssel_small_wvr.ms", {"field", "0", "spw", "1,2"}},
    {"alma_mssel_small_wvr.ms", {"field", "0", "spw", "1", "intent", "*ATMOSPHERE*"}},
    {"eht_m87_2017_101_hilo.ms", {"spw", "1", "antenna", "!3"}},
    {"lofar_tNDPPP-generic.MS", {"taql", "ANTENNA1 != 2"}},
    {"lofar_tNDPPP-bda.MS", {NULL}},
    {"sim_alma_topo.ms", {"taql", "TIME < 5212000000", "observation", "0"}},
};

static void configure(pclean_config *c, const char *ms, const char *name,
                      const char *const *setting) {
    char own[64]; /* tests run side by side */
    snprintf(own, sizeof own, "partition.%s", name);
    golden_config(c, ms, own);
    golden_set(c, "cell", "1arcsec");
    golden_set(c, "imsize", "32");
    for (; *setting; setting += 2)
        golden_set(c, setting[0], setting[1]);
}

static void parts_cover_any_selection(void **state) {
    (void)state;
    static const pclean_partition_options options[] = {
        {0}, {.align_integration = true}, {.balance_visibilities = true}, {true, true}};
    static const int nparts[] = {1, 3, 8, 13};
    for (size_t k = 0; k < sizeof selections / sizeof *selections; k++) {
        pclean_config c;
        configure(&c, selections[k].ms, "cover", selections[k].setting);
        for (size_t j = 0; j < 4; j++)
            check_cover(&c, nparts[(j + k) % 4], &options[j]);
        check_alignment(&c, 5);
        pclean_config_clear(&c);
    }
}

/* Several MSs, of which one has fewer rows than parts; and as many parts as rows. */
static void several_mss_and_many_parts(void **state) {
    (void)state;
    pclean_config c;
    configure(&c, "sim_alma_topo.ms", "cover",
              (const char *const[]){"taql", "ROWNUMBER() <= 7", NULL});
    golden_set(&c, "vis",
               PCLEAN_TEST_DATA "/vla_posa_74mhz.ms," PCLEAN_TEST_DATA "/vla_posa_74mhz.ms");
    check_cover(&c, 3, NULL);
    check_cover(&c, 8, NULL);
    check_cover(&c, 50, NULL);
    pclean_config_clear(&c);
    configure(&c, "vla_posa_74mhz.ms", "cover",
              (const char *const[]){"taql", "ROWNUMBER() <= 40", NULL});
    check_cover(&c, 40, NULL);
    check_cover(&c, 100000, NULL);
    pclean_config_clear(&c);
}

/* ---- cubes ---- */

static const char *const extensions[] = {".psf",         ".residual", ".model", ".image",
                                         ".image.pbcor", ".pb",       ".sumwt", ".mask"};
enum { NEXT = sizeof extensions / sizeof *extensions };

static void run(const pclean_config *c) {
    pclean_result r;
    pclean_err err = {0};
    if (pclean_image(c, NULL, &r, &err))
        fail_msg("%s: %s", c->imagename, err.msg);
    pclean_result_clear(&r);
}

static FILE *open_pixels(const pclean_config *c, const char *extension) {
    char path[1200];
    snprintf(path, sizeof path, "%s%s/table.f0_TSM0", c->imagename, extension);
    FILE *in = fopen(path, "rb");
    if (!in)
        fail_msg("%s is missing", path);
    return in;
}

/* Products keep their planes one after the other, so the parts' files, one after the other, are the
 * whole's. */
static void same_planes(const pclean_config *whole, const pclean_partition *p) {
    for (size_t e = 0; e < NEXT; e++) {
        FILE *w = open_pixels(whole, extensions[e]);
        size_t at = 0;
        for (size_t k = 0; k < p->nparts; k++) {
            FILE *in = open_pixels(&p->part[k].config, extensions[e]);
            for (int c; (c = getc(in)) != EOF; at++)
                if (getc(w) != c)
                    fail_msg("%s: byte %zu of part %zu is another in %s", whole->imagename, at, k,
                             extensions[e]);
            fclose(in);
        }
        if (getc(w) != EOF)
            fail_msg("%s: the parts end at byte %zu of %s", whole->imagename, at, extensions[e]);
        fclose(w);
    }
}

/* Through files, as a user does it. */
static void image_from_file(const char *file) {
    pclean_config c;
    pclean_err err = {0};
    assert_int_equal(pclean_config_init(&c, &err), 0);
    if (pclean_config_read_yaml(&c, file, &err))
        fail_msg("%s", err.msg);
    run(&c);
    pclean_config_clear(&c);
}

static void compare_cube(const char *ms, const char *const *setting, int nparts, bool balance) {
    pclean_config c;
    pclean_partition p;
    pclean_err err = {0};
    const pclean_partition_options o = {.balance_visibilities = balance};
    configure(&c, ms, "whole", setting);
    run(&c);
    if (pclean_partition_cube(&c, nparts, &o, &p, &err) ||
        pclean_partition_write(&p, &c, PCLEAN_TEST_TMP "/parts", &err))
        fail_msg("%s: %s", ms, err.msg);
    for (size_t k = 0; k < p.nparts; k++)
        image_from_file(p.part[k].file);
    same_planes(&c, &p);
    for (size_t k = 0; k < p.nparts; k++)
        golden_remove(&p.part[k].config);
    golden_remove(&c);
    pclean_partition_clear(&p);
    pclean_config_clear(&c);
}

#define CLEAN "niter", "40", "pbcor", "true", "specmode", "cube"
static void cubes_are_their_parts(void **state) {
    (void)state;
    /* the sky drifts by two channels; 24 channels in 7 parts; a single one in the last of 24 */
    compare_cube("sim_alma_topo.ms",
                 (const char *const[]){CLEAN, "weighting", "briggs", "cell", "0.5arcsec", NULL}, 7,
                 false);
    compare_cube(
        "sim_alma_topo.ms",
        (const char *const[]){CLEAN, "cell", "0.5arcsec", "nchan", "6", "start", "8", NULL}, 6,
        true);
    /* blank channels at the end, descending, nearest, a density common to all channels */
    compare_cube("sim_alma_topo.ms",
                 (const char *const[]){CLEAN, "weighting", "briggs", "cell", "0.5arcsec", "nchan",
                                       "9", "start", "4", "width", "-1", "interpolation", "nearest",
                                       "perchanweightdensity", "false", NULL},
                 4, false);
    /* velocities, two Stokes planes, a mask for some channels */
    compare_cube("vla_ngc5921.ms",
                 (const char *const[]){CLEAN, "cell", "15arcsec", "stokes", "RRLL", "start",
                                       "1500km/s", "width", "10.4km/s", "nchan", "5", "mask",
                                       "circle[[16pix,16pix],8pix],range=[1chan,2chan]", NULL},
                 3, false);
    /* flags by channel, w, points between the channels */
    compare_cube("vla_posa_74mhz.ms",
                 (const char *const[]){CLEAN, "cell", "60arcsec", "gridder", "wproject",
                                       "weighting", "uniform", "width", "2", NULL},
                 2, false);
    /* two windows, each for one channel */
    compare_cube("vlba_m87_mojave_2spw.ms",
                 (const char *const[]){CLEAN, "specmode", "cubedata", "cell", "0.2mas", "gridder",
                                       "wproject", "weighting", "briggs", "start", "8104.45875MHz",
                                       "width", "8MHz", "nchan", "3", NULL},
                 3, false);
}

/* Windows and channels that a part does not read; what it reads covers its planes at all times (the
 * pixels above), and no more than some channels around them. */
static void spw_is_narrowed(void **state) {
    (void)state;
    pclean_config c;
    pclean_partition p;
    pclean_err err = {0};
    /* LSRK: no drift */
    configure(&c, "vla_ngc5921.ms", "narrow", (const char *const[]){"specmode", "cube", NULL});
    if (pclean_partition_cube(&c, 4, NULL, &p, &err))
        fail_msg("%s", err.msg);
    static const size_t from[] = {0, 12, 24, 35, 46};
    for (size_t k = 0; k < 4; k++) {
        int a, b, at = 0;
        assert_int_equal(p.part[k].channel_start, from[k]);
        assert_int_equal(p.part[k].nchan, from[k + 1] - from[k]);
        assert_int_equal(sscanf(p.part[k].ms[0].spw, "0:%d~%d%n", &a, &b, &at), 2);
        assert_int_equal(p.part[k].ms[0].spw[at], 0);
        const int first = (int)from[k], last = (int)from[k + 1] - 1;
        assert_true(a <= (first ? first - 1 : 0) && a >= first - 3);
        assert_true(b >= (last < 45 ? last + 1 : 45) && b <= last + 3);
    }
    pclean_partition_clear(&p);
    pclean_config_clear(&c);
    configure(&c, "vlba_m87_mojave_2spw.ms", "narrow",
              (const char *const[]){"specmode", "cubedata", "nchan", "3", "start", "8104.45875MHz",
                                    "width", "8MHz", NULL});
    if (pclean_partition_cube(&c, 3, NULL, &p, &err))
        fail_msg("%s", err.msg);
    assert_string_equal(p.part[0].ms[0].spw, "0:0~0");
    assert_string_equal(p.part[1].ms[0].spw, "1:0~0");
    assert_string_equal(p.part[2].ms[0].spw, "-1");
    assert_int_equal(p.part[2].nvis, 0);
    pclean_partition_clear(&p);
    pclean_config_clear(&c);
}

static void casas_axis_call_agrees(void **state) {
    (void)state;
    pclean_config c;
    pclean_partition p;
    pclean_axis_part *part;
    size_t n;
    pclean_err err = {0};
    configure(&c, "sim_alma_topo.ms", "axis", (const char *const[]){"specmode", "cube", NULL});
    if (pclean_partition_cube(&c, 5, NULL, &p, &err))
        fail_msg("%s", err.msg);
    const pclean_ms_selection sel = {.msname = c.vis.item[0]};
    const pclean_spectral_axis axis = {
        .frame = "LSRK", .nchan = p.nchan, .first_hz = p.first_hz, .step_hz = p.step_hz};
    if (pclean_cubedataimagepartition(1, &sel, &axis, 5, &part, &n, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(n, 5);
    for (size_t k = 0; k < n; k++) {
        assert_int_equal(part[k].nchan, p.part[k].nchan);
        assert_int_equal(part[k].channel_start, p.part[k].channel_start);
        assert_true(part[k].first_hz == p.part[k].freq_start_hz);
        assert_string_equal(part[k].ms[0].spw, p.part[k].ms[0].spw);
    }
    pclean_axis_parts_free(part, n, 1);
    pclean_partition_clear(&p);
    pclean_config_clear(&c);
}

/* ---- continuum ---- */

static double sumwt_of(const pclean_config *c) {
    float *w = golden_plane(c, ".sumwt", 0, 0);
    const double sum = (double)w[0];
    free(w);
    return sum;
}

/* Largest difference between the whole and the weighted mean of the parts, over the peak. */
static double misfit(const pclean_config *whole, const pclean_partition *p, const char *extension) {
    const size_t n = (size_t)whole->imsize[0] * (size_t)whole->imsize[1];
    double *sum = calloc(n, sizeof *sum), weight = 0, peak = 0, most = 0;
    for (size_t k = 0; k < p->nparts; k++) {
        const double w = sumwt_of(&p->part[k].config);
        float *x = golden_plane(&p->part[k].config, extension, 0, 0);
        for (size_t i = 0; i < n; i++)
            sum[i] += w * (double)x[i];
        weight += w;
        free(x);
    }
    assert_true(fabs(weight / sumwt_of(whole) - 1) < 1e-6);
    float *x = golden_plane(whole, extension, 0, 0);
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs(sum[i] / weight - (double)x[i]));
        peak = fmax(peak, fabs((double)x[i]));
    }
    free(x);
    free(sum);
    return most / peak;
}

static void compare_continuum(const char *ms, const char *const *setting, int nparts,
                              const pclean_partition_options *o) {
    pclean_config c;
    pclean_partition p;
    pclean_err err = {0};
    configure(&c, ms, "whole", setting);
    run(&c);
    if (pclean_partition_continuum(&c, nparts, o, &p, &err) ||
        pclean_partition_write(&p, &c, PCLEAN_TEST_TMP "/parts", &err))
        fail_msg("%s: %s", ms, err.msg);
    assert_int_equal(p.nparts, nparts);
    for (size_t k = 0; k < p.nparts; k++) {
        image_from_file(p.part[k].file);
        casa_image *im[2];
        casa_image_desc d[2];
        char path[2][1200];
        snprintf(path[0], sizeof path[0], "%s.psf", c.imagename);
        snprintf(path[1], sizeof path[1], "%s.psf", p.part[k].config.imagename);
        for (int i = 0; i < 2; i++)
            if (casa_image_open(path[i], &im[i], &err) || casa_image_get_desc(im[i], &d[i], &err))
                fail_msg("%s", err.msg);
        assert_true(d[0].crval_hz == d[1].crval_hz && d[0].cdelt_hz == d[1].cdelt_hz &&
                    d[0].obsdate_s == d[1].obsdate_s);
        casa_image_close(im[0]);
        casa_image_close(im[1]);
    }
    static const char *const summed[] = {".psf", ".residual"};
    for (size_t i = 0; i < 2; i++) {
        const double is = misfit(&c, &p, summed[i]);
        if (!(is < c.accuracy))
            fail_msg("%s %s: the parts' sum is off by %g of the peak", ms, summed[i], is);
    }
    for (size_t k = 0; k < p.nparts; k++)
        golden_remove(&p.part[k].config);
    golden_remove(&c);
    pclean_partition_clear(&p);
    pclean_config_clear(&c);
}

static void continuum_parts_add_up(void **state) {
    (void)state;
    static const pclean_partition_options balanced = {.balance_visibilities = true},
                                          aligned = {.align_integration = true};
    compare_continuum("sim_alma_topo.ms",
                      (const char *const[]){"cell", "0.5arcsec", "weighting", "briggs", NULL}, 3,
                      NULL);
    compare_continuum("sim_alma_topo.ms", (const char *const[]){"cell", "0.5arcsec", NULL}, 2,
                      &aligned);
    compare_continuum("vla_posa_74mhz.ms",
                      (const char *const[]){"cell", "60arcsec", "weighting", "uniform", "gridder",
                                            "wproject", "timerange", ">01:00:00", NULL},
                      4, &balanced);
    compare_continuum("vla_3c273_xband.ms",
                      (const char *const[]){"cell", "0.6arcsec", "weighting", "briggs", "robust",
                                            "-1", "stokes", "RRLL", NULL},
                      2, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_casas),
        cmocka_unit_test(parts_cover_any_selection),
        cmocka_unit_test(several_mss_and_many_parts),
        cmocka_unit_test(cubes_are_their_parts),
        cmocka_unit_test(spw_is_narrowed),
        cmocka_unit_test(casas_axis_call_agrees),
        cmocka_unit_test(continuum_parts_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
