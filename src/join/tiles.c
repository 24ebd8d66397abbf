#include "join/tiles.h"
#include "base/bulk.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
static const bool host_is_big_endian = true;
#else
static const bool host_is_big_endian = false;
#endif

static size_t tiles_along(const casa_tiles *t, size_t i) {
    return (t->shape[i] + t->tile[i] - 1) / t->tile[i];
}

static size_t tile_pixels(const casa_tiles *t) {
    size_t n = 1;
    for (size_t i = 0; i < t->ndim; i++)
        n *= t->tile[i];
    return n;
}

/* Pixels of all tiles; those at the edge count with what sticks out. */
static size_t box_pixels(const casa_tiles *t) {
    size_t n = tile_pixels(t);
    for (size_t i = 0; i < t->ndim; i++)
        n *= tiles_along(t, i);
    return n;
}

static size_t tile_bytes(const casa_tiles *t) {
    return t->bytes ? tile_pixels(t) * t->bytes : (tile_pixels(t) + 7) / 8;
}

uint64_t pcl_tiles_size(const casa_tiles *t) {
    uint64_t n = tile_bytes(t);
    for (size_t i = 0; i < t->ndim; i++)
        n *= tiles_along(t, i);
    return n;
}

size_t pcl_tiles_pixel(const casa_tiles *t) {
    return t->bytes ? t->bytes : 1;
}

static int open_tiles(const casa_tiles *t, int flags, int *fd, pclean_err *err) {
    *fd = open(t->file, flags | O_CLOEXEC);
    return *fd >= 0 ? 0 : PCL_FAIL(err, PCLEAN_EIO, "cannot open %s: %s", t->file, strerror(errno));
}

