/* data/vis.c: what the store holds against casa_ms_read and the plain rules: each sample, the order
 * of rows, counts, and the same bytes wherever the store lies. */
#include "data/vis.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "check.h"

static pclean_err err;
enum { MOST_DD = 16 };

typedef struct fixture {
    pcl_vis_source *source;
    const casa_ms_info *info;
    pcl_vis_plane plane[MOST_DD * 2];
    size_t from[MOST_DD], to[MOST_DD];
    pcl_vis_request request;
} fixture;

/* Stokes I, and where two: what the second correlation alone holds. */
static void open_ms_at(fixture *f, const char *path, size_t npol) {
    const casa_ms_selection all = {.datacolumn = "corrected"};
    assert_ok(pcl_vis_open(1, &path, &all, &f->source, &err));
    f->info = pcl_vis_source_info(f->source, 0);
    assert_true(f->info->ndd <= MOST_DD);
    for (size_t d = 0; d < f->info->ndd; d++) {
        const size_t last = f->info->dd[d].ncorr - 1;
        f->from[d] = 0;
        f->to[d] = f->info->dd[d].nchansel;
        f->plane[d * npol] = (pcl_vis_plane){
            .nterm = last ? 2 : 1, .index = {0, last}, .re = {last ? 0.5f : 1, 0.5f}};
        if (npol == 2)
            f->plane[d * npol + 1] = (pcl_vis_plane){.nterm = 1, .index = {last}, .re = {1}};
    }
    f->request = (pcl_vis_request){
        .npol = npol, .plane = f->plane, .from = f->from, .to = f->to, .frame = -1};
}

static void open_ms(fixture *f, const char *name, size_t npol) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", PCLEAN_TEST_DATA, name);
    open_ms_at(f, path, npol);
}

static pcl_vis read_store(fixture *f) {
    pcl_vis vis;
    assert_ok(pcl_vis_read(f->source, &f->request, NULL, NULL, &vis, &err));
    return vis;
}

/* The store by the rules, in the order of the MS: one data description. */
typedef struct plain {
    size_t nrow, nchan;
    double *uvw, *time; /* [nrow][3], [nrow] */
    float *sample;      /* [nrow][npol][nchan][3]: re, im, weight */
    uint64_t used, flagged, nonfinite;
} plain;

/* Re, im, weight of one sample; weight 0: why is counted. */
static void plain_sample(const pcl_vis_plane *p, const casa_ms_rows *rows, size_t r, size_t c,
                         size_t nchan, size_t ncorr, plain *out, float *to) {
    const size_t at = (r * nchan + c) * ncorr;
    const float *w = rows->weight + (rows->weight_nchan == 1 ? r * ncorr : at),
                weight = 0.5f * (w[0] + w[ncorr - 1]);
    float re = 0, im = 0;
    bool flagged = false;
    for (size_t k = 0; k < p->nterm; k++) {
        flagged = flagged || rows->flag[at + p->index[k]];
        re += p->re[k] * rows->vis[2 * (at + p->index[k])];
        im += p->re[k] * rows->vis[2 * (at + p->index[k]) + 1];
    }
    to[0] = to[1] = to[2] = 0;
    if (flagged || (isfinite(re) && isfinite(im) && weight <= 0)) {
        out->flagged++;
    } else if (!isfinite(re) || !isfinite(im) || !isfinite(weight)) {
        out->nonfinite++;
    } else {
        out->used++;
        to[0] = re;
        to[1] = im;
        to[2] = weight;
    }
}

