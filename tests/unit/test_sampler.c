/* imager/sampler.c on a store made by hand: two spectral windows of different shapes, one without
 * rows and one without channels; flagged samples here and there. Every visibility's value tells
 * which it is. */
#include "data/sampler.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "check.h"
#include "random.h"

static pclean_err err;
static const double C = 299792458.0;
enum { NBLOCK = 4, NTIME = 5, NPOL = 2 };
static const size_t nrow[NBLOCK] = {2500, 0, 1100, 30}, nchan[NBLOCK] = {64, 5, 7, 0};

/* What the value of a visibility is made of. */
static float number_of(size_t block, size_t row, size_t chan) {
    return (float)(row * 64 + chan + block * 200000);
}

static double frequency(size_t block, size_t chan) {
    return block == 2 ? 1.012e9 - 2e6 * (double)chan : 1e9 + 1e6 * (double)chan;
}

typedef struct options {
    bool moving;   /* the Doppler factor changes with time */
    bool spectrum; /* visibilities are 1 + 2i times GHz, not numbers; u is a kilometre */
    double flagged;
} options;

static void fill_block(pcl_block *b, size_t k, const options *o) {
    const size_t n = nrow[k], stride = (n + 15) / 16 * 16, nsample = NPOL * nchan[k] * stride;
    *b = (pcl_block){.nrow = n,
                     .row_stride = stride,
                     .ntime = NTIME,
                     .nchan = nchan[k],
                     .u_m = calloc(n + 1, sizeof(double)),
                     .v_m = calloc(n + 1, sizeof(double)),
                     .w_m = calloc(n + 1, sizeof(double)),
                     .itime = calloc(n + 1, sizeof(uint32_t)),
                     .time_s = calloc(NTIME, sizeof(double)),
                     .doppler = calloc(NTIME, sizeof(double)),
                     .freq_hz = calloc(nchan[k] + 1, sizeof(double)),
                     .vis = calloc(2 * nsample + 1, sizeof(float)),
                     .weight = calloc(nsample + 1, sizeof(float))};
    for (size_t t = 0; t < NTIME; t++)
        b->doppler[t] = o->moving ? 1 + 4e-4 * (double)t : 1;
    for (size_t c = 0; c < nchan[k]; c++)
        b->freq_hz[c] = frequency(k, c);
    b->spacing_hz = fabs(frequency(k, 1) - frequency(k, 0));
    for (size_t r = 0; r < n; r++) {
        b->u_m[r] = o->spectrum ? 1000 : 2000 * random_uniform() - 1000;
        b->v_m[r] = 2000 * random_uniform() - 1000;
        b->w_m[r] = 200 * random_uniform() - 100;
        b->umax_m = fmax(b->umax_m, fabs(b->u_m[r]));
        b->vmax_m = fmax(b->vmax_m, fabs(b->v_m[r]));
        b->wmax_m = fmax(b->wmax_m, fabs(b->w_m[r]));
        b->itime[r] = (uint32_t)(r % NTIME);
        for (size_t p = 0; p < NPOL; p++)
            for (size_t c = 0; c < nchan[k]; c++) {
                const size_t at = (p * nchan[k] + c) * stride + r;
                const double ghz = 1e-9 * b->freq_hz[c];
                b->vis[2 * at] = o->spectrum ? (float)ghz : number_of(k, r, c);
                b->vis[2 * at + 1] = o->spectrum ? (float)(2 * ghz) : (float)p;
                b->weight[at] = random_uniform() < o->flagged ? 0 : (float)(1 + c);
            }
    }
}

static pcl_store make_store(const options *o) {
    pcl_store vis = {.npol = NPOL, .nblock = NBLOCK, .block = calloc(NBLOCK, sizeof(pcl_block))};
    random_state = 88172645463325252u;
    for (size_t k = 0; k < NBLOCK; k++)
        fill_block(&vis.block[k], k, o);
    return vis;
}

static void drop_store(pcl_store *vis) {
    for (size_t k = 0; k < NBLOCK; k++) {
        pcl_block *b = &vis->block[k];
        void *const part[] = {b->u_m,     b->v_m,     b->w_m, b->itime, b->time_s,
                              b->doppler, b->freq_hz, b->vis, b->weight};
        for (size_t i = 0; i < sizeof part / sizeof *part; i++)
            free(part[i]);
    }
    free(vis->block);
}

