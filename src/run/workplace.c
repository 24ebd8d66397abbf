#include "run/workplace.h"
#include "config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/configbytes.h"
#include "data/storebytes.h"
#include "imager/setupbytes.h"

/* One that was made from a job: all of it is its own. */
typedef struct own_place {
    pcl_workplace place; /* first: what the caller has */
    pclean_config config;
    bool has_config;
    pcl_setup setup;
    pcl_store vis;
    pcl_products products;
    pcl_usermask *mask;
    pcl_startmodel *startmodel;
    pcl_state_file *spare;
    char *scratch_folder, *scratch_prefix;
} own_place;

unsigned pcl_workplace_spare_arrays(const pcl_setup *setup) {
    return PCL_STATE_CYCLE | (setup->config->nretry > 0 ? (unsigned)PCL_STATE_BEST : 0) |
           (setup->params.finds_mask ? PCL_STATE_AUTOMASK | PCL_STATE_AUTOMASK_ODD : 0u);
}

/* ---- the job ---- */

/* Image and samples: what must be the same for a process that reads the data again. */
static void put_data(const pcl_setup *setup, const pcl_store *vis, pcl_parcel *p) {
    const uint64_t samples[] = {vis->nused, vis->nflagged, vis->nonfinite, vis->nabsurd};
    pcl_setupbytes_put(setup, p);
    pcl_parcel_put(p, samples, sizeof samples);
}

static void put_flag(pcl_parcel *p, bool flag) {
    pcl_parcel_put(p, &flag, sizeof flag);
}

int pcl_workplace_put(const pcl_workplace *w, const pcl_scratch *scratch, pcl_parcel *p,
                      pclean_err *err) {
    char *folder = getcwd(NULL, 0);
    if (!folder)
        return PCL_FAIL(err, PCLEAN_EIO, "cannot tell the working folder: %s", strerror(errno));
    pcl_parcel_put_text(p, folder);
    free(folder);
    pcl_parcel_put_text(p, scratch->folder);
    pcl_parcel_put_text(p, scratch->prefix);
    pcl_parcel_put(p, &w->nthread, sizeof w->nthread);
    int rc = pcl_configbytes_put(w->setup->config, p, err);
    if (rc)
        return rc;
    put_data(w->setup, w->vis, p);
    put_flag(p, w->vis->in_file);
    if (w->vis->in_file)
        pcl_storebytes_put(w->vis, p);
    if ((rc = pcl_products_put(w->products, p, err)))
        return rc;
    put_flag(p, w->mask);
    if (w->mask)
        pcl_usermask_put(w->mask, p);
    put_flag(p, w->startmodel);
    if (w->startmodel)
        pcl_startmodel_put(w->startmodel, p);
    put_flag(p, w->spare);
    return pcl_parcel_check(p, err);
}

/* ---- from the job ---- */

static bool take_flag(pcl_parcel_reader *r) {
    bool flag;
    pcl_parcel_take(r, &flag, sizeof flag);
    return flag;
}

static int enter_folder(const char *folder, pclean_err *err) {
    char *here = getcwd(NULL, 0);
    const bool there = here && strcmp(here, folder) == 0;
    free(here);
    return there || chdir(folder) == 0
               ? 0
               : PCL_FAIL(err, PCLEAN_EIO, "a worker cannot enter the folder of the run, %s: %s",
                          folder, strerror(errno));
}

static int take_basics(own_place *o, pcl_parcel_reader *r, pclean_err *err) {
    char *folder = NULL;
    int rc;
    if ((rc = pcl_parcel_take_text(r, &folder, err)) || (rc = enter_folder(folder, err)) ||
        (rc = pcl_parcel_take_text(r, &o->scratch_folder, err)) ||
        (rc = pcl_parcel_take_text(r, &o->scratch_prefix, err)))
        goto done;
    pcl_parcel_take(r, &o->place.nthread, sizeof o->place.nthread);
    rc = pcl_configbytes_take(r, &o->config, err);
    o->has_config = rc == 0;
done:
    pcl_free(folder);
    return rc;
}

