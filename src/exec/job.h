/* job.h: the job of a crew as a file: what each worker must know before its first task, plain bytes
 * behind a head that only the same build accepts. */
#ifndef PCL_JOB_H
#define PCL_JOB_H
#include "base/err.h"
#include <stddef.h>

/* Head and bytes from the beginning of an empty file on. build: names the program that wrote them,
 * below 40 characters. */
int pcl_job_save(int fd, const char *build, const void *job, size_t size,
                 pclean_err *err) PCL_CHECK;

/* The bytes of a file or pipe; *job to pcl_free. -PCLEAN_EFAILED: it is of another build, or no
 * job; -PCLEAN_EDATA: it is cut short or damaged. */
int pcl_job_load(int fd, const char *build, void **job, size_t *size, pclean_err *err) PCL_CHECK;

#endif
