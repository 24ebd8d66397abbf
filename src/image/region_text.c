#include "image/region_text.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "image/region_shape.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- words ---- */

/* What one line says, cut into words that lie in the text. */
typedef struct words {
    size_t n;
    char **item;
} words;

static char *skip_blanks(char *p) {
    while (isspace((unsigned char)*p))
        p++;
    return p;
}

static void trim_end(char *p) {
    size_t n = strlen(p);
    while (n > 0 && isspace((unsigned char)p[n - 1]))
        p[--n] = '\0';
}

/* The end of a bracketed list that begins at p ('['): one past its last bracket; NULL when it has
 * none. */
static char *list_end(char *p) {
    int depth = 0;
    for (; *p; p++) {
        depth += (*p == '[') - (*p == ']');
        if (depth == 0)
            return p + 1;
    }
    return NULL;
}

/* Cuts a bracketed list into its words, whatever its inner brackets. item: array for at least
 * strlen(list). */
static words split_list(char *list, char **item) {
    words w = {0, item};
    for (char *p = list; *p; p++)
        if (strchr("[],~\"'", *p))
            *p = ',';
    char *rest = NULL;
    for (char *p = strtok_r(list, ",", &rest); p; p = strtok_r(NULL, ",", &rest)) {
        p = skip_blanks(p);
        trim_end(p);
        if (*p)
            w.item[w.n++] = p;
    }
    return w;
}

/* ---- options ---- */

/* The options of a line, or the defaults for those that follow. */
typedef struct options {
    int frame;
    size_t first_chan, last_chan;
    bool pol[4];
    /* of ranges in frequency and velocity */
    char spectral_frame[16], veltype[16]; /* "": the image's, radio */
    double restfreq_hz;
    bool own_restfreq, velocity;
} options;

static int option_coord(char *value, options *o, pclean_err *err) {
    char text[64];
    casa_direction at;
    snprintf(text, sizeof text, "%.30s 0deg 0deg", value);
    if (casa_direction_parse(text, &at, NULL))
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "coord=%s is not a known frame (J2000, ICRS, B1950, GALACTIC ...)", value);
    o->frame = at.frame;
    return 0;
}

/* The place of a frequency along the image's channels, which ascend or descend. */
static double channel_of(double hz, const casa_image_desc *d) {
    const double *f = d->chan_freq_hz;
    if (!f || d->nchan < 2)
        return (hz - d->crval_hz) / d->cdelt_hz;
    size_t i = 0;
    while (i + 2 < d->nchan && (f[d->nchan - 1] > f[0] ? hz > f[i + 1] : hz < f[i + 1]))
        i++;
    return (double)i + (hz - f[i]) / (f[i + 1] - f[i]);
}

static int velocity_to_hz(double m_s, const options *o, double *hz, pclean_err *err) {
    static const double light_m_s = 299792458;
    const bool radio = !*o->veltype || strcasecmp(o->veltype, "radio") == 0;
    if (!radio && strcasecmp(o->veltype, "optical") != 0 && strcasecmp(o->veltype, "z") != 0)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED, "veltype=%s: say radio or optical", o->veltype);
    if (!(o->restfreq_hz > 0))
        return PCL_FAIL(
            err, PCLEAN_EPARAM,
            "a range of velocities, but the image has no rest frequency: add restfreq=1.42GHz");
    *hz = radio ? o->restfreq_hz * (1 - m_s / light_m_s) : o->restfreq_hz / (1 + m_s / light_m_s);
    return 0;
}

/* One end of a range as a place along the channels. There is no epoch to convert frames with: it
 * must be the image's. */
static int range_end(const char *text, const casa_image_desc *d, const options *o, double *chan,
                     enum pcl_dimension *dim, pclean_err *err) {
    pcl_quantity q;
    int frame, rc;
    *dim = PCL_DIM_NONE;
    if (pcl_region_shape_number(text, "chan", chan) || pcl_region_shape_number(text, "pix", chan))
        return 0;
    if (pcl_quantity_parse(text, &q, NULL) || (q.dim != PCL_DIM_FREQ && q.dim != PCL_DIM_VELOCITY))
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "range end \"%s\" is no channel, frequency or velocity: write "
                        "range=[3chan,7chan], [1.41GHz,1.42GHz] or [-5km/s,5km/s]",
                        text);
    if (*o->spectral_frame &&
        (casa_freq_frame_parse(o->spectral_frame, &frame, NULL) || frame != d->freq_frame))
        return PCL_FAIL(
            err, PCLEAN_EUNSUPPORTED,
            "frame=%s: frequencies and velocities of a range are taken in the image's frame, %s",
            o->spectral_frame, casa_freq_frame_name(d->freq_frame));
    *dim = q.dim;
    if (q.dim == PCL_DIM_VELOCITY && (rc = velocity_to_hz(q.value, o, &q.value, err)))
        return rc;
    *chan = channel_of(q.value, d);
    return isfinite(*chan)
               ? 0
               : PCL_FAIL(err, PCLEAN_EPARAM,
                          "range end \"%s\" is no place along the image's channels", text);
}

