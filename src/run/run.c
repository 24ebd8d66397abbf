/* run.c: pclean_image, from the configuration to the finished products. Reads top down:
 * pclean_image at the end, the stages above it. Before the workers are forked every table is closed
 * and no OpenMP region has run; after the last of them has ended casacore is called again. */
#include "pclean/run.h"

#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/filesize.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/sized.h"
#include "base/threads.h"
#include "casa/casa.h"
#include "config/effect.h"
#include "config/value.h"
#include "pclean.h"
#include "run/imagename.h"
#include "run/publish.h"
#include "run/record.h"
#include "run/run.h"

const char *pclean_version(void) {
    return PCLEAN_VERSION;
}

static void free_list(char **list) {
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
}

void pclean_result_free(pclean_result *result) {
    if (!result)
        return;
    free(result->plane);
    free(result->cycle);
    free_list(result->product);
    free_list(result->warning);
    free_list(result->without_effect);
    for (size_t i = 0; i < result->nms; i++) {
        free(result->ms[i].path);
        free(result->ms[i].column);
        free(result->ms[i].telescope);
    }
    for (size_t i = 0; i < result->nstokes; i++) {
        free(result->stokes[i].plane);
        free(result->stokes[i].left_out_hold);
    }
    free(result->ms);
    free(result->stokes);
    free(result->config);
    pcl_free(result);
}

void pclean_hooks_init(pclean_hooks *hooks, size_t size) {
    const pclean_hooks none = {.size = sizeof none};
    pcl_sized_init(hooks, size, &none, sizeof none);
}

/* ---- inputs ---- */

static void warn_about_setup(pcl_run *r) {
    char text[300];
    if (pcl_setup_guesses_velocity(&r->setup, text, sizeof text))
        pcl_run_warn(r, "%s", text);
    if (pcl_usermask_guesses_velocity(r->mask)) {
        pcl_format_si(text, sizeof text, r->setup.restfreq_hz, PCL_DIM_FREQ);
        pcl_run_warn(r,
                     "mask has a range in velocity, but the data have no rest frequency: it counts "
                     "from the middle of the selected data, %s; give restfreq",
                     text);
    }
    for (size_t p = 0; p < r->setup.stokes.npol; p++)
        if (pcl_correlations_left(&r->setup.correlations, &r->setup.stokes, p, text, sizeof text))
            pcl_run_warn(r, "%s", text);
}

/* Where scratch files go. Those that a killed run has left under its names are removed. */
static void find_scratch(pcl_run *r) {
    pcl_resources_scratch_folder(r->config, r->scratch_folder, sizeof r->scratch_folder);
    pcl_resources_scratch_prefix(r->config, r->scratch_prefix, sizeof r->scratch_prefix);
    r->scratch = (pcl_scratch){.folder = r->scratch_folder, .prefix = r->scratch_prefix};
    pcl_scratch_remove(&r->scratch);
    if (r->way == PCL_TASKS_INHERIT)
        r->scratch.prefix = NULL;
}

/* How several workers would be started: forked, unless this process has other threads. */
static int choose_way(pcl_run *r, pclean_err *err) {
    pclean_err why;
    bool may_fork;
    int rc = pcl_tasks_find_way(&r->way, err);
    if (rc || r->config->nworkers == 1)
        return rc;
    if (pcl_tasks_may_fork(&r->way, &may_fork, &why)) {
        r->resources.most_workers = 1;
        r->way = PCL_TASKS_INHERIT;
        pcl_log(PCL_LOG_INFO,
                "workers: one, in this process: it has other threads, so that further ones would "
                "not be forked but processes of a program; %s",
                why.msg);
    } else if (!may_fork && r->way == PCL_TASKS_PROGRAM) {
        r->resources.in_file = true;
        pcl_log(PCL_LOG_DEBUG, "workers: several would be processes of the program pclean-worker, "
                               "as this process has other threads");
    }
    return 0;
}

