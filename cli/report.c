#include "report.h"
#include "cli.h"
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ALL_PLANES 64 /* a longer table is not read */
#define NBRIGHTEST 5
#define MOST_BAD   40
#define ARCSEC     (3.14159265358979323846 / 180 / 3600)

/* What went wrong with a plane; each group names its channels in the summary. */
static const struct trouble {
    const char *title;
    int stop[3];
} troubles[] = {
    {"Diverged", {PCLEAN_STOP_DIVERGED_STEP, PCLEAN_STOP_DIVERGED_MIN, PCLEAN_STOP_DIVERGED_MINOR}},
    {"Failed", {PCLEAN_STOP_FAILED, PCLEAN_STOP_NOT_FINITE, PCLEAN_STOP_FAILED}},
    {"No data", {PCLEAN_STOP_BLANK, PCLEAN_STOP_BLANK, PCLEAN_STOP_BLANK}},
    {"Empty mask, not cleaned", {PCLEAN_STOP_ZEROMASK, PCLEAN_STOP_ZEROMASK, PCLEAN_STOP_ZEROMASK}},
};
#define NTROUBLE (sizeof troubles / sizeof *troubles)

static bool in_trouble(const struct trouble *t, int stop) {
    return stop == t->stop[0] || stop == t->stop[1] || stop == t->stop[2];
}

static bool is_bad(const pclean_plane *p) {
    for (size_t i = 0; i < NTROUBLE; i++) {
        if (in_trouble(&troubles[i], p->stop)) {
            return true;
        }
    }
    return false;
}

/* ---- units and digits of the table ---- */

typedef struct format {
    double flux, angle; /* size of the units */
    const char *flux_name, *angle_name;
    int flux_digits, model_digits, angle_digits, freq_digits;
    bool pol, velocity; /* columns that not every table has */
} format;

/* Decimals that show `value` with `significant` digits. */
static int decimals(double value, int significant, int most) {
    if (!(value > 0) || !isfinite(value)) {
        return most < 3 ? most : 3;
    }
    int n = significant - 1 - (int)floor(log10(value));
    n = n < 0 ? 0 : n;
    return n > most ? most : n;
}

/* km/s at the rest frequency, by the config's veltype. */
static double velocity(const pclean_config *config, const pclean_result *r, double freq_hz) {
    const bool optical = cli_config_is(config, "veltype", "optical");
    return 299792.458 * (optical ? r->restfreq_hz / freq_hz - 1 : 1 - freq_hz / r->restfreq_hz);
}

static bool has_restfreq(const pclean_result *r) {
    return r->restfreq_hz > 0 && strncmp(r->restfreq_from, "middle", 6) != 0;
}

static void choose_flux_unit(double peak, format *f) {
    static const struct {
        double size;
        const char *name;
    } units[] = {{1, "Jy"}, {1e-3, "mJy"}, {1e-6, "uJy"}};
    size_t i = 0;
    while (i < 2 && !(peak >= units[i].size))
        i++;
    f->flux = units[i].size;
    f->flux_name = units[i].name;
}

static format choose_format(const pclean_config *config, const pclean_result *r) {
    double peak = 0, rms = INFINITY, beam = INFINITY, model = 0;
    size_t n = r->nchan * r->npol;
    for (size_t i = 0; i < n; i++) {
        const pclean_plane *p = &r->plane[i];
        peak = isfinite(p->peak_dirty) ? fmax(peak, fabs(p->peak_dirty)) : peak;
        rms = p->rms_residual > 0 ? fmin(rms, p->rms_residual) : rms;
        /* an empty mask has no peak */
        peak = isfinite(p->rms_residual) ? fmax(peak, p->rms_residual) : peak;
        beam = p->beam_minor_rad > 0 ? fmin(beam, p->beam_minor_rad) : beam;
        model = isfinite(p->model_flux) ? fmax(model, fabs(p->model_flux)) : model;
    }
    format f = {.pol = r->npol > 1};
    f.velocity = !cli_config_is(config, "specmode", "mfs") && has_restfreq(r);
    choose_flux_unit(peak, &f);
    f.angle = beam < 0.1 * ARCSEC ? ARCSEC / 1000 : ARCSEC;
    f.angle_name = beam < 0.1 * ARCSEC ? "mas" : "arcsec";
    f.flux_digits = decimals(rms / f.flux, 3, 6);
    f.model_digits = decimals(model, 4, 6);
    f.angle_digits = decimals(beam / f.angle, 4, 4);
    double step = r->nchan > 1 ? fabs(r->plane[r->npol].freq_hz - r->plane[0].freq_hz) / 1e9 : 1e-6;
    f.freq_digits = decimals(step, 2, 10);
    f.freq_digits = f.freq_digits < 4 ? 4 : f.freq_digits;
    return f;
}

/* "I", "RR": the name of plane ipol, from the configuration's stokes ("IQUV", "RRLL",
 * "pseudoI"). */
