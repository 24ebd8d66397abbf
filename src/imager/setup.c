#include "imager/setup.h"
#include "config/config.h"
#include "config/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "core/pb.h"

/* ---- phase centre ---- */

/* What counts as the same place, and what for the same but for rounding. */
static const double most_pixels_away = 0.01, most_pixels_moved = 0.2;

static double separation(const casa_direction *a, const casa_direction *b) {
    const double s1 = sin(0.5 * (a->lat_rad - b->lat_rad)),
                 s2 = sin(0.5 * (a->lon_rad - b->lon_rad));
    return 2 * asin(fmin(1, sqrt(s1 * s1 + cos(a->lat_rad) * cos(b->lat_rad) * s2 * s2)));
}

static int centre_from_field(const pcl_setup *s, const char *text, long id, casa_direction *out,
                             pclean_err *err) {
    const casa_ms_info *info = s->source->info[0];
    for (size_t i = 0; i < info->nfield; i++)
        if (info->field[i].id == id) {
            *out = info->field[i].phase_dir;
            return 0;
        }
    return PCL_FAIL(err, PCLEAN_EPARAM,
                    "phasecenter=\"%s\": field %ld is not among the selected fields of %s", text,
                    id, info->path);
}

static int find_centre(pcl_setup *s, pclean_err *err) {
    const char *text = s->config->phasecenter;
    if (!*text) {
        s->centre = s->source->info[0]->field[0].phase_dir;
        return 0;
    }
    char *end;
    const long id = strtol(text, &end, 10);
    if (end != text && !*end)
        return centre_from_field(s, text, id, &s->centre, err);
    int rc = casa_direction_parse(text, &s->centre, err);
    if (rc)
        pcl_err_prefix(err, "phasecenter=\"%s\": ", text);
    return rc;
}

/* A centre that is the first field's but for the digits it was written with is moved there, as
 * nothing is reprojected yet. (tclean shifts the image for less, too.) */
static int move_to_field(pcl_setup *s, pclean_err *err) {
    const double cell = fmin(s->config->cell_rad[0], s->config->cell_rad[1]);
    casa_direction d = s->source->info[0]->field[0].phase_dir;
    int rc = d.frame == s->centre.frame ? 0 : casa_direction_convert(&d, s->centre.frame, &d, err);
    const double away = rc ? 0 : separation(&d, &s->centre);
    if (rc || away > most_pixels_moved * cell || away <= most_pixels_away * cell)
        return rc;
    pcl_log(PCL_LOG_INFO,
            "phasecenter=\"%s\" is %.2g pixels from the phase centre of field %d (%s), on which "
            "the image is made",
            s->config->phasecenter, away / cell, s->source->info[0]->field[0].id,
            s->source->info[0]->field[0].name);
    s->centre.lon_rad = d.lon_rad;
    s->centre.lat_rad = d.lat_rad;
    return 0;
}

/* Until reprojection exists every field must be centred where the image is. */
static int check_fields(const pcl_setup *s, pclean_err *err) {
    const double tolerance =
        most_pixels_away * fmin(s->config->cell_rad[0], s->config->cell_rad[1]);
    for (size_t i = 0; i < s->source->nms; i++) {
        const casa_ms_info *info = s->source->info[i];
        for (size_t k = 0; k < info->nfield; k++) {
            casa_direction d;
            int rc = casa_direction_convert(&info->field[k].phase_dir, s->centre.frame, &d, err);
            if (rc)
                return rc;
            const double away = separation(&d, &s->centre);
            if (away > tolerance) {
                char text[32];
                pcl_format_si(text, sizeof text, away, PCL_DIM_ANGLE);
                return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                                "field %d (%s) of %s has its phase centre %s away from the "
                                "image's; this version images one phase centre at a time: select "
                                "one field, or leave phasecenter empty",
                                info->field[k].id, info->field[k].name, info->path, text);
            }
        }
    }
    return 0;
}

/* ---- what to warn about ---- */

