/* bpmap.c: where in data.0 the blocks of fixed-shape columns lie. bpparts.c reads them there.
 *
 * ADIOS2 does not say where a block is, looks at all blocks of a column for every request, and
 * reads each into memory that it takes from the system and gives back. So the writer finds the
 * places when the file is complete, and leaves them beside it:
 *  - BP4 puts a header before each block, with the column's name and the block's length.
 *  - BP5 writes blocks in the order in which they were put, those of one write at multiples of
 *    their elements' size.
 * In either case the first and the last bytes of each block must be what was put. Where anything is
 * not as it should be, or the caller's settings may change the layout, there is no map, and ADIOS2
 * reads.
 *
 * The map has a line "OFFSET NAME" for each block; the blocks of a column are in ADIOS2's order. */
#include "base/bulk.h"
#include "base/fsutil.h"
#include "base/mem.h"
#include "stman/bpfile_private.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENDS 64 /* bytes that are compared at either end of a block */
#define BP4_GAP                                                                                    \
    1024                            /* more than ADIOS2 puts between two blocks, header
                                     * included */
#define BP5_STRIPE ((uint64_t)4096) /* where each of its writes begins */
#define BP5_ROUND  ((uint64_t)16)   /* and to what its length is rounded */

/* ---- writing ---- */

int bp_map_note(bp_column *c, const void *data, size_t bytes, pclean_err *err) {
    bp_file *f = c->file;
    if (!f->mapped)
        return 0;
    const int status =
        bp_grow((void **)&f->place, &f->place_room, f->nplace + 1, sizeof *f->place, err);
    if (status)
        return status;
    const size_t n = bytes < ENDS ? bytes : ENDS;
    f->place[f->nplace++] =
        (bp_place){.column = c,
                   .bytes = bytes,
                   .head = pcl_hash(PCL_HASH, data, n),
                   .tail = pcl_hash(PCL_HASH, (const char *)data + bytes - n, n)};
    return 0;
}

static bool data_size(const bp_file *f, uint64_t *size) {
    struct stat st;
    const bool there = fstatat(f->folder, "data.0", &st, 0) == 0;
    *size = there ? (uint64_t)st.st_size : 0;
    return there;
}

static uint64_t round_up(uint64_t n, uint64_t to) {
    return (n + to - 1) / to * to;
}

/* BP5 has written what was put since the last time. */
void bp_map_written(bp_file *f) {
    uint64_t size, at = 0;
    if (!f->mapped || !f->bp5 || f->nplaced == f->nplace)
        return;
    const uint64_t begin = round_up(f->data_end, BP5_STRIPE);
    for (; f->nplaced < f->nplace; f->nplaced++) {
        bp_place *p = &f->place[f->nplaced];
        at = round_up(at, bp_type_size(p->column->type));
        p->offset = begin + at;
        at += p->bytes;
    }
    f->mapped = data_size(f, &size) && size == begin + round_up(at, BP5_ROUND);
    f->data_end = size;
}

/* The next block of a BP4 file, not before *at; *at is its end then. Between blocks a buffer may
 * end and another begin. The header: "[VMD", bytes from here to the block's end (8), number (4),
 * length of the name (2), name ... "VMD]", block. */
static bool find_bp4(const bp_place *p, int fd, uint64_t *at, uint64_t *offset) {
    char gap[BP4_GAP];
    const ssize_t n = pread(fd, gap, sizeof gap, (off_t)*at);
    /* before it are 12 bytes that nobody has set */
    const size_t from = n >= 20 && memcmp(gap + 12, "PGI][PGI", 8) == 0 ? 20 : 0;
    const char *header = n > 0 ? memmem(gap + from, (size_t)n - from, "[VMD", 4) : NULL;
    const size_t length = strlen(p->column->name);
    uint64_t bytes;
    uint16_t name_length;
    char mark[4];
    if (!header || gap + n - header < 18 + (ptrdiff_t)length)
        return false;
    memcpy(&bytes, header + 4, sizeof bytes);
    memcpy(&name_length, header + 16, sizeof name_length);
    if (bytes < p->bytes + 18 + length || name_length != length ||
        memcmp(header + 18, p->column->name, length) != 0)
        return false;
    *at += (uint64_t)(header - gap) + 4 + bytes;
    *offset = *at - p->bytes;
    return pread(fd, mark, sizeof mark, (off_t)(*offset - sizeof mark)) == sizeof mark &&
           memcmp(mark, "VMD]", sizeof mark) == 0;
}

