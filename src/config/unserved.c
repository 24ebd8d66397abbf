#include "config/unserved.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "config/options.h"
#include "config/value.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Where tclean and the Python pclean have different defaults, both are accepted. Settings that only
 * decide how a run is spread over processes, not what it computes, are accepted whatever they
 * say. */
static const struct pcl_unserved table[] = {
    {"image", "reffreq", "", "the reference frequency of a Taylor expansion", pcl_idle_not_mtmfs},
    {"image|deconvolution", "nterms", "1|2", "the number of Taylor terms of mtmfs",
     pcl_idle_not_mtmfs},
    {"image", "outlierfile", "", "a list of outlier fields", NULL},
    {"grid", "facets", "1", "the number of facets of a wide field", NULL},
    {"grid", "psfphasecenter", "", "where the PSF of a mosaic is made", pcl_idle_joint_gridder},
    {"grid", "vptable", "", "a table of primary beams", NULL},
    {"grid", "mosweight", "true", "weighting each field of a mosaic by itself",
     pcl_idle_joint_gridder},
    {"grid", "aterm", "true", "a setting of awproject", pcl_idle_joint_gridder},
    {"grid", "psterm", "false", "a setting of awproject", pcl_idle_joint_gridder},
    {"grid", "wbawp", "true", "a setting of awproject", pcl_idle_joint_gridder},
    {"grid", "conjbeams", "false", "a setting of awproject", pcl_idle_joint_gridder},
    {"grid", "cfcache", "", "the cache of awproject", pcl_idle_joint_gridder},
    {"grid", "usepointing", "false", "pointing corrections", pcl_idle_joint_gridder},
    {"grid", "computepastep", "360", "a setting of awproject", pcl_idle_joint_gridder},
    {"grid", "rotatepastep", "360", "a setting of awproject", pcl_idle_joint_gridder},
    {"grid", "pointingoffsetsigdev", "0|0,0", "a setting of awproject", pcl_idle_joint_gridder},
    {"grid|normalization", "normtype", "flatnoise", "how images are normalised by the primary beam",
     pcl_idle_joint_gridder},
    {"deconvolution", "scales", "0", "the scale sizes of multiscale and mtmfs",
     pcl_idle_not_multiscale},
    {"deconvolution", "smallscalebias", "0", "a setting of multiscale", pcl_idle_not_multiscale},
    {"deconvolution", "fusedthreshold", "0", "a setting of the asp deconvolver", pcl_idle_not_asp},
    {"deconvolution", "largestscale", "-1", "a setting of the asp deconvolver", pcl_idle_not_asp},
    {"deconvolution", "python_automask", "", "which code makes automatic masks",
     pcl_idle_own_automask},
    {"iteration", "interactive", "false", "masking by hand between cycles", pcl_idle_no_clean},
    {"misc", "savemodel", "none", "writing the model into the MeasurementSet", NULL},
    {"misc", "calcres", "true", "taking the first residual from NAME.residual", pcl_idle_restart},
    {"misc", "calcpsf", "true", "taking the PSF from NAME.psf", pcl_idle_restart},
    {"cluster", "parallel", "false", "running on several processes", pcl_idle_no_dask},
    {"cluster", "type", "local", "where the workers run", pcl_idle_no_cluster},
    {"cluster", "scheduler_address", "", "a running Dask scheduler", pcl_idle_no_dask},
    {"cluster", "threads_per_worker", "1", "threads of each worker process", pcl_idle_no_dask},
    {"cluster", "local_directory", "", "scratch space of the workers", pcl_idle_no_dask},
    {"cluster", "keep_partimages", "false", "keeping the images of parts of the data",
     pcl_idle_no_dask},
    {"cluster.slurm", "queue", "", "a setting of Slurm workers", pcl_idle_no_slurm},
    {"cluster.slurm", "account", "", "a setting of Slurm workers", pcl_idle_no_slurm},
    {"cluster.slurm", "walltime", "24:00:00", "a setting of Slurm workers", pcl_idle_no_slurm},
    {"cluster.slurm", "job_mem", "20GB", "a setting of Slurm workers", pcl_idle_no_slurm},
    {"cluster.slurm", "cores_per_job", "1", "a setting of Slurm workers", pcl_idle_no_slurm},
    {"cluster.slurm", "job_name", "", "a setting of Slurm workers", pcl_idle_no_slurm},
    {"cluster.slurm", "job_extra_directives", "", "a setting of Slurm workers", pcl_idle_no_slurm},
    {"cluster.slurm", "python", "", "a setting of Slurm workers", pcl_idle_no_slurm},
    {"cluster.slurm", "local_directory", "", "a setting of Slurm workers", pcl_idle_no_slurm},
    {"cluster.slurm", "log_directory", "logs", "a setting of Slurm workers", pcl_idle_no_slurm},
    {"cluster.slurm", "job_script_prologue", "", "a setting of Slurm workers", pcl_idle_no_slurm},
    {"cluster.submit", "workdir", "", "a setting of Slurm submission", pcl_idle_no_slurm},
    {"cluster.submit", "pixi_project_dir", "", "a setting of Slurm submission", pcl_idle_no_slurm},
    {"cluster.submit", "pixi_env", "forge", "a setting of Slurm submission", pcl_idle_no_slurm},
    {"cluster.submit", "coordinator_mem", "8G", "a setting of Slurm submission", pcl_idle_no_slurm},
    {"cluster.submit", "coordinator_cpus", "2", "a setting of Slurm submission", pcl_idle_no_slurm},
    {"cluster.submit", "coordinator_walltime", "24:00:00", "a setting of Slurm submission",
     pcl_idle_no_slurm},
    {"cluster.submit", "coordinator_job_name", "pclean-coordinator",
     "a setting of Slurm submission", pcl_idle_no_slurm},
    {"cluster.submit", "extra_sbatch", "", "a setting of Slurm submission", pcl_idle_no_slurm},
    {"cluster.submit", "log_dir", "", "a setting of Slurm submission", pcl_idle_no_slurm},
    {"cluster.submit", "psrecord", "false", "a setting of Slurm submission", pcl_idle_no_slurm},
};
#define NTABLE (sizeof table / sizeof table[0])