static int add_warning(pcl_setup *s, const char *text, pclean_err *err) {
    char **more = NULL;
    int rc = PCL_ZNEW(&more, s->nwarning + 1, "list of warnings", err);
    if (rc)
        return rc;
    if (s->nwarning)
        memcpy(more, s->warning, s->nwarning * sizeof *more);
    pcl_free(s->warning);
    s->warning = more;
    rc = pcl_strdup(&more[s->nwarning], text, err);
    s->nwarning += !rc;
    return rc;
}

/* "a.ms, b.ms and 3 more": the MSs with data whose column this is. */
static size_t list_column(const pcl_setup *s, const char *column, char *text, size_t size) {
    enum { ROOM_FOR_MORE = 32 };
    size_t n = 0, told = 0, at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < s->source->nms; i++) {
        const casa_ms_info *info = s->source->info[i];
        if (info->ndd == 0 || strcmp(info->datacolumn, column) != 0)
            continue;
        n++;
        if (at + strlen(info->path) + ROOM_FOR_MORE > size)
            continue;
        at += (size_t)snprintf(text + at, size - at, "%s%s", told ? ", " : "", info->path);
        told++;
    }
    if (told < n)
        snprintf(text + at, size - at, "%s%zu more", told ? " and " : "", n - told);
    return n;
}

/* Calibrated and raw data do not belong in one image, unless that is said. */
static int check_columns(pcl_setup *s, pclean_err *err) {
    char corrected[300], data[300], text[800];
    const size_t ncorrected = list_column(s, "CORRECTED_DATA", corrected, sizeof corrected),
                 ndata = list_column(s, "DATA", data, sizeof data);
    if (ncorrected == 0 || ndata == 0)
        return 0;
    snprintf(text, sizeof text,
             "%zu of the MeasurementSets have CORRECTED_DATA (%s), %zu have only DATA (%s)",
             ncorrected, corrected, ndata, data);
    if (!s->config->mix_columns)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "%s: calibrate the others, or set datacolumn=data; mix_columns=true images "
                        "them as they are",
                        text);
    char warning[900];
    snprintf(warning, sizeof warning, "mix_columns: %s, and both are imaged together", text);
    return add_warning(s, warning, err);
}

static int collect_warnings(pcl_setup *s, pclean_err *err) {
    int rc = 0;
    for (size_t i = 0; i < s->source->nms; i++) {
        const casa_ms_info *info = s->source->info[i];
        for (size_t k = 0; !rc && k < info->nwarning; k++)
            rc = add_warning(s, info->warning[k], err);
    }
    return rc ? rc : check_columns(s, err);
}

/* ---- channels ---- */

static int spectral_frame(pcl_setup *s, pclean_err *err) {
    if (s->config->specmode == PCLEAN_SPECMODE_CUBEDATA) {
        s->frame = -1;
        return 0;
    }
    int rc = casa_freq_frame_parse(s->config->outframe, &s->frame, err);
    if (rc)
        pcl_err_prefix(err, "outframe=\"%s\": ", s->config->outframe);
    return rc;
}

/* Whether window k gives any plane; one that gives none is as if it were not selected. */
static bool is_used(const pcl_setup *s, size_t k) {
    return !s->correlations.used || s->correlations.used[k];
}

/* Middle of the selected data, all windows together, each in its own frame: tclean's rest frequency
 * of a cube where nothing else is known. */
static double middle_of_data(const pcl_setup *s) {
    double low = INFINITY, high = -INFINITY;
    for (size_t k = 0; k < s->source->nwindow; k++) {
        const casa_ms_dd *dd = s->source->window[k].dd;
        for (size_t c = 0; is_used(s, k) && c < dd->nchansel; c++) {
            const double f = dd->chan_freq_hz[dd->chansel[c]],
                         w = 0.5 * dd->chan_width_hz[dd->chansel[c]];
            low = fmin(low, f - w);
            high = fmax(high, f + w);
        }
    }
    return high >= low ? 0.5 * (low + high) : 0;
}

