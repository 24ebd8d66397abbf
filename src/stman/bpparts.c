/* bpparts.c: cells of a column whose blocks' places are known (bpmap.c), without ADIOS2.
 *
 * A block is in several parts, each with a range of the slowest axis of its cells: rows are put
 * together of all of them, a channel comes from one. How they are read depends on the request:
 *  - Rows one after the other: the whole block is kept, and a thread reads the next one.
 *  - Much at once, in memory: threads take the rows block by block, a few rows of all parts at a
 *    time, so that what one has in hand stays in the cache of its processor.
 *  - Much at once, from a disk: from end to end, a thread reading while others copy what they have
 *    read.
 *  - Little of rows far apart: the kernel is told which bytes will be wanted.
 * These threads end before the request or, the one that reads ahead, before its block is used; a
 * forked child does without. */
#include "base/bulk.h"
#include "base/mem.h"
#include "stman/bpfile_private.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHUNK ((size_t)256 << 10) /* read at a time when only parts of it are wanted */
#define NEAR  ((size_t)512 << 10) /* of the caller's array filled at a time */
#define APART ((size_t)16 << 10)  /* bytes between two pieces that are not worth reading */
#define BLOCK_READ                                                                                 \
    ((uint64_t)16 << 20)                /* a block that is kept, so that the next rows come from
                                         * memory */
#define ASK        ((uint64_t)8 << 20)  /* bytes asked for at once */
#define AHEAD      4                    /* blocks */
#define SHARED     ((uint64_t)16 << 20) /* bytes of a request that more than one thread reads */
#define THREADS    4                    /* at most */
#define JUMPS      32                   /* of equal length that are foreseen */
#define JUMP_BYTES ((size_t)64 << 10)   /* of each, at most */

/* ---- what is wanted ---- */

/* What is wanted of each cell, and how a cell without axes looks as one with one. */
typedef struct wanted {
    size_t ndim, element, shape[BP_MAXDIM], start[BP_MAXDIM], count[BP_MAXDIM];
    size_t in_slice, out_slice, out_cell; /* bytes of one element of the slowest axis, in the
                                           * file and in `out`; of a cell in `out` */
} wanted;

/* The same of one part: bytes of a row of it, and of these [low, high) from the first to the last
 * one wanted. */
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
    const size_t from = w->start[0] > p->first ? w->start[0] : p->first,
                 to = want_end < part_end ? want_end : part_end;
    if (from >= to)
        return false;
    size_t stride = w->in_slice, wanted_bytes = (to - from) * w->out_slice;
    *s = (span){.part = p,
                .row_bytes = p->n * w->in_slice,
                .low = (from - p->first) * stride,
                .high = (to - p->first - 1) * stride + w->element,
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
    return s->whole && s->high - s->low == w->out_cell &&
           (w->out_cell == s->row_bytes || nrow == 1);
}

/* Rows [row, end), and where what is wanted of the first goes; the others follow. */
typedef struct rows {
    uint64_t row, end;
    char *out;
} rows;

static int get_span(const bp_file *f, bp_room *room, const wanted *w, const span *s, rows r,
                    pclean_err *err) {
    const size_t length = s->high - s->low;
    const bool many = !far_apart(s) && s->row_bytes < CHUNK;
    const uint64_t row = r.row, end = r.end, step = many ? CHUNK / s->row_bytes : 1;
    if (in_one(w, s, end - row))
        return pcl_bulk_pread(f->data, f->path, r.out, (end - row) * length, place_of(s, row), err);
    int status = bp_need_room(room, (step - 1) * s->row_bytes + length, err);
    for (; r.row < end && !status; r.row += step) {
        const uint64_t n = end - r.row < step ? end - r.row : step;
        status = pcl_bulk_pread(f->data, f->path, room->bytes, (n - 1) * s->row_bytes + length,
                                place_of(s, r.row), err);
        if (!status)
            copy_span(w, s, room->bytes, n, r.out);
        r.out += n * w->out_cell;
    }
    return status;
}

/* ---- whole blocks ---- */

/* The first part of later rows than part k. */
static size_t next_rows(const bp_column *c, size_t k) {
    const uint64_t row = c->part[k].row;
    while (k < c->npart && c->part[k].row == row)
        k++;
    return k;
}

/* Parts k to next - 1 lie one after the other in the file, and are not too much to be kept. */
static bool is_block(const bp_column *c, size_t k, size_t next) {
    const bp_part *p = &c->part[k];
    const uint64_t bytes = (p->end - p->row) * bp_cell_bytes(c->type, c->ndim, c->shape);
    return bytes <= BLOCK_READ && bp_part_end(c, &c->part[next - 1]) - p->offset <= bytes + APART;
}