enum {
    EVERYTHING = PCL_SAMPLER_UV | PCL_SAMPLER_W | PCL_SAMPLER_VIS | PCL_SAMPLER_FRAME |
                 PCL_SAMPLER_NEAR | PCL_SAMPLER_ID | PCL_SAMPLER_METRES
};

/* All samples of a plane, one after the other. */
typedef struct sample {
    double u, v, w, frame_u, frame_v, near_u, near_v, u_m, v_m;
    float re, im, weight;
    unsigned id;
} sample;
typedef struct walk {
    size_t n;
    sample *s;
    double umax, vmax, wmax;
} walk;

static void take_batch(const pcl_sampler *s, unsigned want, walk *out) {
    out->s = realloc(out->s, (out->n + s->n) * sizeof *out->s);
    for (size_t i = 0; i < s->n; i++) {
        sample x = {.weight = s->weight[i]};
        if (want & PCL_SAMPLER_UV)
            x.u = s->u[i], x.v = s->v[i];
        if (want & PCL_SAMPLER_W)
            x.w = s->w[i];
        if (want & PCL_SAMPLER_ID)
            x.id = (unsigned)s->id[i];
        if (want & PCL_SAMPLER_FRAME)
            x.frame_u = s->frame_u[i], x.frame_v = s->frame_v[i];
        if (want & PCL_SAMPLER_NEAR)
            x.near_u = s->near_u[i], x.near_v = s->near_v[i];
        if (want & PCL_SAMPLER_METRES)
            x.u_m = s->u_m[i], x.v_m = s->v_m[i];
        if (want & PCL_SAMPLER_VIS)
            x.re = s->samples[2 * i], x.im = s->samples[2 * i + 1];
        out->s[out->n++] = x;
    }
}

/* The walk that has been begun. */
static walk collect(pcl_sampler *s, unsigned want) {
    walk out = {0};
    bool more = true;
    for (;;) {
        assert_ok(pcl_sampler_next(s, &more, &err));
        assert_true(more == (s->n > 0) && s->n <= s->nmax);
        if (!more)
            break;
        take_batch(s, want, &out);
    }
    out.umax = s->umax;
    out.vmax = s->vmax;
    out.wmax = s->wmax;
    for (size_t i = 0; i < out.n; i++)
        assert_true(out.s[i].id < pcl_sampler_nid(s));
    return out;
}

static walk walk_window(const pcl_store *vis, const pcl_channels *channels, size_t ichan,
                        size_t ipol, unsigned want, double low, double high) {
    pcl_sampler s;
    assert_ok(pcl_sampler_init(&s, vis, channels, &err));
    pcl_sampler_begin(&s, ichan, ipol, want);
    if (want & PCL_SAMPLER_W)
        pcl_sampler_window(&s, low, high);
    walk out = collect(&s, want);
    pcl_sampler_clear(&s);
    return out;
}

static walk walk_plane(const pcl_store *vis, const pcl_channels *channels, size_t ichan,
                       size_t ipol, unsigned want) {
    return walk_window(vis, channels, ichan, ipol, want, 0, INFINITY);
}

static const pcl_channels mfs = {
    .nchan = 1, .mfs = true, .nearest = true, .first_hz = 1.03e9, .step_hz = 7e7};
/* over all channels of both windows, whatever the Doppler factor */
static const pcl_channels nearest_cube = {
    .nchan = 26, .nearest = true, .first_hz = 0.998e9, .step_hz = 3e6};

/* Adds what the walk saw to seen[block][row][chan]; every sample has its own channel's values. */
static void note_samples(const pcl_store *vis, const walk *w, size_t ipol, unsigned char *seen) {
    for (size_t i = 0; i < w->n; i++) {
        const sample *s = &w->s[i];
        const size_t number = (size_t)s->re, k = number / 200000 == 2 ? 2 : 0,
                     row = (number - k * 200000) / 64, chan = (number - k * 200000) % 64;
        const pcl_block *b = &vis->block[k];
        assert_true(number_of(k, row, chan) == s->re && s->im == (float)ipol);
        const double f = b->freq_hz[chan], d = b->doppler[b->itime[row]];
        assert_true(fabs(s->u - b->u_m[row] * f / C) < 1e-9 &&
                    fabs(s->v - b->v_m[row] * f / C) < 1e-9);
        assert_true(fabs(s->w - b->w_m[row] * f / C) < 1e-9);
        assert_true(fabs(s->frame_u - b->u_m[row] * f * d / C) < 1e-9 &&
                    fabs(s->near_v - b->v_m[row] * f * d / C) < 1e-9);
        assert_true(s->u_m == b->u_m[row] && s->v_m == b->v_m[row]);
        assert_true(s->weight == (float)(1 + chan));
        assert_true(fabs(s->u) <= w->umax && fabs(s->v) <= w->vmax && fabs(s->w) <= w->wmax);
        seen[(k * 2500 + row) * 64 + chan]++;
    }
}

