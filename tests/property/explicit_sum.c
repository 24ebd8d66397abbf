/* Dirty images of real and simulated data against explicit Fourier sums. The samples of the sums
 * are made here, straight from the rows of the MeasurementSet, in the plainest way: nothing of the
 * imager's sampling and weighting is used. */
#include "config/config.h"
#include "core/grid/dft.h"
#include "golden.h"
#include "random.h"

static const double C = 299792458.0;
enum { PIXELS = 60 };

/* ---- what an image is asked to be ---- */

typedef struct plan {
    const char *name, *ms, *stokes, *accuracy;
    const char *setting[24]; /* name, value, ..., NULL */
    double tolerance;        /* rms error over the plane's peak */
    size_t channel[4], nchannel;
} plan;

/* A plane as a sum of correlations (Stokes codes of casa.h). */
typedef struct term {
    int code;
    double re, im;
} term;
typedef struct polarization {
    const char *name;
    term term[4];
    bool hands_apart;
} polarization;
enum { RR = 5, RL, LR, LL, XX, XY, YX, YY };
static const polarization circular[] = {
    {"I", {{RR, 0.5, 0}, {LL, 0.5, 0}}, false},
    {"Q", {{RL, 0.5, 0}, {LR, 0.5, 0}}, false},
    {"U", {{RL, 0, -0.5}, {LR, 0, 0.5}}, false},
    {"V", {{RR, 0.5, 0}, {LL, -0.5, 0}}, false},
    {"RR", {{RR, 1, 0}}, false},
    {"LL", {{LL, 1, 0}}, false},
    {"pseudoI", {{RR, 1, 0}, {LL, 1, 0}}, true},
};
static const polarization linear[] = {{"I", {{XX, 0.5, 0}, {YY, 0.5, 0}}, false},
                                      {"YY", {{YY, 1, 0}}, false}};

static const polarization *find_polarization(const char *name, bool is_linear) {
    const polarization *p = is_linear ? linear : circular;
    const size_t n =
        is_linear ? sizeof linear / sizeof *linear : sizeof circular / sizeof *circular;
    for (size_t i = 0; i < n; i++)
        if (strcmp(p[i].name, name) == 0)
            return &p[i];
    fail_msg("no polarization %s", name);
    return NULL;
}

/* ---- the samples ---- */

typedef struct samples {
    size_t n, room;
    double *u, *v, *w; /* wavelengths at the observed frequency */
    double *du, *dv;   /* at the image's frequency: where the density is counted */
    double *nu, *nv;   /* of the nearest data channel: where it is looked up */
    float *vis, *weight, *near_weight;
} samples;

static void samples_free(samples *s) {
    double **d[] = {&s->u, &s->v, &s->du, &s->dv, &s->nu, &s->nv, &s->w};
    for (size_t i = 0; i < 7; i++)
        free(*d[i]);
    free(s->vis);
    free(s->weight);
    free(s->near_weight);
    *s = (samples){0};
}

static void samples_add(samples *s, const double *uvw, double observed, double shown, double near,
                        double re, double im, double weight, double near_weight) {
    if (s->n == s->room) {
        s->room = s->room ? 2 * s->room : 65536;
        double **d[] = {&s->u, &s->v, &s->du, &s->dv, &s->nu, &s->nv, &s->w};
        for (size_t i = 0; i < 7; i++)
            *d[i] = realloc(*d[i], s->room * sizeof **d[i]);
        s->vis = realloc(s->vis, 2 * s->room * sizeof *s->vis);
        s->weight = realloc(s->weight, s->room * sizeof *s->weight);
        s->near_weight = realloc(s->near_weight, s->room * sizeof *s->near_weight);
    }
    const size_t i = s->n++;
    s->u[i] = uvw[0] * observed / C;
    s->v[i] = uvw[1] * observed / C;
    s->w[i] = uvw[2] * observed / C;
    s->du[i] = uvw[0] * shown / C;
    s->dv[i] = uvw[1] * shown / C;
    s->nu[i] = uvw[0] * near / C;
    s->nv[i] = uvw[1] * near / C;
    s->vis[2 * i] = (float)re;
    s->vis[2 * i + 1] = (float)im;
    s->weight[i] = (float)weight;
    s->near_weight[i] = (float)near_weight;
}

