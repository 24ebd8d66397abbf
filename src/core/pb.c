/* pb.c: primary beam models.
 *
 * What tclean's standard gridder does (SynthesisImager::makePBImage, PBMath*.cc), measured on its
 * .pb to 2e-6:
 *   - the model goes by the exact TELESCOPE_NAME (ALMA with dishes below 12 m is ACA); an unknown
 *     one gets the VLA's measured beam scaled by 25 m / dish diameter;
 *   - the pattern is tabulated at 10000 radii x frequency and looked up without interpolation (a
 *     staircase of about 2e-4, which decides single pixels of masks, so it is kept); 0 beyond the
 *     last radius;
 *   - .pb is then set to 0 where it is not above |pblimit|;
 *   - telescopes with another model for each receiver (VLA, ATCA, WSRT) have that of the image's
 *     first channel in all of its channels (tests/golden/pb_cube.tsv); the EVLA's is looked up anew
 *     for each channel.
 * CASA's Airy disc with a central blockage of diameter b is (R^2 2 J1(x)/x - 2 J1(xR)/(xR)) /
 * (R^2 - 1) with R = D/b, where physics has x/R for xR: up to 1.1e-2 off, but it is what ALMA's and
 * the VLA's images are corrected with, so we keep it.
 *
 * Not as CASA: WSRT: CASA raises the cosine to the 8th power, the observatory (and the source of
 * its constants) to the 6th. GMRT: CASA scales the VLA's beam to 45 m, 25 % too narrow at 1.4 GHz:
 * here NCRA's polynomials (GMRT primary beam technical note 2018). MeerKAT: Mauch et al. 2020, ApJ
 * 888, 61: 57.5 arcmin at 1.5 GHz, cosine-squared taper; CASA scales the VLA's beam to 13.5 m, 8 %
 * too narrow. ASKAP: Gaussian of 1.09 lambda / D (ASKAPsoft's default); CASA by diameter. */
#include "core/pb.h"
#include "core/pb_evla.h"
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define ARCMIN   (M_PI / 180 / 60)
#define COUNT(a) (sizeof(a) / sizeof *(a))

enum { MAX_TERMS = 31 };

/* A model: power as a function of rho = radius x frequency, arcmin GHz. */
typedef struct model {
    const char *name;
    double (*power)(const struct model *m, double rho);
    double reach; /* arcmin GHz */
    double a, b;  /* Airy: dish and blockage, m; Gaussian, cosines: width or scale */
    size_t nterm;
    double term[MAX_TERMS]; /* polynomial in rho^2, or a cosine series */
    double other[5];        /* second polynomial, for models interpolated in frequency */
    double mix;             /* share of the second */
    bool first_minimum;     /* the model ends at its first minimum or zero */
} model;

static double square(double x) {
    return x * x;
}

/* 2 J1(x) / x */
static double jinc(double x) {
    return x == 0 ? 1 : 2 * j1(x) / x;
}

static double airy(const model *m, double rho) {
    /* CASA's constant: second null of 24.5 m at 1 GHz */
    const double x = rho * 7.016 / (1.566 * 60) * m->a / 24.5;
    if (m->b == 0)
        return square(jinc(x));
    const double ratio = m->a / m->b, area = ratio * ratio;
    return square((area * jinc(x) - jinc(x * ratio)) / (area - 1));
}

static double sum_terms(const double *term, size_t n, double rho) {
    double sum = 0;
    for (size_t i = n; i-- > 0;)
        sum = sum * rho * rho + term[i];
    return sum;
}

static double polynomial(const model *m, double rho) {
    return fmax(0, sum_terms(m->term, m->nterm, rho));
}

/* One over a polynomial, or the voltage mixed from two of them. */
static double inverse_polynomial(const model *m, double rho) {
    const double first = sum_terms(m->term, m->nterm, rho);
    if (m->mix == 0)
        return 1 / first;
    return square((1 - m->mix) / sqrt(first) + m->mix / sqrt(sum_terms(m->other, m->nterm, rho)));
}

static double gauss(const model *m, double rho) {
    return exp(-M_LN2 * square(rho / m->a));
}

static double cosine6(const model *m, double rho) {
    return pow(cos(m->a * rho), 6);
}

/* Mauch et al. 2020, eq. 3; a = full width at half maximum. */
static double cosine_taper(const model *m, double rho) {
    const double x = 1.189 * rho / m->a;
    const double bottom = 1 - 4 * x * x;
    return fabs(bottom) < 1e-9 ? square(M_PI_4) : square(cos(M_PI * x) / bottom);
}

