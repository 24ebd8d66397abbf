#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "config/config.h"
#include "run/run.h"
#include "unit/check.h"

enum { NCHAN = 6 };
static pclean_err err;

/* A run of six channels that went well: each test spoils some. */
typedef struct fixture {
    pclean_config config;
    pclean_result *result;
    pclean_plane plane[2 * NCHAN];
    pcl_plane_state state[2 * NCHAN];
    pcl_run r;
} fixture;

static fixture *begin(size_t npol) {
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_ok(PCL_ZNEW(&f->result, 1, "result", &err));
    assert_ok(pcl_config_init(&f->config, &err));
    assert_ok(pclean_config_set(&f->config, "imagename", "name", &err));
    assert_ok(pclean_config_set(&f->config, "niter", "100", &err));
    *f->result = (pclean_result){.nchan = NCHAN, .npol = npol, .plane = f->plane};
    f->r = (pcl_run){.config = &f->config,
                     .result = f->result,
                     .nplane = NCHAN * npol,
                     .state = f->state,
                     .claim = -1};
    f->r.setup.config = &f->config;
    f->r.setup.desc.nchan = f->r.setup.channels.nchan = f->r.setup.channels.whole = NCHAN;
    f->r.setup.desc.npol = f->r.setup.stokes.npol = npol;
    f->r.setup.stokes.code[0] = PCL_STOKES_RR;
    f->r.setup.stokes.code[1] = PCL_STOKES_LL;
    for (size_t k = 0; k < NCHAN * npol; k++)
        f->plane[k] = (pclean_plane){.chan = k / npol,
                                     .pol = k % npol,
                                     .nvis = 1000,
                                     .beam_major_rad = 1e-4,
                                     .beam_minor_rad = 1e-4,
                                     .peak_dirty = 1,
                                     .peak_residual = 0.1,
                                     .rms_residual = 0.1,
                                     .niter = 50,
                                     .stop = PCLEAN_STOP_THRESHOLD};
    return f;
}

static void end(fixture *f) {
    f->result->plane = NULL; /* not malloc'ed */
    pclean_result_free(f->result);
    pcl_config_clear(&f->config);
    free(f);
}

static bool warned(const fixture *f, const char *words) {
    for (char **w = f->result->warning; w && *w; w++)
        if (strstr(*w, words))
            return true;
    return false;
}

static void blank(pclean_plane *p) {
    *p = (pclean_plane){.chan = p->chan, .pol = p->pol, .stop = PCLEAN_STOP_BLANK};
}

static void test_a_good_run(void **state) {
    (void)state;
    fixture *f = begin(2);
    pcl_run_sum_up(&f->r);
    assert_null(f->result->warning);
    assert_ok(pcl_run_verdict(&f->r, &err));
    assert_int_equal(f->result->stop, PCLEAN_STOP_THRESHOLD);
    assert_string_equal(f->result->product[0], "name.psf");
    size_t n = 0;
    while (f->result->product[n + 1])
        n++;
    assert_string_equal(f->result->product[n], "name.run.json"); /* the last */
    end(f);
}

/* tclean's numbers of the run; planes that are cleaned together share their iterations. */
static void test_what_tclean_returns(void **state) {
    (void)state;
    for (size_t joint = 0; joint < 2; joint++) {
        fixture *f = begin(2);
        f->r.setup.params.deconvolver = joint ? &pcl_deconvolver_clark : &pcl_deconvolver_hogbom;
        f->r.setup.params.control = (pcl_control){
            .threshold_jy = 9, .cyclefactor = 1, .minpsffraction = 0.05, .maxpsffraction = 0.8};
        f->plane[3].nmajor = 7;
        f->plane[1].psf_sidelobe = 0.3;
        pcl_run_sum_up(&f->r);
        assert_int_equal(f->result->iterdone, NCHAN * (joint ? 1 : 2) * 50);
        assert_int_equal(f->result->nmajordone, 7);
        assert_true(f->result->maxpsfsidelobe == 0.3);
        assert_true(fabs(f->result->cyclethreshold - 0.3 * 0.1) < 1e-12);
        end(f);
    }
}