/* What the header of the finished image says its channels are; NULL-like when all data go to one
 * channel. */
typedef struct axis {
    bool all, nearest;
    double first_hz, step_hz;
    int frame; /* -1: the data's */
    casa_direction centre;
} axis;

/* One visibility of a plane; false when it is flagged, not finite or of no weight. */
static bool visibility(const casa_ms_dd *dd, const casa_ms_rows *rows, size_t r, size_t c,
                       const term *t, size_t nterm, double out[2], double *weight) {
    const size_t at = (r * dd->nchansel + c) * dd->ncorr;
    const float *w =
        rows->weight + (rows->weight_nchan == 1 ? r : r * dd->nchansel + c) * dd->ncorr;
    out[0] = out[1] = 0;
    *weight = 0.5 * ((double)w[0] + (double)w[dd->ncorr - 1]);
    for (size_t k = 0; k < nterm && t[k].code; k++) {
        size_t i = 0;
        while (i < dd->ncorr && dd->corr[i] != t[k].code)
            i++;
        assert_true(i < dd->ncorr);
        if (rows->flag[at + i])
            return false;
        const double re = (double)rows->vis[2 * (at + i)], im = (double)rows->vis[2 * (at + i) + 1];
        out[0] += t[k].re * re - t[k].im * im;
        out[1] += t[k].re * im + t[k].im * re;
    }
    return *weight > 0 && isfinite(out[0]) && isfinite(out[1]);
}

/* Linear interpolation at the frequency `shown` of the image's frame. */
static void interpolate(samples *s, const casa_ms_dd *dd, const casa_ms_rows *rows, size_t r,
                        const term *t, size_t nterm, double scale, double doppler, double shown) {
    const double *uvw = rows->uvw_m + 3 * r, x = shown / doppler;
    for (size_t c = 0; c < dd->nchansel; c++) {
        const double f = dd->chan_freq_hz[dd->chansel[c]],
                     width = dd->chan_width_hz[dd->chansel[c]];
        double a[2], b[2], wa, wb;
        if (fabs(f - x) < 1e-6 * width) {
            if (visibility(dd, rows, r, c, t, nterm, a, &wa))
                samples_add(s, uvw, x, shown, f * doppler, a[0], a[1], scale * wa, scale * wa);
            return;
        }
        const double g = c + 1 < dd->nchansel ? dd->chan_freq_hz[dd->chansel[c + 1]] : f;
        if ((x - f) * (x - g) >= 0 || fabs(g - x) < 1e-6 * width)
            continue;
        const double alpha = (x - f) / (g - f);
        if (visibility(dd, rows, r, c, t, nterm, a, &wa) &&
            visibility(dd, rows, r, c + 1, t, nterm, b, &wb))
            samples_add(s, uvw, x, shown, (alpha <= 0.5 ? f : g) * doppler,
                        a[0] + alpha * (b[0] - a[0]), a[1] + alpha * (b[1] - a[1]),
                        scale * (wa + alpha * (wb - wa)), scale * (alpha <= 0.5 ? wa : wb));
        return;
    }
}

static void add_row(samples *s, const axis *x, size_t ichan, const casa_ms_dd *dd,
                    const casa_ms_rows *rows, size_t r, const term *t, size_t nterm, double scale,
                    double doppler) {
    const double *uvw = rows->uvw_m + 3 * r, centre = x->first_hz + (double)ichan * x->step_hz;
    if (rows->flag_row[r] || !isfinite(uvw[0] + uvw[1] + uvw[2]))
        return;
    if (!x->all && !x->nearest) {
        const double spacing =
            fabs(dd->chan_freq_hz[dd->chansel[1]] - dd->chan_freq_hz[dd->chansel[0]]);
        const double points = fmax(1, floor(fabs(x->step_hz) / spacing + 1e-6));
        for (double k = 0; k < points; k++)
            interpolate(s, dd, rows, r, t, nterm, scale, doppler,
                        centre + (k - 0.5 * (points - 1)) * fabs(x->step_hz) / points);
        return;
    }
    for (size_t c = 0; c < dd->nchansel; c++) {
        const double f = dd->chan_freq_hz[dd->chansel[c]], shown = f * doppler;
        double v[2], w;
        if ((x->all || floor((shown - x->first_hz) / x->step_hz + 0.5 + 1e-6) == (double)ichan) &&
            visibility(dd, rows, r, c, t, nterm, v, &w))
            samples_add(s, uvw, f, shown, shown, v[0], v[1], scale * w, scale * w);
    }
}