static bool place_bp4(bp_file *f, int fd) {
    uint64_t at = 0;
    for (; f->nplaced < f->nplace; f->nplaced++)
        if (!find_bp4(&f->place[f->nplaced], fd, &at, &f->place[f->nplaced].offset))
            return false;
    return true;
}

static bool ends_agree(const bp_place *p, int fd) {
    char bytes[ENDS];
    const size_t n = p->bytes < ENDS ? p->bytes : ENDS;
    return pread(fd, bytes, n, (off_t)p->offset) == (ssize_t)n &&
           pcl_hash(PCL_HASH, bytes, n) == p->head &&
           pread(fd, bytes, n, (off_t)(p->offset + p->bytes - n)) == (ssize_t)n &&
           pcl_hash(PCL_HASH, bytes, n) == p->tail;
}

/* *found: all blocks are, and are what was put. A BP4 block that is found by its header but is
 * another is damage. */
static int find_places(bp_file *f, bool *found, pclean_err *err) {
    const int fd = openat(f->folder, "data.0", O_RDONLY | O_CLOEXEC);
    int status = 0;
    *found = fd >= 0 && (f->bp5 || place_bp4(f, fd)) && f->nplaced == f->nplace;
    for (size_t i = 0; i < f->nplace && *found; i++) {
        const bool good = ends_agree(&f->place[i], fd);
        if (!good && !f->bp5)
            status = PCL_FAIL(
                err, PCLEAN_EIO,
                "%s: ADIOS2 has lost a part of column %s: take BP5, or another MaxBufferSize",
                f->path, f->place[i].column->name);
        *found = good && !strchr(f->place[i].column->name, '\n');
    }
    if (fd >= 0)
        close(fd);
    return status;
}

static int write_map(const bp_file *f, pclean_err *err) {
    char *text = NULL, *path = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    for (size_t i = 0; i < f->nplace && out; i++)
        fprintf(out, "%" PRIu64 " %s\n", f->place[i].offset, f->place[i].column->name);
    const bool bad = !out || ferror(out);
    int status = !out || fclose(out) != 0 || bad
                     ? PCL_FAIL(err, PCLEAN_ENOMEM, "out of memory for the list of blocks")
                     : 0;
    if (!status)
        status = pcl_asprintf(&path, err, "/proc/self/fd/%d/" BP_MAP, f->folder);
    if (!status)
        status = pcl_fs_write_text(path, text, n, err);
    pcl_free(path);
    free(text);
    return status;
}

int bp_map_save(bp_file *f, pclean_err *err) {
    bool found = false;
    bp_map_written(f);
    const int status = f->mapped && f->nplace > 0 ? find_places(f, &found, err) : 0;
    return !status && found ? write_map(f, err) : status;
}

/* ---- the map, read ---- */

/* Without a map everything works, too: only a lack of memory is an error. */
int bp_map_load(bp_file *f, pclean_err *err) {
    char *name = NULL;
    struct stat st;
    int status = pcl_asprintf(&name, err, "%s/" BP_MAP, f->path);
    const int fd = status ? -1 : open(name, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0) {
        status = PCL_ZNEW(&f->map, (size_t)st.st_size + 1, "the places of blocks", err);
        if (!status)
            status = pcl_bulk_pread(fd, name, f->map, (size_t)st.st_size, 0, err);
    }
    if (fd >= 0)
        close(fd);
    pcl_free(name);
    f->mapped = !status && f->map;
    return status;
}