static void plain_read(fixture *f, size_t idd, plain *out) {
    const casa_ms_dd *dd = &f->info->dd[idd];
    const size_t npol = f->request.npol, nchan = f->to[idd] - f->from[idd], nsample = npol * nchan;
    *out = (plain){.nchan = nchan};
    out->uvw = calloc(3 * dd->nrow + 1, sizeof *out->uvw);
    out->time = calloc(dd->nrow + 1, sizeof *out->time);
    out->sample = calloc(dd->nrow * nsample * 3 + 1, sizeof *out->sample);
    casa_ms *ms;
    const casa_ms_selection all = {.datacolumn = "corrected"};
    casa_ms_rows rows[MOST_DD];
    assert_ok(casa_ms_open(f->info->path, &all, &ms, &err));
    assert_ok(casa_ms_read(ms, 0, f->info->nrow, rows, &err));
    const casa_ms_rows *in = &rows[idd];
    for (size_t r = 0; r < in->nrow; r++) {
        const double *uvw = in->uvw_m + 3 * r;
        if (in->flag_row[r] || !isfinite(uvw[0] + uvw[1] + uvw[2])) {
            *(in->flag_row[r] ? &out->flagged : &out->nonfinite) += nsample;
            continue;
        }
        for (size_t p = 0; p < npol; p++)
            for (size_t c = 0; c < nchan; c++)
                plain_sample(&f->plane[idd * npol + p], in, r, f->from[idd] + c, dd->nchansel,
                             dd->ncorr, out,
                             out->sample + ((out->nrow * npol + p) * nchan + c) * 3);
        memcpy(out->uvw + 3 * out->nrow, uvw, 3 * sizeof *uvw);
        out->time[out->nrow++] = in->time_s[r];
    }
    casa_ms_close(ms);
}

static void plain_clear(plain *p) {
    free(p->uvw);
    free(p->time);
    free(p->sample);
}

/* Place along Hilbert's curve of a square of 2^level cells, by its recursive definition. */
static unsigned hilbert(unsigned level, unsigned x, unsigned y) {
    if (level == 0)
        return 0;
    const unsigned half = 1u << (level - 1), quarter = half * half, right = x >= half,
                   top = y >= half;
    x &= half - 1;
    y &= half - 1;
    if (!right && !top)
        return hilbert(level - 1, y, x);
    if (!right)
        return quarter + hilbert(level - 1, x, y);
    if (top)
        return 2 * quarter + hilbert(level - 1, x, y);
    return 3 * quarter + hilbert(level - 1, half - 1 - y, half - 1 - x);
}

typedef struct place {
    unsigned tile;
    size_t row;
} place;

static int by_tile(const void *a, const void *b) {
    const place *p = a, *q = b;
    return p->tile != q->tile ? (p->tile > q->tile) - (p->tile < q->tile)
                              : (p->row > q->row) - (p->row < q->row);
}

/* The documented order of rows: order[k] is the plain row that is row k of the store. */
static place *plain_order(const plain *p, size_t window) {
    place *order = calloc(p->nrow + 1, sizeof *order);
    for (size_t from = 0; from < p->nrow; from += window) {
        const size_t n = p->nrow - from < window ? p->nrow - from : window;
        double reach = 0;
        for (size_t r = from; r < from + n; r++)
            reach = fmax(reach, fmax(fabs(p->uvw[3 * r]), fabs(p->uvw[3 * r + 1])));
        const double scale = reach > 0 ? 0.5 * 127 / reach : 0;
        for (size_t r = from; r < from + n; r++) {
            const double sign = p->uvw[3 * r] < 0 ? -scale : scale;
            order[r] = (place){hilbert(7, (unsigned)(sign * p->uvw[3 * r]),
                                       (unsigned)(sign * p->uvw[3 * r + 1] + 64)),
                               r};
        }
        qsort(order + from, n, sizeof *order, by_tile);
    }
    return order;
}

