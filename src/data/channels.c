#include "data/channels.h"

#include <math.h>
#include <stdlib.h>

#include "base/quantity.h"

static const double C = 299792458.0;

/* What start or width may be. */
enum kind { UNSET, CHANNEL, HERTZ, VELOCITY };
typedef struct value {
    enum kind kind;
    double number;
} value;

static int parse(const char *name, const char *text, value *out, pclean_err *err) {
    *out = (value){.kind = UNSET};
    if (!text || !*text)
        return 0;
    pcl_quantity q;
    int rc = pcl_quantity_parse(text, &q, err);
    if (rc) {
        pcl_err_prefix(err, "%s: ", name);
        return rc;
    }
    out->number = q.value;
    if (q.dim == PCL_DIM_FREQ)
        out->kind = HERTZ;
    else if (q.dim == PCL_DIM_VELOCITY)
        out->kind = VELOCITY;
    else if (q.dim == PCL_DIM_NONE && q.value == round(q.value))
        out->kind = CHANNEL;
    else
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "%s=\"%s\" must be a whole channel number, a frequency (\"1.42GHz\") or a "
                        "velocity (\"10km/s\")",
                        name, text);
    return 0;
}

/* Lowest and highest edge of the channels [from, to] (any order) of a band, in the image's
 * frame. */
static void edges(const pcl_band *b, int from, int to, double *low, double *high) {
    *low = INFINITY;
    *high = -INFINITY;
    for (int i = from; i <= to; i++) {
        *low = fmin(*low, (b->freq_hz[i] - 0.5 * b->width_hz[i]) * b->doppler);
        *high = fmax(*high, (b->freq_hz[i] + 0.5 * b->width_hz[i]) * b->doppler);
    }
}

/* Edges of everything: of the selected channels, or of whole windows. */
static void extent(size_t nband, const pcl_band *band, bool selected, double *low, double *high) {
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t k = 0; k < nband; k++) {
        double l, h;
        int last = (int)band[k].nchan - 1;
        edges(&band[k], selected ? band[k].sel[0] : 0,
              selected ? band[k].sel[band[k].nsel - 1] : last, &l, &h);
        *low = fmin(*low, l);
        *high = fmax(*high, h);
    }
}

static double radio_width(const pcl_channel_request *r, double velocity) {
    return -r->restfreq_hz * velocity / C;
}

static double velocity_to_hz(const pcl_channel_request *r, double v) {
    return r->optical ? r->restfreq_hz / (1 + v / C) : r->restfreq_hz * (1 - v / C);
}

static int needs_restfreq(const pcl_channel_request *r, const value *start, const value *width,
                          pclean_err *err) {
    if ((start->kind == VELOCITY || width->kind == VELOCITY) && !(r->restfreq_hz > 0))
        return PCL_FAIL(
            err, PCLEAN_EPARAM,
            "start or width is a velocity but the rest frequency is not known; give restfreq");
    if (width->kind == VELOCITY && r->optical)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "width as an optical velocity would make unequal channels, which this "
                        "version cannot write; give width as a frequency or use veltype=radio");
    return 0;
}

/* Width of the data channel of lowest frequency, in the image's frame: what width="" and width=W
 * mean. */
static double data_width(const pcl_band *b) {
    size_t last = b->nchan - 1, low = b->freq_hz[last] < b->freq_hz[0] ? last : 0;
    return b->width_hz[low] * b->doppler;
}

/* Whole channels between an edge and the end of the band; the hundredth forgives rounding (tclean's
 * number). */
static double whole_channels(double distance, double step) {
    return floor((fabs(distance) + 0.01 * step) / step);
}

/* What is asked for, and of what data. */
typedef struct asked {
    const pcl_channel_request *request;
    value start, width;
    size_t nband;
    const pcl_band *band; /* [nband]; the first says what numbers and widths of channels mean */
} asked;

/* The grid before nchan is known: `edge` is where channel 0 begins, `end` where the band ends in
 * the direction of step. */
typedef struct layout {
    double edge, end, step; /* step < 0: descending */
    bool reversed;          /* counted from the low edge, listed from the top (start "" with a
                             * descending width) */
} layout;

static bool is_in_channels(const value *width) {
    return width->kind == UNSET || width->kind == CHANNEL;
}

/* The width in Hz; one in data channels is along frequency. */
static double width_of(const asked *a) {
    if (a->width.kind == HERTZ)
        return a->width.number;
    if (a->width.kind == VELOCITY)
        return radio_width(a->request, a->width.number);
    return data_width(a->band) * (a->width.kind == CHANNEL ? a->width.number : 1);
}