static const char slurm_prefix[] = "slurm_";

size_t pcl_unserved_count(void) {
    return NTABLE;
}

const struct pcl_unserved *pcl_unserved_at(size_t i) {
    return i < NTABLE ? &table[i] : NULL;
}

const struct pcl_unserved *pcl_unserved_find(const char *name) {
    return pcl_unserved_find_in(NULL, name);
}

/* Without a group the names are those of the Python pclean's function: cluster_type, slurm_queue.
 */
const struct pcl_unserved *pcl_unserved_find_in(const char *group, const char *name) {
    if (!group && strcmp(name, "cluster_type") == 0)
        return pcl_unserved_find_in("cluster", "type");
    if (!group && strncmp(name, slurm_prefix, strlen(slurm_prefix)) == 0)
        return pcl_unserved_find_in("cluster.slurm", name + strlen(slurm_prefix));
    for (size_t i = 0; i < NTABLE; i++)
        if (strcmp(table[i].name, name) == 0 &&
            (!group || pcl_words_index(table[i].group, group) >= 0))
            return &table[i];
    return NULL;
}

void pcl_unserved_name(const struct pcl_unserved *u, char *buf, size_t size) {
    const bool slurm = strcmp(u->group, "cluster.slurm") == 0;
    snprintf(buf, size, "%s%s", slurm ? slurm_prefix : "", u->name);
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
    return pcl_quantity_parse(a, &qa, NULL) == 0 && pcl_quantity_parse(b, &qb, NULL) == 0 &&
           qa.dim == qb.dim && !(qa.value < qb.value) && !(qa.value > qb.value);
}

/* Lists of zeros are as empty as the zero that is accepted for them. */
static bool accepts(const struct pcl_unserved *u, const char *item) {
    char word[40];
    if (item[0] == '\0' || strcasecmp(item, "None") == 0 || strcmp(u->accept, "*") == 0)
        return true;
    for (size_t i = 0; pcl_words_at(u->accept, i, word, sizeof word); i++)
        if (same_value(item, word))
            return true;
    return false;
}

bool pcl_unserved_asks(const struct pcl_unserved *u, const char *const *items, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!accepts(u, items[i]))
            return true;
    return false;
}

/* ---- what was asked for ---- */