/* A cosine series over the reach (Clenshaw's sum). The angle of the reach is 9999/10000 of pi: see
 * sampled(). */
static double cosine_series(const model *m, double rho) {
    const double t = cos(rho / m->reach * (PCL_PB_SAMPLES - 1) / PCL_PB_SAMPLES * M_PI);
    double b1 = 0, b2 = 0;
    for (size_t k = m->nterm; k-- > 1;) {
        const double b0 = m->term[k] + 2 * t * b1 - b2;
        b2 = b1;
        b1 = b0;
    }
    return fmax(0, m->term[0] + t * b1 - b2);
}

/* ---- The telescopes ---- */

static model airy_disc(const char *name, double dish_m, double blockage_m, double reach_deg) {
    return (model){
        .name = name, .power = airy, .reach = reach_deg * 60, .a = dish_m, .b = blockage_m};
}

static void set_terms(double *out, const double *term, size_t n) {
    for (size_t i = 0; i < n; i++)
        out[i] = term[i];
}

static model series(const char *name, double (*power)(const model *, double), double reach,
                    const double *term, size_t n) {
    model m = {.name = name, .power = power, .reach = reach, .nterm = n};
    set_terms(m.term, term, n);
    return m;
}

/* n samples of the power from the centre to the reach, interpolated as PBMath1DNumeric does by
 * Fourier transforms: mirrored, as a cosine series, normalised at 0. Its highest term counts twice,
 * and the last of the 10000 samples falls one short of the reach, as there. */
static model sampled(const char *name, double reach, const double *sample, size_t n) {
    model m = {.name = name, .power = cosine_series, .reach = reach, .nterm = n};
    double centre = 0;
    for (size_t k = 0; k < n; k++) {
        double c = sample[0] + sample[n - 1] * (k % 2 ? -1 : 1);
        for (size_t i = 1; i < n - 1; i++)
            c += 2 * sample[i] * cos(M_PI * (double)(k * i) / (double)(n - 1));
        m.term[k] = (k == 0 ? 1 : 2) * c;
        centre += m.term[k];
    }
    for (size_t k = 0; k < n; k++)
        m.term[k] /= centre;
    return m;
}

/* The VLA's beam as measured, scaled to another dish (PBMath::initByDiameter). */
static model by_diameter(const char *name, double dish_m) {
    static const double vla[] = {1.000000,  0.997634,  0.972516,    0.913722,   0.837871,
                                 0.750356,  0.651549,  0.549903,    0.449083,   0.352819,
                                 0.266025,  0.190533,  0.128047,    0.0794855,  0.0438381,
                                 0.0201386, 0.0065117, 0.000690041, 8.87288e-05};
    return sampled(name, 1.1998662 * 25 / dish_m * 43, vla, COUNT(vla));
}

static bool within(double x, double lo, double hi) {
    return x > lo && x < hi;
}

static model vla(double ghz) {
    const bool band = within(ghz, 35, 55) || within(ghz, 19, 35) || within(ghz, 11, 19) ||
                      within(ghz, 7, 11) || within(ghz, 4, 7) || within(ghz, 1, 2) ||
                      within(ghz, 0.2, 0.4) || ghz < 0.1;
    return band ? airy_disc("VLA: Airy disc 25 m, blockage 2.36 m", 25, 2.36, 0.8564)
                : airy_disc("VLA outside its bands: Airy disc 24.5 m", 24.5, 0, 0.8564);
}

/* The range of rows of the receiver band that holds a frequency; the whole table where none
 * does. */
static void evla_band(double mhz, size_t *first, size_t *last) {
    static const int band[][4] = {
        {224, 480, 232, 470},         {900, 2003, 1040, 2000},      {1990, 4001, 2052, 3948},
        {3990, 8001, 4052, 7948},     {7990, 12001, 8052, 11948},   {12000, 18000, 12052, 17948},
        {19000, 26000, 19052, 25948}, {28000, 38000, 28052, 38048}, {41000, 50000, 41052, 43948}};
    int lo = 0, hi = 1000000;
    for (size_t i = COUNT(band); i-- > 0;)
        if (mhz > band[i][0] && mhz < band[i][1]) {
            lo = band[i][2];
            hi = band[i][3];
        }
    *first = COUNT(evla_table);
    *last = 0;
    for (size_t i = 0; i < COUNT(evla_table); i++)
        if (evla_table[i].mhz >= lo && evla_table[i].mhz <= hi) {
            *first = i < *first ? i : *first;
            *last = i;
        }
}