static int open_inputs(pcl_run *r, pclean_err *err) {
    int rc;
    if ((rc = choose_way(r, err)) || (rc = pcl_imagename_check_inputs(r->config, err)) ||
        (rc = pcl_imagename_claim(r->config, &r->claim, err)) ||
        (rc = pcl_imagename_repair(r->config, err)) ||
        (rc = pcl_imagename_check(r->config, true, err)) ||
        (rc = pcl_setup_open(r->config, &r->setup, err)))
        return rc;
    find_scratch(r);
    for (size_t i = 0; i < r->setup.nwarning; i++)
        pcl_run_warn(r, "%s", r->setup.warning[i]);
    if ((rc = pcl_usermask_open(&r->setup, &r->scratch, &r->mask, err)))
        return rc;
    return pcl_startmodel_open(&r->setup, &r->scratch, &r->startmodel, err);
}

static void describe_data(const pcl_run *r) {
    const pcl_setup *s = &r->setup;
    char first[40], step[40], rest[40];
    pcl_format_si(rest, sizeof rest, s->restfreq_hz, PCL_DIM_FREQ);
    pcl_format_si(first, sizeof first, s->desc.crval_hz, PCL_DIM_FREQ);
    pcl_format_si(step, sizeof step, s->channels.step_hz, PCL_DIM_FREQ);
    for (size_t i = 0; i < s->source->nms; i++) {
        const casa_ms_info *info = s->source->info[i];
        pcl_log(PCL_LOG_INFO, "%s: %zu rows of %s, %s, %zu field%s, %zu spectral window%s",
                info->path, info->nrow, info->datacolumn, info->telescope, info->nfield,
                info->nfield == 1 ? "" : "s", info->ndd, info->ndd == 1 ? "" : "s");
    }
    pcl_log(PCL_LOG_INFO, "image: %zu x %zu pixels, %zu channel%s from %s in steps of %s (%s)",
            s->desc.nx, s->desc.ny, s->desc.nchan, s->desc.nchan == 1 ? "" : "s", first, step,
            s->frame < 0 ? "frame of the data" : casa_freq_frame_name(s->frame));
    if (s->config->weighting == PCLEAN_WEIGHTING_BRIGGSBWTAPER)
        pcl_log(PCL_LOG_INFO,
                "weights: briggsbwtaper, fractional bandwidth of the whole cube %.6g%s",
                pcl_setup_fracbw(s), pcl_setup_fracbw(s) > 0 ? "" : ": as briggs");
    if (s->restfreq_from == PCL_RESTFREQ_MIDDLE)
        pcl_log(PCL_LOG_INFO,
                "rest frequency: the data have none; the middle of the selected data, %s, stands "
                "in the images (or give restfreq)",
                rest);
}

static int make_plan(pcl_run *r, pclean_err *err) {
    r->nplane = r->setup.desc.nchan * r->setup.desc.npol;
    int rc = pcl_resources_plan(&r->setup, &r->resources, err);
    if (rc)
        return rc;
    const pcl_workers *workers = &r->resources.workers;
    const pcl_budget *budget = &r->resources.budget;
    pcl_log(PCL_LOG_INFO, "%s", workers->why);
    pcl_budget_log(budget);
    r->setup.scratch = budget->plan.store_in_file ? &r->scratch : NULL;
    r->result->nworkers = (int)workers->nworker;
    r->result->nthreads = (int)workers->nthread;
    r->result->plan_memory_bytes = budget->plan.bytes;
    r->result->plan_mapped_bytes = budget->plan.mapped_bytes;
    r->result->limit_memory_bytes = budget->limit_bytes;
    snprintf(r->result->limit_memory_from, sizeof r->result->limit_memory_from, "%s",
             budget->limit_from);
    r->result->store_in_file = budget->plan.store_in_file;
    if (r->resources.in_file && workers->nworker == 1)
        r->way = PCL_TASKS_INHERIT;
    /* workers start theirs after the fork */
    return workers->nworker > 1 || r->way == PCL_TASKS_PROGRAM
               ? pcl_threads_check((int)(workers->nworker * workers->nthread), err)
               : pcl_threads_start((int)workers->nthread, err);
}

static uint64_t bytes_read_so_far(void) {
    casa_usage casa;
    casa_get_usage(&casa);
    return casa.read_bytes;
}

/* The reading of the data counts for a tenth of the run. */
static int reading_progress(size_t done, size_t total, void *user) {
    pcl_run *r = user;
    pcl_run_report(r, "read", total ? 0.1 * (double)done / (double)total : 0.1, done, total, "rows",
                   NULL);
    return pcl_run_stop_requested(r);
}