static uint64_t block_bytes(const bp_column *c, size_t k, size_t next) {
    return bp_part_end(c, &c->part[next - 1]) - c->part[k].offset;
}

/* Reads the bytes of these parts from end to end into a room that is large enough. The kernel sees
 * that and reads on by itself, in larger pages than it does when it is told what will be wanted; so
 * the descriptor is one that nothing else is read with. */
static int read_block(const bp_column *c, char *out, size_t k, size_t next, pclean_err *err) {
    const uint64_t from = c->part[k].offset, bytes = block_bytes(c, k, next);
    int status = 0;
    for (uint64_t done = 0, n; done < bytes && !status; done += n) {
        n = bytes - done < NEAR ? bytes - done : NEAR;
        status = pcl_bulk_pread(c->stream, c->file->path, out + done, n, from + done, err);
    }
    return status;
}

static bool is_in_memory(int fd, uint64_t offset) {
    char byte;
    const struct iovec v = {&byte, 1};
    return preadv2(fd, &v, 1, (off_t)offset, RWF_NOWAIT) == 1 || errno != EAGAIN;
}

/* Threads, where the program may have more than one: OMP_NUM_THREADS is how it says that it may
 * not. */
static size_t thread_count(void) {
    const char *told = getenv("OMP_NUM_THREADS");
    const long most = told && atol(told) > 0 && atol(told) < THREADS ? atol(told) : THREADS;
    cpu_set_t cpus;
    const long ncpu = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
    return (size_t)(ncpu < most ? ncpu : most);
}

/* A thread that gets no signals: those are for the program's own. */
static bool start_thread(pthread_t *out, void *(*run)(void *), void *data) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool started = pthread_create(out, NULL, run, data) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

/* ---- the block that is kept, and the next one ---- */

static void *read_ahead(void *column) {
    bp_column *c = column;
    c->ahead_good = read_block(c, c->ahead.bytes, c->ahead_k, next_rows(c, c->ahead_k), NULL) == 0;
    return NULL;
}

/* Another thread reads the block of part k while this one is used. */
static void begin_ahead(bp_column *c, size_t k) {
    if (k >= c->npart || !is_block(c, k, next_rows(c, k)) || thread_count() == 1 ||
        bp_need_room(&c->ahead, block_bytes(c, k, next_rows(c, k)), NULL) != 0)
        return;
    c->ahead_k = k;
    c->ahead_runs = start_thread(&c->ahead_thread, read_ahead, c);
}

void bp_parts_end_ahead(bp_column *c) {
    if (c->ahead_runs && c->file->pid == getpid()) /* a forked child has not the thread */
        pthread_join(c->ahead_thread, NULL);
    c->ahead_runs = false;
}

static bool take_ahead(bp_column *c, size_t k) {
    const bool right = c->ahead_runs && c->ahead_k == k;
    bp_parts_end_ahead(c);
    if (!right || !c->ahead_good)
        return false;
    const bp_room room = c->window;
    c->window = c->ahead;
    c->ahead = room;
    return true;
}

/* Reads the block of part k unless it is there; when it comes after the last one, the next is
 * expected to follow. */
static int load_block(bp_column *c, size_t k, size_t next, pclean_err *err) {
    if (c->window_next == next)
        return 0;
    const bool in_order = c->window_next == k && k > 0;
    int status = 0;
    c->window_next = 0;
    if (!take_ahead(c, k)) {
        status = bp_need_room(&c->window, block_bytes(c, k, next), err);
        if (!status)
            status = read_block(c, c->window.bytes, k, next, err);
    }
    if (status)
        return status;
    c->window_next = next;
    if (in_order)
        begin_ahead(c, next);
    return 0;
}

/* The first part that ends after the row. */
static size_t find_part(const bp_column *c, uint64_t row) {
    return bp_find_range(&c->part->end, sizeof *c->part, c->npart, row);
}

/* ---- what will be wanted soon ---- */

/* The kernel is told to fetch bytes [from, to); neighbours are put together, because disks like
 * long requests. */
typedef struct fetch {
    int fd;
    uint64_t from, to;
} fetch;

static void ask(fetch *r) {
    for (; r->from < r->to; r->from += ASK)
        (void)posix_fadvise(r->fd, (off_t)r->from,
                            (off_t)(r->to - r->from < ASK ? r->to - r->from : ASK),
                            POSIX_FADV_WILLNEED);
}

static void add_bytes(fetch *r, uint64_t from, uint64_t bytes) {
    if (from < r->from || from > r->to + APART) {
        ask(r);
        r->from = from;
    }
    r->to = from + bytes;
}

