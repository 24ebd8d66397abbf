/* partition.c: the calls of pclean/partition.h that make, check and write the parts of an image.
 * whole.h has what parts inherit, row_parts.h and channel_parts.h how an image is cut, partfiles.h
 * the files; the two calls of CASA's are in casa_calls.c. */
#include "pclean/partition.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fsutil.h"
#include "base/mem.h"
#include "base/sized.h"
#include "casa/casa.h"
#include "partition/channel_parts.h"
#include "partition/partfiles.h"
#include "partition/row_parts.h"
#include "plan/cut.h"

/* ---- the structs ---- */

void pclean_part_ms_free(pclean_part_ms *ms, size_t n) {
    if (!ms)
        return;
    for (size_t i = 0; i < n; i++) {
        pcl_free(ms[i].msname);
        pcl_free(ms[i].spw);
        pcl_free(ms[i].taql);
        pcl_free(ms[i].field);
        pcl_free(ms[i].timestr);
        pcl_free(ms[i].uvdist);
        pcl_free(ms[i].antenna);
        pcl_free(ms[i].scan);
        pcl_free(ms[i].obs);
        pcl_free(ms[i].state);
    }
    pcl_free(ms);
}

static void clear_part(pclean_part *p) {
    pclean_part_ms_free(p->ms, p->nms);
    pclean_config_free(p->config);
    pcl_free(p->name);
    pcl_free(p->file);
    pcl_free(p->start);
    pcl_free(p->width);
}

void pclean_partition_options_init(pclean_partition_options *options, size_t size) {
    const pclean_partition_options none = {.size = sizeof none};
    pcl_sized_init(options, size, &none, sizeof none);
}

void pclean_partition_free(pclean_partition *partition) {
    if (!partition)
        return;
    for (size_t k = 0; k < partition->nparts; k++)
        clear_part(&partition->part[k]);
    pcl_free(partition->part);
    pcl_free(partition);
}

/* ---- cutting ---- */

size_t pclean_partition_nparts(const pclean_config *config, size_t nchan, size_t nparts) {
    const size_t chunk = config && config->cube_chunksize > 0 ? (size_t)config->cube_chunksize : 0;
    return chunk ? nchan / chunk + (nchan % chunk > 0) : nparts;
}

static int cut_continuum(const pclean_config *config, int nparts,
                         const pclean_partition_options *options, pclean_partition *out,
                         pclean_err *err) {
    pcl_whole whole;
    int rc = pcl_cut_check(nparts, err);
    if (rc)
        return rc;
    if (!(rc = pcl_whole_open(config, options, false, &whole, err)) &&
        !(rc = pcl_row_parts_widen(&whole, err))) {
        whole.nwanted = (size_t)nparts;
        pcl_whole_describe(&whole, out);
        rc = pcl_row_parts_cut(&whole, out, err);
    }
    pcl_whole_close(&whole);
    return rc;
}

/* How many parts of a cube are wanted; nparts 0: as cube_chunksize says. */
static int count_parts(pcl_whole *whole, int nparts, pclean_err *err) {
    const pclean_config *c = whole->setup.config;
    const size_t nchan = whole->setup.channels.nchan;
    whole->nwanted = nparts ? (size_t)nparts : pclean_partition_nparts(c, nchan, 0);
    if (whole->nwanted > 1 && nchan > 1 && c->cyclecontrol == PCLEAN_CYCLECONTROL_GLOBAL &&
        c->niter > 0)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "cyclecontrol=global cleans the cube as one problem, which cannot be "
                        "done in parts; use cyclecontrol=channel");
    return pcl_cut_check(whole->nwanted < INT32_MAX ? (int)whole->nwanted : INT32_MAX, err);
}

static int cut_cube(const pclean_config *config, int nparts,
                    const pclean_partition_options *options, pclean_partition *out,
                    pclean_err *err) {
    const bool chunks = nparts == 0 && config->cube_chunksize > 0;
    pcl_whole whole;
    int rc;
    out->cube = true;
    if ((rc = chunks ? 0 : pcl_cut_check(nparts, err)))
        return rc;
    if (options->align_integration)
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "align=integration is for continuum images, whose parts are rows; a cube's "
                        "are channels");
    if (!(rc = pcl_whole_open(config, options, true, &whole, err))) {
        rc = count_parts(&whole, nparts, err);
        pcl_whole_describe(&whole, out);
        if (!rc)
            rc = pcl_channel_parts_cut(&whole, out, err);
    }
    pcl_whole_close(&whole);
    return rc;
}