static void check_seen_once(const pcl_store *vis, size_t ipol, const unsigned char *seen) {
    for (size_t k = 0; k < NBLOCK; k++)
        for (size_t r = 0; r < nrow[k]; r++)
            for (size_t c = 0; c < nchan[k]; c++) {
                const pcl_block *b = &vis->block[k];
                assert_int_equal(seen[(k * 2500 + r) * 64 + c],
                                 b->weight[(ipol * nchan[k] + c) * b->row_stride + r] > 0);
            }
}

static void every_sample_comes_once(void **state) {
    (void)state;
    for (int moving = 0; moving <= 1; moving++)
        for (int flags = 0; flags <= 1; flags++)
            for (size_t ipol = 0; ipol < NPOL; ipol++)
                for (int cube = 0; cube <= 1; cube++) {
                    pcl_store vis =
                        make_store(&(options){.moving = moving, .flagged = 0.2 * flags});
                    const pcl_channels *channels = cube ? &nearest_cube : &mfs;
                    unsigned char *seen = calloc(NBLOCK * 2500 * 64, 1);
                    for (size_t chan = 0; chan < channels->nchan; chan++) {
                        walk w = walk_plane(&vis, channels, chan, ipol, EVERYTHING);
                        note_samples(&vis, &w, ipol, seen);
                        free(w.s);
                    }
                    check_seen_once(&vis, ipol, seen);
                    free(seen);
                    drop_store(&vis);
                }
}

/* Linear interpolation gives a linear spectrum back: the value is the sample's own observed
 * frequency. */
static void a_linear_spectrum_is_kept(void **state) {
    (void)state;
    const pcl_channels cube = {.nchan = 30, .first_hz = 1.0003e9, .step_hz = 2.1e6};
    for (int moving = 0; moving <= 1; moving++) {
        pcl_store vis = make_store(&(options){.moving = moving, .spectrum = true, .flagged = 0.1});
        size_t n = 0;
        for (size_t chan = 0; chan < cube.nchan; chan++) {
            walk w = walk_plane(&vis, &cube, chan, 1, EVERYTHING);
            for (size_t i = 0; i < w.n; i++) {
                const sample *s = &w.s[i];
                const double ghz = 1e-12 * C * s->u,
                             away_hz = 1e9 * ghz * s->frame_u / s->u -
                                       (cube.first_hz + (double)chan * cube.step_hz);
                assert_true(fabs((double)s->re - ghz) < 2e-7 &&
                            fabs((double)s->im - 2 * ghz) < 4e-7);
                /* two points a channel in the first window, one in the other, whose channels are as
                 * wide as the image's */
                assert_true(fabs(fabs(away_hz) - 0.25 * cube.step_hz) < 1 || fabs(away_hz) < 1);
                n++;
            }
            free(w.s);
        }
        assert_true(n > 100000);
        drop_store(&vis);
    }
}

/* The interpolated visibility, its weight and the looked-up weight of one sample, written out. */
static void interpolation_is_between_neighbours(void **state) {
    (void)state;
    const pcl_channels cube = {.nchan = 40, .first_hz = 1.00025e9, .step_hz = 1e6};
    pcl_store vis = make_store(&(options){.spectrum = true});
    walk w = walk_plane(&vis, &cube, 3, 0, EVERYTHING),
         f = walk_plane(&vis, &cube, 3, 0, PCL_SAMPLER_FRAME);
    assert_int_equal(w.n, f.n);
    assert_int_equal(w.n, nrow[0] + nrow[2]);
    for (size_t i = 0; i < nrow[0]; i++) { /* 3.25 channels above the first */
        assert_true(fabs((double)w.s[i].re - 1.00325) < 1e-6);
        assert_true(w.s[i].weight == 4); /* of channel 3, the nearest */
        assert_true(f.s[i].weight == 4.25f);
        assert_true(w.s[i].frame_u == f.s[i].frame_u);
        assert_true(fabs(w.s[i].frame_u - vis.block[0].u_m[i] * 1.00325e9 / C) < 1e-9);
        assert_true(fabs(w.s[i].near_u - vis.block[0].u_m[i] * 1.003e9 / C) < 1e-9);
    }
    free(w.s);
    free(f.s);
    drop_store(&vis);
}