/* Place in the band of the channel that `start` numbers. */
static int place_of(const pcl_band *b, int number) {
    for (int c = 0; b->number && c < (int)b->nchan; c++)
        if (b->number[c] == number)
            return c;
    return number;
}

/* All of the data, whatever their order: start "" with a width, or with several bands. */
static void from_extent(const asked *a, layout *g) {
    extent(a->nband, a->band, true, &g->edge, &g->end);
    g->step = width_of(a);
    g->reversed = g->step < 0;
}

/* start is a channel number, or the first selected channel. */
static int from_channel_number(const asked *a, layout *g, pclean_err *err) {
    const pcl_band *b = a->band;
    const bool numbered = a->start.kind == CHANNEL;
    const int last = (int)b->nchan - 1;
    if (numbered && !(a->start.number >= 0 && a->start.number <= last))
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "start=%.0f is outside the data: the spectral window has channels 0 to %d",
                        a->start.number, last);
    const int first = numbered ? place_of(b, (int)a->start.number) : b->sel[0];
    const double along = b->freq_hz[last] < b->freq_hz[0] ? -1 : 1; /* direction of the data */
    g->step = is_in_channels(&a->width) ? along * width_of(a) : width_of(a);
    const double side = g->step < 0 ? -1 : 1;
    int end = 0;
    if (side == along)
        end = numbered ? last : b->sel[b->nsel - 1];
    g->edge = (b->freq_hz[first] - side * 0.5 * b->width_hz[first]) * b->doppler;
    g->end = (b->freq_hz[end] + side * 0.5 * b->width_hz[end]) * b->doppler;
    return 0;
}

/* start is a frequency or a velocity. */
static int from_frequency(const asked *a, layout *g, pclean_err *err) {
    const pcl_channel_request *r = a->request;
    const bool velocity = a->start.kind == VELOCITY;
    const double centre = velocity ? velocity_to_hz(r, a->start.number) : a->start.number;
    double low, high;
    extent(a->nband, a->band, false, &low, &high);
    if (!(centre > low && centre < high)) {
        char wanted[48], from[48], to[48];
        pcl_format_si(wanted, sizeof wanted, centre, PCL_DIM_FREQ);
        pcl_format_si(from, sizeof from, low, PCL_DIM_FREQ);
        pcl_format_si(to, sizeof to, high, PCL_DIM_FREQ);
        return PCL_FAIL(
            err, PCLEAN_EPARAM,
            "start=\"%s\" (%s) is outside the data, which cover %s to %s in the image's frame",
            r->start, wanted, from, to);
    }
    /* a width in channels is along velocity if the start is one */
    g->step = velocity && is_in_channels(&a->width) ? -width_of(a) : width_of(a);
    g->edge = centre - 0.5 * g->step;
    g->end = g->step > 0 ? high : low;
    return 0;
}

static int lay_out(const asked *a, layout *g, pclean_err *err) {
    *g = (layout){0};
    if (a->start.kind == HERTZ || a->start.kind == VELOCITY)
        return from_frequency(a, g, err);
    if (a->start.kind == CHANNEL || (is_in_channels(&a->width) && a->nband == 1))
        return from_channel_number(a, g, err);
    from_extent(a, g);
    return 0;
}

/* One channel: all selected data, at all times. */
static void mfs_channel(const pcl_channel_request *r, size_t nband, const pcl_band *band,
                        pcl_channels *out) {
    double low, high;
    extent(nband, band, true, &low, &high);
    low *= fmin(r->doppler_min, r->doppler_max);
    high *= fmax(r->doppler_min, r->doppler_max);
    out->nchan = 1;
    out->first_hz = 0.5 * (low + high);
    out->step_hz = high - low;
    out->nearest = true;
}