/* A channel belongs to the range if part of it does, as in CASA: the ends are rounded to whole
 * channels. */
static int option_range(const words *w, const casa_image_desc *d, options *o, pclean_err *err) {
    double chan[2];
    enum pcl_dimension dim[2];
    int rc;
    if (w->n != 2)
        return PCL_FAIL(err, PCLEAN_EPARAM, "range wants two ends, as in range=[3chan,7chan]");
    for (int i = 0; i < 2; i++)
        if ((rc = range_end(w->item[i], d, o, &chan[i], &dim[i], err)))
            return rc;
    if (dim[0] != dim[1])
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "range=[%s,%s]: both ends must be channels, or frequencies, or velocities",
                        w->item[0], w->item[1]);
    o->velocity = dim[0] == PCL_DIM_VELOCITY;
    const double first = round(fmin(chan[0], chan[1])), last = round(fmax(chan[0], chan[1]));
    if (last < 0 || first >= (double)d->nchan)
        return PCL_FAIL(err, PCLEAN_EPARAM, "range=[%s,%s] lies outside the image's %zu channels",
                        w->item[0], w->item[1], d->nchan);
    o->first_chan = first < 0 ? 0 : (size_t)first;
    o->last_chan = last >= (double)d->nchan ? d->nchan - 1 : (size_t)last;
    return 0;
}

static int option_corr(const words *w, const casa_image_desc *d, options *o, pclean_err *err) {
    bool any = false;
    for (size_t p = 0; p < d->npol; p++) {
        o->pol[p] = false;
        for (size_t i = 0; i < w->n; i++)
            if (strcasecmp(w->item[i], casa_stokes_name(d->stokes[p])) == 0)
                o->pol[p] = any = true;
    }
    return any ? 0 : PCL_FAIL(err, PCLEAN_EPARAM, "corr names no Stokes plane of the image");
}

static int set_option(const char *key, char *value, const casa_image_desc *d, options *o,
                      pclean_err *err) {
    static const char *const ignored[] = {
        "color",     "linewidth", "linestyle", "symsize",    "symthick", "font",    "fontsize",
        "fontstyle", "usetex",    "label",     "labelcolor", "labelpos", "labeloff"};
    char **item = NULL;
    double restfreq_hz;
    int rc = PCL_NEW(&item, strlen(value) + 1, "mask option", err);
    if (rc)
        return rc;
    words w = split_list(value, item);
    if (w.n == 0)
        rc = PCL_FAIL(err, PCLEAN_EPARAM, "option %s has no value", key);
    else if (strcasecmp(key, "coord") == 0)
        rc = option_coord(w.item[0], o, err);
    else if (strcasecmp(key, "range") == 0)
        rc = option_range(&w, d, o, err);
    else if (strcasecmp(key, "frame") == 0)
        snprintf(o->spectral_frame, sizeof o->spectral_frame, "%s", w.item[0]);
    else if (strcasecmp(key, "veltype") == 0)
        snprintf(o->veltype, sizeof o->veltype, "%s", w.item[0]);
    else if (strcasecmp(key, "restfreq") == 0) {
        o->restfreq_hz = pcl_quantity_parse_as(w.item[0], PCL_DIM_FREQ, "Hz", &restfreq_hz, NULL)
                             ? 0
                             : restfreq_hz;
        o->own_restfreq = true;
    } else if (strcasecmp(key, "corr") == 0)
        rc = option_corr(&w, d, o, err);
    else {
        rc = PCL_FAIL(err, PCLEAN_EPARAM, "option \"%s\" is not known (coord, range, corr)", key);
        for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
            if (strcasecmp(key, ignored[i]) == 0)
                rc = 0;
    }
    pcl_free(item);
    return rc;
}

/* The end of a value: a bracketed list, a quoted text, or up to a comma or blank. */
static char *value_end(char *p) {
    if (*p == '[')
        return list_end(p);
    if (*p == '"' || *p == '\'') {
        char *close = strchr(p + 1, *p);
        return close ? close + 1 : NULL;
    }
    return p + strcspn(p, ", \t");
}

/* "coord=J2000, range=[1chan,3chan] color=red". Changes the text. The range goes last: frame,
 * veltype and restfreq are its. */