/* What needs attention most is the run's stop code; each failure has its sentence. */
static void test_bad_channels(void **state) {
    (void)state;
    static const struct {
        int stop;
        const char *warning, *failure; /* NULL: none */
    } cases[] = {
        {PCLEAN_STOP_FAILED, NULL, "the workers of channel 1, 3-5 died"},
        {PCLEAN_STOP_NOT_FINITE, "channel 1, 3-5 is not finite", "channel 1, 3-5 is not finite"},
        {PCLEAN_STOP_DIVERGED_MIN, "CLEAN diverged in channel 1, 3-5",
         "CLEAN diverged in channel 1, 3-5"},
        {PCLEAN_STOP_DIVERGED_STEP, "CLEAN diverged in channel 1, 3-5",
         "CLEAN diverged in channel 1, 3-5"},
        {PCLEAN_STOP_ZEROMASK, "nothing to clean in channel 1, 3-5", NULL},
        {PCLEAN_STOP_NITER, NULL, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture *f = begin(1);
        for (size_t c = 1; c < NCHAN; c += c == 1 ? 2 : 1)
            f->plane[c].stop = cases[i].stop;
        pcl_run_sum_up(&f->r);
        assert_int_equal(f->result->stop, cases[i].stop);
        if (cases[i].warning)
            assert_true(warned(f, cases[i].warning));
        else
            assert_null(f->result->warning);
        if (cases[i].failure)
            assert_fails(pcl_run_verdict(&f->r, &err), PCLEAN_EFAILED, cases[i].failure);
        else
            assert_ok(pcl_run_verdict(&f->r, &err));
        end(f);
    }
}

static void test_blank_and_thin_channels(void **state) {
    (void)state;
    fixture *f = begin(2);
    blank(&f->plane[2 * 2]);     /* channel 2, RR */
    blank(&f->plane[4 * 2 + 1]); /* channel 4, LL, for its cell */
    f->state[4 * 2 + 1].numbers.noutside = 10;
    f->state[4 * 2 + 1].numbers.umax_lambda = 1e4;
    f->plane[0].nvis = 499; /* channel 0, RR: below half of the fullest */
    f->plane[1].nvis = 500;
    f->config.cell_rad[0] = f->config.cell_rad[1] = 1e-3;
    pcl_run_sum_up(&f->r);
    assert_true(warned(f, "no data in channel 2 of stokes RR: blank"));
    assert_true(warned(f, "all data of channel 4 of stokes LL lie beyond what the cell can carry"));
    assert_true(warned(f, "10 samples were left out"));
    assert_true(
        warned(f, "less than half of the fullest channel's data in channel 0 of stokes RR"));
    assert_false(warned(f, "channel 0 of stokes LL"));
    assert_ok(pcl_run_verdict(&f->r, &err));
    end(f);
}

/* A blank image is a failure, a blank part of one is not. */
static void test_nothing_at_all(void **state) {
    (void)state;
    for (int part = 0; part < 2; part++)
        for (int outside = 0; outside < 2; outside++) {
            fixture *f = begin(1);
            for (size_t c = 0; c < NCHAN; c++)
                blank(&f->plane[c]);
            f->state[0].numbers.noutside = (uint64_t)outside;
            f->state[0].numbers.umax_lambda = 1e4;
            f->r.setup.channels.whole = NCHAN + (size_t)part;
            pcl_run_sum_up(&f->r);
            assert_int_equal(f->result->stop, PCLEAN_STOP_BLANK);
            assert_int_equal(warned(f, "this part of the cube has no data"), part);
            if (part)
                assert_ok(pcl_run_verdict(&f->r, &err));
            else
                assert_fails(pcl_run_verdict(&f->r, &err), PCLEAN_EFAILED,
                             outside ? "all data lie beyond what the cell can carry"
                                     : "no channel of the image has data");
            end(f);
        }
}

static void test_an_empty_mask_everywhere(void **state) {
    (void)state;
    for (int niter = 0; niter < 2; niter++) {
        fixture *f = begin(1);
        for (size_t c = 0; c < NCHAN; c++)
            f->plane[c].stop = PCLEAN_STOP_ZEROMASK;
        f->config.niter = niter;
        pcl_run_sum_up(&f->r);
        if (niter)
            assert_fails(pcl_run_verdict(&f->r, &err), PCLEAN_EFAILED, "nothing was cleaned");
        else
            assert_ok(pcl_run_verdict(&f->r, &err));
        end(f);
    }
}

/* A Stokes plane without signal is no failure, and no trouble of the whole run. */
static void test_one_stokes_plane_is_empty(void **state) {
    (void)state;
    fixture *f = begin(2);
    f->r.setup.params.finds_mask = true;
    for (size_t c = 0; c < NCHAN; c++) {
        f->plane[2 * c + 1].stop = PCLEAN_STOP_ZEROMASK;
        f->state[2 * c + 1].numbers.automask.noise = true;
    }
    pcl_run_sum_up(&f->r);
    assert_true(warned(f, "nothing to clean in channel 0-5 of stokes LL: nothing stands out"));
    assert_int_equal(f->result->stop, PCLEAN_STOP_THRESHOLD);
    assert_ok(pcl_run_verdict(&f->r, &err));
    for (size_t c = 0; c < NCHAN; c++)
        f->plane[2 * c].stop = PCLEAN_STOP_ZEROMASK;
    blank(&f->plane[0]);
    assert_fails(pcl_run_verdict(&f->r, &err), PCLEAN_EFAILED, "nothing was cleaned");
    end(f);
}

/* Automatic masks: the noise that decides is named; no plane with a mask is a failure, unless that
 * is allowed. */
static void test_automatic_masks(void **state) {
    (void)state;
    for (int allow = 0; allow < 2; allow++) {
        fixture *f = begin(1);
        f->r.setup.params.finds_mask = true;
        f->config.allow_empty = allow;
        for (size_t c = 1; c < NCHAN; c++) {
            f->plane[c].stop = PCLEAN_STOP_ZEROMASK;
            f->state[c].numbers.automask.noise = c > 1;
        }
        pcl_run_sum_up(&f->r);
        assert_true(warned(f, "nothing to clean in channel 2-5: nothing stands out of the noise"));
        assert_true(warned(f, "nothing to clean in channel 1: the automatic mask is empty there"));
        assert_ok(pcl_run_verdict(&f->r, &err));
        f->plane[0].stop = PCLEAN_STOP_ZEROMASK;
        if (allow)
            assert_ok(pcl_run_verdict(&f->r, &err));
        else
            assert_fails(pcl_run_verdict(&f->r, &err), PCLEAN_EFAILED,
                         "usemask=auto-multithresh found nothing to mask in any channel");
        end(f);
    }
}

static void test_what_is_worth_a_look(void **state) {
    (void)state;
    fixture *f = begin(1);
    f->plane[0].beam_major_rad = 0;
    f->plane[1].peak_residual = 5;
    f->plane[2].stop = PCLEAN_STOP_NSIGMA;
    f->plane[2].peak_residual = 0.5;
    f->config.nsigma = 3;
    pcl_run_sum_up(&f->r);
    assert_true(warned(f, "no beam could be fitted to the PSF of channel 0:"));
    assert_true(warned(f, "the residual of channel 1 is over 4 x the dirty image's"));
    assert_true(warned(f, "channel 2 is far above its own nsigma x rms"));
    assert_ok(pcl_run_verdict(&f->r, &err));
    end(f);
}

static void test_names_of_planes(void **state) {
    (void)state;
    char name[64];
    for (size_t npol = 1; npol <= 2; npol++) {
        fixture *f = begin(npol);
        pcl_run_plane_name(&f->r, &f->plane[3 * npol], name, sizeof name);
        assert_string_equal(name, npol == 1 ? "channel 3" : "channel 3, polarization 0");
        end(f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_good_run),
                                       cmocka_unit_test(test_what_tclean_returns),
                                       cmocka_unit_test(test_bad_channels),
                                       cmocka_unit_test(test_blank_and_thin_channels),
                                       cmocka_unit_test(test_nothing_at_all),
                                       cmocka_unit_test(test_an_empty_mask_everywhere),
                                       cmocka_unit_test(test_automatic_masks),
                                       cmocka_unit_test(test_one_stokes_plane_is_empty),
                                       cmocka_unit_test(test_what_is_worth_a_look),
                                       cmocka_unit_test(test_names_of_planes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
