/* Parts of an image: the planes of a cube's parts are byte for byte those of the cube; continuum
 * parts add up. */
#include "config/config.h"
#include "golden.h"

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

/* ---- cubes ---- */

static const char *const extensions[] = {".psf",         ".residual", ".model", ".image",
                                         ".image.pbcor", ".pb",       ".sumwt", ".mask"};
enum { NEXT = sizeof extensions / sizeof *extensions };

static void run(const pclean_config *c) {
    pclean_result *r = NULL;
    pclean_err err = {0};
    if (pclean_image(c, NULL, &r, &err))
        fail_msg("%s: %s", c->imagename, err.msg);
    pclean_result_free(r);
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
            FILE *in = open_pixels(p->part[k].config, extensions[e]);
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

static void beams_of(const char *path, casa_beam *beam, bool *any) {
    pclean_err err = {0};
    casa_image *image = NULL;
    if (casa_image_open(path, &image, &err) || casa_image_get_beams(image, beam, any, &err))
        fail_msg("%s", err.msg);
    casa_image_close(image);
}

/* Pixels and beams of two cubes. */
static void same_images(const pclean_config *a, const pclean_config *b) {
    enum { MOST = 32 };
    for (size_t e = 0; e < NEXT; e++) {
        FILE *s = open_pixels(a, extensions[e]), *t = open_pixels(b, extensions[e]);
        size_t at = 0;
        int c, d;
        while ((c = getc(s)) == (d = getc(t)) && c != EOF)
            at++;
        if (c != d)
            fail_msg("%s and %s: another byte %zu in %s", a->imagename, b->imagename, at,
                     extensions[e]);
        fclose(s);
        fclose(t);
        casa_beam p[MOST] = {{0}}, q[MOST] = {{0}};
        bool any[2];
        char path[1200];
        snprintf(path, sizeof path, "%s%s", a->imagename, extensions[e]);
        beams_of(path, p, &any[0]);
        snprintf(path, sizeof path, "%s%s", b->imagename, extensions[e]);
        beams_of(path, q, &any[1]);
        assert_int_equal(any[0], any[1]);
        assert_memory_equal(p, q, sizeof p);
    }
}

/* Through files, as a user does it. */
static void image_from_file(const char *file) {
    pclean_config c;
    pclean_err err = {0};
    assert_int_equal(pcl_config_init(&c, &err), 0);
    if (pclean_config_read_yaml(&c, file, &err))
        fail_msg("%s", err.msg);
    run(&c);
    pcl_config_clear(&c);
}

/* All of the joined cube is that of one run, beams and all. With restoringbeam=common parts have no
 * image of their own before they are joined. */
static void compare_joined(const char *ms, const char *const *setting, int nparts, bool common) {
    pclean_config c, joined;
    pclean_partition *p = NULL;
    pclean_err err = {0};
    char path[1200];
    configure(&c, ms, "common", setting);
    configure(&joined, ms, "joined", setting);
    golden_set(&c, "restoringbeam", common ? "common" : "");
    golden_set(&joined, "restoringbeam", common ? "common" : "");
    run(&c);
    if (pclean_partition_cube(&joined, nparts, NULL, &p, &err) ||
        pclean_partition_write(p, &joined, PCLEAN_TEST_TMP "/parts", &err))
        fail_msg("%s: %s", ms, err.msg);
    for (int again = 0; again < 2; again++) {
        for (size_t k = 0; k < p->nparts; k++) {
            if (!again)
                image_from_file(p->part[k].file);
            snprintf(path, sizeof path, "%s.image", p->part[k].config->imagename);
            assert_int_equal(pcl_fs_exists(path), again || !common);
        }
        if (pclean_concat_subcubes(joined.imagename, p->nparts, NULL, NULL, NULL, NULL, &err))
            fail_msg("%s: %s", joined.imagename, err.msg);
        same_images(&c, &joined);
    }
    for (size_t k = 0; k < p->nparts; k++)
        golden_remove(p->part[k].config);
    golden_remove(&c);
    golden_remove(&joined);
    pclean_partition_free(p);
    pcl_config_clear(&c);
    pcl_config_clear(&joined);
}

static void compare_cube(const char *ms, const char *const *setting, int nparts, bool balance) {
    pclean_config c;
    pclean_partition *p = NULL;
    pclean_err err = {0};
    const pclean_partition_options o = {.size = sizeof(pclean_partition_options),
                                        .balance_visibilities = balance};
    configure(&c, ms, "whole", setting);
    run(&c);
    if (pclean_partition_cube(&c, nparts, &o, &p, &err) ||
        pclean_partition_write(p, &c, PCLEAN_TEST_TMP "/parts", &err))
        fail_msg("%s: %s", ms, err.msg);
    for (size_t k = 0; k < p->nparts; k++)
        image_from_file(p->part[k].file);
    same_planes(&c, p);
    for (size_t k = 0; k < p->nparts; k++)
        golden_remove(p->part[k].config);
    golden_remove(&c);
    pclean_partition_free(p);
    pcl_config_clear(&c);
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
    /* automatic masks */
    compare_cube("vla_ngc5921.ms",
                 (const char *const[]){CLEAN, "imsize", "64", "cell", "15arcsec", "start", "10",
                                       "nchan", "4", "usemask", "auto-multithresh",
                                       "sidelobethreshold", "1", NULL},
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

static void joined_parts_are_the_cube(void **state) {
    (void)state;
    /* blank channels at the end; two Stokes planes; one part; a channel without data, one without
     * long baselines, whose beam is wider than the image */
    static const char *const line[] = {CLEAN, "cell",  "0.5arcsec", "weighting", "briggs", "nchan",
                                       "9",   "start", "4",         "width",     "-1",     NULL};
    static const char *const stokes[] = {CLEAN,   "cell", "15arcsec", "stokes", "RRLL",
                                         "nchan", "5",    "pblimit",  "-0.1",   NULL};
    static const char *const odd[] = {CLEAN,
                                      "specmode",
                                      "cubedata",
                                      "interpolation",
                                      "nearest",
                                      "cell",
                                      "20arcsec",
                                      "imsize",
                                      "7",
                                      "nchan",
                                      "10",
                                      "vis",
                                      PCLEAN_TEST_DATA "/vla_ngc5921.ms," PCLEAN_TEST_DATA
                                                       "/vla_ngc5921.ms",
                                      "spw",
                                      "['0:4~11','0:12']",
                                      "uvrange",
                                      "['','<250m']",
                                      NULL};
    for (int common = 0; common < 2; common++) {
        compare_joined("sim_alma_topo.ms", line, 4, common);
        compare_joined("vla_ngc5921.ms", odd, common ? 5 : 10, common);
    }
    compare_joined("vla_ngc5921.ms", stokes, 2, true);
    compare_joined("vla_ngc5921.ms", stokes, 1, true);
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
        const double w = sumwt_of(p->part[k].config);
        float *x = golden_plane(p->part[k].config, extension, 0, 0);
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
    pclean_partition *p = NULL;
    pclean_err err = {0};
    configure(&c, ms, "whole", setting);
    run(&c);
    if (pclean_partition_continuum(&c, nparts, o, &p, &err) ||
        pclean_partition_write(p, &c, PCLEAN_TEST_TMP "/parts", &err))
        fail_msg("%s: %s", ms, err.msg);
    assert_int_equal(p->nparts, nparts);
    for (size_t k = 0; k < p->nparts; k++) {
        image_from_file(p->part[k].file);
        casa_image *im[2];
        casa_image_desc d[2];
        char path[2][1200];
        snprintf(path[0], sizeof path[0], "%s.psf", c.imagename);
        snprintf(path[1], sizeof path[1], "%s.psf", p->part[k].config->imagename);
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
        const double is = misfit(&c, p, summed[i]);
        if (!(is < c.accuracy))
            fail_msg("%s %s: the parts' sum is off by %g of the peak", ms, summed[i], is);
    }
    for (size_t k = 0; k < p->nparts; k++)
        golden_remove(p->part[k].config);
    golden_remove(&c);
    pclean_partition_free(p);
    pcl_config_clear(&c);
}

static void continuum_parts_add_up(void **state) {
    (void)state;
    static const pclean_partition_options balanced = {.size = sizeof(pclean_partition_options),
                                                      .balance_visibilities = true},
                                          aligned = {.size = sizeof(pclean_partition_options),
                                                     .align_integration = true};
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
        cmocka_unit_test(cubes_are_their_parts),
        cmocka_unit_test(joined_parts_are_the_cube),
        cmocka_unit_test(continuum_parts_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