static int read_data(pcl_run *r, pclean_err *err) {
    const uint64_t before = bytes_read_so_far();
    int rc = pcl_setup_read(&r->setup, reading_progress, r, &r->vis, err);
    r->result->ms_bytes_read = bytes_read_so_far() - before;
    for (size_t i = 0; i < r->setup.nms; i++)
        r->result->ms_column_bytes += r->setup.ms[i].column_bytes;
    r->result->nvis_used = r->vis.nused;
    r->result->nvis_flagged = r->vis.nflagged;
    r->result->nvis_nonfinite = r->vis.nonfinite;
    r->result->nvis_absurd = r->vis.nabsurd;
    if (!rc && r->vis.nonfinite)
        pcl_run_warn(r, "%llu samples are NaN or infinite and were left out",
                     (unsigned long long)r->vis.nonfinite);
    if (!rc && r->vis.nabsurd)
        pcl_run_warn(r,
                     "%llu samples were left out: their value or weight, or the product of both, "
                     "is above %.2g, or their weight below %.2g, which single precision cannot add "
                     "up (flag them, or scale data and weights)",
                     (unsigned long long)r->vis.nabsurd, (double)PCL_STORE_MOST,
                     (double)PCL_STORE_LEAST);
    return rc;
}

/* ---- products and workers ---- */

/* The list of planes, and the scratch space that a global clean moves its planes to and fro
 * with. */
static int allocate_run(pcl_run *r, pclean_err *err) {
    const pcl_setup *s = &r->setup;
    r->result->nchan = s->desc.nchan;
    r->result->npol = s->desc.npol;
    r->result->restfreq_hz = s->restfreq_hz;
    r->result->plane = calloc(r->nplane, sizeof *r->result->plane);
    if (!r->result->plane)
        return PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for the record of %zu planes", r->nplane);
    pcl_history_init(&r->history, r->nplane);
    int rc = PCL_ZNEW(&r->state, r->nplane, "plane states", err);
    if (rc)
        return rc;
    for (size_t k = 0; k < r->nplane; k++) {
        pclean_plane *p = &r->state[k].plane;
        p->chan = k / s->desc.npol;
        p->pol = k % s->desc.npol;
        p->freq_hz = pcl_channels_centre(&s->channels, p->chan);
        r->result->plane[k] = *p;
    }
    if (!pcl_run_is_global(r->config))
        return 0;
    return pcl_state_file_new(s, &r->scratch, PCL_WORKPLACE_SPARE, pcl_workplace_spare_arrays(s),
                              &r->spare, err);
}

/* The products, with the primary beam's mask at the middle of the band in every plane until the
 * plane is written. */
static int create_products(pcl_run *r, pclean_err *err) {
    const pcl_setup *s = &r->setup;
    const double middle = pcl_channels_centre(&s->channels, 0) +
                          0.5 * (double)(s->channels.nchan - 1) * s->channels.step_hz;
    const size_t n = s->desc.nx * s->desc.ny;
    const char *name;
    float *pb = NULL;
    bool *mask = NULL, known;
    int rc;
    if ((rc = PCL_NEW(&pb, n, "primary beam plane", err)) ||
        (rc = PCL_NEW(&mask, n, "mask plane", err)) ||
        (rc = pcl_target_primary_beam(s, middle, pb, &name, &known, err)))
        goto done;
    pcl_log(PCL_LOG_INFO, "primary beam: %s", name);
    if (!known)
        pcl_run_warn(r,
                     "no primary beam is known for telescope \"%s\", and its antennas have no dish "
                     "diameter: .pb is 1 everywhere, nothing is cut or masked by it",
                     s->desc.telescope);
    for (size_t i = 0; i < n; i++)
        mask[i] = pb[i] > 0;
    rc = pcl_products_create(&r->products, s, r->claim, r->resources.workers.nworker, mask, err);
    r->result->nsubcube = r->products.nsubcube;
    if (!rc && r->products.nsubcube > 0)
        pcl_log(PCL_LOG_INFO, "sub-cubes: %zu, %s", r->products.nsubcube,
                r->products.mode == PCLEAN_CONCAT_MOVEVIRTUAL ? "inside the cubes"
                                                              : "kept as NAME.subcube.0 and so on");
done:
    pcl_free(mask);
    pcl_free(pb);
    return rc;
}