static int rest_frequency(pcl_setup *s, pclean_err *err) {
    if (s->config->restfreq.n) {
        int rc = pcl_quantity_parse_as(s->config->restfreq.item[0], PCL_DIM_FREQ, "Hz",
                                       &s->restfreq_hz, err);
        if (rc)
            pcl_err_prefix(err, "restfreq: ");
        s->restfreq_from = PCL_RESTFREQ_GIVEN;
        return rc;
    }
    s->restfreq_from = PCL_RESTFREQ_SOURCE;
    for (size_t i = 0; i < s->source->nms; i++)
        if ((s->restfreq_hz = s->source->info[i]->restfreq_hz) > 0)
            return 0;
    s->restfreq_from = PCL_RESTFREQ_MIDDLE;
    s->restfreq_hz = middle_of_data(s);
    return 0;
}

const char *pcl_setup_restfreq_from(const pcl_setup *s) {
    static const char *const text[] = {"restfreq", "SOURCE.REST_FREQUENCY",
                                       "middle of the selected data"};
    return text[s->restfreq_from];
}

static bool is_velocity(const char *text) {
    pcl_quantity q;
    return *text && pcl_quantity_parse(text, &q, NULL) == 0 && q.dim == PCL_DIM_VELOCITY;
}

bool pcl_setup_guesses_velocity(const pcl_setup *s, char *text, size_t size) {
    const pclean_config *c = s->config;
    const bool cube =
        c->specmode != PCLEAN_SPECMODE_MFS &&
        (is_velocity(pcl_spectral_amount(c->start, NULL, 0)) || is_velocity(c->width));
    if (!cube || s->restfreq_from != PCL_RESTFREQ_MIDDLE)
        return false;
    char hz[48];
    pcl_format_si(hz, sizeof hz, s->restfreq_hz, PCL_DIM_FREQ);
    snprintf(text, size,
             "start or width is a velocity, but the data have no rest frequency: it counts from "
             "the middle of the selected data, %s; give restfreq",
             hz);
    return true;
}

/* A part has the whole image's grid and epoch. */
static void channels_of_part(pcl_setup *s) {
    const pclean_config *c = s->config;
    const bool mfs = c->specmode == PCLEAN_SPECMODE_MFS;
    s->channels = (pcl_channels){.nchan = mfs ? 1 : (size_t)c->nchan,
                                 .offset = (size_t)c->part_channel,
                                 .whole = (size_t)c->part_nchan,
                                 .first_hz = c->part_start_hz,
                                 .step_hz = c->part_width_hz,
                                 .mfs = mfs,
                                 .nearest = mfs || c->part_nchan == 1 ||
                                            c->interpolation == PCLEAN_INTERPOLATION_NEAREST};
    s->epoch_s = c->part_epoch_s;
}

/* The channel grid; doppler_min and _max widen an mfs image to all times. */
static int channel_grid(pcl_setup *s, double doppler_min, double doppler_max, pclean_err *err) {
    const pclean_config *c = s->config;
    pcl_band *band = NULL;
    size_t n = 0;
    int rc = PCL_NEW(&band, s->source->nwindow, "list of spectral windows", err);
    for (size_t k = 0; !rc && k < s->source->nwindow; k++) {
        const casa_ms_dd *dd = s->source->window[k].dd;
        if (is_used(s, k))
            band[n++] = (pcl_band){.nchan = dd->nchan,
                                   .freq_hz = dd->chan_freq_hz,
                                   .width_hz = dd->chan_width_hz,
                                   .number = dd->number,
                                   .nsel = dd->nchansel,
                                   .sel = dd->chansel,
                                   .doppler = s->source->window[k].doppler0};
    }
    if (!rc) {
        const pcl_channel_request request = {.mfs = c->specmode == PCLEAN_SPECMODE_MFS,
                                             .nchan = c->nchan,
                                             .start = pcl_spectral_amount(c->start, NULL, 0),
                                             .width = pcl_spectral_amount(c->width, NULL, 0),
                                             .restfreq_hz = s->restfreq_hz,
                                             .optical = c->veltype == PCLEAN_VELTYPE_OPTICAL,
                                             .nearest =
                                                 c->interpolation == PCLEAN_INTERPOLATION_NEAREST,
                                             .doppler_min = doppler_min,
                                             .doppler_max = doppler_max};
        char guess[300];
        rc = pcl_channels_resolve(&request, n, band, &s->channels, err);
        if (rc && pcl_setup_guesses_velocity(s, guess, sizeof guess))
            pcl_err_prefix(err, "%s: ", guess);
        if (!rc && s->channels.mfs && s->restfreq_from == PCL_RESTFREQ_MIDDLE)
            s->restfreq_hz = s->channels.first_hz; /* the image's own frequency, as tclean's */
    }
    pcl_free(band);
    return rc;
}

