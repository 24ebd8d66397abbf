/* mem.h: aligned, overflow-checked arrays. Free with pcl_free. */
#ifndef PCL_MEM_H
#define PCL_MEM_H
#include "base/err.h"
#include <stddef.h>

/* nmemb * size bytes, 64-byte aligned, uninitialised / zeroed. *out = NULL and -PCLEAN_ENOMEM
 * (naming `what`) on failure. nmemb = 0 gives a valid pointer. The environment-free test hook
 * pcl_mem_fail_after makes the n-th allocation fail. */
int pcl_alloc(void **out, size_t nmemb, size_t size, const char *what, pclean_err *err) PCL_CHECK;
int pcl_zalloc(void **out, size_t nmemb, size_t size, const char *what, pclean_err *err) PCL_CHECK;
void pcl_free(void *p);

/* Typed forms: PCL_NEW(&ptr, n, "what", err) */
#define PCL_NEW(pp, n, what, err)  pcl_alloc((void **)(pp), (n), sizeof **(pp), (what), (err))
#define PCL_ZNEW(pp, n, what, err) pcl_zalloc((void **)(pp), (n), sizeof **(pp), (what), (err))

/* Anonymous memory of this process (what no file backs and so no memory pressure can evict), bytes;
 * 0 where /proc does not say. */
size_t pcl_mem_anonymous(void);

/* What of it is this thread's run's, bytes: now, and the largest seen. Before a run has begun it is
 * all that the process has; then it counts from the beginning of the run, and where runs in other
 * threads are under way meanwhile, the blocks that this thread has allocated are its own. It is
 * looked at before every pcl_free of a large block, when it can only be at a peak or past one, and
 * by these calls themselves; kernels keep no such peak (VmHWM counts mapped files too). After a
 * fork pages shared with the parent count in both: restart, and take the growth from what restart
 * returns. Each thread has its own. */
size_t pcl_mem_now(void);
size_t pcl_mem_peak(void);
size_t pcl_mem_peak_restart(void);
void pcl_mem_begin_run(void);
void pcl_mem_end_run(void);

/* Test hook: the n-th allocation from now (1 = the next) fails; 0 switches the hook off. */
void pcl_mem_fail_after(long n);

/* Test hook: `heard` is told of each allocation, the bytes asked for and what for, and of each
 * pcl_free, with `what` NULL and 0 bytes. It is called by the thread that allocates. NULL: nobody
 * listens. */
typedef void pcl_mem_listener(const void *block, size_t bytes, const char *what);
void pcl_mem_listen(pcl_mem_listener *heard);

/* strdup and printf into fresh memory, same contract. */
int pcl_strdup(char **out, const char *s, pclean_err *err) PCL_CHECK;
int pcl_asprintf(char **out, pclean_err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4))) PCL_CHECK;

#endif