static void pol_name(const pclean_config *config, const pclean_result *r, size_t ipol, char *buf,
                     size_t size) {
    char stokes[64];
    cli_config_text(config, "stokes", stokes, sizeof stokes);
    size_t length = strlen(stokes), each = r->npol ? length / r->npol : 0;
    if (r->npol > 1 && each >= 1 && each * r->npol == length) {
        snprintf(buf, size, "%.*s", (int)each, stokes + ipol * each);
    } else {
        snprintf(buf, size, "%zu", ipol);
    }
}

/* ---- the table ---- */

#define ROW "%4s%s %12s%s %16s %6s %9s %9s %9s %8s %7s %6s  %s\n"

static void print_header(FILE *out, const pclean_config *config, const format *f) {
    char frame[20], freq[32], peaks[32];
    cli_config_text(config, "outframe", frame, sizeof frame);
    snprintf(freq, sizeof freq, "%s GHz",
             cli_config_is(config, "specmode", "cubedata") ? "data's" : frame);
    snprintf(peaks, sizeof peaks, "%s/beam", f->flux_name);
    const char *pol = f->pol ? " pol" : "", *no_pol = f->pol ? "    " : "";
    fprintf(out, ROW, "", no_pol, "frequency", f->velocity ? "  velocity" : "", "beam", "PA",
            "peak", "residual", "rms", "model", "CLEAN", "major", "");
    fprintf(out, ROW, "chan", pol, freq, f->velocity ? "      km/s" : "", f->angle_name, "deg",
            peaks, peaks, peaks, "Jy", "iter.", "cycles", "stopped by");
}

static void number(char *buf, size_t size, double value, int digits) {
    if (isfinite(value)) {
        snprintf(buf, size, "%.*f", digits, value);
    } else {
        snprintf(buf, size, "-");
    }
}

static void print_plane(FILE *out, const pclean_config *config, const pclean_result *r,
                        const format *f, const pclean_plane *p) {
    char chan[24], pol[16] = "", freq[32], niter[16], nmajor[16], beam[64] = "-", pa[16] = "-",
                   peak[32], residual[32], rms[32], model[32], name[16], speed[32] = "";
    if (f->pol) {
        pol_name(config, r, p->pol, name, sizeof name);
        snprintf(pol, sizeof pol, " %3.3s", name);
    }
    if (p->beam_major_rad > 0) {
        snprintf(beam, sizeof beam, "%.*f x %.*f", f->angle_digits, p->beam_major_rad / f->angle,
                 f->angle_digits, p->beam_minor_rad / f->angle);
        snprintf(pa, sizeof pa, "%.1f", p->beam_pa_rad / ARCSEC / 3600);
    }
    bool blank = p->stop == PCLEAN_STOP_BLANK;
    number(peak, sizeof peak, blank ? NAN : p->peak_dirty / f->flux, f->flux_digits);
    number(residual, sizeof residual, blank ? NAN : p->peak_residual / f->flux, f->flux_digits);
    number(rms, sizeof rms, blank ? NAN : p->rms_residual / f->flux, f->flux_digits);
    number(model, sizeof model, blank ? NAN : p->model_flux, f->model_digits);
    snprintf(chan, sizeof chan, "%zu", p->chan);
    number(freq, sizeof freq, p->freq_hz / 1e9, f->freq_digits);
    if (f->velocity) {
        snprintf(speed, sizeof speed, " %9.2f", velocity(config, r, p->freq_hz));
    }
    snprintf(niter, sizeof niter, "%d", p->niter);
    snprintf(nmajor, sizeof nmajor, "%d", p->nmajor);
    fprintf(out, ROW, chan, pol, freq, speed, beam, pa, peak, residual, rms, model, niter, nmajor,
            pclean_stop_text(p->stop));
}

static void mark_brightest(const pclean_result *r, bool *shown) {
    size_t n = r->nchan * r->npol;
    for (int k = 0; k < NBRIGHTEST; k++) {
        size_t best = n;
        for (size_t i = 0; i < n; i++) {
            bool brighter = best == n || r->plane[i].peak_dirty > r->plane[best].peak_dirty;
            if (!shown[i] && isfinite(r->plane[i].peak_dirty) && brighter) {
                best = i;
            }
        }
        if (best < n) {
            shown[best] = true;
        }
    }
}

/* Which planes of a long table to print. */
static void mark_notable(const pclean_result *r, bool *shown) {
    size_t n = r->nchan * r->npol, bad = 0;
    for (size_t i = 0; i < n; i++) {
        bool edge = i < r->npol || i + r->npol >= n;
        bool named = is_bad(&r->plane[i]) && bad < MOST_BAD;
        bad += named;
        shown[i] = n <= ALL_PLANES || edge || named;
    }
    if (n > ALL_PLANES) {
        mark_brightest(r, shown);
    }
}

