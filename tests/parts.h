/* parts.h: the parts of a run, one by one, for the tests of src/run: a cube of a small
 * MeasurementSet with its products in the test's folder. */
#ifndef TESTS_PARTS_H
#define TESTS_PARTS_H
#include "base/mem.h"
#include "config/config.h"
#include "folder.h"
#include "run/imagename.h"
#include "run/workplace.h"
#include "unit/check.h"

typedef struct parts {
    pclean_config config;
    pcl_setup setup;
    pcl_store vis;
    int claim;
    pcl_products products;
    pcl_usermask *mask;
    pcl_startmodel *startmodel;
    pcl_state_file *spare;
    pcl_scratch scratch;
    pcl_workplace place;
} parts;

/* name, value, ..., NULL */
static inline void parts_configure(pclean_config *c, const char *name, const char *const *more) {
    static const char *const fixed[] = {"vis",      PCLEAN_TEST_DATA "/vla_ngc5921.ms",
                                        "imsize",   "40,36",
                                        "cell",     "20arcsec",
                                        "specmode", "cube",
                                        "start",    "5",
                                        "nchan",    "4",
                                        "niter",    "30",
                                        NULL};
    pclean_err err;
    assert_ok(pcl_config_init(c, &err));
    for (size_t i = 0; fixed[i]; i += 2)
        assert_ok(pclean_config_set(c, fixed[i], fixed[i + 1], &err));
    for (; more && *more; more += 2)
        assert_ok(pclean_config_set(c, more[0], more[1], &err));
    assert_ok(pclean_config_set(c, "imagename", in_folder("%s", name), &err));
}

/* Read, the store in a file where `in_file`; scratch files have names. */
static inline void parts_open(parts *p, const char *name, bool in_file, const char *const *more) {
    pclean_err err;
    *p = (parts){.claim = -1, .scratch = {.folder = folder, .prefix = "pclean-parts"}};
    parts_configure(&p->config, name, more);
    assert_ok(pcl_setup_open(&p->config, &p->setup, &err));
    p->setup.scratch = in_file ? &p->scratch : NULL;
    assert_ok(pcl_usermask_open(&p->setup, &p->scratch, &p->mask, &err));
    assert_ok(pcl_startmodel_open(&p->setup, &p->scratch, &p->startmodel, &err));
    assert_ok(pcl_setup_read(&p->setup, NULL, NULL, &p->vis, &err));
    assert_ok(pcl_imagename_claim(&p->config, &p->claim, &err));
    const casa_image_desc *d = &p->setup.desc;
    bool *mask = NULL;
    assert_ok(PCL_NEW(&mask, d->nx * d->ny, "mask", &err));
    memset(mask, true, d->nx * d->ny);
    assert_ok(pcl_products_create(&p->products, &p->setup, p->claim, 2, mask, &err));
    pcl_free(mask);
    assert_ok(pcl_state_file_new(&p->setup, &p->scratch, PCL_WORKPLACE_SPARE,
                                 pcl_workplace_spare_arrays(&p->setup), &p->spare, &err));
    p->place = (pcl_workplace){.setup = &p->setup,
                               .vis = &p->vis,
                               .products = &p->products,
                               .mask = p->mask,
                               .startmodel = p->startmodel,
                               .spare = p->spare,
                               .nthread = 1,
                               .coordinator = getpid()};
}

static inline void parts_close(parts *p) {
    pcl_products_abort(&p->products);
    pcl_state_file_free(p->spare);
    pcl_usermask_close(p->mask);
    pcl_startmodel_close(p->startmodel);
    pcl_store_clear(&p->vis);
    pcl_setup_close(&p->setup);
    pcl_imagename_unclaim(&p->config, p->claim);
    pcl_scratch_remove(&p->scratch);
    pcl_config_clear(&p->config);
}

/* An array of the scratch file of cyclecontrol=global. */
static inline void parts_read_spare(const parts *p, size_t ipol, size_t ichan,
                                    enum pcl_state_array array, float *pixels) {
    pclean_err err;
    const pcl_state_place from = pcl_state_file_place(p->spare);
    const pcl_state_item item = {ichan, ipol, array, 0,
                                 p->setup.desc.nx * p->setup.desc.ny * sizeof *pixels};
    assert_ok(from.read(from.user, &item, pixels, &err));
}

/* A plane whose pixels tell where it belongs. */
static inline float parts_pixel(size_t ipol, size_t ichan, size_t i) {
    return (float)(100 * ichan + 10 * ipol) + 0.001f * (float)(i % 997);
}

#endif
