#include "data/fill.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "data/conversion.h"
#include "data/times.h"

/* ---- which rows are read, and how many at once ---- */

/* A sample of the rows is a few runs of them, evenly spaced. */
typedef struct row_steps {
    size_t each, stride, n;
} row_steps;

enum {
    STEP_BYTES = 4 << 20 /* of one read: what is read stays in the cache until it is converted */
};

static size_t row_bytes(const casa_ms_info *info) {
    size_t most = 1;
    for (size_t d = 0; d < info->ndd; d++) {
        const size_t bytes = info->dd[d].nchansel * info->dd[d].ncorr * 13;
        most = bytes > most ? bytes : most;
    }
    return most;
}

static row_steps steps_of(const casa_ms_info *info, size_t sample_rows) {
    row_steps s = {.each = STEP_BYTES / row_bytes(info) + 1};
    s.stride = s.each;
    if (sample_rows && sample_rows < info->nrow) {
        s.each = s.each < sample_rows / 4 + 1 ? s.each : sample_rows / 4 + 1;
        s.stride = (size_t)((double)s.each * ((double)info->nrow / (double)sample_rows));
    }
    s.n = (info->nrow + s.stride - 1) / s.stride;
    return s;
}

/* The block of a window: its channels, and the most rows that can come. */
static pcl_block_shape shape_of(const pcl_window *w, size_t sample_rows) {
    const row_steps s = steps_of(w->info, sample_rows);
    const size_t most = s.n * s.each;
    return (pcl_block_shape){.nchan = w->to - w->from,
                             .nrow = most < w->dd->nrow ? most : w->dd->nrow};
}

/* Rows sorted together: no more than there are. */
static size_t stretch_of(const pcl_source *src, const pcl_fill_request *request) {
    size_t most = 1, stretch = request->stretch ? request->stretch : PCL_SORTER_STRETCH;
    for (size_t k = 0; k < src->nwindow; k++)
        most = src->window[k].dd->nrow > most ? src->window[k].dd->nrow : most;
    return most < stretch ? most : stretch;
}

void pcl_fill_plan(const pcl_source *src, const pcl_fill_request *request, uint64_t *store_bytes,
                   uint64_t *work_bytes) {
    *store_bytes = 0;
    for (size_t k = 0; k < src->nwindow; k++) {
        const pcl_block_shape shape = shape_of(&src->window[k], request->sample_rows);
        *store_bytes += pcl_store_bytes(request->npol, &shape);
    }
    *work_bytes = 2 * STEP_BYTES /* the next rows are read while these are converted */
                  + pcl_sorter_bytes(request->order, stretch_of(src, request));
}

/* ---- the rows of one window ---- */

typedef struct reader {
    const pcl_window *window;
    pcl_conversion conversion; /* into its block */
    uint64_t samples_per_row;  /* that the window can give */
    pcl_times times;
    size_t sorted; /* rows of the block that are in their order */
} reader;

/* All windows, and what they share. */
typedef struct filling {
    pcl_source *src;
    const pcl_fill_request *request;
    pcl_store *out;
    reader *reader; /* [nwindow] */
    pcl_sorter sorter;
    pcl_tally tally;
    size_t done, total; /* rows */
} filling;

static void start_reader(const filling *f, size_t k) {
    reader *rd = &f->reader[k];
    const pcl_window *w = &f->src->window[k];
    const pcl_stokes_terms *plane = f->request->plane + k * f->request->npol;
    pcl_block *b = &f->out->block[k];
    *rd = (reader){
        .window = w,
        .conversion = {
            .dd = w->dd, .from = w->from, .npol = f->request->npol, .plane = plane, .block = b}};
    for (size_t p = 0; p < f->request->npol; p++)
        rd->samples_per_row += plane[p].n > 0 ? b->nchan : 0;
    b->ims = w->ims;
    b->spacing_hz = w->spacing_hz;
    for (size_t c = 0; c < b->nchan; c++)
        b->freq_hz[c] = w->freq_hz[w->from + c];
}

/* Some rows of what was read, chosen to be stored. */
typedef struct chosen {
    size_t n;
    size_t row[PCL_CONVERSION_MOST];
    uint32_t itime[PCL_CONVERSION_MOST];
} chosen;