static void print_table(FILE *out, const pclean_config *config, const pclean_result *r) {
    size_t n = r->nchan * r->npol;
    bool *shown = calloc(n, sizeof *shown);
    if (!shown) {
        return;
    }
    mark_notable(r, shown);
    format f = choose_format(config, r);
    print_header(out, config, &f);
    bool gap = false;
    for (size_t i = 0; i < n; i++) {
        if (shown[i]) {
            print_plane(out, config, r, &f, &r->plane[i]);
        } else if (!gap) {
            fprintf(out, "%4s\n", "...");
        }
        gap = !shown[i];
    }
    if (n > ALL_PLANES) {
        fprintf(out,
                "(of %zu planes: the first, the last, the %d brightest, those that went wrong; all "
                "are in the .run.json)\n",
                n, NBRIGHTEST);
    }
    free(shown);
}

/* ---- the summary ---- */

static void print_counts(FILE *out, const pclean_result *r) {
    static const int stops[] = {
#define X(symbol, number, text) symbol,
        PCLEAN_STOP_LIST(X)
#undef X
    };
    const char *separator = "Stopped by: ";
    for (size_t k = 0; k < sizeof stops / sizeof *stops; k++) {
        size_t count = 0;
        for (size_t i = 0; i < r->nchan * r->npol; i++) {
            count += r->plane[i].stop == stops[k];
        }
        if (count) {
            fprintf(out, "%s%s (%zu)", separator, pclean_stop_text(stops[k]), count);
            separator = ", ";
        }
    }
    fputc('\n', out);
}

/* NULL: noise alone, which is no trouble. */
static bool channel_in_trouble(const pclean_result *r, size_t ichan, const struct trouble *t) {
    for (size_t ipol = 0; ichan < r->nchan && ipol < r->npol; ipol++) {
        const pclean_plane *p = &r->plane[ichan * r->npol + ipol];
        if (t ? in_trouble(t, p->stop) : p->noise_only) {
            return true;
        }
    }
    return false;
}

/* "Diverged: channels 3, 7-9". */
static void print_channels(FILE *out, const pclean_result *r, const struct trouble *t) {
    size_t count = 0;
    for (size_t i = 0; i < r->nchan; i++) {
        count += channel_in_trouble(r, i, t);
    }
    if (count == 0) {
        return;
    }
    fprintf(out, "%s: %s", t ? t->title : "Noise alone", count > 1 ? "channels" : "channel");
    const char *separator = " ";
    for (size_t i = 0; i < r->nchan; i++) {
        size_t last = i;
        while (channel_in_trouble(r, i, t) && channel_in_trouble(r, last + 1, t)) {
            last++;
        }
        if (channel_in_trouble(r, i, t)) {
            fprintf(out, last > i ? "%s%zu-%zu" : "%s%zu", separator, i, last);
            separator = ", ";
        }
        i = last;
    }
    fputc('\n', out);
}

static void print_list(FILE *out, const char *title, char *const *list) {
    for (size_t i = 0; list && list[i]; i++) {
        fprintf(out, "%s%s%s\n", i == 0 ? title : "", i == 0 ? "\n  " : "  ", list[i]);
    }
}

static void print_resources(FILE *out, const pclean_result *r) {
    fprintf(out, "Time      %.1f s, CPU %.1f s", r->seconds, r->cpu_seconds);
    for (size_t i = 0; i < r->nstage; i++) {
        fprintf(out, "%s%s %.1f", i == 0 ? " (" : ", ", r->stage[i].name, r->stage[i].seconds);
    }
    char memory[32], data[32];
    cli_bytes_text(r->peak_memory_bytes, memory, sizeof memory);
    cli_bytes_text(r->ms_bytes_read, data, sizeof data);
    fprintf(out, "%s\nMemory    %s at the peak\nData      %s", r->nstage ? ")" : "", memory, data);
    double all = (double)r->nvis_used + (double)r->nvis_flagged + (double)r->nvis_nonfinite +
                 (double)r->nvis_absurd;
    fprintf(out,
            " read; samples: %" PRIu64 " used, %" PRIu64 " flagged (%.1f %%), %" PRIu64
            " not finite",
            r->nvis_used, r->nvis_flagged, all > 0 ? 100 * (double)r->nvis_flagged / all : 0,
            r->nvis_nonfinite);
    if (r->nvis_absurd) {
        fprintf(out, ", %" PRIu64 " absurd", r->nvis_absurd);
    }
    fputc('\n', out);
}

void cli_report_print(FILE *out, const pclean_config *config, const pclean_result *r) {
    if (r->plane && r->nchan * r->npol > 0) {
        print_table(out, config, r);
        fputc('\n', out);
        print_counts(out, r);
        for (size_t i = 0; i < NTROUBLE; i++) {
            print_channels(out, r, &troubles[i]);
        }
        print_channels(out, r, NULL);
    }
    print_list(out, "Products", r->product);
    print_resources(out, r);
    print_list(out, "Warnings", r->warning);
}