/* Rows [row, end) of part k and the others of these rows, those of them that there are. One part,
 * read from end to end, needs no request. */
static void ask_for_rows(const bp_column *c, const wanted *w, size_t k, uint64_t row,
                         uint64_t end) {
    fetch r = {.fd = c->file->data};
    const size_t slow = bp_slow_axis(c);
    for (const uint64_t group = c->part[k].row; k < c->npart && c->part[k].row == group; k++) {
        span s;
        if (!set_span(w, &c->part[k], &s) || (s.part->n == slow && !far_apart(&s)))
            continue;
        const uint64_t first = row > group ? row : group,
                       last = end < c->part[k].end ? end : c->part[k].end,
                       step = far_apart(&s) ? 1 : last - first;
        for (uint64_t at = first; at < last; at += step)
            add_bytes(&r, place_of(&s, at), (step - 1) * s.row_bytes + s.high - s.low);
    }
    ask(&r);
}

/* Little of rows at equal distances: the next ones. */
static void ask_for_jumps(bp_column *c, const wanted *w, uint64_t row, uint64_t nrow) {
    const uint64_t step = row - c->last_row, end = c->part[c->npart - 1].end;
    const bool steady =
        !c->follows && row > c->last_row && step == c->step && nrow * w->out_cell <= JUMP_BYTES;
    c->step = step;
    c->last_row = row;
    if (!steady)
        c->asked_end = 0;
    else if (c->asked_end <= row + JUMPS / 2 * step)
        for (uint64_t at = c->asked_end > row ? c->asked_end : row;
             at < end && at < row + JUMPS * step; c->asked_end = at += step)
            ask_for_rows(c, w, find_part(c, at), at, at + nrow);
}

/* ---- rows ---- */

/* Whether rows [row, end) of parts k to next - 1 are better taken out of the whole block, which is
 * kept: others of its rows came before, or these are most of it; and not straight into `out`. */
static bool want_block(const bp_column *c, const wanted *w, size_t k, size_t next, uint64_t row,
                       uint64_t end) {
    const bp_part *p = &c->part[k];
    const uint64_t cell = bp_cell_bytes(c->type, c->ndim, c->shape);
    const uint64_t nrow = (end < p->end ? end : p->end) - (row > p->row ? row : p->row);
    if (w->out_cell < cell / 2 || !is_block(c, k, next))
        return false;
    if (w->out_cell == cell && nrow * cell >= CHUNK && (next - k == 1 || nrow == p->end - p->row))
        return false;
    return c->follows || nrow >= (p->end - p->row) / 2;
}

/* One request, of which threads take the rows group by group: those of the same parts. */
typedef struct request {
    bp_column *c;
    const wanted *w;
    bool alone, asked; /* one thread: it may keep a block for later requests; the kernel knows
                        * what is wanted */
    bool from_disk;    /* most of the column, and not in memory: read from end to end, a thread
                        * reading while others copy */
    pthread_mutex_t lock;
    uint64_t first, row, last; /* the first row, the next to be taken, the end */
    size_t k, ahead;           /* the part of that; the first part that the kernel has not been
                                * asked for */
    char *out;
    int status;
    pclean_err *err;
} request;

/* Rows of parts k to next - 1, out of their block if there is one. */
static int get_rows(const request *q, const char *block, bp_room *room, size_t k, size_t next,
                    rows r, pclean_err *err) {
    const bp_column *c = q->c;
    const wanted *w = q->w;
    const uint64_t few = next - k > 1 && w->out_cell < NEAR ? NEAR / w->out_cell : r.end - r.row,
                   from = c->part[k].offset;
    int status = 0;
    /* all parts of a few rows: `out` stays in the cache */
    for (uint64_t n; r.row < r.end && !status; r.row += n, r.out += n * w->out_cell) {
        n = r.end - r.row < few ? r.end - r.row : few;
        for (size_t i = k; i < next && !status; i++) {
            span s;
            if (!set_span(w, &c->part[i], &s))
                continue;
            if (block)
                copy_span(w, &s, block + (place_of(&s, r.row) - from), n, r.out);
            else
                status = get_span(c->file, room, w, &s, (rows){r.row, r.row + n, r.out}, err);
        }
    }
    return status;
}

static void ask_ahead(request *q, size_t next) {
    const bp_column *c = q->c;
    for (size_t after; !q->asked && q->ahead < c->npart && c->part[q->ahead].row < q->last &&
                       q->ahead <= q->k + AHEAD * (next - q->k);
         q->ahead = after) {
        after = next_rows(c, q->ahead);
        if (!q->alone || !want_block(c, q->w, q->ahead, after, q->row, q->last))
            ask_for_rows(c, q->w, q->ahead, q->row, q->last);
    }
}