/* The last n rows of the block, which are not counted yet, turn by their paths. */
static void turn_rows(const pcl_block *b, size_t npol, size_t n, const double *path_m) {
    float phasor[PCL_CONVERSION_MOST][2];
    for (size_t c = 0; c < b->nchan; c++) {
        pcl_rotation_phasors(n, path_m, b->freq_hz[c], phasor);
        for (size_t p = 0; p < npol; p++)
            pcl_rotation_turn(n, (const float(*)[2])phasor,
                              b->vis + 2 * ((p * b->nchan + c) * b->row_stride + b->nrow));
    }
}

/* Baselines of the chosen rows as the image's centre sees them; the visibilities of those rows
 * follow. */
static void rotate_rows(const filling *f, const pcl_block *b, const casa_ms_rows *rows,
                        const chosen *c, double (*uvw_m)[3]) {
    double path_m[PCL_CONVERSION_MOST] = {0};
    bool any = false;
    for (size_t k = 0; k < c->n; k++) {
        const double *uvw = rows->uvw_m + 3 * c->row[k];
        const pcl_rotation *r = pcl_source_rotation(f->src, b->ims, rows->field_id[c->row[k]]);
        any = any || r;
        if (r)
            path_m[k] = pcl_rotation_apply(r, uvw, uvw_m[k]);
        else
            memcpy(uvw_m[k], uvw, sizeof uvw_m[k]);
    }
    if (any)
        turn_rows(b, f->out->npol, c->n, path_m);
}

/* To the end of the block; stretches that are full are sorted. Empties the choice. */
static void store_rows(filling *f, reader *rd, const casa_ms_rows *rows, chosen *c) {
    pcl_block *b = rd->conversion.block;
    const pcl_identity *id = &f->out->identity[b->ims];
    double rotated_m[PCL_CONVERSION_MOST][3];
    pcl_conversion_rows(&rd->conversion, rows, c->row, c->n, &f->tally);
    rotate_rows(f, b, rows, c, rotated_m);
    for (size_t k = 0; k < c->n; k++, b->nrow++) {
        const double *uvw = rotated_m[k];
        b->u_m[b->nrow] = uvw[0];
        b->v_m[b->nrow] = uvw[1];
        b->w_m[b->nrow] = uvw[2];
        b->itime[b->nrow] = c->itime[k];
        b->row[b->nrow] = rows->row[c->row[k]];
        b->who[b->nrow] = pcl_identity_of_row(
            id, rows->field_id[c->row[k]],
            (const int[]){rows->antenna1[c->row[k]], rows->antenna2[c->row[k]]});
        b->umax_m = fmax(b->umax_m, fabs(uvw[0]));
        b->vmax_m = fmax(b->vmax_m, fabs(uvw[1]));
        b->wmax_m = fmax(b->wmax_m, fabs(uvw[2]));
    }
    c->n = 0;
    while (b->nrow - rd->sorted >= f->sorter.stretch) {
        pcl_sorter_sort(&f->sorter, b, f->out->npol, rd->sorted, f->sorter.stretch);
        rd->sorted += f->sorter.stretch;
    }
}

/* The rows of the window that casacore has read. */
static int take_rows(filling *f, reader *rd, const casa_ms_rows *rows, pclean_err *err) {
    chosen c = {0};
    if (rd->conversion.block->nchan == 0) /* the image has no channel here */
        return 0;
    for (size_t r = 0; r < rows->nrow; r++) {
        const double *uvw = rows->uvw_m + 3 * r;
        /* flagged rows too: an mfs image is labelled with the extent over all selected times */
        int rc = pcl_times_index(&rd->times, rows->time_s[r], &c.itime[c.n], err);
        if (rc)
            return rc;
        if (rows->flag_row[r]) {
            f->tally.nflagged += rd->samples_per_row;
            continue;
        }
        if (!isfinite(uvw[0]) || !isfinite(uvw[1]) || !isfinite(uvw[2])) {
            f->tally.nonfinite += rd->samples_per_row;
            continue;
        }
        c.row[c.n++] = r;
        if (c.n == PCL_CONVERSION_MOST)
            store_rows(f, rd, rows, &c);
    }
    if (c.n)
        store_rows(f, rd, rows, &c);
    return 0;
}