static int make_pool(pcl_run *r, pclean_err *err) {
    r->place = (pcl_workplace){.setup = &r->setup,
                               .vis = &r->vis,
                               .products = &r->products,
                               .mask = r->mask,
                               .startmodel = r->startmodel,
                               .spare = r->spare,
                               .nthread = r->resources.workers.nthread,
                               .coordinator = getpid(),
                               .stop_requested = pcl_run_stop_requested,
                               .stop_user = r};
    if (r->way != PCL_TASKS_INHERIT) {
        const int rc = pcl_workplace_put(&r->place, &r->scratch, &r->job, err);
        if (rc)
            return rc;
    }
    const pcl_tasks_crew crew = {.nworker = r->resources.workers.nworker,
                                 .way = r->way,
                                 .place = &r->place,
                                 .job = r->job.data,
                                 .job_size = r->job.size};
    return pcl_tasks_pool(&crew, &r->pool, err);
}

/* Ends the workers and frees what they needed: casacore's turn again. */
static void dismiss_workers(pcl_run *r) {
    if (!r->pool)
        return;
    pcl_pool_stop(r->pool);
    r->usage = *pcl_pool_get_usage(r->pool);
    pcl_run_note_peak(r, r->usage.growth_bytes);
    pcl_pool_free(r->pool);
    r->pool = NULL;
}

static int image_planes(pcl_run *r, pclean_err *err) {
    const int nthread = omp_get_max_threads(); /* the caller's own setting */
    pcl_run_note_peak(r, 0);
    const bool here = r->way == PCL_TASKS_INHERIT && r->resources.workers.nworker == 1;
    const int team = here ? (int)r->resources.workers.nthread : 1;
    const double before = pcl_threads_team_seconds(team);
    int rc = pcl_run_image_planes(r, err);
    r->team_seconds = pcl_threads_team_seconds(team) - before;
    dismiss_workers(r);
    omp_set_num_threads(nthread);
    size_t nfailed = 0, ndead = 0;
    for (size_t k = 0; k < r->nplane; k++) {
        nfailed += pcl_run_plane_failed(&r->result->plane[k]);
        ndead += r->result->plane[k].stop == PCLEAN_STOP_FAILED;
    }
    if (!rc && nfailed == r->nplane && ndead < nfailed)
        return PCL_FAIL(
            err, PCLEAN_EFAILED,
            "no channel of the image is finite: numbers grew beyond single precision (look at the "
            "data, weights, uvtaper and the model to start from); no product was changed");
    if (!rc && nfailed == r->nplane)
        return PCL_FAIL(err, PCLEAN_EFAILED,
                        "the workers of every channel died, as the warnings say (out of memory? "
                        "fewer workers need less: nworkers); no product was changed");
    return rc;
}

/* ---- products ---- */

/* The beams of all planes: fitted; those without one of their own borrow the largest there is, as
 * in tclean. All zero: none has one. False: no plane has data. */
static bool fitted_beams(const pcl_run *r, casa_beam *beams) {
    casa_beam largest = {0};
    bool data = false;
    for (size_t k = 0; k < r->nplane; k++) {
        const pclean_plane *p = &r->result->plane[k];
        data = data || p->nvis > 0;
        beams[k] = (casa_beam){p->beam_major_rad, p->beam_minor_rad, p->beam_pa_rad};
        if (beams[k].major_rad * beams[k].minor_rad > largest.major_rad * largest.minor_rad)
            largest = beams[k];
    }
    const casa_beam borrowed = {-largest.major_rad, -largest.minor_rad, largest.pa_rad};
    for (size_t k = 0; k < r->nplane; k++)
        if (!(beams[k].major_rad > 0))
            beams[k] = borrowed;
    return data;
}

static int publish(pcl_run *r, pclean_err *err) {
    const pcl_beam *given = &r->setup.params.restoring_beam,
                   *one = given->major_rad > 0 ? given : &r->common_beam;
    const casa_beam restoring = {one->major_rad, one->minor_rad, one->pa_rad};
    pcl_publish_headers headers = {0};
    char **history = NULL;
    casa_beam *beams = NULL;
    int rc = PCL_ZNEW(&beams, r->nplane, "beams", err);
    if (!rc && fitted_beams(r, beams))
        headers.fitted = beams;
    if (one->major_rad > 0)
        headers.one = &restoring;
    if (!rc && !(rc = pcl_record_history(r->config, &history, &headers.nhistory, err))) {
        headers.history = (const char *const *)history;
        rc = pcl_publish_products(&r->products, &r->setup, &headers, err);
    }
    pcl_record_free_lines(history, headers.nhistory);
    pcl_free(beams);
    return rc;
}

