/* resources.h: what a run may use and will use: limits of the machine, memory plan, workers and
 * threads, folder of scratch files. Decided before anything large is allocated; `pclean plan` shows
 * it without a run. */
#ifndef PCL_RESOURCES_H
#define PCL_RESOURCES_H
#include "base/err.h"
#include "base/sysinfo.h"
#include "imager/setup.h"
#include "run/budget.h"
#include "run/workers.h"

typedef struct pcl_resources {
    size_t most_workers; /* in: at most so many; 0: any number */
    bool in_file;        /* in: several workers find the visibilities in a file, as they cannot
                          * inherit them */
    pcl_sysinfo limits;
    pcl_budget budget;
    pcl_workers workers;
} pcl_resources;

/* How many workers with how many threads, and where the visibilities go. */
int pcl_resources_plan(const pcl_setup *setup, pcl_resources *r, pclean_err *err) PCL_CHECK;

/* Scratch files lie beside the products, unless the user names a folder. */
void pcl_resources_scratch_folder(const pclean_config *config, char *buf, size_t size);
/* What the names of scratch files begin with, where they have names: another one for every
 * imagename, wherever it lies. */
void pcl_resources_scratch_prefix(const pclean_config *config, char *buf, size_t size);
/* The folder of the products. */
void pcl_resources_product_folder(const pclean_config *config, char *buf, size_t size);

#endif
