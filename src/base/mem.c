#include "base/mem.h"
#include "base/quantity.h"
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* One cache line, and the widest vector register (AVX-512). */
#define ALIGNMENT ((size_t)64)
#define HUGE_PAGE ((uintptr_t)2 << 20)

/* What this thread has of the process's memory. */
static _Thread_local struct {
    size_t held; /* bytes of its blocks; wraps where another thread frees them, so that differences
                  * are right */
    size_t peak;
    size_t before, held_before; /* of the process, and held, when its run began */
    bool in_run, beside;        /* other runs were under way meanwhile */
    unsigned nbegun;
} mine;
static atomic_int nrun;    /* under way, in all threads */
static atomic_uint nbegun; /* so far */

static atomic_long countdown; /* see pcl_mem_fail_after */
static _Atomic(pcl_mem_listener *) listener;

void pcl_mem_listen(pcl_mem_listener *heard) {
    atomic_store(&listener, heard);
}

static void tell(const void *block, size_t bytes, const char *what) {
    pcl_mem_listener *const heard = atomic_load_explicit(&listener, memory_order_relaxed);
    if (heard)
        heard(block, bytes, what);
}

void pcl_mem_fail_after(long n) {
    atomic_store(&countdown, n);
}

static bool told_to_fail(void) {
    if (atomic_load(&countdown) <= 0)
        return false;
    return atomic_fetch_sub(&countdown, 1) == 1;
}

static int no_memory(size_t bytes, const char *what, pclean_err *err) {
    char text[40];
    pcl_format_si(text, sizeof text, (double)bytes, PCL_DIM_BYTES);
    return PCL_FAIL(err, PCLEAN_ENOMEM, "%s: no memory for %s", what, text);
}

/* Large arrays ask for huge pages: one page fault instead of 512. Only whole ones, so that an array
 * takes no more memory than it has bytes. A kernel without them ignores it. */
static void ask_for_huge_pages(void *array, size_t bytes) {
    const uintptr_t from = ((uintptr_t)array + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    const uintptr_t to = ((uintptr_t)array + bytes) / HUGE_PAGE * HUGE_PAGE;
    if (to > from)
        (void)madvise((char *)array + (from - (uintptr_t)array), to - from, MADV_HUGEPAGE);
}

int pcl_alloc(void **out, size_t nmemb, size_t size, const char *what, pclean_err *err) {
    *out = NULL;
    size_t bytes;
    if (__builtin_mul_overflow(nmemb, size, &bytes) || bytes > (size_t)PTRDIFF_MAX - ALIGNMENT)
        return PCL_FAIL(err, PCLEAN_ENOMEM,
                        "%s: %zu x %zu bytes is more than any address space holds", what, nmemb,
                        size);
    size_t rounded = bytes == 0 ? ALIGNMENT : (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!told_to_fail())
        *out = aligned_alloc(ALIGNMENT, rounded);
    if (!*out)
        return no_memory(bytes, what, err);
    if (bytes >= HUGE_PAGE)
        ask_for_huge_pages(*out, bytes);
    mine.held += malloc_usable_size(*out);
    tell(*out, bytes, what);
    return 0;
}

int pcl_zalloc(void **out, size_t nmemb, size_t size, const char *what, pclean_err *err) {
    int rc = pcl_alloc(out, nmemb, size, what, err);
    if (rc == 0)
        memset(*out, 0, nmemb * size);
    return rc;
}

/* ---- anonymous memory ---- */

enum { LARGE = 1 << 20 }; /* a look costs about 10 us: as much as the page faults of 50 kB */

size_t pcl_mem_anonymous(void) {
    char text[128];
    unsigned long long size, resident, file_and_shared;
    const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    const ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    if (sscanf(text, "%llu %llu %llu", &size, &resident, &file_and_shared) != 3 ||
        resident < file_and_shared)
        return 0;
    return (size_t)(resident - file_and_shared) * (size_t)sysconf(_SC_PAGESIZE);
}

/* The process's memory is that of a run as long as it is the only one. */
size_t pcl_mem_now(void) {
    if (mine.in_run && (atomic_load(&nrun) > 1 || atomic_load(&nbegun) != mine.nbegun))
        mine.beside = true;
    const size_t now = mine.beside ? mine.held : pcl_mem_anonymous(),
                 before = mine.beside ? mine.held_before : mine.before;
    return now > before ? now - before : 0;
}

size_t pcl_mem_peak(void) {
    const size_t now = pcl_mem_now();
    if (now > mine.peak)
        mine.peak = now;
    return mine.peak;
}

size_t pcl_mem_peak_restart(void) {
    mine.peak = 0;
    return pcl_mem_peak();
}

void pcl_mem_begin_run(void) {
    atomic_fetch_add(&nrun, 1);
    mine.nbegun = atomic_fetch_add(&nbegun, 1) + 1;
    mine.in_run = true;
    mine.beside = false;
    mine.before = pcl_mem_anonymous();
    mine.held_before = mine.held;
    mine.peak = 0;
}

void pcl_mem_end_run(void) {
    mine.in_run = mine.beside = false;
    mine.before = 0;
    atomic_fetch_sub(&nrun, 1);
}

void pcl_free(void *p) {
    if (!p)
        return;
    const size_t bytes = malloc_usable_size(p);
    if (bytes >= LARGE)
        (void)pcl_mem_peak();
    mine.held -= bytes;
    tell(p, 0, NULL);
    free(p);
}

int pcl_strdup(char **out, const char *s, pclean_err *err) {
    size_t n = strlen(s) + 1;
    int rc = PCL_NEW(out, n, "text", err);
    if (rc == 0)
        memcpy(*out, s, n);
    return rc;
}

int pcl_asprintf(char **out, pclean_err *err, const char *fmt, ...) {
    *out = NULL;
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    int rc = n < 0 ? PCL_FAIL(err, PCLEAN_EBUG, "text format \"%s\" cannot be written", fmt)
                   : PCL_NEW(out, (size_t)n + 1, "text", err);
    if (rc == 0)
        vsnprintf(*out, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(args);
    return rc;
}
