/* bpmap.c: where in data.0 the blocks of fixed-shape columns lie, and reading them there.
 *
 * ADIOS2 does not say where a block is, looks at all blocks of a column for every request, and reads each into memory that it
 * takes from the system and gives back. So the writer finds the places when the file is complete, and leaves them beside it:
 *  - BP4 puts a header before each block, with the column's name and the block's length.
 *  - BP5 writes blocks in the order in which they were put, those of one write at multiples of their elements' size.
 * In either case the first and the last bytes of each block must be what was put. Where anything is not as it should be,
 * or the caller's settings may change the layout, there is no map, and ADIOS2 reads.
 *
 * The map has a line "OFFSET NAME" for each block; the blocks of a column are in ADIOS2's order. */
#include "stman/bpfile_private.h"
#include "base/fsutil.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENDS       64                  /* bytes that are compared at either end of a block */
#define BP4_GAP    1024                /* more than ADIOS2 puts between two blocks, header included */
#define BP5_STRIPE ((uint64_t)4096)    /* where each of its writes begins */
#define BP5_ROUND  ((uint64_t)16)      /* and to what its length is rounded */
#define CHUNK      ((size_t)256 << 10) /* read at a time when only parts of it are wanted */
#define NEAR       ((size_t)512 << 10) /* of the caller's array filled at a time */
#define APART      ((size_t)16 << 10)  /* bytes between two pieces that are not worth reading */
#define BLOCK_READ ((uint64_t)16 << 20) /* a block that is kept, so that the next rows come from memory */
#define ASK        ((uint64_t)8 << 20) /* bytes asked for at once */
#define AHEAD      4                   /* blocks */
#define JUMPS      32                  /* of equal length that are foreseen */
#define JUMP_BYTES ((size_t)64 << 10)  /* of each, at most */

/* ------------------------------------------------------------------ writing */