static double frame_factor(const axis *x, const casa_ms_info *info, const casa_ms_dd *dd,
                           double time_s) {
    if (x->frame < 0 || x->frame == dd->freq_ref)
        return 1;
    static double last_time, last;
    static int last_frame;
    if (time_s != last_time || x->frame != last_frame) {
        pclean_err err;
        double out;
        const double *xyz = info->position_itrf_m;
        const casa_frame_change change = {
            dd->freq_ref, x->frame, {xyz[0], xyz[1], xyz[2]}, info->time_ref, x->centre};
        if (casa_freq_convert(&change, time_s, 1, dd->chan_freq_hz, &out, &err))
            fail_msg("%s", err.msg);
        last_time = time_s;
        last_frame = x->frame;
        last = out / dd->chan_freq_hz[0];
    }
    return last;
}

static void collect(const pclean_config *c, const axis *x, size_t ichan, const char *pol,
                    samples *s) {
    const casa_ms_selection sel = {.spw = c->spw.n ? c->spw.item[0] : "",
                                   .datacolumn = "corrected"};
    pclean_err err = {0};
    casa_ms *ms = NULL;
    if (casa_ms_open(c->vis.item[0], &sel, &ms, &err))
        fail_msg("%s", err.msg);
    const casa_ms_info *info = casa_ms_get_info(ms);
    casa_ms_rows *rows = calloc(info->ndd, sizeof *rows);
    s->n = 0;
    for (size_t at = 0; at < info->nrow; at += 1000) {
        if (casa_ms_read(ms, at, info->nrow - at < 1000 ? info->nrow - at : 1000, rows, &err))
            fail_msg("%s", err.msg);
        for (size_t d = 0; d < info->ndd; d++) {
            const casa_ms_dd *dd = &info->dd[d];
            const polarization *p = find_polarization(pol, dd->corr[0] >= XX);
            for (size_t r = 0; r < rows[d].nrow; r++) {
                const double doppler = frame_factor(x, info, dd, rows[d].time_s[r]);
                if (p->hands_apart)
                    for (size_t k = 0; k < 2; k++)
                        add_row(s, x, ichan, dd, &rows[d], r, p->term + k, 1, 0.5, doppler);
                else
                    add_row(s, x, ichan, dd, &rows[d], r, p->term, 4, 1, doppler);
            }
        }
    }
    free(rows);
    casa_ms_close(ms);
}

/* ---- the weights ---- */

static long density_cell(const pclean_config *c, double u, double v, bool truncate) {
    const double nx = c->imsize[0], ny = c->imsize[1], x = -nx * c->cell_rad[0] * u,
                 y = ny * c->cell_rad[1] * v;
    const double i = truncate ? trunc(x + floor(nx / 2)) : floor(floor(nx / 2) - x + 0.5);
    const double j = truncate ? trunc(y + floor(ny / 2)) : floor(floor(ny / 2) - y + 0.5);
    return i > 0 && i < nx && j > 0 && j < ny ? (long)(j * nx + i) : -1;
}