/* ---- the run ---- */

static void log_to_hooks(enum pcl_log_level level, const char *text, void *user) {
    const pclean_hooks *hooks = user;
    hooks->log((enum pclean_level)level, text, hooks->user);
}

static void release(pcl_run *r) {
    dismiss_workers(r);
    pcl_products_abort(&r->products);
    pcl_state_file_free(r->spare);
    pcl_usermask_close(r->mask);
    pcl_startmodel_close(r->startmodel);
    pcl_store_clear(&r->vis);
    pcl_setup_close(&r->setup);
    pcl_parcel_clear(&r->job);
    pcl_free(r->state);
    pcl_history_clear(&r->history);
    if (r->scratch.prefix)
        pcl_scratch_remove(&r->scratch);
    pcl_imagename_unclaim(r->config, r->claim);
}

static int note_effects(const pclean_config *config, pclean_err *err) {
    struct pcl_texts lines;
    int rc = pcl_effect_notes(config, &lines, err);
    for (size_t i = 0; i < lines.n; i++)
        pcl_log(PCL_LOG_INFO, "%s", lines.item[i]);
    pcl_texts_clear(&lines);
    return rc;
}

static int run_stages(pcl_run *r, pclean_err *err) {
    int rc;
    if ((rc = pclean_config_validate(r->config, err)) ||
        (rc = pcl_record_begin(r->config, r->result, err)) || (rc = note_effects(r->config, err)) ||
        (rc = open_inputs(r, err)))
        return rc;
    describe_data(r);
    warn_about_setup(r);
    if ((rc = make_plan(r, err)))
        return rc;
    pcl_run_end_stage(r, "open");
    if ((rc = read_data(r, err)))
        return rc;
    pcl_run_end_stage(r, "read");
    if ((rc = allocate_run(r, err)) || (rc = create_products(r, err)) || (rc = make_pool(r, err)))
        return rc;
    pcl_run_end_stage(r, "create");
    if ((rc = image_planes(r, err)))
        return rc;
    pcl_run_end_stage(r, "image");
    if ((rc = publish(r, err)))
        return rc;
    pcl_run_end_stage(r, "publish");
    pcl_run_sum_up(r);
    if ((rc = pcl_record_finish(&r->setup, r->result, err)) ||
        (rc = pcl_record_write(r->config, r->result, err)))
        return rc;
    return pcl_run_verdict(r, err);
}

static int image(const pclean_config *config, const pclean_hooks *hooks, pclean_result *result,
                 pclean_err *err) {
    pcl_run r = {
        .config = config, .claim = -1, .hooks = hooks, .result = result, .start = pcl_now()};
    r.stage_start = r.start;
    r.cpu_start = pcl_threads_cpu_seconds();
    pcl_mem_begin_run();
    if (hooks->log)
        pcl_log_set_sink(log_to_hooks, (void *)(uintptr_t)hooks);
    casa_stop_when(pcl_run_stop_requested, &r);
    int rc = run_stages(&r, err);
    dismiss_workers(&r);
    pcl_run_measure(&r);
    release(&r);
    casa_end();
    pcl_mem_end_run();
    pcl_log_set_sink(NULL, NULL);
    return rc;
}

int pclean_image(const pclean_config *config, const pclean_hooks *hooks, pclean_result **result,
                 pclean_err *err) {
    PCL_REQUIRE(err, config);
    if (result)
        *result = NULL;
    pclean_hooks own = {.size = sizeof own};
    pclean_result *mine = NULL;
    int rc = PCL_TAKE(pclean_hooks, &own, hooks, err);
    if (rc || (rc = PCL_ZNEW(&mine, 1, "result of the run", err)))
        return rc;
    sigset_t signals;
    pcl_filesize_hold(&signals);
    rc = image(config, &own, mine, err);
    pcl_filesize_release(&signals);
    if (result)
        *result = mine;
    else
        pclean_result_free(mine);
    return rc;
}