int pcl_channels_resolve(const pcl_channel_request *r, size_t nband, const pcl_band *band,
                         pcl_channels *out, pclean_err *err) {
    *out = (pcl_channels){.mfs = r->mfs, .nearest = r->nearest, .whole = 1};
    if (r->mfs) {
        mfs_channel(r, nband, band, out);
        return 0;
    }
    asked a = {.request = r, .nband = nband, .band = band};
    layout g;
    int rc;
    if ((rc = parse("start", r->start, &a.start, err)) ||
        (rc = parse("width", r->width, &a.width, err)) ||
        (rc = needs_restfreq(r, &a.start, &a.width, err)))
        return rc;
    if (a.width.kind != UNSET && a.width.number == 0)
        return PCL_FAIL(err, PCLEAN_EPARAM, "width=\"%s\" must not be zero", r->width);
    if ((rc = lay_out(&a, &g, err)))
        return rc;
    const double step = fabs(g.step), least = data_width(band);
    if (step < least - 1)
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "width=\"%s\" (%.6g Hz) is narrower than the data's channels (%.6g Hz); "
                        "give a width at least as large",
                        r->width, step, least);
    double n = r->nchan > 0 ? r->nchan : whole_channels(g.end - g.edge, step);
    if (n < 1)
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "no whole channel of %.6g Hz fits between start=\"%s\" and the end of the "
                        "data; give a smaller width or nchan",
                        step, r->start ? r->start : "");
    if (n > 1e8)
        return PCL_FAIL(err, PCLEAN_EPARAM, "start and width make %.3g channels; check width", n);
    out->nchan = out->whole = (size_t)n;
    out->step_hz = g.step;
    out->first_hz = g.edge + 0.5 * g.step;
    if (g.reversed)
        out->first_hz = g.edge + step * (n - 0.5);
    if (out->nchan == 1)
        out->nearest = true; /* tclean interpolates no image of one channel */
    return 0;
}

/* ---- rows to image channels ---- */

static const double SAME = 1e-6; /* of a channel: closer than this is equal, whatever the last
                                  * bits say */
static const double MOST_POINTS = 1 << 20; /* in an image channel, whatever the spacing */

double pcl_channels_centre(const pcl_channels *c, size_t ichan) {
    return c->first_hz + (double)(c->offset + ichan) * c->step_hz;
}

static bool takes_nearest(const pcl_channels *c, const pcl_row_channels *row) {
    return c->nearest || c->mfs || row->n < 2;
}

static bool descends(size_t n, const double *x) {
    return n > 1 && x[n - 1] < x[0];
}

/* Channels of the row in one of the image; 1 where all of the row's have one frequency. */
static double width_ratio(const pcl_channels *c, const pcl_row_channels *row) {
    return row->spacing_hz > 0 ? fmin(fabs(c->step_hz) / row->spacing_hz, MOST_POINTS) : 1;
}

/* Linear interpolation points per image channel: tclean's floor(ratio), without its accident of
 * rounding. */
static size_t points_per_channel(const pcl_channels *c, const pcl_row_channels *row) {
    const double ratio = width_ratio(c, row);
    return ratio > 1 + SAME ? (size_t)floor(ratio + SAME * ratio + 1e-3 * SAME) : 1;
}

/* Most channels of the row within the width of an image channel, and a little more, wherever that
 * begins. */
static size_t most_together(const pcl_channels *c, const pcl_row_channels *row) {
    const double width = 1.005 * fabs(c->step_hz);
    size_t most = 0;
    for (size_t i = 0, j = 0; i < row->n; i++) {
        while (j < row->n && fabs(row->freq_hz[j] - row->freq_hz[i]) <= width)
            j++;
        most = j - i > most ? j - i : most;
    }
    return most;
}

size_t pcl_channels_max_samples(const pcl_channels *c, const pcl_row_channels *row) {
    if (c->mfs || row->n < 2)
        return row->n;
    if (c->nearest) {
        const size_t n = (size_t)(width_ratio(c, row) * 1.01) + 2,
                     together = most_together(c, row) + 1, most = n > together ? n : together;
        return most < row->n + 1 ? most : row->n + 1;
    }
    /* interpolated across a gap between the row's channels too */
    const double extent = row->spacing_hz > 0
                              ? fabs(row->freq_hz[row->n - 1] - row->freq_hz[0]) / row->spacing_hz
                              : 0;
    const size_t n = points_per_channel(c, row) + 1,
                 room = (size_t)fmin(extent + 0.5, MOST_POINTS) + 2;
    return n < room ? n : room;
}

/* Largest i with x[i] on the low side of f (ascending) or the high side (descending); -1 when f
 * lies before x[0]. */
static long bracket(size_t n, const double *x, double f) {
    const double sign = descends(n, x) ? -1 : 1;
    long low = -1, high = (long)n;
    while (high - low > 1) {
        long mid = low + (high - low) / 2;
        if (sign * x[mid] <= sign * f)
            low = mid;
        else
            high = mid;
    }
    return low;
}