static void threads_change_nothing(void **state) {
    (void)state;
    const int before = omp_get_max_threads();
    const pcl_channels linear = {.nchan = 30, .first_hz = 1.0003e9, .step_hz = 2.1e6};
    const pcl_channels *const channels[] = {&mfs, &nearest_cube, &linear};
    for (int moving = 0; moving <= 1; moving++)
        for (size_t k = 0; k < 3; k++) {
            pcl_store vis = make_store(&(options){.moving = moving, .flagged = 0.2});
            walk one = {0};
            for (int threads = 1; threads <= 3; threads++) {
                omp_set_num_threads(threads);
                walk w = walk_window(&vis, channels[k], k ? 5 : 0, 0, EVERYTHING, 10, 200);
                if (threads == 1) {
                    one = w;
                    continue;
                }
                assert_int_equal(w.n, one.n);
                assert_memory_equal(w.s, one.s, w.n * sizeof *w.s);
                free(w.s);
            }
            assert_true(one.n > 0);
            free(one.s);
            drop_store(&vis);
        }
    omp_set_num_threads(before);
}

/* Doppler factors that differ only at a time that no row has: the table of entries must give what
 * one entry gives. */
static void a_table_of_times_agrees_with_one_entry(void **state) {
    (void)state;
    const pcl_channels linear = {.nchan = 30, .first_hz = 1.0003e9, .step_hz = 2.1e6};
    pcl_store vis = make_store(&(options){.flagged = 0.2});
    for (size_t k = 0; k < NBLOCK; k++)
        for (size_t r = 0; r < nrow[k]; r++)
            vis.block[k].itime[r] = (uint32_t)(r % (NTIME - 1));
    for (size_t chan = 0; chan < linear.nchan; chan += 7) {
        walk one = walk_plane(&vis, &linear, chan, 0, EVERYTHING);
        for (size_t k = 0; k < NBLOCK; k++)
            vis.block[k].doppler[NTIME - 1] = 1.001;
        walk table = walk_plane(&vis, &linear, chan, 0, EVERYTHING);
        for (size_t k = 0; k < NBLOCK; k++)
            vis.block[k].doppler[NTIME - 1] = 1;
        assert_int_equal(one.n, table.n);
        assert_memory_equal(one.s, table.s, one.n * sizeof *one.s);
        free(one.s);
        free(table.s);
    }
    drop_store(&vis);
}

static int by_id(const void *a, const void *b) {
    const sample *s = a, *t = b;
    return (s->id > t->id) - (s->id < t->id);
}

/* Slices of the rows share out the samples, in their order within a block; bounds are those of the
 * whole rows. */
static void slices_share_out_the_samples(void **state) {
    (void)state;
    const pcl_channels linear = {.nchan = 30, .first_hz = 1.0003e9, .step_hz = 2.1e6};
    const pcl_channels *const channels[] = {&mfs, &nearest_cube, &linear};
    for (size_t k = 0; k < 6; k++) {
        pcl_store vis = make_store(&(options){.moving = k % 2, .flagged = 0.2});
        const size_t chan = k < 2 ? 0 : 4;
        walk all = walk_plane(&vis, channels[k / 2], chan, 1, EVERYTHING);
        qsort(all.s, all.n, sizeof *all.s, by_id);
        for (size_t nslice = 1; nslice <= 64; nslice = 3 * nslice + 1) {
            pcl_sampler s;
            walk parts = {0};
            assert_ok(pcl_sampler_init(&s, &vis, channels[k / 2], &err));
            parts.s = malloc((all.n + 1) * sizeof *parts.s);
            for (size_t i = 0; i < nslice; i++) {
                pcl_sampler_begin(&s, chan, 1, EVERYTHING);
                pcl_sampler_slice(&s, i, nslice);
                walk w = collect(&s, EVERYTHING);
                assert_true(parts.n + w.n <= all.n);
                memcpy(parts.s + parts.n, w.s, w.n * sizeof *w.s);
                parts.n += w.n;
                assert_true(w.umax == all.umax && w.vmax == all.vmax && w.wmax == all.wmax);
                free(w.s);
            }
            assert_int_equal(parts.n, all.n);
            qsort(parts.s, parts.n, sizeof *parts.s, by_id);
            assert_memory_equal(all.s, parts.s, all.n * sizeof *all.s);
            free(parts.s);
            pcl_sampler_clear(&s);
        }
        free(all.s);
        drop_store(&vis);
    }
}