const char *pcl_asked_at(const pclean_config *config, size_t i, char *name, size_t size) {
    const char *text = config->asked.item[i];
    const size_t n = strcspn(text, "=");
    snprintf(name, size, "%.*s", (int)n, text);
    return text + n + (text[n] == '=');
}

const char *pcl_asked(const pclean_config *config, const char *name) {
    char other[64];
    for (size_t i = 0; i < config->asked.n; i++) {
        const char *value = pcl_asked_at(config, i, other, sizeof other);
        if (strcmp(name, other) == 0)
            return value;
    }
    return NULL;
}

bool pcl_asked_is(const pclean_config *config, const char *name, const char *words) {
    const struct pcl_option *o = pcl_option_find(name);
    const char *asked = pcl_asked(config, name);
    char word[64];
    if (asked)
        return pcl_words_index(words, asked) >= 0;
    return o && o->type == PCL_CHOICE &&
           pcl_words_at(o->choices, (size_t) * (const int *)pcl_option_const_field(o, config), word,
                        sizeof word) &&
           pcl_words_index(words, word) >= 0;
}

int pcl_asked_set(pclean_config *config, const char *name, const char *value, pclean_err *err) {
    struct pcl_texts kept = {0}, old = {.n = config->asked.n, .item = config->asked.item};
    char other[64], *text = NULL;
    int rc = value ? pcl_asprintf(&text, err, "%s=%s", name, value) : 0;
    for (size_t i = 0; i < old.n && !rc; i++) {
        pcl_asked_at(config, i, other, sizeof other);
        if (strcmp(name, other) != 0)
            rc = pcl_texts_add(&kept, old.item[i], strlen(old.item[i]), err);
    }
    if (!rc && text)
        rc = pcl_texts_add(&kept, text, strlen(text), err);
    pcl_free(text);
    pcl_texts_clear(rc ? &kept : &old);
    if (!rc)
        config->asked = (pclean_strlist){kept.n, kept.item};
    return rc;
}

const char *pcl_asked_idle(const pclean_config *config, const char *name) {
    const struct pcl_unserved *u = pcl_unserved_find(name);
    const struct pcl_option *o = pcl_option_find(name);
    pcl_idle *idle = o ? o->idle : NULL;
    if (u)
        idle = u->idle;
    return idle ? idle(config, pcl_asked_is) : NULL;
}

/* What could be said instead, or what it is about. */
static void explain(const char *name, char *buf, size_t size) {
    const struct pcl_unserved *u = pcl_unserved_find(name);
    const struct pcl_option *o = pcl_option_find(name);
    char words[400] = "";
    const char *choices = o ? o->choices : NULL;
    pcl_words_join(u ? u->accept : choices, words, sizeof words);
    if (u)
        snprintf(buf, size, " (%s); leave it out%s%s", u->what, words[0] ? " or say " : "", words);
    else if (words[0])
        snprintf(buf, size, " (available: %s)", words);
    else
        snprintf(buf, size, "; leave it out");
}

void pcl_unserved_complain(const pclean_config *config, struct pcl_problems *problems) {
    char list[800] = "", name[64], hint[500] = "";
    size_t n = 0, at = 0, more = 0;
    for (size_t i = 0; i < config->asked.n; i++) {
        const char *value = pcl_asked_at(config, i, name, sizeof name);
        char item[128];
        if (pcl_asked_idle(config, name))
            continue;
        snprintf(item, sizeof item, config->asked.n > 8 ? "%s%s=%.20s" : "%s%s=%.60s",
                 n ? ", " : "", name, value);
        if (n++ == 0)
            explain(name, hint, sizeof hint);
        if (at + strlen(item) < sizeof list - 100)
            at += (size_t)sprintf(list + at, "%s", item);
        else
            more++;
    }
    if (more)
        snprintf(list + at, sizeof list - at, " and %zu more", more);
    if (n == 1)
        pcl_problems_add(problems, PCLEAN_EUNSUPPORTED,
                         "%s is not available in this version of pclean%s", list, hint);
    else if (n > 1)
        pcl_problems_add(problems, PCLEAN_EUNSUPPORTED,
                         "%s are not available in this version of pclean; leave them out", list);
}

int pclean_config_served(const pclean_config *config, pclean_err *err) {
    PCL_REQUIRE(err, config);
    struct pcl_problems problems = {0};
    pcl_unserved_complain(config, &problems);
    return pcl_problems_finish(&problems, err);
}