static int by_row_and_first(const void *a, const void *b) {
    const bp_part *x = a, *y = b;
    const int by_row = (x->row > y->row) - (x->row < y->row);
    return by_row ? by_row : (x->first > y->first) - (x->first < y->first);
}

size_t bp_slow_axis(const bp_column *c) {
    return c->ndim ? c->shape[0] : 1;
}

/* Part k is ADIOS2's block k, all of each cell but for the slowest axis, and within data.0. */
static bool take_part(const bp_column *c, const adios2_blockinfo *b, uint64_t offset, uint64_t size,
                      bp_part *out) {
    const size_t cell = bp_cell_bytes(c->type, c->ndim, c->shape), slow = bp_slow_axis(c);
    *out = (bp_part){.row = b->Start[0],
                     .end = b->Start[0] + b->Count[0],
                     .offset = offset,
                     .first = c->ndim ? b->Start[1] : 0,
                     .n = c->ndim ? b->Count[1] : 1};
    for (size_t i = 1; i < c->ndim; i++)
        if (b->Start[i + 1] != 0 || b->Count[i + 1] != c->shape[i])
            return false;
    return cell > 0 && offset <= size &&
           b->Count[0] <= (size - offset) / (cell / slow) / (out->n ? out->n : 1);
}

uint64_t bp_part_end(const bp_column *c, const bp_part *p) {
    return p->offset +
           (p->end - p->row) * p->n * (bp_cell_bytes(c->type, c->ndim, c->shape) / bp_slow_axis(c));
}

/* The parts of the same rows make up whole cells and come one after the other in the file; no row
 * is there twice. */
static bool regular(const bp_column *c) {
    size_t next = 0;
    for (size_t i = 0; i < c->npart; i++) {
        const bp_part *p = &c->part[i], *last = i ? p - 1 : NULL;
        const bool same = last && p->row == last->row;
        if (p->n == 0 || p->end <= p->row || p->first != next ||
            (last && !same && p->row < last->end))
            return false;
        if (same && (p->end != last->end || p->offset < bp_part_end(c, last)))
            return false;
        next = p->first + p->n == bp_slow_axis(c) ? 0 : p->first + p->n;
    }
    return next == 0;
}

static size_t read_parts(const bp_column *c, uint64_t size) {
    const size_t length = strlen(c->name);
    size_t n = 0;
    for (const char *line = c->file->map, *stop; *(stop = strchrnul(line, '\n')); line = stop + 1) {
        char *name;
        const uint64_t offset = strtoull(line, &name, 10);
        if (*name != ' ' || (size_t)(stop - name) != length + 1 ||
            memcmp(name + 1, c->name, length) != 0)
            continue;
        if (n == c->info->nblocks ||
            !take_part(c, &c->info->BlocksInfo[n], offset, size, &c->part[n]))
            return 0;
        n++;
    }
    return n == c->info->nblocks ? n : 0;
}

int bp_map_column(bp_column *c, pclean_err *err) {
    bp_file *f = c->file;
    struct stat st;
    if (!f->mapped || !c->fixed || c->info->nblocks == 0)
        return 0;
    char *name = NULL;
    if (pcl_asprintf(&name, err, "%s/data.0", f->path) != 0)
        return -PCLEAN_ENOMEM;
    f->data = f->data < 0 ? open(name, O_RDONLY | O_CLOEXEC) : f->data;
    c->stream = open(name, O_RDONLY | O_CLOEXEC);
    pcl_free(name);
    if (f->data < 0 || c->stream < 0 || fstat(f->data, &st) != 0)
        return PCL_FAIL(err, PCLEAN_EIO, "cannot open %s/data.0: %s", f->path, strerror(errno));
    if (PCL_NEW(&c->part, c->info->nblocks, "the parts of a column", err) != 0)
        return -PCLEAN_ENOMEM;
    c->npart = read_parts(c, (uint64_t)st.st_size);
    qsort(c->part, c->npart, sizeof *c->part, by_row_and_first);
    if (c->npart == 0 || !regular(c)) {
        pcl_free(c->part);
        c->part = NULL;
    }
    return 0;
}
