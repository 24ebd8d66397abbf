#include "core/grid/gridfn.h"

#include <math.h>

/* Found by minimising the mean misfit over |x| < 1/(2 sigma) with a simplex search in (beta, e0);
 * the fifth column is the resulting sqrt(2 mean misfit), the sixth the rms over the image of the
 * correction relative to its centre, which magnifies single-precision rounding. Large paddings are
 * for w, where they cost planes but no cells. */
static const struct {
    int support;
    double sigma, beta, e0, misfit, magnify;
} table[] = {
    {3, 1.50, 1.43969, 0.61684, 1.26e-02, 1.9},  {4, 1.40, 1.55178, 0.56927, 2.73e-03, 3.2},
    {4, 1.75, 1.83836, 0.54778, 9.10e-04, 1.8},  {5, 1.50, 1.76341, 0.53746, 2.73e-04, 3.4},
    {6, 1.50, 1.83612, 0.52587, 4.09e-05, 4.8},  {7, 1.40, 1.80034, 0.52142, 1.33e-05, 11.9},
    {7, 1.50, 1.87633, 0.52042, 5.98e-06, 6.8},  {8, 1.30, 1.73841, 0.51906, 7.17e-06, 55.0},
    {8, 1.40, 1.83838, 0.51655, 2.41e-06, 19.8}, {6, 2.00, 2.11899, 0.52038, 5.91e-06, 1.9},
    {7, 1.75, 2.04685, 0.51665, 1.58e-06, 3.4},  {8, 1.60, 1.98482, 0.51469, 4.64e-07, 5.9},
    {7, 2.00, 2.16224, 0.51551, 6.13e-07, 2.1},  {8, 2.00, 2.19430, 0.51209, 6.22e-08, 2.5},
    {4, 2.50, 2.13094, 0.53847, 2.92e-04, 1.2},  {4, 4.00, 2.33747, 0.53677, 1.08e-04, 1.1},
    {5, 1.75, 1.95060, 0.52987, 1.02e-04, 2.1},  {5, 2.00, 2.06532, 0.52783, 5.48e-05, 1.6},
    {5, 3.00, 2.33309, 0.52376, 1.40e-05, 1.2},  {6, 1.75, 2.01396, 0.52139, 1.24e-05, 2.5},
    {6, 2.50, 2.29405, 0.51769, 2.07e-06, 1.4},
};
enum { NTABLE = sizeof table / sizeof *table };

double pcl_gridfn_value(const pcl_gridfn *fn, double x) {
    double r = 2 * x / fn->support;
    double t = 1 - r * r;
    return t <= 0 ? 0 : exp(fn->beta * fn->support * (pow(t, fn->e0) - 1));
}

/* Interpolates f(s, arg), -1 <= s <= 1, in the Chebyshev nodes of a degree, as powers of s. */
static void interpolate(double (*f)(const pcl_gridfn *fn, double s, int arg), const pcl_gridfn *fn,
                        int arg, int degree, double *power) {
    enum { MOST = 16 };
    double cheb[MOST] = {0};
    const int n = degree + 1;
    for (int k = 0; k < n; k++) {
        const double value = f(fn, cos(M_PI * (k + 0.5) / n), arg);
        for (int d = 0; d < n; d++)
            cheb[d] += (d ? 2.0 : 1.0) / n * value * cos(M_PI * d * (k + 0.5) / n);
    }
    double before[MOST] = {1}, now[MOST] = {0, 1}; /* T_0 and T_1 as powers */
    for (int i = 0; i < n; i++)
        power[i] = 0;
    for (int d = 0; d < n; d++) {
        for (int i = 0; i < n; i++)
            power[i] += cheb[d] * before[i];
        double next[MOST];
        for (int i = 0; i < n; i++)
            next[i] = (i ? 2 * now[i - 1] : 0) - before[i];
        for (int i = 0; i < n; i++) {
            before[i] = now[i];
            now[i] = next[i];
        }
    }
}

static double tap(const pcl_gridfn *fn, double s, int t) {
    return pcl_gridfn_value(fn, t + 0.5 * (s + 1) - 0.5 * fn->support);
}

