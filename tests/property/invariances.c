/* What must not change an image: the number of threads and workers, how the data are cut into MSs,
 * the control of a single plane, a run continued instead of a longer one; and what must change it
 * in proportion: the data's scale. */
#include "config/config.h"
#include "golden.h"
#include <omp.h>

static const char *const extensions[] = {".psf",         ".residual", ".model", ".image",
                                         ".image.pbcor", ".pb",       ".sumwt", ".mask"};
enum { NEXT = sizeof extensions / sizeof *extensions };

static void run(pclean_config *c, pclean_result **r) {
    pclean_err err = {0};
    const int nthread = omp_get_max_threads();
    if (pclean_image(c, NULL, r, &err))
        fail_msg("%s: %s", c->imagename, err.msg);
    assert_int_equal(omp_get_max_threads(), nthread); /* the caller's own setting stays */
}

/* A config of NAME with "parameter", "value", ..., NULL. */
static void configure(pclean_config *c, const char *ms, const char *name,
                      const char *const *setting) {
    golden_config(c, ms, name);
    for (; *setting; setting += 2)
        golden_set(c, setting[0], setting[1]);
}

static char *read_pixels(const pclean_config *c, const char *extension, size_t *size) {
    char path[1024];
    snprintf(path, sizeof path, "%s%s/table.f0_TSM0", c->imagename, extension);
    FILE *in = fopen(path, "rb");
    if (!in)
        fail_msg("%s is missing", path);
    fseek(in, 0, SEEK_END);
    *size = (size_t)ftell(in);
    rewind(in);
    char *bytes = malloc(*size);
    assert_int_equal(fread(bytes, 1, *size, in), *size);
    fclose(in);
    return bytes;
}

static void same_bytes(const pclean_config *a, const pclean_config *b, size_t from, size_t to) {
    for (size_t i = from; i < to; i++) {
        size_t na, nb;
        char *pa = read_pixels(a, extensions[i], &na), *pb = read_pixels(b, extensions[i], &nb);
        if (na != nb || memcmp(pa, pb, na))
            fail_msg("%s and %s differ in %s", a->imagename, b->imagename, extensions[i]);
        free(pa);
        free(pb);
    }
}

/* Largest |b - factor * a| of a plane over the peak of factor * a. */
static double difference(const pclean_config *a, const pclean_config *b, const char *extension,
                         size_t ichan, double factor) {
    float *pa = golden_plane(a, extension, ichan, 0), *pb = golden_plane(b, extension, ichan, 0);
    double most = 0, peak = 0;
    for (size_t i = 0; i < (size_t)a->imsize[0] * (size_t)a->imsize[1]; i++) {
        most = fmax(most, fabs((double)pb[i] - factor * (double)pa[i]));
        peak = fmax(peak, fabs(factor * (double)pa[i]));
    }
    free(pa);
    free(pb);
    return most / peak;
}

static void done(pclean_config *c, pclean_result *r) {
    golden_remove(c);
    pclean_result_free(r);
    pcl_config_clear(c);
}

#define BASE                                                                                       \
    "imsize", "120,90", "cell", "15arcsec", "weighting", "briggs", "robust", "0.5", "niter",       \
        "300", "gain", "0.2", "pbcor", "true"
static const char *const mfs[] = {BASE, NULL};
static const char *const cube[] = {BASE, "specmode", "cube", "start", "18", "nchan", "4", NULL};
static const char *const odd_cube[] = {
    BASE,    "specmode", "cube",          "start",   "1413.1MHz",    "width",  "61kHz",
    "nchan", "3",        "interpolation", "nearest", "cyclecontrol", "global", NULL};

#define AUTOMASK                                                                                   \
    "usemask", "auto-multithresh", "sidelobethreshold", "1", "noisethreshold", "4", "fastnoise",   \
        "false", "negativethreshold", "6", "cycleniter", "20"
static const char *const masked_cube[] = {BASE,    "specmode", "cube",   "start", "18",
                                          "nchan", "4",        AUTOMASK, NULL};
static const char *const masked_together[] = {
    BASE,     "specmode",  "cube", "start",        "3",      "nchan", "6",
    AUTOMASK, "threshold", "3mJy", "cyclecontrol", "global", NULL};