/* ---- what to read ---- */

/* How far the Doppler factor can move from that of the first row: the Earth's rotation, its orbit
 * (v/c changes by 2e-11 a second), and never more than the orbit's whole swing. */
static double doppler_swing(const casa_ms_info *info) {
    return fmin(2.1e-4, 3.2e-6 + 2e-11 * (info->time_max_s - info->time_min_s));
}

/* The window's selected channels that the cube can need; the Doppler factors of single rows are not
 * known yet. One density grid for all channels needs them all. */
static void narrow_window(const pcl_setup *s, bool used, pcl_window *w) {
    const casa_ms_dd *dd = w->dd;
    w->from = 0;
    w->to = used ? dd->nchansel : 0;
    if (s->all_channels || w->to == 0)
        return;
    const double swing = s->frame < 0 || dd->freq_ref == s->frame ? 0 : doppler_swing(w->info);
    pcl_channels_needed(&s->channels, dd->nchansel, w->freq_hz, w->doppler0 * (1 - swing),
                        w->doppler0 * (1 + swing), &w->from, &w->to);
}

/* Which channels are read, and s->samples_per_plane. */
static void find_channels(pcl_setup *s) {
    double n = 0;
    for (size_t k = 0; k < s->source->nwindow; k++) {
        pcl_window *w = &s->source->window[k];
        narrow_window(s, is_used(s, k), w);
        n += (double)pcl_store_row_stride(w->dd->nrow) *
             (s->channels.mfs ? (double)(w->to - w->from) : 1);
    }
    s->samples_per_plane = s->part && s->config->part_samples > 0 ? s->config->part_samples : n;
}

/* ---- image header ---- */

/* What is needed of the MSs' descriptions after they are closed. */
static int copy_texts(pcl_setup *s, pclean_err *err) {
    const size_t n = s->source->nms;
    const casa_ms_info *first = s->source->info[0];
    const char *const text[] = {first->telescope, first->observer, first->field[0].name,
                                first->time_ref};
    int rc = PCL_ZNEW(&s->ms, n, "list of MeasurementSets", err);
    for (size_t i = 0; !rc && i < sizeof text / sizeof *text; i++)
        rc = pcl_strdup(&s->text[i], text[i], err);
    for (size_t i = 0; !rc && i < n; i++) {
        const casa_ms_info *info = s->source->info[i];
        pcl_setup_ms *ms = &s->ms[s->nms++];
        *ms = (pcl_setup_ms){
            .nrow = info->nrow, .nrow_auto = info->nrow_auto, .column_bytes = info->column_bytes};
        if (!(rc = pcl_strdup(&ms->path, info->path, err)) &&
            !(rc = pcl_strdup(&ms->datacolumn, info->datacolumn, err)))
            rc = pcl_strdup(&ms->telescope, info->telescope, err);
    }
    return rc;
}