/* cut_continuum or cut_cube. */
typedef int cutter(const pclean_config *config, int nparts, const pclean_partition_options *options,
                   pclean_partition *out, pclean_err *err);

static int partition(const pclean_config *config, int nparts,
                     const pclean_partition_options *options, cutter *cut, pclean_partition **out,
                     pclean_err *err) {
    pclean_partition_options o = {.size = sizeof o};
    int rc = PCL_TAKE(pclean_partition_options, &o, options, err);
    if (rc || (rc = PCL_ZNEW(out, 1, "partition", err)))
        return rc;
    rc = cut(config, nparts, &o, *out, err);
    casa_end();
    if (rc) {
        pclean_partition_free(*out);
        *out = NULL;
    }
    return rc;
}

int pclean_partition_continuum(const pclean_config *config, int nparts,
                               const pclean_partition_options *options, pclean_partition **out,
                               pclean_err *err) {
    PCL_REQUIRE(err, out);
    *out = NULL;
    PCL_REQUIRE(err, config);
    return partition(config, nparts, options, cut_continuum, out, err);
}

int pclean_partition_cube(const pclean_config *config, int nparts,
                          const pclean_partition_options *options, pclean_partition **out,
                          pclean_err *err) {
    PCL_REQUIRE(err, out);
    *out = NULL;
    PCL_REQUIRE(err, config);
    return partition(config, nparts, options, cut_cube, out, err);
}

int pclean_partition_make(const pclean_config *config, int nparts,
                          const pclean_partition_options *options, pclean_partition **out,
                          pclean_err *err) {
    PCL_REQUIRE(err, out);
    *out = NULL;
    PCL_REQUIRE(err, config);
    const bool cube = config->specmode != PCLEAN_SPECMODE_MFS,
               chunks = cube && config->cube_chunksize > 0;
    if (nparts == 0 && !chunks)
        nparts = config->nworkers;
    if (nparts == 0 && !chunks)
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "how many parts? Give their number (-n), or cube_chunksize or nworkers in "
                        "the configuration");
    return partition(config, nparts, options, cube ? cut_cube : cut_continuum, out, err);
}

/* ---- writing ---- */

static int check_folder(const char *folder, pclean_err *err) {
    return folder && *folder ? 0
                             : PCL_FAIL(err, PCLEAN_EPARAM, "the folder for the parts has no name");
}

int pclean_partition_check(const pclean_partition *partition, const pclean_config *config,
                           const char *folder, bool overwrite, pclean_err *err) {
    PCL_REQUIRE(err, partition);
    PCL_REQUIRE(err, config);
    PCL_REQUIRE(err, folder);
    int rc = check_folder(folder, err);
    rc = rc ? rc : pcl_partfiles_check(partition, config, folder, overwrite, err);
    casa_end();
    return rc;
}

int pclean_partition_write(pclean_partition *partition, const pclean_config *config,
                           const char *folder, pclean_err *err) {
    PCL_REQUIRE(err, partition);
    PCL_REQUIRE(err, config);
    PCL_REQUIRE(err, folder);
    int rc = pclean_partition_check(partition, config, folder, true, err);
    if (rc)
        return rc;
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return PCL_FAIL(err, PCLEAN_EIO, "the folder %s cannot be made: %s", folder,
                        strerror(errno));
    if (!pcl_fs_is_dir(folder))
        return PCL_FAIL(err, PCLEAN_EIO, "%s is not a folder", folder);
    for (size_t k = 0; !rc && k < partition->nparts; k++) {
        const pclean_part *part = &partition->part[k];
        if (!(rc = pcl_partfiles_set_density(config, folder, part->config, err)))
            rc = pcl_partfiles_write(part, folder, err);
    }
    if (!rc && pcl_params_common_density(config))
        rc = pcl_partfiles_save_density(config, folder, err);
    casa_end();
    for (size_t k = 0; !rc && k < partition->nparts; k++)
        rc = pcl_partfiles_publish(&partition->part[k], folder, err);
    for (size_t k = 0; rc && k < partition->nparts; k++)
        pcl_partfiles_drop(&partition->part[k], folder);
    return rc ? rc : pcl_partfiles_remove_stale(partition, config, folder, err);
}