static double of_square(const pcl_gridfn *fn, double s, int unused) {
    (void)unused;
    return pcl_gridfn_value(fn, 0.5 * fn->support * sqrt(0.5 * (s + 1)));
}

static void fit(pcl_gridfn *fn) {
    double power[PCL_GRIDFN_EVEN + 1];
    for (int t = 0; t < fn->support; t++) {
        interpolate(tap, fn, t, PCL_GRIDFN_DEGREE, power);
        for (int d = 0; d <= PCL_GRIDFN_DEGREE; d++)
            fn->coef[d][t] = (float)power[d];
    }
    interpolate(of_square, fn, 0, PCL_GRIDFN_EVEN, power);
    for (int d = 0; d <= PCL_GRIDFN_EVEN; d++)
        fn->even[d] = (float)power[d];
}

int pcl_gridfn_get(size_t k, pcl_gridfn *out) {
    if (k >= NTABLE)
        return 0;
    *out = (pcl_gridfn){.support = table[k].support,
                        .sigma = table[k].sigma,
                        .beta = table[k].beta,
                        .e0 = table[k].e0,
                        .misfit = table[k].misfit,
                        .magnify = table[k].magnify};
    fit(out);
    return 1;
}

static double error(double misfit, double magnify) {
    return hypot(misfit, 6e-8 * magnify);
}

double pcl_gridfn_error(const pcl_gridfn *fn) {
    return error(fn->misfit, fn->magnify);
}

void pcl_gridfn_choose(double accuracy, double npixel, double nvis, pcl_gridfn *out) {
    size_t best = 0, finest = 0;
    double best_cost = INFINITY, finest_error = INFINITY;
    for (size_t k = 0; k < NTABLE; k++) {
        const double e = error(table[k].misfit, table[k].magnify),
                     ngrid = npixel * table[k].sigma * table[k].sigma;
        /* about ns */
        const double cost = ngrid * log2(ngrid + 2) * 0.25 + nvis * (20 + 3 * table[k].support);
        if (e < finest_error) {
            finest_error = e;
            finest = k;
        }
        if (e <= accuracy && cost < best_cost) {
            best_cost = cost;
            best = k;
        }
    }
    (void)pcl_gridfn_get(best_cost < INFINITY ? best : finest, out);
}

/* Fourier transform of C by Gauss-Chebyshev quadrature on the half axis (C is even and vanishes
 * smoothly enough at its ends: 100 nodes give 1e-12). */
enum { NNODE = 100 };
typedef struct quadrature {
    double x[NNODE], weight[NNODE]; /* x in cells; weight includes C */
} quadrature;

static void quadrature_init(quadrature *q, const pcl_gridfn *fn) {
    for (int i = 0; i < NNODE; i++) {
        const double a = M_PI * (i + 0.5) / (2 * NNODE); /* 0 ... pi/2: the positive half */
        q->x[i] = 0.5 * fn->support * cos(a);
        q->weight[i] = sin(a) * pcl_gridfn_value(fn, q->x[i]) * M_PI / (2 * NNODE) * fn->support;
    }
}

/* At k cycles per cell. */
static double transform(const quadrature *q, double k) {
    double sum = 0;
    for (int i = 0; i < NNODE; i++)
        sum += q->weight[i] * cos(2 * M_PI * k * q->x[i]);
    return sum;
}

/* Aliases beyond +-2 are below 1e-8 of the pixel's own value for all kernels of the table. */
static double correction(const quadrature *q, double x) {
    const double c = transform(q, x);
    double power = c * c;
    for (int m = 1; m <= 2; m++) {
        const double a = transform(q, x + m), b = transform(q, x - m);
        power += a * a + b * b;
    }
    return c / power;
}

double pcl_gridfn_correction_at(const pcl_gridfn *fn, double x) {
    quadrature q;
    quadrature_init(&q, fn);
    return correction(&q, x);
}

void pcl_gridfn_correction(const pcl_gridfn *fn, size_t n, size_t ngrid, float *h) {
    quadrature q;
    quadrature_init(&q, fn);
    for (size_t i = 0; i <= n / 2; i++) {
        const float value = (float)correction(&q, (double)i / (double)ngrid);
        h[n / 2 - i] = value; /* even in x */
        if (n / 2 + i < n)
            h[n / 2 + i] = value;
    }
}