static model evla(double ghz) {
    size_t best, last;
    evla_band(ghz * 1e3, &best, &last);
    for (size_t i = best; i <= last; i++) /* of two equally near, the higher, as CASA */
        if (fabs(evla_table[i].mhz - ghz * 1e3) <= fabs(evla_table[best].mhz - ghz * 1e3))
            best = i;
    const struct evla_row *r = &evla_table[best];
    const double term[] = {1, -1e-3 * r->a, 1e-7 * r->b, -1e-10 * r->c, 1e-14 * r->d};
    return series("EVLA: Perley 2016, EVLA memo 195", polynomial, 58, term, COUNT(term));
}

/* Two inverse polynomials and the share of the second. */
static model mixed(const char *name, const double (*row)[5], size_t nrow, double first_ghz,
                   double step_ghz, double ghz) {
    const double at = fmin(fmax((ghz - first_ghz) / step_ghz, 0), (double)(nrow - 1));
    const size_t i = at >= (double)(nrow - 1) ? nrow - 2 : (size_t)at;
    model m = series(name, inverse_polynomial, 53, row[i], 5);
    set_terms(m.other, row[i + 1], 5);
    m.mix = at - (double)i;
    return m;
}

static model atca(double first_ghz, double ghz) {
    static const double cm16[7][5] = {{1, 1.06274e-03, 1.32342e-06, -8.72013e-10, 1.08020e-12},
                                      {1, 9.80817e-04, 1.17898e-06, -7.83160e-10, 8.66199e-13},
                                      {1, 9.53553e-04, 9.33233e-07, -4.26759e-10, 5.63667e-13},
                                      {1, 9.78268e-04, 6.63231e-07, 4.18235e-11, 2.62297e-13},
                                      {1, 1.02424e-03, 6.12726e-07, 2.25733e-10, 2.04834e-13},
                                      {1, 1.05818e-03, 5.37473e-07, 4.22386e-10, 1.17530e-13},
                                      {1, 1.10650e-03, 5.11574e-07, 5.89732e-10, 8.13628e-14}};
    static const double cx[2][5] = {{1, 1.08e-3, 1.31e-6, -1.17e-9, 1.07e-12},
                                    {1, 1.04e-3, 8.36e-7, -4.68e-10, 5.50e-13}};
    static const double kq[5] = {1, 9.832e-4, 1.081e-6, -4.676e-10, 6.650e-13};
    static const double w[5] = {1, 1.271e-3, -3.040e-7, 1.410e-9, 0};
    static const double l1[5] = {1, 8.99e-4, 2.15e-6, -2.23e-9, 1.56e-12};
    if (within(first_ghz, 1, 3.5))
        return mixed("ATCA: 16 cm inverse polynomials", cm16, 7, 1.332, 0.256, ghz);
    if (within(first_ghz, 4, 12.5))
        return mixed("ATCA: C and X band inverse polynomials", cx, 2, 4.8, 3.84, ghz);
    if (within(first_ghz, 15, 26) || within(first_ghz, 30, 50))
        return series("ATCA: K and Q band inverse polynomial", inverse_polynomial, 53, kq, 5);
    if (within(first_ghz, 80, 120))
        return series("ATCA: W band inverse polynomial", inverse_polynomial, 53, w, 5);
    return series("ATCA: L band inverse polynomial", inverse_polynomial, 53, l1, 5);
}

static model gmrt(double ghz) {
    static const double band[4][5] = {{1, -2.83e-3, 33.564e-7, -18.026e-10, 3.588e-13},
                                      {1, -2.939e-3, 33.312e-7, -16.659e-10, 3.066e-13},
                                      {1, -3.190e-3, 38.642e-7, -20.471e-10, 3.964e-13},
                                      {1, -2.608e-3, 27.357e-7, -13.091e-10, 2.368e-13}};
    static const double ends_ghz[3] = {0.25, 0.5, 1};
    size_t i = 0;
    while (i < 3 && ghz >= ends_ghz[i])
        i++;
    model m = series("GMRT: NCRA polynomials 2018", polynomial, 45, band[i], 5);
    m.first_minimum = true;
    return m;
}

/* Schwab's spheroidal function, m = 6, alpha = 1, which CASA takes for the SMA on 3 / 1.1117 of the
 * half width. */