/* Reads the next rows of a part from the disk; false: there are none. In the order of the file: the
 * request is locked meanwhile. */
static bool read_next(request *q, bp_room *room, span *s, uint64_t *row, uint64_t *n) {
    const bp_column *c = q->c;
    pthread_mutex_lock(&q->lock);
    while (!q->status && q->k < c->npart && c->part[q->k].row < q->last) {
        const bp_part *p = &c->part[q->k];
        const uint64_t end = p->end < q->last ? p->end : q->last;
        q->row = q->row > p->row ? q->row : p->row;
        if (q->row < end && set_span(q->w, p, s)) {
            *row = q->row;
            *n = s->row_bytes < NEAR ? NEAR / s->row_bytes : 1;
            *n = *n < end - *row ? *n : end - *row;
            q->row += *n;
            q->status = bp_need_room(room, *n * s->row_bytes, q->err);
            if (!q->status)
                q->status = pcl_bulk_pread(c->stream, c->file->path, room->bytes, *n * s->row_bytes,
                                           p->offset + (*row - p->row) * s->row_bytes, q->err);
            break;
        }
        q->k++;
        q->row = q->first;
        *n = 0;
    }
    const bool more = !q->status && *n > 0;
    pthread_mutex_unlock(&q->lock);
    return more;
}

static void take_from_disk(request *q, bp_room *room) {
    span s;
    for (uint64_t row, n = 0; read_next(q, room, &s, &row, &n); n = 0)
        copy_span(q->w, &s, room->bytes + s.low, n, q->out + (row - q->first) * q->w->out_cell);
}

static void take_rows(request *q, bp_room *room) {
    pclean_err err = {0};
    int status = 0;
    for (;;) {
        pthread_mutex_lock(&q->lock);
        if (status && !q->status) {
            q->status = status;
            *q->err = err;
        }
        if (q->status || q->row == q->last)
            break;
        const char *block = NULL;
        const size_t k = q->k, next = next_rows(q->c, k);
        const uint64_t row = q->row,
                       end = q->c->part[k].end < q->last ? q->c->part[k].end : q->last;
        ask_ahead(q, next);
        if (q->alone && want_block(q->c, q->w, k, next, row, end)) {
            status = load_block(q->c, k, next, &err);
            block = q->c->window.bytes;
        }
        q->k = next;
        q->row = end;
        pthread_mutex_unlock(&q->lock);
        if (!status)
            status = get_rows(q, block, room, k, next,
                              (rows){row, end, q->out + (row - q->first) * q->w->out_cell}, &err);
    }
    pthread_mutex_unlock(&q->lock);
}

static void take_part(request *q, bp_room *room) {
    if (q->from_disk)
        take_from_disk(q, room);
    else
        take_rows(q, room);
}

static void *take_rows_too(void *q) {
    bp_room room = {0};
    take_part(q, &room);
    pcl_free(room.bytes);
    return NULL;
}

/* With those threads that can be had. */
static void share_rows(request *q, size_t nthread) {
    pthread_t other[THREADS];
    size_t n = 0;
    while (n + 1 < nthread && start_thread(&other[n], take_rows_too, q))
        n++;
    take_part(q, &q->c->file->scratch);
    while (n > 0)
        pthread_join(other[--n], NULL);
}

int bp_parts_get(bp_column *c, uint64_t row, uint64_t nrow, const size_t *start,
                 const size_t *count, char *out, pclean_err *err) {
    wanted w;
    set_wanted(c, start, count, &w);
    ask_for_jumps(c, &w, row, nrow);
    const bool large = nrow * w.out_cell >= SHARED;
    const size_t nthread = large ? thread_count() : 1, k = find_part(c, row);
    request q = {.c = c,
                 .w = &w,
                 .alone = nthread == 1,
                 .asked = row < c->asked_end,
                 .lock = PTHREAD_MUTEX_INITIALIZER,
                 .first = row,
                 .row = row,
                 .last = row + nrow,
                 .k = k,
                 .ahead = k,
                 .out = out,
                 .err = err};
    if (large && w.out_cell >= bp_cell_bytes(c->type, c->ndim, c->shape) / 2)
        q.from_disk = !is_in_memory(c->file->data, c->part[k].offset) ||
                      !is_in_memory(c->file->data, c->part[find_part(c, row + nrow - 1)].offset);
    share_rows(&q, nthread);
    return q.status;
}