/* Briggs: weights of s from the density that the samples `all` make. */
static void briggs(const pclean_config *c, const samples *all, samples *s, bool truncate) {
    double *density = calloc((size_t)c->imsize[0] * (size_t)c->imsize[1], sizeof *density),
           sumwt = 0, square = 0;
    for (size_t i = 0; i < all->n; i++)
        for (double side = 1; side >= -1; side -= 2) {
            const long k = density_cell(c, side * all->du[i], side * all->dv[i], truncate);
            if (k >= 0)
                density[k] += (double)all->weight[i];
            if (k >= 0 || !truncate)
                sumwt += (double)all->weight[i];
        }
    for (long k = 0; k < (long)c->imsize[0] * c->imsize[1]; k++)
        square += density[k] * density[k];
    const double f2 = pow(5 * pow(10, -c->robust), 2) * sumwt / square;
    for (size_t i = 0; i < s->n; i++) {
        const long k = density_cell(c, s->nu[i], s->nv[i], truncate);
        s->weight[i] = k >= 0 && density[k] > 0
                           ? (float)((double)s->near_weight[i] / (density[k] * f2 + 1))
                           : 0;
    }
    free(density);
}

/* ---- the check ---- */

static int complaints;

static void check_plane(const plan *p, const pclean_config *c, const axis *x, size_t ichan,
                        size_t ipol, const char *pol, double sumwt) {
    samples s = {0}, all = {0};
    const bool one_density = x->all || !c->perchanweightdensity;
    collect(c, x, ichan, pol, &s);
    if (c->weighting == PCLEAN_WEIGHTING_BRIGGS) {
        axis everything = *x;
        everything.all = one_density || x->all;
        collect(c, &everything, ichan, pol, &all);
        briggs(c, &all, &s, one_density);
    }
    double expected = 0;
    for (size_t i = 0; i < s.n; i++)
        expected += (double)s.weight[i];
    float *residual = golden_plane(c, ".residual", ichan, ipol),
          *psf = golden_plane(c, ".psf", ichan, ipol);
    const size_t nx = (size_t)c->imsize[0], ny = (size_t)c->imsize[1];
    double peak = 0, square = 0, psf_square = 0;
    for (size_t i = 0; i < nx * ny; i++)
        peak = fmax(peak, fabs((double)residual[i]));
    float *one = calloc(2 * s.n + 1, sizeof *one);
    for (size_t i = 0; i < s.n; i++)
        one[2 * i] = 1;
    const double *w = c->gridder == PCLEAN_GRIDDER_STANDARD ? NULL : s.w;
    for (int k = 0; k < PIXELS; k++) {
        const size_t px = (size_t)(random_uniform() * (double)nx),
                     py = (size_t)(random_uniform() * (double)ny);
        const double l = ((double)(nx / 2) - (double)px) * c->cell_rad[0],
                     m = ((double)py - (double)(ny / 2)) * c->cell_rad[1];
        const pcl_samples data = {s.n, s.u, s.v, w, s.vis, s.weight};
        const double want = pcl_dft_pixel(&data, l, m) / expected;
        square += pow((double)residual[py * nx + px] - want, 2);
        if (k < PIXELS / 4) {
            const pcl_samples ones = {s.n, s.u, s.v, w, one, s.weight};
            const double want_psf = pcl_dft_pixel(&ones, l, m) / expected;
            psf_square += pow((double)psf[py * nx + px] - want_psf, 2);
        }
    }
    const double error = sqrt(square / PIXELS) / peak, psf_error = sqrt(psf_square / (PIXELS / 4));
    const double factor = strcmp(c->stokes, "I") == 0 || strcmp(c->stokes, "pseudoI") == 0 ? 2 : 1;
    const double weight_error = sumwt / (factor * expected) - 1;
    print_message("%-30s %-7s channel %2zu: %7zu samples, rms error %.1e of the peak, PSF %.1e (at "
                  "most %.0e), sumwt %+.0e\n",
                  p->name, pol, ichan, s.n, error, psf_error, p->tolerance, weight_error);
    if (!(error <= p->tolerance) || !(psf_error <= p->tolerance) || !(fabs(weight_error) < 1e-5) ||
        s.n == 0)
        complaints++, print_error("%s %s channel %zu: off\n", p->name, pol, ichan);
    samples_free(&s);
    samples_free(&all);
    free(one);
    free(residual);
    free(psf);
}