static size_t nearest_samples(const pcl_channels *c, size_t ichan, const pcl_row_channels *row,
                              double doppler, pcl_channel_sample *out) {
    size_t n = 0;
    const size_t most = pcl_channels_max_samples(c, row), nfreq = row->n;
    const double *freq_hz = row->freq_hz, centre = pcl_channels_centre(c, ichan),
                 half = 0.5 * fabs(c->step_hz);
    long from = 0;
    if (!c->mfs && nfreq > 1) {
        const double sign = descends(nfreq, freq_hz) ? 1 : -1;
        from = bracket(nfreq, freq_hz, (centre + sign * half * (1 + 4 * SAME)) / doppler);
        from = from < 0 ? 0 : from;
    }
    for (long i = from; i < (long)nfreq && n < most; i++) {
        const double f = freq_hz[i] * doppler;
        if (!c->mfs) {
            const double pixel = floor((f - c->first_hz) / c->step_hz + 0.5 + SAME);
            if (pixel != (double)(c->offset + ichan)) {
                if (i > from + 1) /* past the far edge: channels are in order */
                    break;
                continue;
            }
        }
        out[n++] = (pcl_channel_sample){.lo = (int)i, .hi = (int)i, .near = (int)i, .freq_hz = f};
    }
    return n;
}

/* One point of linear interpolation at frequency f (image frame); false when f is not between two
 * data channels. */
static bool interpolate(const pcl_row_channels *row, double doppler, double f,
                        pcl_channel_sample *out) {
    const size_t nfreq = row->n;
    const double *freq_hz = row->freq_hz, x = f / doppler, spacing = row->spacing_hz;
    long i = bracket(nfreq, freq_hz, x);
    *out = (pcl_channel_sample){.freq_hz = f};
    for (long k = i; k <= i + 1; k++)
        if (k >= 0 && k < (long)nfreq && fabs(freq_hz[k] - x) < SAME * spacing) {
            out->lo = out->hi = out->near = (int)k;
            return true;
        }
    if (i < 0 || i >= (long)nfreq - 1)
        return false;
    const double alpha = (x - freq_hz[i]) / (freq_hz[i + 1] - freq_hz[i]);
    out->lo = (int)i;
    out->hi = (int)i + 1;
    out->alpha = (float)alpha;
    out->near = (int)(alpha <= 0.5 ? i : i + 1);
    return true;
}

size_t pcl_channels_samples(const pcl_channels *c, size_t ichan, const pcl_row_channels *row,
                            double doppler, pcl_channel_sample *out) {
    if (takes_nearest(c, row))
        return nearest_samples(c, ichan, row, doppler, out);
    size_t n = 0, points = points_per_channel(c, row);
    const double centre = pcl_channels_centre(c, ichan), step = fabs(c->step_hz) / (double)points;
    for (size_t j = 0; j < points; j++) {
        double f = centre + ((double)j - 0.5 * (double)(points - 1)) * step;
        if (interpolate(row, doppler, f, &out[n]))
            n++;
    }
    return n;
}

void pcl_channels_needed(const pcl_channels *c, size_t nfreq, const double *freq_hz, double dmin,
                         double dmax, size_t *from, size_t *to) {
    *from = 0;
    *to = nfreq;
    if (c->mfs || nfreq == 0)
        return;
    const double begin = pcl_channels_centre(c, 0), end = pcl_channels_centre(c, c->nchan - 1);
    const double low = (fmin(begin, end) - 0.5 * fabs(c->step_hz)) / dmax;
    const double high = (fmax(begin, end) + 0.5 * fabs(c->step_hz)) / dmin;
    /* for what the last bits say */
    const double ends[] = {freq_hz[0], freq_hz[nfreq - 1]}, margin = 0.01 * fabs(c->step_hz);
    if (fmax(ends[0], ends[1]) < low - margin || fmin(ends[0], ends[1]) > high + margin) {
        *to = 0;
        return;
    }
    if (nfreq < 2)
        return;
    const bool down = descends(nfreq, freq_hz);
    long a = bracket(nfreq, freq_hz, down ? high : low) - 1,
         b = bracket(nfreq, freq_hz, down ? low : high) + 3;
    const long stop = b < (long)nfreq ? b : (long)nfreq;
    *to = stop > 0 ? (size_t)stop : 0;
    *from = a > 0 ? (size_t)a : 0;
    if (*from > *to)
        *from = *to;
}