static void describe_image(pcl_setup *s) {
    const pclean_config *c = s->config;
    const casa_ms_info *info = s->source->info[0];
    s->desc = (casa_image_desc){.nx = (size_t)c->imsize[0],
                                .ny = (size_t)c->imsize[1],
                                .npol = s->stokes.npol,
                                .nchan = s->channels.nchan,
                                .centre = s->centre,
                                .crpix_x = c->imsize[0] / 2,
                                .crpix_y = c->imsize[1] / 2,
                                .increment_x_rad = -c->cell_rad[0],
                                .increment_y_rad = c->cell_rad[1],
                                .projection = c->projection,
                                .freq_frame = s->frame < 0 ? CASA_FREQ_UNDEFINED : s->frame,
                                .crval_hz = pcl_channels_centre(&s->channels, 0),
                                .cdelt_hz = s->channels.step_hz,
                                .restfreq_hz = s->restfreq_hz,
                                .telescope = s->text[0],
                                .observer = s->text[1],
                                .object = s->text[2],
                                .obsdate_s = s->epoch_s,
                                .time_ref = s->text[3],
                                .unit = ""};
    memcpy(s->desc.position_itrf_m, info->position_itrf_m, sizeof s->desc.position_itrf_m);
    for (size_t p = 0; p < s->stokes.npol; p++)
        s->desc.stokes[p] = s->stokes.code[p];
    s->dish_diameter_m = info->dish_diameter_m;
}

size_t pcl_setup_nslice(const pcl_setup *s) {
    return pcl_slices_count(&s->params.slicing, s->samples_per_plane, s->desc.nx * s->desc.ny);
}

casa_image_desc pcl_setup_whole_desc(const pcl_setup *s) {
    casa_image_desc whole = s->desc;
    whole.nchan = s->channels.whole;
    whole.crval_hz = s->channels.first_hz;
    return whole;
}

int pcl_setup_widen(pcl_setup *s, double least, double most, pclean_err *err) {
    int rc = s->part ? 0 : channel_grid(s, least, most, err);
    describe_image(s);
    return rc;
}

void pcl_setup_narrow(pcl_setup *s, size_t offset, size_t nchan) {
    s->channels.offset = offset;
    s->channels.nchan = nchan;
    describe_image(s);
    find_channels(s);
}

/* An image "corrected" by a beam that nobody knows would be a wrong one. */
static int check_pbcor(const pcl_setup *s, pclean_err *err) {
    const pclean_config *c = s->config;
    if (!c->pbcor || !c->restoration || pcl_pb_is_known(s->desc.telescope, s->dish_diameter_m))
        return 0;
    return PCL_FAIL(err, PCLEAN_EDATA,
                    "pbcor: no primary beam is known for telescope \"%s\" of %s, and its antennas "
                    "have no dish diameter (ANTENNA, DISH_DIAMETER); make the image without pbcor",
                    s->desc.telescope, s->ms[0].path);
}

static void hint_imsize(const pclean_config *c) {
    for (int axis = 0; axis < 2; axis++) {
        int rest = c->imsize[axis];
        for (int f = 2; f <= 7; f++)
            while (rest % f == 0)
                rest /= f;
        if (rest > 1)
            pcl_log(PCL_LOG_INFO,
                    "imsize=%d has a prime factor above 7: fine here (the uv grid is padded to a "
                    "good size), slow in other imagers",
                    c->imsize[axis]);
        else if (c->imsize[axis] > 1 && c->imsize[axis] % 2)
            pcl_log(PCL_LOG_INFO, "imsize=%d is odd: the phase centre is pixel %d, as in tclean",
                    c->imsize[axis], c->imsize[axis] / 2);
        if (c->imsize[0] == c->imsize[1])
            break;
    }
}

casa_ms_selection pcl_setup_selection(const pclean_config *c, size_t ims) {
    static const char *const datacolumns[] = {"corrected", "data", "model"};
    return (casa_ms_selection){.field = pcl_config_of_ms(&c->field, ims),
                               .spw = pcl_config_of_ms(&c->spw, ims),
                               .timerange = pcl_config_selected(c, &c->timerange, ims),
                               .uvrange = pcl_config_selected(c, &c->uvrange, ims),
                               .antenna = pcl_config_selected(c, &c->antenna, ims),
                               .scan = pcl_config_selected(c, &c->scan, ims),
                               .observation = pcl_config_selected(c, &c->observation, ims),
                               .intent = pcl_config_selected(c, &c->intent, ims),
                               .taql = pcl_config_of_ms(&c->taql, ims),
                               .datacolumn = datacolumns[c->datacolumn]};
}