/* Windows on |w| that touch share out the samples; an id is the same sample's in every walk. */
static void windows_share_out_the_samples(void **state) {
    (void)state;
    static const double edge[] = {0, 50, 120.5, 200, INFINITY};
    for (int moving = 0; moving <= 1; moving++)
        for (int cube = 0; cube <= 1; cube++) {
            pcl_store vis = make_store(&(options){.moving = moving, .flagged = 0.2});
            const pcl_channels *channels = cube ? &nearest_cube : &mfs;
            walk all = walk_plane(&vis, channels, cube ? 4 : 0, 0, EVERYTHING), parts = {0};
            for (size_t i = 0; i + 1 < sizeof edge / sizeof *edge; i++) {
                walk w =
                    walk_window(&vis, channels, cube ? 4 : 0, 0, EVERYTHING, edge[i], edge[i + 1]);
                for (size_t j = 0; j < w.n; j++)
                    assert_true(fabs(w.s[j].w) >= edge[i] * (1 - 1e-12) &&
                                fabs(w.s[j].w) <= edge[i + 1] * (1 + 1e-12));
                parts.s = realloc(parts.s, (parts.n + w.n + 1) * sizeof *parts.s);
                memcpy(parts.s + parts.n, w.s, w.n * sizeof *w.s);
                parts.n += w.n;
                free(w.s);
            }
            assert_int_equal(parts.n, all.n);
            qsort(all.s, all.n, sizeof *all.s, by_id);
            qsort(parts.s, parts.n, sizeof *parts.s, by_id);
            assert_memory_equal(all.s, parts.s, all.n * sizeof *all.s);
            for (size_t i = 1; i < all.n; i++)
                assert_true(all.s[i].id > all.s[i - 1].id);
            free(all.s);
            free(parts.s);
            drop_store(&vis);
        }
}

static void channels_without_data_are_empty(void **state) {
    (void)state;
    const pcl_channels away = {.nchan = 2, .nearest = true, .first_hz = 2e9, .step_hz = 1e6};
    const options none = {.flagged = 2};
    pcl_store vis = make_store(&(options){0}), flagged = make_store(&none);
    walk w = walk_plane(&vis, &away, 1, 0, EVERYTHING);
    assert_int_equal(w.n, 0);
    w = walk_plane(&flagged, &mfs, 0, 0, EVERYTHING);
    assert_int_equal(w.n, 0);
    drop_store(&vis);
    drop_store(&flagged);
}

/* A walk that asks for less gives the same of what it asks for. */
static void what_is_not_asked_for_is_not_made(void **state) {
    (void)state;
    pcl_store vis = make_store(&(options){.moving = true, .flagged = 0.2});
    pcl_sampler s;
    bool more;
    assert_ok(pcl_sampler_init(&s, &vis, &mfs, &err));
    pcl_sampler_begin(&s, 0, 0, PCL_SAMPLER_FRAME);
    assert_ok(pcl_sampler_next(&s, &more, &err));
    assert_true(more && s.frame_u && s.weight && !s.u && !s.near_u && !s.samples && !s.w);
    pcl_sampler_clear(&s);
    assert_true(pcl_sampler_bytes(0, PCL_SAMPLER_FRAME) < pcl_sampler_bytes(0, EVERYTHING));
    drop_store(&vis);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_comes_once),
        cmocka_unit_test(a_linear_spectrum_is_kept),
        cmocka_unit_test(interpolation_is_between_neighbours),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(a_table_of_times_agrees_with_one_entry),
        cmocka_unit_test(slices_share_out_the_samples),
        cmocka_unit_test(windows_share_out_the_samples),
        cmocka_unit_test(channels_without_data_are_empty),
        cmocka_unit_test(what_is_not_asked_for_is_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