/* The disk begins to write what is there; waiting for it comes later. */
static int close_written(int fd, const char *path, pclean_err *err) {
    (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    return close(fd) == 0 ? 0 : pcl_err_errno(err, "write", path);
}

static int tell(const pcl_tiles_watch *watch, uint64_t bytes, pclean_err *err) {
    return watch && watch->done(bytes, watch->user)
               ? PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted")
               : 0;
}

/* ---- whole tiles ---- */

bool pcl_tiles_line_up(const casa_tiles *in, const casa_tiles *out, size_t axis, size_t offset) {
    if (in->ndim != out->ndim || in->bytes != out->bytes ||
        (in->bytes && in->big_endian != out->big_endian))
        return false;
    for (size_t i = 0; i < in->ndim; i++)
        if (in->tile[i] != out->tile[i] || (i != axis && in->shape[i] != out->shape[i]))
            return false;
    return offset % in->tile[axis] == 0 &&
           (in->shape[axis] % in->tile[axis] == 0 || offset + in->shape[axis] == out->shape[axis]);
}

/* Where the bytes of one file lie in another: as `n` runs of `size` bytes, the first at `first`,
 * one each `stride`. */
typedef struct runs {
    uint64_t n, size, stride, first;
} runs;

static runs find_runs(const casa_tiles *in, const casa_tiles *out, size_t axis, size_t offset) {
    runs r = {.n = 1};
    uint64_t layer = tile_bytes(in); /* one tile thick along the axis */
    for (size_t i = 0; i < axis; i++)
        layer *= tiles_along(in, i);
    for (size_t i = axis + 1; i < in->ndim; i++)
        r.n *= tiles_along(in, i);
    r.size = layer * tiles_along(in, axis);
    r.stride = layer * tiles_along(out, axis);
    r.first = layer * (offset / in->tile[axis]);
    return r;
}

int pcl_tiles_copy(const casa_tiles *in, const casa_tiles *out, size_t axis, size_t offset,
                   const pcl_tiles_watch *watch, pclean_err *err) {
    const runs r = find_runs(in, out, axis, offset);
    const uint64_t piece = 32u << 20;
    int from = -1, to = -1, rc;
    if (!(rc = open_tiles(in, O_RDONLY, &from, err)))
        rc = open_tiles(out, O_WRONLY, &to, err);
    for (uint64_t k = 0; !rc && k < r.n; k++)
        for (uint64_t at = 0; !rc && at < r.size; at += piece) {
            const uint64_t n = r.size - at < piece ? r.size - at : piece,
                           place = k * r.stride + r.first + at;
            rc = pcl_bulk_copy(&(pcl_bulk_place){from, in->file, k * r.size + at},
                               &(pcl_bulk_place){to, out->file, place}, n, err);
            if (!rc && r.n < 64)
                (void)sync_file_range(to, (off64_t)place, (off64_t)n, SYNC_FILE_RANGE_WRITE);
            if (!rc)
                rc = tell(watch, n, err);
        }
    if (from >= 0)
        close(from);
    if (to >= 0) {
        const int closed = close_written(to, out->file, rc ? NULL : err);
        rc = rc ? rc : closed;
    }
    return rc;
}

int pcl_tiles_same(const casa_tiles *in, const casa_tiles *out, size_t axis, size_t offset,
                   bool full, bool *same, pclean_err *err) {
    const runs r = find_runs(in, out, axis, offset);
    const uint64_t tile = tile_bytes(in), ntile = r.n * (r.size / tile),
                   step = !full && ntile > 3 ? (ntile - 1) / 3 : 1;
    char *a = NULL, *b = NULL;
    int from = -1, to = -1, rc;
    *same = true;
    if (!(rc = PCL_NEW(&a, tile, "tile", err)) && !(rc = PCL_NEW(&b, tile, "tile", err)) &&
        !(rc = open_tiles(in, O_RDONLY, &from, err)))
        rc = open_tiles(out, O_RDONLY, &to, err);
    for (uint64_t i = 0; !rc && *same && i < ntile + step - 1; i += step) {
        const uint64_t at = (i < ntile ? i : ntile - 1) * tile;
        if (!(rc = pcl_bulk_pread(from, in->file, a, tile, at, err)) &&
            !(rc = pcl_bulk_pread(to, out->file, b, tile,
                                  at / r.size * r.stride + r.first + at % r.size, err)))
            *same = memcmp(a, b, tile) == 0;
    }
    for (int k = 0; k < 2; k++)
        if ((k ? from : to) >= 0)
            close(k ? from : to);
    pcl_free(a);
    pcl_free(b);
    return rc;
}

/* ---- boxes ---- */

void pcl_boxes_make(const casa_tiles *t, size_t bytes, size_t axis, size_t thick, pcl_boxes *out) {
    const size_t one = tile_pixels(t) * pcl_tiles_pixel(t),
                 most = bytes / one > 1 ? bytes / one : 1;
    const size_t wanted = (thick + t->tile[axis] - 1) / t->tile[axis], along = tiles_along(t, axis),
                 least = wanted < along ? wanted : along;
    const size_t layer = least < most ? least : most; /* tiles along the axis */
    size_t taken = layer > 1 ? layer : 1;
    bool whole = true; /* so far the box holds all of the array's first axes */
    *out = (pcl_boxes){.n = 1};
    for (size_t i = 0; i < t->ndim; i++) {
        const size_t all = tiles_along(t, i), begin = i == axis && layer > 1 ? layer : 1;
        size_t n = whole ? most / taken * begin : begin; /* a multiple of begin */
        n = n < all ? n : all;
        whole = whole && n == all;
        taken = taken / begin * n;
        out->size[i] = n * t->tile[i];
        out->count[i] = (all + n - 1) / n;
        out->n *= out->count[i];
    }
}

void pcl_boxes_get(const pcl_boxes *b, const casa_tiles *t, size_t i, pcl_box *out) {
    for (size_t d = 0; d < t->ndim; d++) {
        const size_t start = i % b->count[d] * b->size[d], left = t->shape[d] - start;
        out->start[d] = start;
        out->length[d] = left < b->size[d] ? left : b->size[d];
        i /= b->count[d];
    }
}

size_t pcl_boxes_pixels(const pcl_boxes *b, const casa_tiles *t) {
    size_t n = 1;
    for (size_t d = 0; d < t->ndim; d++)
        n *= b->size[d];
    return n;
}

/* An array in memory, and where a box of it begins. */
typedef struct corner {
    char *data;
    const size_t *shape, *start; /* [ndim] */
} corner;

/* Copies a box from one array to another. length: its size; form: tells dimension and pixel. */
static void copy_box(const corner *from, const corner *to, const size_t *length,
                     const casa_tiles *form) {
    const size_t ndim = form->ndim, pixel = pcl_tiles_pixel(form);
    size_t at[CASA_MAX_DIM] = {0};
    for (;;) {
        size_t a = 0, b = 0;
        for (size_t i = ndim; i-- > 0;) {
            a = a * from->shape[i] + from->start[i] + at[i];
            b = b * to->shape[i] + to->start[i] + at[i];
        }
        memcpy(to->data + b * pixel, from->data + a * pixel, length[0] * pixel);
        size_t i = 1;
        while (i < ndim && ++at[i] == length[i])
            at[i++] = 0;
        if (i >= ndim)
            return;
    }
}

static void swap_words(char *data, size_t size, size_t word) {
    for (size_t i = 0; i < size; i += word)
        if (word == 4) {
            uint32_t bits;
            memcpy(&bits, data + i, sizeof bits);
            bits = __builtin_bswap32(bits);
            memcpy(data + i, &bits, sizeof bits);
        } else {
            uint64_t bits;
            memcpy(&bits, data + i, sizeof bits);
            bits = __builtin_bswap64(bits);
            memcpy(data + i, &bits, sizeof bits);
        }
}

/* A tile as it is on disk to pixels, in place; the buffer has room for either form. */
static void decode_tile(const casa_tiles *t, char *tile) {
    const size_t n = tile_pixels(t);
    if (t->bytes == 0)
        for (size_t i = n; i-- > 0;) /* from the end: the bits are read before they are written
                                      * over */
            tile[i] = (char)((unsigned char)tile[i / 8] >> i % 8 & 1);
    else if (t->big_endian != host_is_big_endian)
        swap_words(tile, n * t->bytes, t->word);
}

/* A tile of bits becomes shorter and may go to a place before `tile`; others stay where they
 * are. */
static void encode_tile(const casa_tiles *t, char *tile, char *to) {
    const size_t n = tile_pixels(t);
    if (t->bytes == 0)
        for (size_t i = 0; i < n; i += 8) {
            unsigned bits = 0;
            for (size_t k = 0; k < 8 && i + k < n; k++)
                bits |= (unsigned)(tile[i + k] != 0) << k;
            to[i / 8] = (char)bits;
        }
    else if (t->big_endian != host_is_big_endian)
        swap_words(tile, n * t->bytes, t->word);
}

/* The tiles that a box meets, one by one: its place in the file and the part of the box that lies
 * in it. */
typedef struct walk {
    const casa_tiles *t;
    size_t first[CASA_MAX_DIM], last[CASA_MAX_DIM], at[CASA_MAX_DIM];
    bool end;
} walk;

static void walk_begin(walk *w, const casa_tiles *t, const size_t *start, const size_t *length) {
    *w = (walk){.t = t};
    for (size_t i = 0; i < t->ndim; i++) {
        w->first[i] = w->at[i] = start[i] / t->tile[i];
        w->last[i] = (start[i] + length[i] - 1) / t->tile[i];
    }
}

static void walk_next(walk *w) {
    size_t i = 0;
    while (i < w->t->ndim && ++w->at[i] > w->last[i]) {
        w->at[i] = w->first[i];
        i++;
    }
    w->end = i == w->t->ndim;
}

/* The number of the tile. in_tile, in_box: where the common part begins; length: of it. */
static size_t walk_place(const walk *w, const size_t *start, const size_t *box, size_t *in_tile,
                         size_t *in_box, size_t *length) {
    const casa_tiles *t = w->t;
    size_t number = 0;
    for (size_t i = t->ndim; i-- > 0;) {
        const size_t begin = w->at[i] * t->tile[i], end = begin + t->tile[i],
                     box_end = start[i] + box[i];
        const size_t from = begin > start[i] ? begin : start[i];
        in_tile[i] = from - begin;
        in_box[i] = from - start[i];
        length[i] = (end < box_end ? end : box_end) - from;
        number = number * tiles_along(t, i) + w->at[i];
    }
    return number;
}

/* An array whose tiles are all in memory, one after the other. */
typedef struct tiled {
    const casa_tiles *form;
    char *pixels;
} tiled;

/* Copies what lies in one tile, `from` on, to the array, `to` on. */
static void scatter(char *tile, const casa_tiles *t, const size_t *from, const tiled *array,
                    const size_t *to, const size_t *length) {
    const casa_tiles *form = array->form;
    const size_t size = tile_pixels(form) * pcl_tiles_pixel(t);
    walk w;
    for (walk_begin(&w, form, to, length); !w.end; walk_next(&w)) {
        size_t in_tile[CASA_MAX_DIM], at[CASA_MAX_DIM], n[CASA_MAX_DIM];
        const size_t number = walk_place(&w, to, length, in_tile, at, n);
        for (size_t i = 0; i < t->ndim; i++)
            at[i] += from[i];
        copy_box(&(corner){tile, t->tile, at},
                 &(corner){array->pixels + number * size, form->tile, in_tile}, n, t);
    }
}

/* Reads a box of a file into the array, from `to` on. */
static int read_into(const casa_tiles *t, const pcl_box *box, const tiled *array, const size_t *to,
                     pclean_err *err) {
    char *tile = NULL;
    int fd = -1, rc = PCL_NEW(&tile, tile_pixels(t) * pcl_tiles_pixel(t), "tile", err);
    if (!rc)
        rc = open_tiles(t, O_RDONLY, &fd, err);
    walk w;
    for (walk_begin(&w, t, box->start, box->length); !rc && !w.end; walk_next(&w)) {
        size_t in_tile[CASA_MAX_DIM], in_box[CASA_MAX_DIM], n[CASA_MAX_DIM];
        const size_t number = walk_place(&w, box->start, box->length, in_tile, in_box, n);
        if ((rc = pcl_bulk_pread(fd, t->file, tile, tile_bytes(t), number * tile_bytes(t), err)))
            break;
        decode_tile(t, tile);
        for (size_t i = 0; i < t->ndim; i++)
            in_box[i] += to[i];
        scatter(tile, t, in_tile, array, in_box, n);
    }
    if (fd >= 0)
        close(fd);
    pcl_free(tile);
    return rc;
}

/* The bits of an image without a mask. */
static void set_all(const tiled *array, const size_t *to, const size_t *length) {
    const casa_tiles *form = array->form;
    walk w;
    for (walk_begin(&w, form, to, length); !w.end; walk_next(&w)) {
        size_t from[CASA_MAX_DIM], in_box[CASA_MAX_DIM], n[CASA_MAX_DIM], at[CASA_MAX_DIM] = {0};
        char *tile =
            array->pixels + walk_place(&w, to, length, from, in_box, n) * tile_pixels(form);
        for (bool more = true; more;) {
            size_t place = 0, i = 1;
            for (size_t d = form->ndim; d-- > 0;)
                place = place * form->tile[d] + from[d] + at[d];
            memset(tile + place, 1, n[0]);
            while (i < form->ndim && ++at[i] == n[i])
                at[i++] = 0;
            more = i < form->ndim;
        }
    }
}

/* What each member has of a box of the joined array, into the array in memory, which the box
 * fills. */
static int gather(const pcl_tiles_series *series, const pcl_box *box, const tiled *array,
                  pclean_err *err) {
    const size_t axis = series->axis, box_end = box->start[axis] + box->length[axis];
    int rc = 0;
    for (size_t i = 0; !rc && i < series->n; i++) {
        const pcl_tiles_member *m = &series->member[i];
        const size_t m_end = m->offset + m->n;
        const size_t begin = m->offset > box->start[axis] ? m->offset : box->start[axis];
        const size_t end = m_end < box_end ? m_end : box_end;
        if (begin >= end)
            continue;
        pcl_box from = *box;
        size_t to[CASA_MAX_DIM] = {0};
        from.start[axis] = begin - m->offset;
        from.length[axis] = end - begin;
        to[axis] = begin - box->start[axis];
        if (m->tiles)
            rc = read_into(m->tiles, &from, array, to, err);
        else
            set_all(array, to, from.length);
    }
    return rc;
}

size_t pcl_tiles_thickest(const pcl_tiles_series *series) {
    size_t most = 1;
    for (size_t i = 0; i < series->n; i++) {
        const casa_tiles *t = series->member[i].tiles;
        most = t && t->tile[series->axis] > most ? t->tile[series->axis] : most;
    }
    return most;
}

int pcl_tiles_gather(const pcl_tiles_series *series, const casa_tiles *kind, const pcl_box *box,
                     void *pixels, pclean_err *err) {
    casa_tiles form = *kind; /* one tile */
    memcpy(form.shape, box->length, kind->ndim * sizeof *box->length);
    memcpy(form.tile, box->length, kind->ndim * sizeof *box->length);
    return gather(series, box, &(tiled){&form, pixels}, err);
}

/* Tiles of a box (`form`) that lie together in the file: those of the first axes, as long as the
 * box is as long as the array. */
static size_t tiles_together(const casa_tiles *out, const casa_tiles *form) {
    size_t n = 1;
    for (size_t i = 0; i < out->ndim; i++) {
        n *= tiles_along(form, i);
        if (tiles_along(form, i) < tiles_along(out, i))
            break;
    }
    return n;
}

/* Where tile k of a box that begins at `start` lies in the file. */
static uint64_t tile_place(const casa_tiles *out, const casa_tiles *form, const size_t *start,
                           size_t k) {
    uint64_t number = 0, stride = 1;
    for (size_t i = 0; i < out->ndim; i++) {
        number += stride * (start[i] / out->tile[i] + k % tiles_along(form, i));
        stride *= tiles_along(out, i);
        k /= tiles_along(form, i);
    }
    return number * tile_bytes(out);
}

static int write_tiles(const casa_tiles *out, const casa_tiles *form, const size_t *start,
                       char *pixels, pclean_err *err) {
    const size_t n = box_pixels(form) / tile_pixels(form), run = tiles_together(out, form),
                 room = tile_pixels(form) * pcl_tiles_pixel(form), size = tile_bytes(out);
    int fd, rc = open_tiles(out, O_WRONLY, &fd, err);
    if (rc)
        return rc;
    for (size_t k = 0; k < n; k++)
        encode_tile(out, pixels + k * room, pixels + k * size);
    for (size_t k = 0; !rc && k < n; k += run)
        rc = pcl_bulk_write(fd, out->file, pixels + k * size, run * size,
                            tile_place(out, form, start, k), err);
    const int closed = close_written(fd, out->file, rc ? NULL : err);
    return rc ? rc : closed;
}

void pcl_tiles_room_clear(pcl_tiles_room *room) {
    pcl_free(room->memory);
    *room = (pcl_tiles_room){0};
}

/* At least `size` bytes in whole pages. */
static int get_pages(pcl_tiles_room *room, size_t size, char **pages, pclean_err *err) {
    const size_t page = 4096;
    int rc = 0;
    if (room->size < size + page) {
        pcl_tiles_room_clear(room);
        if ((rc = PCL_NEW(&room->memory, size + page, "box of pixels", err)))
            return rc;
        room->size = size + page;
    }
    *pages = room->memory + (page - (uintptr_t)room->memory % page) % page;
    return 0;
}

/* The tiles are filled in memory as they will lie in the file. */
int pcl_tiles_repack(const pcl_tiles_series *series, const casa_tiles *out, const pcl_box *box,
                     pcl_tiles_room *room, const pcl_tiles_watch *watch, pclean_err *err) {
    casa_tiles form = *out;
    memcpy(form.shape, box->length, out->ndim * sizeof *box->length);
    const size_t size = box_pixels(&form) * pcl_tiles_pixel(&form);
    char *pixels = NULL;
    int rc = get_pages(room, size, &pixels, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < out->ndim; i++)
        if (box->length[i] % out->tile[i] != 0) { /* tiles stick out of the array */
            memset(pixels, 0, size);
            break;
        }
    if ((rc = gather(series, box, &(tiled){&form, pixels}, err)) ||
        (rc = write_tiles(out, &form, box->start, pixels, err)))
        return rc;
    return tell(watch, pcl_tiles_size(&form), err);
}