static int open_sources(pcl_setup *s, const casa_ms_selection *sel, pclean_err *err) {
    const pclean_config *c = s->config;
    int rc = casa_init(err);
    if (rc ||
        (rc = pcl_source_open(c->vis.n, (const char *const *)c->vis.item, sel, &s->source, err)))
        return rc;
    if ((rc = collect_warnings(s, err)))
        return rc;
    s->part = c->part_channel >= 0;
    s->all_channels =
        !s->params.natural && !c->perchanweightdensity && !(s->part && *c->part_density);
    s->epoch_s = s->source->info[0]->first_time_s;
    if (s->part)
        channels_of_part(s);
    else if (s->source->nwindow == 0)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "spw=-1 leaves no spectral window of any MeasurementSet to image");
    rc = find_centre(s, err);
    rc = rc ? rc : move_to_field(s, err);
    return rc ? rc : spectral_frame(s, err);
}

/* A cube whose width is given in data channels, or not at all, has that of CHAN_WIDTH, as tclean's:
 * where that is not how far the channels are apart, somebody should know. */
static int warn_about_widths(pcl_setup *s, pclean_err *err) {
    const pclean_config *c = s->config;
    pcl_quantity q = {.dim = PCL_DIM_NONE};
    int rc = 0;
    if (*c->width && pcl_quantity_parse(c->width, &q, NULL))
        q.dim = PCL_DIM_NONE;
    for (size_t k = 0; k < s->source->nwindow && !rc; k++) {
        const casa_ms_dd *dd = s->source->window[k].dd;
        const double apart = casa_ms_spacing(dd), width = dd->chan_width_hz[0];
        char text[300], a[32], w[32];
        if (c->specmode == PCLEAN_SPECMODE_MFS || q.dim != PCL_DIM_NONE || !is_used(s, k) ||
            !(apart > 0) || (width < 2 * apart && width > 0.5 * apart))
            continue;
        pcl_format_si(a, sizeof a, apart, PCL_DIM_FREQ);
        pcl_format_si(w, sizeof w, width, PCL_DIM_FREQ);
        snprintf(text, sizeof text,
                 "spectral window %d: CHAN_WIDTH is %s, but the channels are %s apart; the image's "
                 "channels take CHAN_WIDTH, as tclean's",
                 dd->spwid, w, a);
        rc = add_warning(s, text, err);
    }
    return rc;
}

int pcl_setup_open(const pclean_config *config, pcl_setup *s, pclean_err *err) {
    *s = (pcl_setup){.config = config};
    casa_ms_selection *sel = NULL;
    int rc;
    if ((rc = pcl_params_resolve(config, &s->params, err)) ||
        (rc = pcl_stokes_parse(config->stokes, &s->stokes, err)) ||
        (rc = PCL_NEW(&sel, config->vis.n, "selection", err)))
        goto done;
    for (size_t i = 0; i < config->vis.n; i++)
        sel[i] = pcl_setup_selection(config, i);
    if ((rc = open_sources(s, sel, err)) || (rc = check_fields(s, err)) ||
        (rc = pcl_correlations_find(&s->stokes, s->source, s->part, &s->correlations, err)) ||
        (rc = rest_frequency(s, err)) ||
        (rc = pcl_source_set_frame(s->source, s->frame, &s->centre, s->correlations.used, err)) ||
        (!s->part && ((rc = channel_grid(s, 1, 1, err)) || (rc = warn_about_widths(s, err)))) ||
        (rc = copy_texts(s, err)))
        goto done;
    find_channels(s);
    describe_image(s);
    if ((rc = check_pbcor(s, err)))
        goto done;
    hint_imsize(config);
done:
    pcl_free(sel);
    if (rc)
        pcl_setup_close(s);
    return rc;
}

int pcl_setup_open_axis(const pclean_config *config, const casa_ms_selection *sel, pcl_setup *s,
                        pclean_err *err) {
    *s = (pcl_setup){.config = config};
    int rc = pcl_params_resolve(config, &s->params, err);
    if (!rc)
        rc = open_sources(s, sel, err);
    if (!rc)
        rc = pcl_source_set_frame(s->source, s->frame, &s->centre, NULL, err);
    if (rc)
        pcl_setup_close(s);
    else
        find_channels(s);
    return rc;
}