static void threads_and_workers_do_not_change_a_byte(void **state) {
    (void)state;
    const char *const *const settings[] = {mfs, cube, odd_cube, masked_cube, masked_together};
    /* nworkers, threads */
    static const char *const cores[][2] = {{"1", "2"}, {"1", "3"}, {"2", "1"}, {"3", "2"}};
    for (size_t k = 0; k < sizeof settings / sizeof *settings; k++) {
        pclean_config one, more;
        pclean_result *r1 = NULL, *r = NULL;
        configure(&one, "vla_ngc5921.ms", "alone", settings[k]);
        golden_set(&one, "nworkers", "1");
        golden_set(&one, "threads", "1");
        run(&one, &r1);
        for (size_t i = 0; i < sizeof cores / sizeof *cores; i++) {
            configure(&more, "vla_ngc5921.ms", "together", settings[k]);
            golden_set(&more, "nworkers", cores[i][0]);
            golden_set(&more, "threads", cores[i][1]);
            run(&more, &r);
            same_bytes(&one, &more, 0, NEXT);
            done(&more, r);
        }
        done(&one, r1);
    }
}

static void control_of_one_plane_is_the_same(void **state) {
    (void)state;
    pclean_config a, b;
    pclean_result *ra = NULL, *rb = NULL;
    configure(&a, "vla_ngc5921.ms", "channel", mfs);
    configure(&b, "vla_ngc5921.ms", "global", mfs);
    golden_set(&b, "cyclecontrol", "global");
    run(&a, &ra);
    run(&b, &rb);
    assert_int_equal(ra->plane[0].stop, rb->plane[0].stop);
    assert_int_equal(ra->plane[0].niter, rb->plane[0].niter);
    assert_int_equal(ra->plane[0].nmajor, rb->plane[0].nmajor);
    same_bytes(&a, &b, 0, NEXT);
    done(&a, ra);
    done(&b, rb);
}

/* A cube's channel is the same whatever channels are made with it. */
static void channels_do_not_depend_on_their_neighbours(void **state) {
    (void)state;
    pclean_config a, b;
    pclean_result *ra = NULL, *rb = NULL;
    configure(&a, "vla_ngc5921.ms", "four", cube);
    configure(&b, "vla_ngc5921.ms", "two", cube);
    golden_set(&b, "start", "19");
    golden_set(&b, "nchan", "2");
    run(&a, &ra);
    run(&b, &rb);
    for (size_t k = 0; k < 2; k++) {
        assert_int_equal(ra->plane[k + 1].niter, rb->plane[k].niter);
        for (size_t i = 0; i < 4; i++) {
            float *pa = golden_plane(&a, extensions[i], k + 1, 0),
                  *pb = golden_plane(&b, extensions[i], k, 0);
            assert_memory_equal(pa, pb, 120 * 90 * sizeof *pa);
            free(pa);
            free(pb);
        }
    }
    done(&a, ra);
    done(&b, rb);
}

/* ---- blank planes ---- */

enum { NBLANK = 3, NWITH = 6 };

static casa_beam header_beam(const pclean_config *c, const char *extension, size_t ichan) {
    char path[1024];
    pclean_err err = {0};
    casa_image *im = NULL;
    casa_beam beam = {0};
    bool has;
    snprintf(path, sizeof path, "%s%s", c->imagename, extension);
    if (casa_image_open(path, &im, &err) || casa_image_get_beam(im, 0, ichan, &beam, &has, &err))
        fail_msg("%s", err.msg);
    assert_true(has);
    casa_image_close(im);
    return beam;
}

/* Channels beyond the data have the largest beam of those with data, in every header. */
static void check_blank_beams(const pclean_config *c) {
    static const char *const with_beams[] = {".psf", ".image", ".image.pbcor"};
    for (size_t k = 0; k < 3; k++) {
        casa_beam largest = {0};
        for (size_t i = 0; i < NWITH; i++) {
            const casa_beam b = header_beam(c, with_beams[k], i);
            if (b.major_rad * b.minor_rad > largest.major_rad * largest.minor_rad)
                largest = b;
        }
        for (size_t i = NWITH; i < NWITH + NBLANK; i++) {
            const casa_beam b = header_beam(c, with_beams[k], i);
            assert_memory_equal(&b, &largest, sizeof b);
        }
    }
}