static void read_axis(const pclean_config *c, axis *x) {
    char path[1024];
    pclean_err err;
    casa_image *im = NULL;
    casa_image_desc d;
    snprintf(path, sizeof path, "%s.residual", c->imagename);
    if (casa_image_open(path, &im, &err) || casa_image_get_desc(im, &d, &err))
        fail_msg("%s", err.msg);
    *x = (axis){.all = c->specmode == PCLEAN_SPECMODE_MFS,
                .nearest = c->interpolation == PCLEAN_INTERPOLATION_NEAREST || d.nchan == 1,
                .first_hz = d.crval_hz,
                .step_hz = d.cdelt_hz,
                .centre = d.centre,
                .frame = c->specmode == PCLEAN_SPECMODE_CUBEDATA ? -1 : d.freq_frame};
    casa_image_close(im);
}

static void check(const plan *p) {
    pclean_config c;
    pclean_err err = {0};
    pclean_result *r = NULL;
    golden_config(&c, p->ms, p->name);
    golden_set(&c, "pblimit", "-0.2");
    golden_set(&c, "stokes", p->stokes);
    golden_set(&c, "accuracy", p->accuracy);
    for (size_t i = 0; p->setting[i]; i += 2)
        golden_set(&c, p->setting[i], p->setting[i + 1]);
    if (pclean_image(&c, NULL, &r, &err))
        fail_msg("%s: %s", p->name, err.msg);
    axis x;
    read_axis(&c, &x);
    const bool pseudo = strcmp(p->stokes, "pseudoI") == 0,
               pairs = strlen(p->stokes) == 4 && p->stokes[0] == 'R';
    for (size_t k = 0; k < p->nchannel; k++)
        for (size_t ipol = 0; ipol < r->npol; ipol++) {
            char pol[8] = {0};
            snprintf(pol, sizeof pol, "%.*s",
                     pseudo  ? 7
                     : pairs ? 2
                             : 1,
                     p->stokes + (pseudo  ? 0
                                  : pairs ? 2 * ipol
                                          : ipol));
            check_plane(p, &c, &x, p->channel[k], ipol, pol,
                        r->plane[p->channel[k] * r->npol + ipol].sumwt);
        }
    golden_remove(&c);
    pclean_result_free(r);
    pcl_config_clear(&c);
}

#define NGC            "vla_ngc5921.ms"
#define SIM            "sim_alma_topo.ms"
#define VLA            "vla_3c273_xband.ms"
#define CUBE(start, n) "specmode", "cube", "start", start, "nchan", n
#define NGC_SIZE       "imsize", "100,81", "cell", "15arcsec"
#define SIM_SIZE       "imsize", "256", "cell", "0.1arcsec"
#define VLA_SIZE       "imsize", "256", "cell", "0.6arcsec"
#define POSA           "vla_posa_74mhz.ms"
#define POSA_SIZE                                                                                  \
    "imsize", "1024", "cell", "36arcsec" /* 10 degrees: w turns the phase by
                                          * hundreds of degrees at the edge */
#define BRIGGS "weighting", "briggs", "robust", "0.5"