/* Reads the MeasurementSets as the coordinator did; data [n]: what it found. */
static int read_anew(own_place *o, const unsigned char *data, size_t n, pclean_err *err) {
    pcl_parcel again = {0};
    pcl_setup_close(&o->setup);
    int rc = pcl_setup_open(&o->config, &o->setup, err);
    if (rc || (rc = pcl_setup_read(&o->setup, NULL, NULL, &o->vis, err)))
        return rc;
    put_data(&o->setup, &o->vis, &again);
    if (!(rc = pcl_parcel_check(&again, err)) &&
        (again.size != n || memcmp(again.data, data, n) != 0))
        rc = PCL_FAIL(err, PCLEAN_EDATA,
                      "%s: a worker finds other data than the run began with; has a MeasurementSet "
                      "changed meanwhile?",
                      o->config.vis.item[0]);
    pcl_parcel_clear(&again);
    return rc;
}

static int take_data(own_place *o, const pcl_scratch *scratch, pcl_parcel_reader *r,
                     pclean_err *err) {
    uint64_t samples[4];
    const size_t from = r->at;
    int rc = pcl_setupbytes_take(r, &o->config, &o->setup, err);
    if (rc)
        return rc;
    pcl_parcel_take(r, samples, sizeof samples);
    const size_t to = r->at;
    const bool in_file = take_flag(r);
    if ((rc = pcl_parcel_reader_check(r, err)))
        return rc;
    if (!in_file)
        return read_anew(o, r->data + from, to - from, err);
    char *path = NULL;
    if (!(rc = pcl_scratch_path(scratch, PCL_STORE_SPOOL, &path, err)))
        rc = pcl_storebytes_attach(r, path, &o->vis, err);
    pcl_free(path);
    return rc;
}

static int take_all(own_place *o, pcl_parcel_reader *r, pclean_err *err) {
    int rc = take_basics(o, r, err);
    const pcl_scratch scratch = {.folder = o->scratch_folder, .prefix = o->scratch_prefix};
    if (rc || (rc = take_data(o, &scratch, r, err)) ||
        (rc = pcl_products_attach(r, &o->config, &o->products, err)) ||
        (take_flag(r) && (rc = pcl_usermask_attach(r, &o->setup, &scratch, &o->mask, err))) ||
        (take_flag(r) &&
         (rc = pcl_startmodel_attach(r, &o->setup, &scratch, &o->startmodel, err))) ||
        (take_flag(r) &&
         (rc = pcl_state_file_attach(&o->setup, &scratch, PCL_WORKPLACE_SPARE,
                                     pcl_workplace_spare_arrays(&o->setup), &o->spare, err))))
        return rc;
    return pcl_parcel_reader_check(r, err);
}

int pcl_workplace_open(const void *job, size_t job_size, pcl_workplace **out, pclean_err *err) {
    pcl_parcel_reader r = {.data = job, .size = job_size};
    own_place *o = NULL;
    *out = NULL;
    int rc = PCL_ZNEW(&o, 1, "worker", err);
    if (rc)
        return rc;
    if ((rc = take_all(o, &r, err))) {
        pcl_workplace_close(&o->place);
        return rc;
    }
    o->place.setup = &o->setup;
    o->place.vis = &o->vis;
    o->place.products = &o->products;
    o->place.mask = o->mask;
    o->place.startmodel = o->startmodel;
    o->place.spare = o->spare;
    *out = &o->place;
    return 0;
}

void pcl_workplace_close(pcl_workplace *place) {
    own_place *o = (own_place *)place;
    if (!o)
        return;
    pcl_state_file_free(o->spare);
    pcl_startmodel_close(o->startmodel);
    pcl_usermask_close(o->mask);
    pcl_products_detach(&o->products);
    pcl_store_clear(&o->vis);
    pcl_setup_close(&o->setup);
    if (o->has_config)
        pcl_config_clear(&o->config);
    pcl_free(o->scratch_folder);
    pcl_free(o->scratch_prefix);
    pcl_free(o);
}