static int parse_options(char *p, const casa_image_desc *d, options *o, pclean_err *err) {
    char range_key[] = "range", *range = NULL;
    for (bool last = false; !last;) {
        while (*p == ',' || isspace((unsigned char)*p))
            p++;
        if (*p == '\0' || *p == '#')
            break;
        char *key = p, *equals = p + strcspn(p, "=");
        if (*equals == '\0' || equals == key)
            return PCL_FAIL(err, PCLEAN_EPARAM, "\"%s\" is not of the form option=value", p);
        *equals = '\0';
        trim_end(key);
        char *value = skip_blanks(equals + 1), *end = value_end(value);
        if (!end)
            return PCL_FAIL(err, PCLEAN_EPARAM, "the value of option %s has no end", key);
        last = *end == '\0';
        *end = '\0';
        const bool is_range = strcasecmp(key, range_key) == 0;
        int rc = is_range ? 0 : set_option(key, value, d, o, err);
        if (rc)
            return rc;
        range = is_range ? value : range;
        p = last ? end : end + 1;
    }
    return range ? set_option(range_key, range, d, o, err) : 0;
}

/* ---- lines ---- */

static bool is_word(const char *name, const char *const *list, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(name, list[i]) == 0)
            return true;
    return false;
}

static int make_shape(const char *name, char *list, const pcl_sky *sky, pcl_region *r,
                      pclean_err *err) {
    char **item = NULL;
    int rc = PCL_NEW(&item, strlen(list) + 1, "mask region", err);
    if (rc)
        return rc;
    const words w = split_list(list, item);
    rc = pcl_region_shape_make(name, w.n, item, sky, r, err);
    pcl_free(item);
    return rc;
}

static int append_line(pcl_region_text *t, const pcl_region_line *line, pclean_err *err) {
    if ((t->nline & (t->nline - 1)) == 0) { /* grows by doubling */
        pcl_region_line *more = NULL;
        int rc = PCL_NEW(&more, t->nline ? 2 * t->nline : 1, "mask regions", err);
        if (rc)
            return rc;
        if (t->nline)
            memcpy(more, t->line, t->nline * sizeof *more);
        pcl_free(t->line);
        t->line = more;
    }
    t->line[t->nline++] = *line;
    return 0;
}

/* One line, changed on the way. `global` holds the default options. */
static int parse_line(pcl_region_text *t, char *line, const casa_image_desc *d, options *global,
                      pclean_err *err) {
    static const char *const drawings[] = {"line", "vector", "text", "symbol"};
    char *p = skip_blanks(line);
    pcl_region_line r = {0};
    trim_end(p);
    if (*p == '\0' || *p == '#')
        return 0;
    if (strncasecmp(p, "global", 6) == 0 && isspace((unsigned char)p[6]))
        return parse_options(p + 6, d, global, err);
    if (strncasecmp(p, "ann", 3) == 0 && isspace((unsigned char)p[3]))
        return 0; /* only drawn */
    r.exclude = *p == '-';
    if (*p == '-' || *p == '+')
        p = skip_blanks(p + 1);
    char *list = p + strcspn(p, "["), *end = list_end(list);
    if (*list == '\0' || !end)
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "\"%.60s\" is not a region such as circle[[100pix,100pix],20pix]", p);
    options o = *global;
    int rc = parse_options(end, d, &o, err);
    if (rc)
        return rc;
    *end = '\0';
    char name[24];
    snprintf(name, sizeof name, "%.*s", (int)(list - p < 23 ? list - p : 23), p);
    trim_end(name);
    if (is_word(name, drawings, sizeof drawings / sizeof *drawings))
        return 0;
    t->uses_restfreq = t->uses_restfreq || (o.velocity && !o.own_restfreq);
    r.first_chan = o.first_chan;
    r.last_chan = o.last_chan;
    memcpy(r.pol, o.pol, sizeof r.pol);
    if ((rc = make_shape(name, list, &(pcl_sky){o.frame, d}, &r.shape, err)) == 0)
        rc = append_line(t, &r, err);
    if (rc)
        pcl_free(r.shape.vertex);
    return rc;
}

int pcl_region_text_parse(const char *from, char *text, const casa_image_desc *d,
                          pcl_region_text *out, pclean_err *err) {
    *out = (pcl_region_text){0};
    if (strcmp(d->projection, "SIN") != 0)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "region text needs an image in SIN projection, not %s", d->projection);
    options global = {.frame = d->centre.frame,
                      .last_chan = d->nchan - 1,
                      .pol = {true, true, true, true},
                      .restfreq_hz = d->restfreq_hz};
    int rc = 0;
    size_t number = 0;
    for (char *line = text, *next; line && rc == 0; line = next) {
        if ((next = strchr(line, '\n')) != NULL)
            *next++ = '\0';
        number++;
        if ((rc = parse_line(out, line, d, &global, err)) != 0)
            pcl_err_prefix(err, "%s, line %zu: ", from, number);
    }
    if (rc == 0 && out->nline == 0)
        rc = PCL_FAIL(err, PCLEAN_EPARAM, "%s holds no region", from);
    return rc;
}

void pcl_region_text_clear(pcl_region_text *text) {
    for (size_t i = 0; i < text->nline; i++)
        pcl_free(text->line[i].shape.vertex);
    pcl_free(text->line);
    *text = (pcl_region_text){0};
}