static const plan plans[] = {
    {"ngc_mfs", NGC, "I", "1e-5", {NGC_SIZE, "spw", "0:5~9"}, 1e-5, {0}, 1},
    {"ngc_mfs_briggs", NGC, "I", "1e-5", {NGC_SIZE, "spw", "0:5~9", BRIGGS}, 1e-5, {0}, 1},
    {"ngc_linear",
     NGC,
     "I",
     "1e-5",
     {NGC_SIZE, CUBE("1413.2MHz", "3"), "width", "24.5kHz"},
     1e-5,
     {0, 2},
     2},
    {"ngc_linear_wide_briggs",
     NGC,
     "I",
     "1e-5",
     {NGC_SIZE, CUBE("1413.2MHz", "3"), "width", "52kHz", BRIGGS},
     1e-5,
     {0, 1},
     2},
    {"ngc_nearest_briggs",
     NGC,
     "I",
     "1e-5",
     {NGC_SIZE, CUBE("8", "4"), "width", "2", "interpolation", "nearest", BRIGGS},
     1e-5,
     {1, 3},
     2},
    {"ngc_one_density",
     NGC,
     "I",
     "1e-5",
     {NGC_SIZE, CUBE("8", "3"), BRIGGS, "perchanweightdensity", "false"},
     1e-5,
     {1},
     1},
    {"ngc_coarse", NGC, "I", "1e-3", {NGC_SIZE, CUBE("12", "2")}, 1e-3, {1}, 1},
    {"ngc_fine", NGC, "I", "1e-6", {NGC_SIZE, CUBE("12", "2")}, 1e-6, {1}, 1},
    {"sim_topo_linear",
     SIM,
     "I",
     "1e-5",
     {SIM_SIZE, CUBE("4", "14"), "outframe", "TOPO"},
     1e-5,
     {0, 8, 13},
     3},
    {"sim_lsrk_linear",
     SIM,
     "I",
     "1e-5",
     {SIM_SIZE, CUBE("0", "24"), "outframe", "LSRK"},
     1e-5,
     {0, 12, 22},
     3},
    {"sim_bary_linear_briggs",
     SIM,
     "I",
     "1e-5",
     {SIM_SIZE, CUBE("4", "12"), "outframe", "BARY", BRIGGS},
     1e-5,
     {3, 7},
     2},
    {"sim_lsrk_nearest_briggs",
     SIM,
     "I",
     "1e-5",
     {SIM_SIZE, CUBE("4", "12"), "outframe", "LSRK", "interpolation", "nearest", BRIGGS},
     1e-5,
     {0, 7},
     2},
    {"sim_cubedata",
     SIM,
     "I",
     "1e-5",
     {SIM_SIZE, "specmode", "cubedata", "start", "3", "nchan", "4", "width", "3"},
     1e-5,
     {1},
     1},
    {"sim_mfs_fine", SIM, "I", "1e-6", {SIM_SIZE, "spw", "0:3~6"}, 1e-6, {0}, 1},
    {"sim_mfs_briggs_coarse", SIM, "I", "1e-3", {SIM_SIZE, BRIGGS, "spw", "0:3~6"}, 1e-3, {0}, 1},
    {"3c273_iquv", VLA, "IQUV", "1e-5", {VLA_SIZE}, 1e-5, {0}, 1},
    {"3c273_rrll", VLA, "RRLL", "1e-5", {VLA_SIZE}, 1e-5, {0}, 1},
    {"3c273_v", VLA, "V", "1e-5", {VLA_SIZE, BRIGGS}, 1e-5, {0}, 1},
    {"3c273_pseudo", VLA, "pseudoI", "1e-5", {VLA_SIZE}, 1e-5, {0}, 1},
    {"3c273_i", VLA, "I", "1e-5", {VLA_SIZE, BRIGGS}, 1e-5, {0}, 1},
    {"posa_widefield", POSA, "I", "1e-5", {POSA_SIZE, "gridder", "widefield"}, 1e-5, {0}, 1},
    {"posa_wproject_briggs",
     POSA,
     "I",
     "1e-5",
     {POSA_SIZE, CUBE("1", "2"), "gridder", "wproject", "wprojplanes", "-1", BRIGGS},
     1e-5,
     {1},
     1},
    {"posa_wproject_fine", POSA, "I", "1e-6", {POSA_SIZE, "gridder", "wproject"}, 1e-6, {0}, 1},
    {"hd142527_briggs",
     "alma_hd142527_b9_3spw.ms",
     "I",
     "1e-5",
     {"imsize", "256", "cell", "0.05arcsec", BRIGGS},
     1e-5,
     {0},
     1},
};

static void dirty_images_are_fourier_sums(void **state) {
    (void)state;
    pclean_err err;
    assert_int_equal(casa_init(&err), 0);
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++)
        check(&plans[i]);
    assert_int_equal(complaints, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(dirty_images_are_fourier_sums)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
