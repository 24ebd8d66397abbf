#include "io/tiles.h"
#include "base/fsutil.h"
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
    return close(fd) == 0 ? 0 : PCL_FAIL(err, errno == ENOSPC || errno == EDQUOT ? PCLEAN_ENOSPC : PCLEAN_EIO, "cannot write %s: %s", path, strerror(errno));
}

static int tell(const pcl_tiles_watch *watch, uint64_t bytes, pclean_err *err) {
    return watch && watch->done(bytes, watch->user) ? PCL_FAIL(err, PCLEAN_EINTERRUPTED, "interrupted") : 0;
}

/* ---- whole tiles ---- */

bool pcl_tiles_line_up(const casa_tiles *in, const casa_tiles *out, size_t axis, size_t offset) {
    if (in->ndim != out->ndim || in->bytes != out->bytes || (in->bytes && in->big_endian != out->big_endian))
        return false;
    for (size_t i = 0; i < in->ndim; i++)
        if (in->tile[i] != out->tile[i] || (i != axis && in->shape[i] != out->shape[i]))
            return false;
    return offset % in->tile[axis] == 0 && (in->shape[axis] % in->tile[axis] == 0 || offset + in->shape[axis] == out->shape[axis]);
}

int pcl_tiles_copy(const casa_tiles *in, const casa_tiles *out, size_t axis, size_t offset, const pcl_tiles_watch *watch, pclean_err *err) {
    uint64_t below = tile_bytes(in), nrun = 1; /* bytes of one tile layer across the axis; runs that lie together */
    for (size_t i = 0; i < axis; i++)
        below *= tiles_along(in, i);
    for (size_t i = axis + 1; i < in->ndim; i++)
        nrun *= tiles_along(in, i);
    const uint64_t run = below * tiles_along(in, axis), stride = below * tiles_along(out, axis), first = below * (offset / in->tile[axis]);
    const uint64_t piece = 32u << 20;
    int from = -1, to = -1, rc;
    if (!(rc = open_tiles(in, O_RDONLY, &from, err)))
        rc = open_tiles(out, O_WRONLY, &to, err);
    for (uint64_t r = 0; !rc && r < nrun; r++)
        for (uint64_t at = 0; !rc && at < run; at += piece) {
            const uint64_t n = run - at < piece ? run - at : piece;
            rc = pcl_fs_copy_range(from, in->file, r * run + at, to, out->file, r * stride + first + at, n, err);
            if (!rc && nrun < 64)
                (void)sync_file_range(to, (off64_t)(r * stride + first + at), (off64_t)n, SYNC_FILE_RANGE_WRITE);
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

/* ---- boxes ---- */

void pcl_boxes_make(const casa_tiles *t, size_t bytes, pcl_boxes *out) {
    size_t size = tile_pixels(t) * pcl_tiles_pixel(t);
    bool whole = true;
    *out = (pcl_boxes){.n = 1};
    for (size_t i = 0; i < t->ndim; i++) {
        const size_t all = tiles_along(t, i), fit = whole && size < bytes ? bytes / size : 1, n = fit < all ? fit : all;
        whole = whole && n == all;
        size *= n;
        out->size[i] = n * t->tile[i];
        out->count[i] = (all + n - 1) / n;
        out->n *= out->count[i];
    }
}

void pcl_boxes_get(const pcl_boxes *b, const casa_tiles *t, size_t i, size_t *start, size_t *length) {
    for (size_t d = 0; d < t->ndim; d++) {
        start[d] = i % b->count[d] * b->size[d];
        length[d] = t->shape[d] - start[d] < b->size[d] ? t->shape[d] - start[d] : b->size[d];
        i /= b->count[d];
    }
}

/* Copies a box between two arrays of `pixel` bytes; shapes are theirs, starts where the box lies in each. */
static void copy_box(const char *from, const size_t *from_shape, const size_t *from_start, char *to, const size_t *to_shape,
                     const size_t *to_start, const size_t *length, size_t ndim, size_t pixel) {
    size_t at[CASA_MAX_DIM] = {0};
    for (;;) {
        size_t a = 0, b = 0;
        for (size_t i = ndim; i-- > 0;) {
            a = a * from_shape[i] + from_start[i] + at[i];
            b = b * to_shape[i] + to_start[i] + at[i];
        }
        memcpy(to + b * pixel, from + a * pixel, length[0] * pixel);
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

/* A tile as it is on disk to pixels and back, in place; the buffer has room for either form. */
static void decode_tile(const casa_tiles *t, char *tile) {
    const size_t n = tile_pixels(t);
    if (t->bytes == 0)
        for (size_t i = n; i-- > 0;) /* from the end: the bits are read before they are written over */
            tile[i] = (char)((unsigned char)tile[i / 8] >> i % 8 & 1);
    else if (t->big_endian != host_is_big_endian)
        swap_words(tile, n * t->bytes, t->word);
}

static void encode_tile(const casa_tiles *t, char *tile) {
    const size_t n = tile_pixels(t);
    if (t->bytes == 0)
        for (size_t i = 0; i < n; i += 8) {
            unsigned bits = 0;
            for (size_t k = 0; k < 8 && i + k < n; k++)
                bits |= (unsigned)(tile[i + k] != 0) << k;
            tile[i / 8] = (char)bits;
        }
    else if (t->big_endian != host_is_big_endian)
        swap_words(tile, n * t->bytes, t->word);
}

/* The tiles that a box meets, one by one: its place in the file and the part of the box that lies in it. */
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

/* in_tile, in_box: where the common part begins; length: of it. */
static uint64_t walk_place(const walk *w, const size_t *start, const size_t *box, size_t *in_tile, size_t *in_box, size_t *length) {
    const casa_tiles *t = w->t;
    uint64_t number = 0;
    for (size_t i = t->ndim; i-- > 0;) {
        const size_t begin = w->at[i] * t->tile[i], end = begin + t->tile[i], box_end = start[i] + box[i];
        const size_t from = begin > start[i] ? begin : start[i];
        in_tile[i] = from - begin;
        in_box[i] = from - start[i];
        length[i] = (end < box_end ? end : box_end) - from;
        number = number * tiles_along(t, i) + w->at[i];
    }
    return number * tile_bytes(t);
}

/* Reads a box into a part of the array `pixels` of `shape`, from `to` on. */
static int read_into(const casa_tiles *t, const size_t *start, const size_t *length, char *pixels, const size_t *shape, const size_t *to, pclean_err *err) {
    char *tile = NULL;
    int fd = -1, rc = PCL_NEW(&tile, tile_pixels(t) * pcl_tiles_pixel(t), "tile", err);
    if (!rc)
        rc = open_tiles(t, O_RDONLY, &fd, err);
    walk w;
    for (walk_begin(&w, t, start, length); !rc && !w.end; walk_next(&w)) {
        size_t in_tile[CASA_MAX_DIM], in_box[CASA_MAX_DIM], n[CASA_MAX_DIM];
        const uint64_t place = walk_place(&w, start, length, in_tile, in_box, n);
        if ((rc = pcl_fs_pread_all(fd, t->file, tile, tile_bytes(t), place, err)))
            break;
        decode_tile(t, tile);
        for (size_t i = 0; i < t->ndim; i++)
            in_box[i] += to[i];
        copy_box(tile, t->tile, in_tile, pixels, shape, in_box, n, t->ndim, pcl_tiles_pixel(t));
    }
    if (fd >= 0)
        close(fd);
    pcl_free(tile);
    return rc;
}

/* The box begins and ends with tiles of t, or with the array. */
static int write_box(const casa_tiles *t, const size_t *start, const size_t *length, const char *pixels, pclean_err *err) {
    char *tile = NULL;
    const size_t size = tile_pixels(t) * pcl_tiles_pixel(t);
    int fd = -1, rc = PCL_NEW(&tile, size, "tile", err);
    if (!rc)
        rc = open_tiles(t, O_WRONLY, &fd, err);
    walk w;
    for (walk_begin(&w, t, start, length); !rc && !w.end; walk_next(&w)) {
        size_t in_tile[CASA_MAX_DIM], in_box[CASA_MAX_DIM], n[CASA_MAX_DIM];
        const uint64_t place = walk_place(&w, start, length, in_tile, in_box, n);
        memset(tile, 0, size);
        copy_box(pixels, length, in_box, tile, t->tile, in_tile, n, t->ndim, pcl_tiles_pixel(t));
        encode_tile(t, tile);
        rc = pcl_fs_pwrite_all(fd, t->file, tile, tile_bytes(t), place, err);
    }
    if (fd >= 0) {
        const int closed = close_written(fd, t->file, rc ? NULL : err);
        rc = rc ? rc : closed;
    }
    pcl_free(tile);
    return rc;
}

int pcl_tiles_gather(const pcl_tiles_part *part, size_t npart, size_t axis, const casa_tiles *kind, const size_t *start, const size_t *length,
                     void *pixels, pclean_err *err) {
    int rc = 0;
    if (kind->bytes == 0) {
        size_t n = 1;
        for (size_t i = 0; i < kind->ndim; i++)
            n *= length[i];
        memset(pixels, 1, n);
    }
    for (size_t i = 0; !rc && i < npart; i++) {
        const size_t begin = part[i].offset > start[axis] ? part[i].offset : start[axis];
        const size_t end = part[i].offset + part[i].n < start[axis] + length[axis] ? part[i].offset + part[i].n : start[axis] + length[axis];
        if (begin >= end || !part[i].tiles)
            continue;
        size_t from[CASA_MAX_DIM], size[CASA_MAX_DIM], to[CASA_MAX_DIM] = {0};
        memcpy(from, start, kind->ndim * sizeof *from);
        memcpy(size, length, kind->ndim * sizeof *size);
        from[axis] = begin - part[i].offset;
        size[axis] = end - begin;
        to[axis] = begin - start[axis];
        rc = read_into(part[i].tiles, from, size, pixels, length, to, err);
    }
    return rc;
}

int pcl_tiles_repack(const pcl_tiles_part *part, size_t npart, size_t axis, const casa_tiles *out, const size_t *start,
                     const size_t *length, const pcl_tiles_watch *watch, pclean_err *err) {
    size_t n = pcl_tiles_pixel(out);
    for (size_t i = 0; i < out->ndim; i++)
        n *= length[i];
    char *pixels = NULL;
    int rc = PCL_NEW(&pixels, n, "box of pixels", err);
    if (!rc && !(rc = pcl_tiles_gather(part, npart, axis, out, start, length, pixels, err)))
        rc = write_box(out, start, length, pixels, err);
    pcl_free(pixels);
    return rc ? rc : tell(watch, out->bytes ? n : n / 8, err);
}