static void blank_channels_have_the_largest_beam(void **state) {
    (void)state;
    static const char *const settings[] = {BASE,    "specmode", "cube",  "start", "40",
                                           "nchan", "9",        "niter", "20",    NULL};
    static const char *const how[][3] = {
        {"1", "channel"}, {"2", "channel"}, {"3", "channel"}, {"1", "global"}, {"2", "global"}};
    for (size_t i = 0; i < sizeof how / sizeof *how; i++) {
        pclean_config c;
        pclean_result *r = NULL;
        configure(&c, "vla_ngc5921.ms", "blank", settings);
        golden_set(&c, "nworkers", how[i][0]);
        golden_set(&c, "threads", "1");
        golden_set(&c, "cyclecontrol", how[i][1]);
        run(&c, &r);
        for (size_t k = 0; k < r->nchan; k++) /* none is fitted */
            assert_int_equal(r->plane[k].beam_major_rad > 0, k < NWITH);
        check_blank_beams(&c);
        pclean_result_free(r);
        golden_set(&c, "restart", "true");
        run(&c, &r);
        check_blank_beams(&c);
        done(&c, r);
    }
}

/* ---- edited data ---- */

__attribute__((format(printf, 1, 2))) static void shell(const char *fmt, ...) {
    char command[4096];
    va_list args;
    va_start(args, fmt);
    vsnprintf(command, sizeof command, fmt, args);
    va_end(args);
    if (system(command))
        fail_msg("%s", command);
}

#define SCRATCH   PCLEAN_TEST_TMP "/invariances."
#define SOURCE_MS PCLEAN_TEST_DATA "/vla_ngc5921.ms"

static void the_same_data_twice(void **state) {
    (void)state;
    pclean_config a, b;
    pclean_result *ra = NULL, *rb = NULL;
    configure(&a, "vla_ngc5921.ms", "once", cube);
    configure(&b, "vla_ngc5921.ms", "twice", cube);
    for (pclean_config *c = &a; c; c = c == &a ? &b : NULL) {
        golden_set(c, "weighting", "natural");
        golden_set(c, "accuracy", "1e-6"); /* twice the samples may have another kernel */
        golden_set(c, "niter", "0");
    }
    golden_set(&b, "vis", SOURCE_MS "," SOURCE_MS);
    run(&a, &ra);
    run(&b, &rb);
    for (size_t k = 0; k < ra->nchan; k++) {
        assert_true(fabs(rb->plane[k].sumwt / ra->plane[k].sumwt - 2) < 1e-6);
        assert_int_equal(rb->plane[k].nvis, 2 * ra->plane[k].nvis);
        const double psf = difference(&a, &b, ".psf", k, 1),
                     image = difference(&a, &b, ".image", k, 1);
        if (psf > 3e-6 || image > 3e-6)
            fail_msg("channel %zu: .psf differs by %.1e, .image by %.1e", k, psf, image);
    }
    done(&a, ra);
    done(&b, rb);
}

static void halves_are_the_whole(void **state) {
    (void)state;
    shell("rm -rf " SCRATCH "first.ms " SCRATCH "last.ms");
    shell("%s %s rows 0 6425 " SCRATCH "first.ms", PCLEAN_TEST_MSEDIT, SOURCE_MS);
    shell("%s %s rows 6426 12851 " SCRATCH "last.ms", PCLEAN_TEST_MSEDIT, SOURCE_MS);
    const char *const *const settings[] = {mfs, cube};
    for (size_t k = 0; k < 2; k++) {
        pclean_config a, b;
        pclean_result *ra = NULL, *rb = NULL;
        configure(&a, "vla_ngc5921.ms", "whole", settings[k]);
        configure(&b, "vla_ngc5921.ms", "halves", settings[k]);
        golden_set(&b, "vis", SCRATCH "first.ms," SCRATCH "last.ms");
        golden_set(&a, "niter", "0");
        golden_set(&b, "niter", "0");
        run(&a, &ra);
        run(&b, &rb);
        assert_int_equal(ra->nvis_used, rb->nvis_used);
        for (size_t i = 0; i < ra->nchan; i++) {
            assert_true(fabs(ra->plane[i].freq_hz - rb->plane[i].freq_hz) < 1e-3);
            assert_true(fabs(ra->plane[i].sumwt / rb->plane[i].sumwt - 1) < 1e-6);
            assert_true(difference(&a, &b, ".psf", i, 1) < 3e-6);
            assert_true(difference(&a, &b, ".residual", i, 1) < 3e-6);
        }
        done(&a, ra);
        done(&b, rb);
    }
    shell("rm -rf " SCRATCH "first.ms " SCRATCH "last.ms");
}