static model sma(void) {
    static const double low[7] = {0.08203343, -0.3644705, 0.627866, -0.5335581,
                                  0.2312756,  0.8212018,  0.2078043};
    static const double high[7] = {0.004028559, -0.03697768, 0.1021332, -0.1201436,
                                   0.06412774,  0.9599102,   0.2918724};
    double sample[31];
    for (size_t k = 0; k < 31; k++) {
        const double eta = (double)k / 30, edge = eta > 0.75 ? 1 : 0.75;
        const double *c = eta > 0.75 ? high : low, x = eta * eta - edge * edge;
        sample[k] = (c[0] + x * (c[1] + x * (c[2] + x * (c[3] + x * c[4])))) /
                    (1 + x * (c[5] + x * c[6])) * (1 - eta * eta);
    }
    return sampled("SMA: spheroidal, 52.3 arcsec at 224 GHz", 52.3 / 2 * 3 / 1.1117 / 60 * 224,
                   sample, 31);
}

static model gbt(void) {
    double term[7] = {1.00632057,     -0.00181068914,  1.32948262e-06, -4.72454392e-10,
                      7.11800547e-14, -3.50646851e-20, -7.40533706e-22}; /* at 340 MHz */
    double scale = 1;
    for (size_t k = 1; k < 7; k++) {
        scale /= 0.34 * 0.34;
        term[k] *= scale;
    }
    return series("GBT: polynomial measured at 340 MHz", polynomial, 60 * 0.34, term, 7);
}

static model wsrt(double ghz) {
    const bool low = (ghz < 0.8 && ghz > 0.5) || ghz < 0.5;
    return (model){.name = "WSRT: cosine to the 6th power",
                   .power = cosine6,
                   .reach = 60,
                   .a = low ? 0.01830 : 0.01891};
}

static bool is_any(const char *name, const char *const *list) {
    for (; *list; list++)
        if (!strcasecmp(name, *list))
            return true;
    return false;
}
#define IS(...) is_any(telescope, (const char *const[]){__VA_ARGS__, NULL})

/* Where nothing is known of the antennas. */
static double unity(const model *m, double rho) {
    (void)m;
    (void)rho;
    return 1;
}

/* The model by name and, where there is one for each receiver, by the frequency of the image's
 * first channel. False: nothing is known, and the beam is 1 everywhere. */
static bool choose(const char *telescope, double dish_m, double first_ghz, double ghz, model *m) {
    if (IS("ACA") || (IS("ALMA") && dish_m > 0 && dish_m < 12))
        *m = airy_disc("ACA: Airy disc 6.25 m, blockage 0.75 m", 6.25, 0.75, 3.568);
    else if (IS("ALMA", "ALMASD", "ATF"))
        *m = airy_disc("ALMA: Airy disc 10.7 m, blockage 0.75 m", 10.7, 0.75, 1.784);
    else if (IS("VLA"))
        *m = vla(first_ghz);
    else if (IS("EVLA"))
        *m = evla(ghz);
    else if (IS("NGVLA"))
        *m = airy_disc("ngVLA: Airy disc 18 m", 18, 0, 1.5);
    else if (IS("ATCA"))
        *m = atca(first_ghz, ghz);
    else if (IS("HATCREEK", "BIMA"))
        *m = (model){.name = "BIMA: Gaussian, 191.67 arcmin at 1 GHz",
                     .power = gauss,
                     .reach = 215,
                     .a = 191.67 / 2};
    else if (IS("IRAMPDB", "IRAM_PDB", "IRAM PDB", "NOEMA", "IRAM30M"))
        *m = airy_disc("IRAM: Airy disc 15 m, blockage 1 m", 15, 1, 1.784);
    else if (IS("OVRO"))
        *m = by_diameter("OVRO: VLA beam scaled to 10.4 m", 10.4);
    else if (IS("NRAO12M"))
        *m = by_diameter("NRAO12M: VLA beam scaled to 12 m", 12);
    else if (IS("ATA"))
        *m = airy_disc("ATA: Airy disc 6 m, blockage 0.5 m", 6, 0.5, 3.568);
    else if (IS("SMA"))
        *m = sma();
    else if (IS("GBT"))
        *m = gbt();
    else if (IS("WSRT"))
        *m = wsrt(first_ghz);
    else if (IS("GMRT", "UGMRT"))
        *m = gmrt(first_ghz);
    else if (IS("MEERKAT"))
        *m = (model){.name = "MeerKAT: Mauch et al. 2020",
                     .power = cosine_taper,
                     .reach = 1.5 / 1.189 * 57.5 * 1.5,
                     .a = 57.5 * 1.5};
    else if (IS("ASKAP")) /* 1.09 lambda / 12 m; ends where it is 0.5 % */
        *m = (model){.name = "ASKAP: Gaussian, 1.09 lambda / 12 m",
                     .power = gauss,
                     .reach = 129.4,
                     .a = 46.81};
    else if (dish_m > 0)
        *m = by_diameter("by dish diameter: VLA beam scaled", dish_m);
    else
        *m = (model){.name = "none known: 1 everywhere", .power = unity, .reach = INFINITY};
    return m->power != unity;
}