int bp_map_note(bp_column *c, const void *data, size_t bytes, pclean_err *err) {
    bp_file *f = c->file;
    if (!f->mapped)
        return 0;
    const int status = bp_grow((void **)&f->place, &f->place_room, f->nplace + 1, sizeof *f->place, err);
    if (status)
        return status;
    const size_t n = bytes < ENDS ? bytes : ENDS;
    f->place[f->nplace++] = (bp_place){.column = c, .bytes = bytes, .head = bp_hash(BP_HASH, data, n), .tail = bp_hash(BP_HASH, (const char *)data + bytes - n, n)};
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

/* The next block of a BP4 file, not before *at; *at is its end then. Between blocks a buffer may end and another begin. The header: "[VMD", bytes from here to the block's end (8),
 * number (4), length of the name (2), name ... "VMD]", block. */
static bool find_bp4(const bp_place *p, int fd, uint64_t *at, uint64_t *offset) {
    char gap[BP4_GAP];
    const ssize_t n = pread(fd, gap, sizeof gap, (off_t)*at);
    const size_t from = n >= 20 && memcmp(gap + 12, "PGI][PGI", 8) == 0 ? 20 : 0; /* before it are 12 bytes that nobody has set */
    const char *header = n > 0 ? memmem(gap + from, (size_t)n - from, "[VMD", 4) : NULL;
    const size_t length = strlen(p->column->name);
    uint64_t bytes;
    uint16_t name_length;
    char mark[4];
    if (!header || gap + n - header < 18 + (ptrdiff_t)length)
        return false;
    memcpy(&bytes, header + 4, sizeof bytes);
    memcpy(&name_length, header + 16, sizeof name_length);
    if (bytes < p->bytes + 18 + length || name_length != length || memcmp(header + 18, p->column->name, length) != 0)
        return false;
    *at += (uint64_t)(header - gap) + 4 + bytes;
    *offset = *at - p->bytes;
    return pread(fd, mark, sizeof mark, (off_t)(*offset - sizeof mark)) == sizeof mark && memcmp(mark, "VMD]", sizeof mark) == 0;
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
    return pread(fd, bytes, n, (off_t)p->offset) == (ssize_t)n && bp_hash(BP_HASH, bytes, n) == p->head &&
           pread(fd, bytes, n, (off_t)(p->offset + p->bytes - n)) == (ssize_t)n && bp_hash(BP_HASH, bytes, n) == p->tail;
}

/* *found: all blocks are, and are what was put. A BP4 block that is found by its header but is another is damage. */
static int find_places(bp_file *f, bool *found, pclean_err *err) {
    const int fd = openat(f->folder, "data.0", O_RDONLY | O_CLOEXEC);
    int status = 0;
    *found = fd >= 0 && (f->bp5 || place_bp4(f, fd)) && f->nplaced == f->nplace;
    for (size_t i = 0; i < f->nplace && *found; i++) {
        const bool good = ends_agree(&f->place[i], fd);
        if (!good && !f->bp5)
            status = PCL_FAIL(err, PCLEAN_EIO, "%s: ADIOS2 has lost a part of column %s: take BP5, or another MaxBufferSize", f->path, f->place[i].column->name);
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
    int status = !out || fclose(out) != 0 || bad ? PCL_FAIL(err, PCLEAN_ENOMEM, "out of memory for the list of blocks") : 0;
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

/* ------------------------------------------------------------------ the map, read */

/* Without a map everything works, too: only a lack of memory is an error. */
int bp_map_load(bp_file *f, pclean_err *err) {
    char *name = NULL;
    struct stat st;
    int status = pcl_asprintf(&name, err, "%s/" BP_MAP, f->path);
    const int fd = status ? -1 : open(name, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0) {
        status = PCL_ZNEW(&f->map, (size_t)st.st_size + 1, "the places of blocks", err);
        if (!status)
            status = pcl_fs_pread_all(fd, name, f->map, (size_t)st.st_size, 0, err);
    }
    if (fd >= 0)
        close(fd);
    pcl_free(name);
    f->mapped = !status && f->map;
    return status;
}

static int by_row_and_first(const void *a, const void *b) {
    const bp_part *x = a, *y = b;
    return x->row != y->row ? (x->row < y->row ? -1 : 1) : x->first != y->first ? (x->first < y->first ? -1 : 1) : 0;
}

static size_t slow_axis(const bp_column *c) {
    return c->ndim ? c->shape[0] : 1;
}

/* Part k is ADIOS2's block k, all of each cell but for the slowest axis, and within data.0. */
static bool take_part(const bp_column *c, const adios2_blockinfo *b, uint64_t offset, uint64_t size, bp_part *out) {
    const size_t cell = bp_cell_bytes(c->type, c->ndim, c->shape), slow = slow_axis(c);
    *out = (bp_part){.row = b->Start[0], .end = b->Start[0] + b->Count[0], .offset = offset, .first = c->ndim ? b->Start[1] : 0, .n = c->ndim ? b->Count[1] : 1};
    for (size_t i = 1; i < c->ndim; i++)
        if (b->Start[i + 1] != 0 || b->Count[i + 1] != c->shape[i])
            return false;
    return cell > 0 && offset <= size && b->Count[0] <= (size - offset) / (cell / slow) / (out->n ? out->n : 1);
}

static uint64_t part_end(const bp_column *c, const bp_part *p) {
    return p->offset + (p->end - p->row) * p->n * (bp_cell_bytes(c->type, c->ndim, c->shape) / slow_axis(c));
}

/* The parts of the same rows make up whole cells and come one after the other in the file; no row is there twice. */
static bool regular(const bp_column *c) {
    size_t next = 0;
    for (size_t i = 0; i < c->npart; i++) {
        const bp_part *p = &c->part[i], *last = i ? p - 1 : NULL;
        const bool same = last && p->row == last->row;
        if (p->n == 0 || p->end <= p->row || p->first != next || (last && !same && p->row < last->end))
            return false;
        if (same && (p->end != last->end || p->offset < part_end(c, last)))
            return false;
        next = p->first + p->n == slow_axis(c) ? 0 : p->first + p->n;
    }
    return next == 0;
}

static size_t read_parts(const bp_column *c, uint64_t size) {
    const size_t length = strlen(c->name);
    size_t n = 0;
    for (const char *line = c->file->map, *stop; *(stop = strchrnul(line, '\n')); line = stop + 1) {
        char *name;
        const uint64_t offset = strtoull(line, &name, 10);
        if (*name != ' ' || (size_t)(stop - name) != length + 1 || memcmp(name + 1, c->name, length) != 0)
            continue;
        if (n == c->info->nblocks || !take_part(c, &c->info->BlocksInfo[n], offset, size, &c->part[n]))
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
    if (f->data < 0) {
        char *name = NULL;
        if (pcl_asprintf(&name, err, "%s/data.0", f->path) != 0)
            return -PCLEAN_ENOMEM;
        f->data = open(name, O_RDONLY | O_CLOEXEC);
        pcl_free(name);
    }
    if (f->data < 0 || fstat(f->data, &st) != 0)
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

/* ------------------------------------------------------------------ cells */

/* What is wanted of each cell, and how a cell without axes looks as one with one. */
typedef struct wanted {
    size_t ndim, element, shape[BP_MAXDIM], start[BP_MAXDIM], count[BP_MAXDIM];
    size_t in_slice, out_slice, out_cell; /* bytes of one element of the slowest axis, in the file and in `out`; of a cell in `out` */
} wanted;

/* The same of one part: bytes of a row of it, and of these [low, high) from the first to the last one wanted. */
typedef struct span {
    const bp_part *part;
    size_t row_bytes, low, high, out_offset, shape[BP_MAXDIM], count[BP_MAXDIM];
    bool whole; /* nothing lies between that is not wanted */
} span;

static void set_wanted(const bp_column *c, const size_t *start, const size_t *count, wanted *w) {
    w->element = bp_type_size(c->type);
    w->ndim = c->ndim ? c->ndim : 1;
    w->shape[0] = w->count[0] = 1;
    w->start[0] = 0;
    for (size_t i = 0; i < c->ndim; i++) {
        w->shape[i] = c->shape[i];
        w->start[i] = start ? start[i] : 0;
        w->count[i] = count[i];
    }
    w->in_slice = bp_cell_bytes(c->type, w->ndim - 1, w->shape + 1);
    w->out_slice = bp_cell_bytes(c->type, w->ndim - 1, w->count + 1);
    w->out_cell = w->count[0] * w->out_slice;
}

/* false: nothing of the part is wanted. */
static bool set_span(const wanted *w, const bp_part *p, span *s) {
    const size_t want_end = w->start[0] + w->count[0], part_end = p->first + p->n;
    const size_t from = w->start[0] > p->first ? w->start[0] : p->first, to = want_end < part_end ? want_end : part_end;
    if (from >= to)
        return false;
    size_t stride = w->in_slice, wanted_bytes = (to - from) * w->out_slice;
    *s = (span){.part = p, .row_bytes = p->n * w->in_slice, .low = (from - p->first) * stride, .high = (to - p->first - 1) * stride + w->element,
                .out_offset = (from - w->start[0]) * w->out_slice};
    for (size_t i = 0; i < w->ndim; i++) {
        s->shape[i] = i ? w->shape[i] : p->n;
        s->count[i] = i ? w->count[i] : to - from;
        stride /= i ? w->shape[i] : 1;
        s->low += i ? w->start[i] * stride : 0;
        s->high += i ? (w->start[i] + w->count[i] - 1) * stride : 0;
    }
    s->whole = s->high - s->low == wanted_bytes;
    return true;
}

static bool far_apart(const span *s) {
    return s->row_bytes - (s->high - s->low) >= APART;
}

static uint64_t place_of(const span *s, uint64_t row) {
    return s->part->offset + (row - s->part->row) * s->row_bytes + s->low;
}

/* What is wanted of n rows of a part, out of `in`, which begins with the first wanted byte. */
static void copy_span(const wanted *w, const span *s, const char *in, uint64_t n, char *out) {
    static const size_t origin[BP_MAXDIM];
    out += s->out_offset;
    for (uint64_t i = 0; i < n; i++, in += s->row_bytes, out += w->out_cell)
        if (s->whole)
            memcpy(out, in, s->high - s->low);
        else
            bp_copy_box(w->ndim, w->element, s->shape, origin, s->count, in, out);
}

static bool in_one(const wanted *w, const span *s, uint64_t nrow) {
    return s->whole && s->high - s->low == w->out_cell && (w->out_cell == s->row_bytes || nrow == 1);
}

static int get_span(bp_file *f, const wanted *w, const span *s, uint64_t row, uint64_t end, char *out, pclean_err *err) {
    const size_t length = s->high - s->low;
    const uint64_t step = far_apart(s) ? 1 : s->row_bytes < CHUNK ? CHUNK / s->row_bytes : 1;
    if (in_one(w, s, end - row))
        return pcl_fs_pread_all(f->data, f->path, out, (end - row) * length, place_of(s, row), err);
    int status = bp_need_scratch(f, (step - 1) * s->row_bytes + length, err);
    for (; row < end && !status; row += step) {
        const uint64_t n = end - row < step ? end - row : step;
        status = pcl_fs_pread_all(f->data, f->path, f->scratch, (n - 1) * s->row_bytes + length, place_of(s, row), err);
        if (!status)
            copy_span(w, s, f->scratch, n, out);
        out += n * w->out_cell;
    }
    return status;
}

/* ------------------------------------------------------------------ whole blocks */

/* Reads the bytes of parts k to next - 1, which lie one after the other in the file, unless they are there. */
static int load_block(bp_column *c, size_t k, size_t next, pclean_err *err) {
    const uint64_t from = c->part[k].offset, bytes = part_end(c, &c->part[next - 1]) - from;
    if (c->window_end > 0 && c->window_row == from)
        return 0;
    c->window_end = 0;
    if (c->window_bytes < bytes) {
        pcl_free(c->window);
        c->window = NULL;
        c->window_bytes = 0;
        if (pcl_alloc((void **)&c->window, bytes, 1, "a block of rows", err) != 0)
            return -PCLEAN_ENOMEM;
        c->window_bytes = bytes;
    }
    const int status = pcl_fs_pread_all(c->file->data, c->file->path, c->window, bytes, from, err);
    c->window_row = from;
    c->window_end = status ? 0 : from + bytes;
    return status;
}

/* The first part that ends after the row. */
static size_t find_part(const bp_column *c, uint64_t row) {
    size_t low = 0, high = c->npart;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (c->part[mid].end <= row)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* ------------------------------------------------------------------ what will be wanted soon */

/* The kernel is told to fetch bytes [from, to); neighbours are put together, because disks like long requests. */
typedef struct request {
    int fd;
    uint64_t from, to;
} request;

static void ask(request *r) {
    for (; r->from < r->to; r->from += ASK)
        (void)posix_fadvise(r->fd, (off_t)r->from, (off_t)(r->to - r->from < ASK ? r->to - r->from : ASK), POSIX_FADV_WILLNEED);
}

static void add_bytes(request *r, uint64_t from, uint64_t bytes) {
    if (from < r->from || from > r->to + APART) {
        ask(r);
        r->from = from;
    }
    r->to = from + bytes;
}

/* Rows [row, end) of part k and the others of these rows, those of them that there are. One part, read from end to end, needs
 * no request. */
static void ask_for_rows(const bp_column *c, const wanted *w, size_t k, uint64_t row, uint64_t end) {
    request r = {.fd = c->file->data};
    const size_t slow = slow_axis(c);
    for (const uint64_t group = c->part[k].row; k < c->npart && c->part[k].row == group; k++) {
        span s;
        if (!set_span(w, &c->part[k], &s) || (s.part->n == slow && !far_apart(&s)))
            continue;
        const uint64_t first = row > group ? row : group, last = end < c->part[k].end ? end : c->part[k].end, step = far_apart(&s) ? 1 : last - first;
        for (uint64_t at = first; at < last; at += step)
            add_bytes(&r, place_of(&s, at), (step - 1) * s.row_bytes + s.high - s.low);
    }
    ask(&r);
}

/* Little of rows at equal distances: the next ones. */
static void ask_for_jumps(bp_column *c, const wanted *w, uint64_t row, uint64_t nrow) {
    const uint64_t step = row - c->last_row, end = c->part[c->npart - 1].end;
    const bool steady = !c->follows && row > c->last_row && step == c->step && nrow * w->out_cell <= JUMP_BYTES;
    c->step = step;
    c->last_row = row;
    if (!steady)
        c->asked_end = 0;
    else if (c->asked_end <= row + JUMPS / 2 * step)
        for (uint64_t at = c->asked_end > row ? c->asked_end : row; at < end && at < row + JUMPS * step; c->asked_end = at += step)
            ask_for_rows(c, w, find_part(c, at), at, at + nrow);
}

/* ------------------------------------------------------------------ rows */

/* The first part of later rows than part k. */
static size_t next_rows(const bp_column *c, size_t k) {
    const uint64_t row = c->part[k].row;
    while (k < c->npart && c->part[k].row == row)
        k++;
    return k;
}

/* Whether rows [row, end) of parts k to next - 1 are better taken out of the whole block, which is kept: others of its rows came
 * before, or these are most of it; and not straight into `out`. */
static bool want_block(const bp_column *c, const wanted *w, size_t k, size_t next, uint64_t row, uint64_t end) {
    const bp_part *p = &c->part[k];
    const uint64_t cell = bp_cell_bytes(c->type, c->ndim, c->shape), bytes = (p->end - p->row) * cell;
    const uint64_t nrow = (end < p->end ? end : p->end) - (row > p->row ? row : p->row);
    if (w->out_cell < cell / 2 || bytes > BLOCK_READ || part_end(c, &c->part[next - 1]) - p->offset > bytes + APART)
        return false;
    if (w->out_cell == cell && nrow * cell >= CHUNK && (next - k == 1 || nrow == p->end - p->row))
        return false;
    return c->follows || nrow >= (p->end - p->row) / 2;
}

static int get_rows(bp_column *c, const wanted *w, size_t k, size_t next, uint64_t row, uint64_t end, char *out, pclean_err *err) {
    const bool whole = want_block(c, w, k, next, row, end);
    const uint64_t few = next - k > 1 && w->out_cell < NEAR ? NEAR / w->out_cell : end - row;
    int status = whole ? load_block(c, k, next, err) : 0;
    for (uint64_t n; row < end && !status; row += n, out += n * w->out_cell) { /* all parts of a few rows: `out` stays in the cache */
        n = end - row < few ? end - row : few;
        for (size_t i = k; i < next && !status; i++) {
            span s;
            if (!set_span(w, &c->part[i], &s))
                continue;
            if (whole)
                copy_span(w, &s, c->window + (place_of(&s, row) - c->window_row), n, out);
            else
                status = get_span(c->file, w, &s, row, row + n, out, err);
        }
    }
    return status;
}

int bp_map_get(bp_column *c, uint64_t row, uint64_t nrow, const size_t *start, const size_t *count, char *out, pclean_err *err) {
    const uint64_t last = row + nrow;
    wanted w;
    int status = 0;
    set_wanted(c, start, count, &w);
    ask_for_jumps(c, &w, row, nrow);
    const bool asked = row < c->asked_end;
    for (size_t k = find_part(c, row), next, ahead = k; row < last && !status; k = next) {
        const uint64_t end = c->part[k].end < last ? c->part[k].end : last;
        next = next_rows(c, k);
        for (size_t after; !asked && ahead < c->npart && c->part[ahead].row < last && ahead <= k + AHEAD * (next - k); ahead = after) {
            after = next_rows(c, ahead);
            if (!want_block(c, &w, ahead, after, row, last))
                ask_for_rows(c, &w, ahead, row, last);
        }
        status = get_rows(c, &w, k, next, row, end, out, err);
        out += (end - row) * w.out_cell;
        row = end;
    }
    return status;
}
