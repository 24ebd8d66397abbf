#include "config/unserved.h"
#include "base/quantity.h"
#include "config/options.h"
#include "config/value.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Where tclean and the Python pclean have different defaults, both are accepted. Settings that only decide how a run is
 * spread over processes, not what it computes, are accepted whatever they say. */
static const struct pcl_unserved table[] = {
    {"selection", "selectdata", "true", "the switch that turns data selection on"},
    {"image", "reffreq", "", "the reference frequency of a Taylor expansion"},
    {"image|deconvolution", "nterms", "1|2", "the number of Taylor terms of mtmfs"},
    {"image", "outlierfile", "", "a list of outlier fields"},
    {"grid", "facets", "1", "the number of facets of a wide field"},
    {"grid", "psfphasecenter", "", "where the PSF of a mosaic is made"},
    {"grid", "vptable", "", "a table of primary beams"},
    {"grid", "mosweight", "true", "weighting each field of a mosaic by itself"},
    {"grid", "aterm", "true", "a setting of awproject"},
    {"grid", "psterm", "false", "a setting of awproject"},
    {"grid", "wbawp", "true", "a setting of awproject"},
    {"grid", "conjbeams", "false", "a setting of awproject"},
    {"grid", "cfcache", "", "the cache of awproject"},
    {"grid", "usepointing", "false", "pointing corrections"},
    {"grid", "computepastep", "360", "a setting of awproject"},
    {"grid", "rotatepastep", "360", "a setting of awproject"},
    {"grid", "pointingoffsetsigdev", "0|0,0", "a setting of awproject"},
    {"grid|normalization", "normtype", "flatnoise", "how images are normalised by the primary beam"},
    {"weight", "noise", "1Jy", "the noise of weighting briggsabs"},
    {"weight", "npixels", "0", "the cell box of super-uniform weighting"},
    {"deconvolution", "scales", "0", "the scale sizes of multiscale and mtmfs"},
    {"deconvolution", "smallscalebias", "0", "a setting of multiscale"},
    {"deconvolution", "fusedthreshold", "0", "a setting of the asp deconvolver"},
    {"deconvolution", "largestscale", "-1", "a setting of the asp deconvolver"},
    {"deconvolution", "sidelobethreshold", "3", "a setting of automatic masks"},
    {"deconvolution", "noisethreshold", "5", "a setting of automatic masks"},
    {"deconvolution", "lownoisethreshold", "1.5", "a setting of automatic masks"},
    {"deconvolution", "negativethreshold", "0", "a setting of automatic masks"},
    {"deconvolution", "smoothfactor", "1", "a setting of automatic masks"},
    {"deconvolution", "minbeamfrac", "0.3", "a setting of automatic masks"},
    {"deconvolution", "cutthreshold", "0.01", "a setting of automatic masks"},
    {"deconvolution", "growiterations", "75|100", "a setting of automatic masks"},
    {"deconvolution", "dogrowprune", "true", "a setting of automatic masks"},
    {"deconvolution", "minpercentchange", "-1|0", "a setting of automatic masks"},
    {"deconvolution", "fastnoise", "true", "a setting of automatic masks"},
    {"deconvolution", "python_automask", "*", "which code makes automatic masks"},
    {"iteration", "interactive", "false", "masking by hand between cycles"},
    {"iteration", "fullsummary", "false", "a longer return record"},
    {"misc", "savemodel", "none", "writing the model into the MeasurementSet"},
    {"misc", "calcres", "true", "making the first residual"},
    {"misc", "calcpsf", "true", "making the PSF"},
    {"cluster", "parallel", "*", "running on several processes"},
    {"cluster", "type", "local", "where the workers run"},
    {"cluster", "scheduler_address", "", "a running Dask scheduler"},
    {"cluster", "threads_per_worker", "*", "threads of each worker process"},
    {"cluster", "local_directory", "*", "scratch space of the workers"},
    {"cluster", "keep_partimages", "false", "keeping the images of parts of the data"},
    {"cluster.slurm", "queue", "*", "a setting of Slurm workers"},
    {"cluster.slurm", "account", "*", "a setting of Slurm workers"},
    {"cluster.slurm", "walltime", "*", "a setting of Slurm workers"},
    {"cluster.slurm", "job_mem", "*", "a setting of Slurm workers"},
    {"cluster.slurm", "cores_per_job", "*", "a setting of Slurm workers"},
    {"cluster.slurm", "job_name", "*", "a setting of Slurm workers"},
    {"cluster.slurm", "job_extra_directives", "*", "a setting of Slurm workers"},
    {"cluster.slurm", "python", "*", "a setting of Slurm workers"},
    {"cluster.slurm", "local_directory", "*", "a setting of Slurm workers"},
    {"cluster.slurm", "log_directory", "*", "a setting of Slurm workers"},
    {"cluster.slurm", "job_script_prologue", "*", "a setting of Slurm workers"},
    {"cluster.submit", "workdir", "*", "a setting of Slurm submission"},
    {"cluster.submit", "pixi_project_dir", "*", "a setting of Slurm submission"},
    {"cluster.submit", "pixi_env", "*", "a setting of Slurm submission"},
    {"cluster.submit", "coordinator_mem", "*", "a setting of Slurm submission"},
    {"cluster.submit", "coordinator_cpus", "*", "a setting of Slurm submission"},
    {"cluster.submit", "coordinator_walltime", "*", "a setting of Slurm submission"},
    {"cluster.submit", "coordinator_job_name", "*", "a setting of Slurm submission"},
    {"cluster.submit", "extra_sbatch", "*", "a setting of Slurm submission"},
    {"cluster.submit", "log_dir", "*", "a setting of Slurm submission"},
    {"cluster.submit", "psrecord", "*", "a setting of Slurm submission"},
};
#define NTABLE (sizeof table / sizeof table[0])