/* Twice the data, twice the image, to the last bit: a factor of 2 rounds nowhere. */
static void twice_the_data_is_twice_the_image(void **state) {
    (void)state;
    shell("rm -rf " SCRATCH "bright.ms; cp -r " SOURCE_MS " " SCRATCH
          "bright.ms; chmod -R u+w " SCRATCH "bright.ms; %s " SCRATCH "bright.ms scale 2",
          PCLEAN_TEST_MSEDIT);
    pclean_config a, b;
    pclean_result *ra = NULL, *rb = NULL;
    configure(&a, "vla_ngc5921.ms", "plain", cube);
    configure(&b, "vla_ngc5921.ms", "bright", cube);
    golden_set(&b, "vis", SCRATCH "bright.ms");
    run(&a, &ra);
    run(&b, &rb);
    for (size_t k = 0; k < ra->nchan; k++) {
        assert_int_equal(ra->plane[k].niter, rb->plane[k].niter);
        assert_true(difference(&a, &b, ".psf", k, 1) == 0);
        assert_true(difference(&a, &b, ".residual", k, 2) == 0);
        assert_true(difference(&a, &b, ".model", k, 2) == 0);
        assert_true(difference(&a, &b, ".image", k, 2) == 0);
    }
    done(&a, ra);
    done(&b, rb);
    shell("rm -rf " SCRATCH "bright.ms");
}

/* ---- continuing ---- */

/* Stopped after two rounds and continued: the same major cycles, so the same pixels but for the
 * rounding of the sum of components (a continued run starts from the model that was written). */
static void a_continued_run_is_a_longer_run(void **state) {
    (void)state;
    pclean_config a, b;
    pclean_result *ra = NULL, *rb = NULL;
    configure(&a, "vla_ngc5921.ms", "long", cube);
    configure(&b, "vla_ngc5921.ms", "short", cube);
    golden_set(&a, "cycleniter", "50");
    golden_set(&b, "cycleniter", "50");
    golden_set(&a, "niter", "200");
    golden_set(&b, "niter", "100");
    run(&a, &ra);
    run(&b, &rb);
    pclean_result_free(rb);
    golden_set(&b, "restart", "true");
    golden_set(&b, "overwrite", "false");
    run(&b, &rb);
    for (size_t k = 0; k < ra->nchan; k++) {
        print_message("channel %zu: %d iterations at once, %d after %d: .model differs by %.1e, "
                      ".image by %.1e\n",
                      k, ra->plane[k].niter, rb->plane[k].niter, 100,
                      difference(&a, &b, ".model", k, 1), difference(&a, &b, ".image", k, 1));
        assert_true(difference(&a, &b, ".image", k, 1) < 1e-3);
    }
    done(&a, ra);

    /* the same by startmodel, in another name */
    configure(&a, "vla_ngc5921.ms", "started", cube);
    char path[1024];
    snprintf(path, sizeof path, "%s.model", b.imagename);
    golden_set(&a, "startmodel", path);
    golden_set(&a, "niter", "0");
    run(&a, &ra);
    for (size_t k = 0; k < ra->nchan; k++) {
        assert_true(difference(&b, &a, ".residual", k, 1) < 1e-4);
        assert_true(difference(&b, &a, ".model", k, 1) == 0);
    }
    done(&a, ra);
    done(&b, rb);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_and_workers_do_not_change_a_byte),
        cmocka_unit_test(control_of_one_plane_is_the_same),
        cmocka_unit_test(channels_do_not_depend_on_their_neighbours),
        cmocka_unit_test(the_same_data_twice),
        cmocka_unit_test(halves_are_the_whole),
        cmocka_unit_test(twice_the_data_is_twice_the_image),
        cmocka_unit_test(a_continued_run_is_a_longer_run),
        cmocka_unit_test(blank_channels_have_the_largest_beam),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