static void compare_block(const fixture *f, const pcl_vis_block *b, const plain *p) {
    const size_t npol = f->request.npol, window = f->request.window ? f->request.window : 1 << 18;
    assert_int_equal(b->nrow, p->nrow);
    assert_int_equal(b->nchan, p->nchan);
    place *order = plain_order(p, window);
    double most[3] = {0};
    for (size_t k = 0; k < b->nrow; k++) {
        const size_t r = order[k].row;
        const double *uvw = p->uvw + 3 * r;
        assert_true(b->u_m[k] == uvw[0] && b->v_m[k] == uvw[1] && b->w_m[k] == uvw[2]);
        for (int axis = 0; axis < 3; axis++)
            most[axis] = fmax(most[axis], fabs(uvw[axis]));
        assert_true(b->itime[k] < b->ntime && b->time_s[b->itime[k]] == p->time[r]);
        for (size_t c = 0; c < npol * b->nchan; c++) {
            const float *want = p->sample + (r * npol * b->nchan + c) * 3,
                        *vis = b->vis + 2 * (c * b->row_stride + k);
            if (vis[0] != want[0] || vis[1] != want[1] ||
                b->weight[c * b->row_stride + k] != want[2])
                fail_msg("row %zu, channel %zu: %g %g %g, not %g %g %g", k, c, (double)vis[0],
                         (double)vis[1], (double)b->weight[c * b->row_stride + k], (double)want[0],
                         (double)want[1], (double)want[2]);
        }
    }
    assert_true(b->umax_m == most[0] && b->vmax_m == most[1] && b->wmax_m == most[2]);
    for (size_t i = 0; i < b->ntime; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(b->time_s[i] != b->time_s[j]);
    free(order);
}

static void compare_with_ms(fixture *f) {
    pcl_vis vis = read_store(f);
    uint64_t used = 0, flagged = 0, nonfinite = 0;
    assert_int_equal(vis.nblock, f->info->ndd);
    for (size_t d = 0; d < f->info->ndd; d++) {
        plain p;
        plain_read(f, d, &p);
        compare_block(f, &vis.block[d], &p);
        for (size_t c = 0; c < vis.block[d].nchan; c++)
            assert_true(vis.block[d].freq_hz[c] ==
                        f->info->dd[d].chan_freq_hz[f->info->dd[d].chansel[f->from[d] + c]]);
        used += p.used;
        flagged += p.flagged;
        nonfinite += p.nonfinite;
        plain_clear(&p);
    }
    assert_int_equal(vis.nused, used);
    assert_int_equal(vis.nflagged, flagged);
    assert_int_equal(vis.nonfinite, nonfinite);
    pcl_vis_clear(&vis);
}

static void every_sample_is_stored(void **state) {
    (void)state;
    static const char *const name[] = {"vla_ngc5921.ms",          "hera_zen_2458101.ms",
                                       "lofar_tNDPPP-bda.MS",     "vla_posa_74mhz.ms",
                                       "alma_mssel_small_wvr.ms", "vlba_m87_mojave_2spw.ms"};
    for (size_t k = 0; k < sizeof name / sizeof *name; k++)
        for (size_t npol = 1; npol <= 2; npol++) {
            fixture f;
            open_ms(&f, name[k], npol);
            compare_with_ms(&f);
            pcl_vis_close(f.source);
        }
}

static void windows_are_sorted_one_by_one(void **state) {
    (void)state;
    static const size_t window[] = {1, 7, 16, 1000};
    for (size_t k = 0; k < sizeof window / sizeof *window; k++) {
        fixture f;
        open_ms(&f, "vla_posa_74mhz.ms", 1);
        f.request.window = window[k];
        compare_with_ms(&f);
        pcl_vis_close(f.source);
    }
}

static void a_range_of_channels_is_kept(void **state) {
    (void)state;
    fixture f;
    open_ms(&f, "vla_ngc5921.ms", 1);
    f.from[0] = 5;
    f.to[0] = 9;
    compare_with_ms(&f);
    f.from[0] = f.to[0] = 3; /* nothing of this data description */
    pcl_vis vis = read_store(&f);
    assert_int_equal(vis.block[0].nrow, 0);
    assert_int_equal(vis.nused, 0);
    pcl_vis_clear(&vis);
    pcl_vis_close(f.source);
}

/* Rows of the sample are rows of the whole, about as many as asked for and from all over it; asking
 * for more gives all. */
static void a_sample_of_the_rows(void **state) {
    (void)state;
    static const size_t asked[] = {1, 100, 2500, 1000000};
    for (size_t k = 0; k < sizeof asked / sizeof *asked; k++) {
        fixture f;
        open_ms(&f, "vla_ngc5921.ms", 1);
        pcl_vis all = read_store(&f);
        f.request.sample_rows = asked[k];
        pcl_vis some = read_store(&f);
        const pcl_vis_block *a = all.block, *b = some.block;
        assert_true(b->nrow <= asked[k] + asked[k] / 4 + 2 &&
                    (b->nrow >= asked[k] / 2 || b->nrow == a->nrow));
        assert_true(asked[k] < 1000000 || b->nrow == a->nrow);
        assert_true(asked[k] < 100 || b->ntime > 1);
        for (size_t i = 0; i < b->nrow; i += 10) { /* the row is there, with its samples */
            size_t r = 0;
            while (r < a->nrow && (a->u_m[r] != b->u_m[i] || a->v_m[r] != b->v_m[i] ||
                                   memcmp(a->vis + 2 * r, b->vis + 2 * i, 2 * sizeof *a->vis) != 0))
                r++;
            assert_true(r < a->nrow);
        }
        pcl_vis_clear(&some);
        pcl_vis_clear(&all);
        pcl_vis_close(f.source);
    }
}

/* Flags differ by channel: a row that has nothing in these channels still has its place. */
static void rows_do_not_depend_on_the_channels(void **state) {
    (void)state;
    fixture f;
    open_ms(&f, "vla_posa_74mhz.ms", 1);
    f.request.window = 1000;
    pcl_vis all = read_store(&f);
    for (size_t c = 0; c < all.block[0].nchan; c++) {
        f.from[0] = c;
        f.to[0] = c + 1;
        pcl_vis one = read_store(&f);
        const pcl_vis_block *a = &all.block[0], *b = &one.block[0];
        assert_int_equal(a->nrow, b->nrow);
        assert_memory_equal(a->u_m, b->u_m, a->nrow * sizeof *a->u_m);
        assert_memory_equal(a->weight + c * a->row_stride, b->weight, a->nrow * sizeof *a->weight);
        pcl_vis_clear(&one);
    }
    pcl_vis_clear(&all);
    pcl_vis_close(f.source);
}

/* A copy of an MS, spoiled by tests/tools/msedit. */
static void spoil(const char *name, const char *how, char *path, size_t size) {
    snprintf(path, size, "%s/vis.ms", PCLEAN_TEST_TMP);
    char command[2048];
    snprintf(command, sizeof command, "rm -rf %s && cp -r %s/%s %s && %s %s %s", path,
             PCLEAN_TEST_DATA, name, path, PCLEAN_TEST_MSEDIT, path, how);
    if (system(command) != 0)
        fail_msg("%s", command);
}

static void bad_samples_are_counted(void **state) {
    (void)state;
    static const char *const how[] = {"spoil 7",    "spoil-uvw 5", "weight 0",
                                      "weight nan", "flag 2 5",    "flag-rows"};
    for (size_t k = 0; k < sizeof how / sizeof *how; k++) {
        char path[512];
        fixture f;
        spoil("vla_3c273_xband.ms", how[k], path, sizeof path);
        open_ms_at(&f, path, 1);
        compare_with_ms(&f);
        pcl_vis_close(f.source);
    }
}

static size_t entries_of(const char *folder) {
    size_t n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void assert_same_bytes(const pcl_vis *a, const pcl_vis *b) {
    assert_int_equal(a->nblock, b->nblock);
    for (size_t k = 0; k < a->nblock; k++) {
        const pcl_vis_block *x = &a->block[k], *y = &b->block[k];
        assert_int_equal(x->nrow, y->nrow);
        assert_int_equal(x->row_stride, y->row_stride);
        assert_memory_equal(x->u_m, y->u_m, x->nrow * sizeof *x->u_m);
        assert_memory_equal(x->itime, y->itime, x->nrow * sizeof *x->itime);
        for (size_t c = 0; c < a->npol * x->nchan; c++) {
            assert_memory_equal(x->vis + 2 * c * x->row_stride, y->vis + 2 * c * x->row_stride,
                                2 * x->nrow * sizeof *x->vis);
            assert_memory_equal(x->weight + c * x->row_stride, y->weight + c * x->row_stride,
                                x->nrow * sizeof *x->weight);
        }
    }
}

static void memory_and_file_hold_the_same(void **state) {
    (void)state;
    const char *folder = PCLEAN_TEST_TMP "/vis-scratch";
    mkdir(folder, 0777);
    fixture f;
    open_ms(&f, "alma_hd142527_b9_3spw.ms", 1);
    uint64_t planned, work;
    pcl_vis_plan(f.source, &f.request, &planned, &work);
    pcl_vis in_memory = read_store(&f);
    f.request.scratch = folder;
    pcl_vis in_file = read_store(&f);
    assert_false(in_memory.in_file);
    assert_true(in_file.in_file);
    assert_int_equal(in_memory.bytes, planned);
    assert_int_equal(in_file.bytes, planned);
    assert_same_bytes(&in_memory, &in_file);
    assert_int_equal(entries_of(folder), 2); /* it has no name even while it is in use */
    pcl_vis_clear(&in_memory);
    pcl_vis_clear(&in_file);
    pcl_vis_close(f.source);
}

static void scratch_that_cannot_be_is_said(void **state) {
    (void)state;
    fixture f;
    pcl_vis vis;
    open_ms(&f, "vla_ngc5921.ms", 1);
    f.request.scratch = PCLEAN_TEST_TMP "/no/such/folder";
    assert_fails(pcl_vis_read(f.source, &f.request, NULL, NULL, &vis, &err), PCLEAN_EIO,
                 "no/such/folder");
    f.request.scratch = NULL;
    for (long n = 1;; n++) { /* every allocation */
        pcl_mem_fail_after(n);
        const int rc = pcl_vis_read(f.source, &f.request, NULL, NULL, &vis, &err);
        pcl_mem_fail_after(0);
        if (rc == 0)
            break;
        assert_int_equal(rc, -PCLEAN_ENOMEM);
    }
    pcl_vis_clear(&vis);
    pcl_vis_close(f.source);
}

static int stop_at_once(size_t done, size_t total, void *user) {
    (void)user;
    assert_true(done <= total);
    return 1;
}

static void reading_can_be_stopped(void **state) {
    (void)state;
    fixture f;
    pcl_vis vis;
    open_ms(&f, "vla_ngc5921.ms", 1);
    assert_fails(pcl_vis_read(f.source, &f.request, stop_at_once, NULL, &vis, &err),
                 PCLEAN_EINTERRUPTED, "vla_ngc5921.ms");
    pcl_vis_close(f.source);
}

static int start(void **state) {
    (void)state;
    mkdir(PCLEAN_TEST_TMP, 0777);
    return casa_init(&err);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_is_stored),
        cmocka_unit_test(windows_are_sorted_one_by_one),
        cmocka_unit_test(a_range_of_channels_is_kept),
        cmocka_unit_test(rows_do_not_depend_on_the_channels),
        cmocka_unit_test(bad_samples_are_counted),
        cmocka_unit_test(memory_and_file_hold_the_same),
        cmocka_unit_test(scratch_that_cannot_be_is_said),
        cmocka_unit_test(reading_can_be_stopped),
        cmocka_unit_test(a_sample_of_the_rows),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