size_t pcl_unserved_count(void) {
    return NTABLE;
}

const struct pcl_unserved *pcl_unserved_at(size_t i) {
    return i < NTABLE ? &table[i] : NULL;
}

const struct pcl_unserved *pcl_unserved_find(const char *name) {
    return pcl_unserved_find_in(NULL, name);
}

const struct pcl_unserved *pcl_unserved_find_in(const char *group, const char *name) {
    for (size_t i = 0; i < NTABLE; i++)
        if (strcmp(table[i].name, name) == 0 && (!group || pcl_words_index(table[i].group, group) >= 0))
            return &table[i];
    return NULL;
}

bool pcl_unserved_is_group(const char *group) {
    for (size_t i = 0; i < NTABLE; i++)
        if (strchr(table[i].group, '.') && strcmp(table[i].group, group) == 0)
            return true;
    return false;
}

/* "1.0Jy" is "1Jy", "3" is "3.0", "no" is "false". */
static bool same_value(const char *a, const char *b) {
    bool yes_a, yes_b;
    pcl_quantity qa, qb;
    if (strcasecmp(a, b) == 0)
        return true;
    if (pcl_parse_bool(a, &yes_a) && pcl_parse_bool(b, &yes_b))
        return yes_a == yes_b;
    return pcl_quantity_parse(a, &qa, NULL) == 0 && pcl_quantity_parse(b, &qb, NULL) == 0 && qa.dim == qb.dim &&
           !(qa.value < qb.value) && !(qa.value > qb.value);
}

static void join(const char *const *items, size_t n, char *buf, size_t size) {
    size_t at = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < n && at < size; i++)
        at += (size_t)snprintf(buf + at, size - at, "%s%s", i ? "," : "", items[i]);
}

int pcl_unserved_check(const struct pcl_unserved *u, const char *const *items, size_t n, pclean_err *err) {
    char value[200], word[40], accepted[100];
    join(items, n, value, sizeof value);
    if (value[0] == '\0' || strcmp(u->accept, "*") == 0)
        return 0;
    for (size_t i = 0; pcl_words_at(u->accept, i, word, sizeof word); i++)
        if (same_value(value, word))
            return 0;
    pcl_words_join(u->accept, accepted, sizeof accepted);
    return PCL_FAIL(err, PCLEAN_EUNSUPPORTED, "%s=%s is not available in this version of pclean (%s); leave it out%s%s",
                    u->name, value, u->what, accepted[0] ? " or say " : "", accepted);
}