/* After the last row of the window: the rest is sorted, the times get their Doppler factors. */
static int finish_reader(filling *f, reader *rd, pclean_err *err) {
    pcl_block *b = rd->conversion.block;
    pcl_sorter_sort(&f->sorter, b, f->out->npol, rd->sorted, b->nrow - rd->sorted);
    b->time_s = pcl_times_take(&rd->times, &b->ntime);
    int rc = PCL_NEW(&b->doppler, b->ntime, "Doppler factors", err);
    if (!rc)
        rc = pcl_source_doppler(f->src, rd->window, b->ntime, b->time_s, b->doppler, err);
    if (!rc)
        pcl_source_widen(rd->window, b->ntime, b->doppler, &f->out->doppler_min,
                         &f->out->doppler_max);
    return rc;
}

/* ---- all rows ---- */

static int read_ms(filling *f, size_t ims, pclean_err *err) {
    const casa_ms_info *info = f->src->info[ims];
    const row_steps step = steps_of(info, f->request->sample_rows);
    reader *rd = f->reader + f->src->first[ims];
    casa_ms_rows *rows = NULL;
    int rc = PCL_ZNEW(&rows, info->ndd, "row block", err);
    for (size_t at = 0; !rc && at < info->nrow; at += step.stride) {
        const size_t n = at + step.each < info->nrow ? step.each : info->nrow - at;
        rc = casa_ms_read(f->src->ms[ims], at, n, rows, err);
        for (size_t d = 0; !rc && d < info->ndd; d++)
            rc = take_rows(f, &rd[d], &rows[d], err);
        f->done += n;
        if (!rc && f->request->progress &&
            f->request->progress(f->done, f->total, f->request->user))
            rc = PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted while reading %s", info->path);
    }
    for (size_t d = 0; !rc && d < info->ndd; d++)
        rc = finish_reader(f, &rd[d], err);
    pcl_free(rows);
    return rc;
}

static int list_identities(filling *f, pclean_err *err) {
    int rc = PCL_ZNEW(&f->out->identity, f->src->nms, "lists of fields and dishes", err);
    for (size_t i = 0; !rc && i < f->src->nms; i++) {
        f->out->nms = i + 1;
        rc = pcl_identity_make(f->src->info[i], &f->out->identity[i], err);
    }
    return rc;
}

static int make_store(filling *f, pclean_err *err) {
    const pcl_source *src = f->src;
    pcl_block_shape *shape = NULL;
    int rc = PCL_NEW(&shape, src->nwindow, "visibility store", err);
    if (rc)
        return rc;
    for (size_t k = 0; k < src->nwindow; k++)
        shape[k] = shape_of(&src->window[k], f->request->sample_rows);
    rc = pcl_store_make(f->request->scratch, f->request->npol, src->nwindow, shape, f->out, err);
    pcl_free(shape);
    return rc;
}

int pcl_fill_store(pcl_source *src, const pcl_fill_request *request, pcl_store *out,
                   pclean_err *err) {
    *out = (pcl_store){0};
    filling f = {.src = src, .request = request, .out = out};
    int rc;
    if ((rc = make_store(&f, err)) || (rc = list_identities(&f, err)) ||
        (rc = pcl_sorter_init(request->order, stretch_of(src, request), &f.sorter, err)) ||
        (rc = PCL_ZNEW(&f.reader, src->nwindow, "row block", err)))
        goto done;
    for (size_t i = 0; i < src->nms; i++)
        f.total += src->info[i]->nrow;
    for (size_t k = 0; k < src->nwindow; k++)
        start_reader(&f, k);
    for (size_t i = 0; !rc && i < src->nms; i++)
        rc = read_ms(&f, i, err);
    out->nused = f.tally.nused;
    out->nflagged = f.tally.nflagged;
    out->nonfinite = f.tally.nonfinite;
    out->nabsurd = f.tally.nabsurd;
done:
    for (size_t k = 0; f.reader && k < src->nwindow; k++)
        pcl_times_clear(&f.reader[k].times);
    pcl_free(f.reader);
    pcl_sorter_clear(&f.sorter);
    if (rc)
        pcl_store_clear(out);
    return rc;
}