/* ---- The table and the grid ---- */

/* The radius where the model stops falling. */
static double first_minimum(const model *m) {
    double before = m->power(m, 0);
    for (double rho = 0.01; rho < m->reach; rho += 0.01) {
        const double here = m->power(m, rho);
        if (here <= 0 || here > before)
            return rho;
        before = here;
    }
    return m->reach;
}

int pcl_pb_init(pcl_pb *pb, const char *telescope, double dish_diameter_m, double first_hz,
                double freq_hz, pclean_err *err) {
    model m;
    *pb = (pcl_pb){.name = ""};
    if (!(freq_hz > 0) || !(first_hz > 0))
        return PCL_FAIL(err, PCLEAN_EPARAM, "primary beam: the frequency %g Hz is not positive",
                        freq_hz > 0 ? first_hz : freq_hz);
    pb->known = choose(telescope, dish_diameter_m, first_hz * 1e-9, freq_hz * 1e-9, &m);
    if (m.first_minimum)
        m.reach = first_minimum(&m);
    pb->name = m.name;
    pb->reach_arcmin_ghz = m.reach;
    pb->freq_hz = freq_hz;
    for (size_t i = 0; i < PCL_PB_SAMPLES; i++)
        /* the unknown beam does not look at it */
        pb->power[i] = (float)m.power(&m, m.reach * (double)i / (PCL_PB_SAMPLES - 1));
    if (pb->power[0] > 1.0f) /* GBT's polynomial; tclean divides by the peak */
        for (size_t i = PCL_PB_SAMPLES; i-- > 0;)
            pb->power[i] /= pb->power[0];
    return 0;
}

bool pcl_pb_is_known(const char *telescope, double dish_diameter_m) {
    model m;
    return choose(telescope, dish_diameter_m, 1, 1, &m);
}

/* As CASA, in float32 degrees squared. */
static float look_up(const pcl_pb *pb, float r2_deg2) {
    const double factor = 60.0 * pb->freq_hz / 1e9;
    if ((double)r2_deg2 > square(pb->reach_arcmin_ghz / factor))
        return 0.0f;
    const float rho = (float)((double)sqrtf(r2_deg2) * factor);
    const double i = (double)rho * ((double)(PCL_PB_SAMPLES - 1) / pb->reach_arcmin_ghz);
    return i < PCL_PB_SAMPLES ? pb->power[(size_t)i] : 0.0f;
}

float pcl_pb_at(const pcl_pb *pb, double radius_rad) {
    return look_up(pb, (float)square(radius_rad / ARCMIN / 60));
}

/* Pixels i and mirror - i are as far from the centre; -1 where none are. */
static long mirror_of(double centre) {
    const double twice = 2 * centre;
    return twice >= 0 && twice == floor(twice) && twice < 1e9 ? (long)twice : -1;
}

void pcl_pb_fill(const pcl_pb *pb, const pcl_raster *raster, double centre_x, double centre_y,
                 float *out) {
    const size_t nx = raster->nx, ny = raster->ny;
    const double cellx = raster->cellx_rad / ARCMIN / 60, celly = raster->celly_rad / ARCMIN / 60;
    const long mirror_x = mirror_of(centre_x), mirror_y = mirror_of(centre_y);
    for (size_t y = 0; y < ny; y++) {
        const float y2 = (float)square(celly * ((double)y - centre_y));
        float *row = out + y * nx;
        const long above = mirror_y - (long)y;
        if (above >= 0 && above < (long)y) {
            memcpy(row, out + (size_t)above * nx, nx * sizeof *row);
            continue;
        }
        for (size_t x = 0; x < nx; x++) {
            const long left = mirror_x - (long)x;
            row[x] = left >= 0 && left < (long)x
                         ? row[left]
                         : look_up(pb, (float)square(cellx * ((double)x - centre_x)) + y2);
        }
    }
}

void pcl_pb_cut(float *pb, size_t n, float pblimit) {
    const float limit = fabsf(pblimit);
    for (size_t i = 0; i < n; i++)
        pb[i] = pb[i] > limit ? pb[i] : 0.0f;
}