/* Has the block samples with a weight, and is any of them not 0? */
static void look_at_samples(const pcl_block *b, size_t npol, bool *used, bool *filled) {
    for (size_t plane = 0; plane < npol * b->nchan; plane++) {
        const float *vis = b->vis + 2 * plane * b->row_stride,
                    *weight = b->weight + plane * b->row_stride;
        for (size_t row = 0; row < b->nrow; row++)
            if (weight[row] > 0) {
                *used = true;
                if (vis[2 * row] != 0 || vis[2 * row + 1] != 0) {
                    *filled = true;
                    return;
                }
            }
    }
}

/* A column CORRECTED_DATA that was made and never written holds zeros. (A part may hold few
 * channels or rows, that are 0.) */
static int check_filled(const pcl_setup *s, const pcl_store *vis, pclean_err *err) {
    for (size_t i = 0; i < s->source->nms; i++) {
        const casa_ms_info *info = s->source->info[i];
        bool used = false, filled = false;
        for (size_t k = s->source->first[i]; !filled && k < s->source->first[i + 1]; k++)
            look_at_samples(&vis->block[k], vis->npol, &used, &filled);
        if (used && !filled && !s->part && strcmp(info->datacolumn, "CORRECTED_DATA") == 0)
            return PCL_FAIL(err, PCLEAN_EDATA,
                            "%s: CORRECTED_DATA is 0 throughout, as if it had never been written; "
                            "datacolumn=data images the column DATA",
                            info->path);
    }
    return 0;
}

pcl_fill_request pcl_setup_request(const pcl_setup *s) {
    return (pcl_fill_request){.npol = s->stokes.npol,
                              .plane = s->correlations.plane,
                              .order =
                                  s->params.gridder->corrects_w ? PCL_ROWS_BY_W : PCL_ROWS_BY_UV,
                              .scratch = s->scratch,
                              .sample_rows = s->sample_rows};
}

int pcl_setup_read(pcl_setup *s, pcl_fill_progress *progress, void *user, pcl_store *vis,
                   pclean_err *err) {
    pcl_fill_request request = pcl_setup_request(s);
    request.progress = progress;
    request.user = user;
    int rc = pcl_fill_store(s->source, &request, vis, err);
    if (rc)
        return rc;
    if (s->channels.mfs)
        rc = pcl_setup_widen(s, vis->doppler_min, vis->doppler_max, err);
    /* a part of a cube beyond the data, as its channels there */
    const bool may_be_blank = s->channels.nchan < s->channels.whole;
    /* absurd ones are for the run's verdict to name */
    if (!rc && vis->nused == 0 && vis->nabsurd == 0 && !may_be_blank)
        rc = PCL_FAIL(err, PCLEAN_EDATA,
                      "%s: no usable visibility is left: %llu samples are flagged or have no "
                      "weight, %llu are not finite",
                      s->source->info[0]->path, (unsigned long long)vis->nflagged,
                      (unsigned long long)vis->nonfinite);
    if (!rc)
        rc = check_filled(s, vis, err);
    if (rc) {
        pcl_store_clear(vis);
        return rc;
    }
    (void)pcl_mem_peak(); /* reading needs most just now, and what casacore frees is not looked
                           * at */
    pcl_source_close(s->source);
    s->source = NULL;
    return 0;
}

void pcl_setup_close(pcl_setup *s) {
    pcl_source_close(s->source);
    for (size_t i = 0; i < s->nms; i++) {
        pcl_free(s->ms[i].path);
        pcl_free(s->ms[i].datacolumn);
        pcl_free(s->ms[i].telescope);
    }
    pcl_free(s->ms);
    for (size_t i = 0; i < s->nwarning; i++)
        pcl_free(s->warning[i]);
    pcl_free(s->warning);
    for (size_t i = 0; i < sizeof s->text / sizeof *s->text; i++)
        pcl_free(s->text[i]);
    pcl_correlations_clear(&s->correlations);
    *s = (pcl_setup){0};
}
