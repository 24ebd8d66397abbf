#include "json/tables.h"

#include <math.h>
#include <stdlib.h>

#include "json/summary.h"

#define ARCSEC (180 * 3600 / M_PI)

/* A row: the name in JSON, the type, the member of STRUCT, and what else the type wants. */
#define ROW(key, kind, member, ...)                                                                \
    { .name = (key), .type = PCL_JSON_##kind, .offset = offsetof(STRUCT, member), __VA_ARGS__ }
#define CHARS(key, member) ROW(key, CHARS, member, .length = sizeof(((STRUCT *)0)->member))
#define COUNT(member)      .length = offsetof(STRUCT, member)
#define NROW(rows)         (sizeof(rows) / sizeof *(rows))
#define TABLE(rows)        .size = sizeof(STRUCT), .nfield = NROW(rows), .field = (rows)

/* ---- errors ---- */

static bool is_error(const void *from) {
    return ((const pclean_err *)from)->code != 0;
}

#define STRUCT pclean_err
static const pcl_json_field err_rows[] = {
    ROW("code", INT, code), ROW("name", WORD, code, .word = pclean_error_name),
    CHARS("message", msg),  CHARS("file", file),
    ROW("line", INT, line),
};
const pcl_json_struct pcl_json_err = {TABLE(err_rows), .given = is_error};
#undef STRUCT

/* ---- planes ---- */

#define STRUCT pclean_plane
static const pcl_json_field plane_rows[] = {
    ROW("chan", SIZE, chan),
    ROW("pol", SIZE, pol),
    ROW("freq_hz", REAL, freq_hz),
    ROW("nvis", UINT64, nvis),
    ROW("sumwt", REAL, sumwt),
    ROW("beam.major_arcsec", REAL, beam_major_rad, .unit = ARCSEC),
    ROW("beam.minor_arcsec", REAL, beam_minor_rad, .unit = ARCSEC),
    ROW("beam.pa_deg", REAL, beam_pa_rad, .unit = 180, .per = M_PI),
    ROW("psf_sidelobe", REAL, psf_sidelobe),
    ROW("peak_dirty", REAL, peak_dirty),
    ROW("peak_residual", REAL, peak_residual),
    ROW("rms_residual", REAL, rms_residual),
    ROW("model_flux", REAL, model_flux),
    ROW("niter", INT, niter),
    ROW("nmajor", INT, nmajor),
    ROW("stopcode", INT, stop),
    ROW("stop", WORD, stop, .word = pclean_stop_text),
    ROW("noise_only", BOOL, noise_only),
    ROW("retries", INT, nretry),
    ROW("seconds", REAL, seconds),
};
const pcl_json_struct pcl_json_plane = {TABLE(plane_rows)};
#undef STRUCT

#define STRUCT pclean_plane
static const pcl_json_field plane_event_rows[] = {
    ROW("chan", SIZE, chan),
    ROW("pol", SIZE, pol),
    ROW("freq_hz", REAL, freq_hz),
    ROW("nvis", UINT64, nvis),
    ROW("sumwt", REAL, sumwt),
    ROW("beam_major_rad", REAL, beam_major_rad),
    ROW("beam_minor_rad", REAL, beam_minor_rad),
    ROW("beam_pa_rad", REAL, beam_pa_rad),
    ROW("psf_sidelobe", REAL, psf_sidelobe),
    ROW("peak_dirty", REAL, peak_dirty),
    ROW("peak_residual", REAL, peak_residual),
    ROW("rms_residual", REAL, rms_residual),
    ROW("model_flux", REAL, model_flux),
    ROW("niter", INT, niter),
    ROW("nmajor", INT, nmajor),
    ROW("stop", INT, stop),
    ROW("stop_text", WORD, stop, .word = pclean_stop_text),
    ROW("noise_only", BOOL, noise_only),
    ROW("retries", INT, nretry),
    ROW("seconds", REAL, seconds),
};
const pcl_json_struct pcl_json_plane_event = {TABLE(plane_event_rows)};
#undef STRUCT

/* ---- progress ---- */

static json_t *remaining(const void *from) {
    const double s = ((const pclean_progress *)from)->remaining_s;
    return s >= 0 && isfinite(s) ? json_real(s) : json_null();
}

#define STRUCT pclean_progress
static const pcl_json_field progress_rows[] = {
    ROW("stage", TEXT, stage),
    ROW("fraction", REAL, fraction),
    ROW("done", SIZE, done),
    ROW("total", SIZE, total),
    ROW("unit", TEXT, unit),
    ROW("elapsed_s", REAL, elapsed_s),
    {.name = "remaining_s", .type = PCL_JSON_MADE, .make = remaining},
    ROW("plane", POINTER, plane, .of = &pcl_json_plane_event, .optional = true),
};
const pcl_json_struct pcl_json_progress = {TABLE(progress_rows)};
#undef STRUCT

#define STRUCT pclean_cycle
static const pcl_json_field cycle_rows[] = {
    ROW("chan", SIZE, chan),
    ROW("pol", SIZE, pol),
    ROW("icycle", INT, icycle),
    ROW("cycle_start_iters", UINT64, cycle_start_iters),
    ROW("start_iter_done", UINT64, start_iter_done),
    ROW("iter_done", UINT64, iter_done),
    ROW("masksum", UINT64, masksum),
    ROW("start_peak_res", FLOAT, start_peak_res),
    ROW("peak_res", FLOAT, peak_res),
    ROW("start_peak_res_nm", FLOAT, start_peak_res_nm),
    ROW("peak_res_nm", FLOAT, peak_res_nm),
    ROW("start_model_flux", FLOAT, start_model_flux),
    ROW("model_flux", FLOAT, model_flux),
    ROW("cycle_thresh", FLOAT, cycle_thresh),
    ROW("stop_code", INT, stop_code),
};
const pcl_json_struct pcl_json_cycle = {TABLE(cycle_rows)};
#undef STRUCT

/* ---- the result of a run ---- */

#define STRUCT pclean_result_ms
static const pcl_json_field result_ms_rows[] = {
    ROW("path", TEXT, path),
    ROW("column", TEXT, column),
    ROW("rows", UINT64, rows),
    ROW("autocorrelations_left_out", UINT64, autocorrelations_left_out),
    ROW("telescope", TEXT, telescope),
};
static const pcl_json_struct result_ms = {TABLE(result_ms_rows)};
#undef STRUCT

#define STRUCT pclean_result_stokes
static const pcl_json_field result_stokes_rows[] = {
    ROW("plane", TEXT, plane),
    ROW("rows", UINT64, rows),
    ROW("rows_left_out", UINT64, rows_left_out),
    ROW("left_out_hold", TEXT, left_out_hold),
};
static const pcl_json_struct result_stokes = {TABLE(result_stokes_rows)};
#undef STRUCT

#define STRUCT pclean_stage_time
static const pcl_json_field stage_time_rows[] = {
    CHARS("name", name),
    ROW("seconds", REAL, seconds),
};
static const pcl_json_struct stage_time = {TABLE(stage_time_rows)};
#undef STRUCT

#define STRUCT pclean_result
static const pcl_json_field result_rows[] = {
    CHARS("pclean", version),
    CHARS("casacore", casacore_version),
    CHARS("started", started),
    CHARS("finished", finished),
    ROW("config", OBJECT, config),
    ROW("ms", STRUCTS, ms, COUNT(nms), .of = &result_ms),
    ROW("cube.nchan", SIZE, nchan),
    ROW("cube.npol", SIZE, npol),
    ROW("cube.first_hz", REAL, first_hz),
    ROW("cube.step_hz", REAL, step_hz),
    ROW("cube.restfreq_hz", REAL, restfreq_hz),
    CHARS("cube.restfreq_from", restfreq_from),
    ROW("cube.subcubes", SIZE, nsubcube),
    ROW("stokes", STRUCTS, stokes, COUNT(nstokes), .of = &result_stokes),
    ROW("restoring_beam.major_arcsec", REAL, restoring_major_rad, .unit = ARCSEC),
    ROW("restoring_beam.minor_arcsec", REAL, restoring_minor_rad, .unit = ARCSEC),
    ROW("restoring_beam.pa_deg", REAL, restoring_pa_rad, .unit = 180, .per = M_PI),
    ROW("stopcode", INT, stop),
    ROW("stop", WORD, stop, .word = pclean_stop_text),
    {.name = "stopDescription", .type = PCL_JSON_MADE, .make = pcl_json_stop_description},
    ROW("iterdone", UINT64, iterdone),
    ROW("nmajordone", INT, nmajordone),
    ROW("cyclethreshold", REAL, cyclethreshold),
    ROW("maxpsfsidelobe", REAL, maxpsfsidelobe),
    {.name = "summarymajor", .type = PCL_JSON_MADE, .make = pcl_json_summarymajor},
    ROW("planes", STRUCTS, plane, COUNT(nchan), .length2 = offsetof(STRUCT, npol),
        .of = &pcl_json_plane),
    ROW("fullsummary", BOOL, fullsummary),
    ROW("summaryminor", MADE, cycle, COUNT(ncycle), .make = pcl_json_summaryminor),
    ROW("summaryminor_left_out", SIZE, ncycle_left_out),
    ROW("stages_s", MAP, stage, COUNT(nstage), .room = 16, .of = &stage_time),
    ROW("samples.used", UINT64, nvis_used),
    ROW("samples.flagged", UINT64, nvis_flagged),
    ROW("samples.not_finite", UINT64, nvis_nonfinite),
    ROW("samples.absurd", UINT64, nvis_absurd),
    ROW("ms_bytes_read", UINT64, ms_bytes_read),
    ROW("ms_column_bytes", UINT64, ms_column_bytes),
    ROW("peak_memory_bytes", UINT64, peak_memory_bytes),
    ROW("memory.plan_bytes", UINT64, plan_memory_bytes),
    ROW("memory.plan_mapped_bytes", UINT64, plan_mapped_bytes),
    ROW("memory.measured_bytes", UINT64, peak_memory_bytes),
    ROW("memory.limit_bytes", UINT64, limit_memory_bytes),
    CHARS("memory.limit_from", limit_memory_from),
    ROW("memory.visibilities", EITHER, store_in_file, .words = "memory|scratch file"),
    ROW("workers.processes", INT, nworkers),
    ROW("workers.threads", INT, nthreads),
    ROW("seconds", REAL, seconds),
    ROW("cpu_seconds", REAL, cpu_seconds),
    ROW("warnings", TEXTS, warning),
    ROW("without_effect", TEXTS, without_effect),
    ROW("products", TEXTS, product),
};
const pcl_json_struct pcl_json_result = {TABLE(result_rows)};
/* The last row is not in the record: its products stand beside it, wherever they are moved. */
const pcl_json_struct pcl_json_record = {
    .size = sizeof(STRUCT), .nfield = NROW(result_rows) - 1, .field = result_rows};
#undef STRUCT

/* ---- parts ---- */

#define STRUCT pclean_part_ms
static const pcl_json_field part_ms_rows[] = {
    ROW("msname", TEXT, msname),   ROW("spw", TEXT, spw),         ROW("taql", TEXT, taql),
    ROW("field", TEXT, field),     ROW("timestr", TEXT, timestr), ROW("uvdist", TEXT, uvdist),
    ROW("antenna", TEXT, antenna), ROW("scan", TEXT, scan),       ROW("obs", TEXT, obs),
    ROW("state", TEXT, state),     ROW("rows", UINT64, rows),
};
static const pcl_json_struct part_ms = {TABLE(part_ms_rows)};
#undef STRUCT

#define STRUCT pclean_part
static const pcl_json_field part_rows[] = {
    ROW("name", TEXT, name),
    ROW("index", SIZE, index),
    ROW("rows", UINT64, rows),
    ROW("nvis", UINT64, nvis),
    ROW("estimated_gib", REAL, estimated_gib),
    ROW("freq_start_hz", REAL, freq_start_hz),
    ROW("freq_end_hz", REAL, freq_end_hz),
    ROW("ms", STRUCTS, ms, COUNT(nms), .of = &part_ms),
    ROW("config", TEXT, file),
    ROW("start", TEXT, start, .optional = true),
    ROW("width", TEXT, width, .optional = true),
    ROW("nchan", SIZE, nchan),
    ROW("channel_start", SIZE, channel_start),
};
static const pcl_json_struct part = {TABLE(part_rows)};
#undef STRUCT

#define STRUCT pclean_partition
static const pcl_json_field partition_rows[] = {
    ROW("kind", EITHER, cube, .words = "continuum|cube"),
    ROW("nparts", SIZE, nparts),
    ROW("nparts_wanted", SIZE, nparts_wanted),
    ROW("flags_counted", BOOL, flags_counted),
    ROW("nchan", SIZE, nchan),
    ROW("first_hz", REAL, first_hz),
    ROW("step_hz", REAL, step_hz),
    CHARS("frame", frame),
    ROW("epoch_s", REAL, epoch_s),
    ROW("fracbw", REAL, fracbw),
    ROW("parts", STRUCTS, part, COUNT(nparts), .of = &part),
};
const pcl_json_struct pcl_json_partition = {TABLE(partition_rows)};
#undef STRUCT

/* ---- plans ---- */

#define STRUCT pclean_plan_window
static const pcl_json_field window_rows[] = {
    ROW("msname", TEXT, msname),         ROW("spw", INT, spw),    ROW("nchan", SIZE, nchan),
    ROW("nchan_read", SIZE, nchan_read), ROW("rows", SIZE, nrow), ROW("low_hz", REAL, low_hz),
    ROW("high_hz", REAL, high_hz),
};
static const pcl_json_struct window = {TABLE(window_rows)};
#undef STRUCT

#define STRUCT pclean_plan_buffer
static const pcl_json_field plan_buffer_rows[] = {
    CHARS("name", name),
    ROW("bytes", UINT64, bytes),
};
static const pcl_json_struct plan_buffer = {TABLE(plan_buffer_rows)};
#undef STRUCT

#define STRUCT pclean_plan_disk
static const pcl_json_field disk_rows[] = {
    ROW("folder", TEXT, folder),
    ROW("needed_bytes", UINT64, needed_bytes),
    ROW("free_bytes", UINT64, free_bytes),
};
static const pcl_json_struct disk = {TABLE(disk_rows)};
#undef STRUCT

static bool is_known(const void *from) {
    return ((const pclean_plan_time *)from)->known;
}

#define STRUCT pclean_plan_time
static const pcl_json_field plan_time_rows[] = {
    ROW("known", BOOL, known),          ROW("sampling_s", REAL, sampling_s),
    ROW("read_s", REAL, read_s),        ROW("dirty_s", REAL, dirty_s),
    ROW("clean_most_s", REAL, clean_s), ROW("write_s", REAL, write_s),
    ROW("nmajor_assumed", INT, nmajor),
};
static const pcl_json_struct plan_time = {TABLE(plan_time_rows), .given = is_known};
#undef STRUCT

#define STRUCT pclean_plan
static const pcl_json_field plan_rows[] = {
    ROW("config", OBJECT, config),
    ROW("data", STRUCTS, window, COUNT(nwindow), .of = &window),
    ROW("image.nx", SIZE, nx),
    ROW("image.ny", SIZE, ny),
    ROW("image.nchan", SIZE, nchan),
    ROW("image.npol", SIZE, npol),
    ROW("image.first_hz", REAL, first_hz),
    ROW("image.step_hz", REAL, step_hz),
    ROW("image.restfreq_hz", REAL, restfreq_hz),
    CHARS("image.restfreq_from", restfreq_from),
    CHARS("image.frame", frame),
    ROW("partition", POINTER, partition, .of = &pcl_json_partition, .optional = true),
    ROW("partition.none", TEXT, no_partition, .optional = true),
    ROW("workers.processes", INT, nworkers),
    ROW("workers.threads", INT, nthreads),
    CHARS("workers.why", workers_why),
    ROW("memory.plan_bytes", UINT64, memory_bytes),
    ROW("memory.limit_bytes", UINT64, memory_limit_bytes),
    CHARS("memory.limit_from", memory_limit_from),
    ROW("memory.worker_bytes", UINT64, worker_bytes),
    ROW("memory.worker", MAP, buffer, COUNT(nbuffer), .room = 8, .of = &plan_buffer),
    ROW("memory.visibility_bytes", UINT64, visibility_bytes),
    ROW("memory.visibilities", EITHER, store_in_file, .words = "memory|scratch file"),
    ROW("disk.products", STRUCT, products, .of = &disk),
    ROW("disk.scratch", STRUCT, scratch, .of = &disk),
    ROW("disk.one_disk", BOOL, one_disk),
    ROW("time", STRUCT, time, .of = &plan_time),
    ROW("problems", LIST, problem, COUNT(nproblem)),
};
const pcl_json_struct pcl_json_plan = {TABLE(plan_rows)};
#undef STRUCT

/* ---- joined images ---- */

static json_t *error_text(const void *from) {
    const pclean_err *err = &((const pclean_concat_output *)from)->err;
    return err->code ? json_string(err->msg) : json_null();
}

#define STRUCT pclean_concat_output
static const pcl_json_field concat_output_rows[] = {
    ROW("path", TEXT, path),
    ROW("mode", CHOICE, mode, .words = "auto|paged|virtual|movevirtual|copyvirtual"),
    ROW("inputs", SIZE, ninput),
    ROW("planes", SIZE, nplane),
    ROW("regular", BOOL, regular),
    ROW("bytes", UINT64, bytes),
    ROW("bytes_whole_tiles", UINT64, bytes_whole_tiles),
    {.name = "error", .type = PCL_JSON_MADE, .make = error_text},
    ROW("failure", STRUCT, err, .of = &pcl_json_err),
};
static const pcl_json_struct concat_output = {TABLE(concat_output_rows)};
#undef STRUCT

static json_t *rate(const void *from) {
    const pclean_concat_result *r = from;
    return json_real(r->seconds > 0 ? 1e-6 * (double)r->bytes / r->seconds : 0);
}

#define STRUCT pclean_concat_result
static const pcl_json_field concat_rows[] = {
    ROW("outputs", STRUCTS, output, COUNT(noutput), .of = &concat_output),
    ROW("bytes", UINT64, bytes),
    ROW("seconds", REAL, seconds),
    {.name = "mb_per_s", .type = PCL_JSON_MADE, .make = rate},
};
const pcl_json_struct pcl_json_concat = {TABLE(concat_rows)};
#undef STRUCT

#define STRUCT pclean_verify_result
static const pcl_json_field verify_rows[] = {
    ROW("image", TEXT, image),
    ROW("planes", SIZE, nplane),
    ROW("nan", SIZES, nan, COUNT(nnan)),
    ROW("blank", SIZES, blank, COUNT(nblank)),
    ROW("gaps", SIZES, gap, COUNT(ngap)),
    ROW("differ", SIZES, differ, COUNT(ndiffer)),
    ROW("checksums", SUMS, checksum, COUNT(nplane)),
    ROW("error", TEXT, error),
    ROW("bytes", UINT64, bytes),
};
const pcl_json_struct pcl_json_verify = {TABLE(verify_rows)};
#undef STRUCT

/* ---- memory ---- */

#define STRUCT pclean_memory_buffer
static const pcl_json_field memory_buffer_rows[] = {
    CHARS("name", name),
    CHARS("dtype", dtype),
    ROW("per", EITHER, once, .words = "worker|run"),
    ROW("bytes_per_pixel", REAL, bytes_per_pixel),
    ROW("gib", REAL, gib),
};
static const pcl_json_struct memory_buffer = {TABLE(memory_buffer_rows)};
#undef STRUCT

#define STRUCT pclean_memory_estimate
static const pcl_json_field memory_rows[] = {
    ROW("model", CHOICE, model, .words = "casa|native"),
    ROW("worker_gib", REAL, worker_gib),
    ROW("nworkers", SIZE, nworkers),
    ROW("peak_gib", REAL, peak_gib),
    ROW("recommended_nworkers", SIZE, recommended_nworkers),
    ROW("available_gib", REAL, available_gib),
    CHARS("available_from", available_from),
    ROW("ram_safety_factor", REAL, ram_safety_factor),
    ROW("buffers", INSIDE, buffer, COUNT(nbuffer), .room = 16, .of = &memory_buffer),
};
const pcl_json_struct pcl_json_memory = {TABLE(memory_rows)};
#undef STRUCT

/* ---- ADIOS2 ---- */

static bool has_casatools(const void *from) {
    return *((const pclean_adios2_info *)from)->casatools_version != '\0';
}

#define STRUCT pclean_adios2_info
static const pcl_json_field casatools_rows[] = {
    CHARS("version", casatools_version),
    CHARS("origin", casatools_origin),
    CHARS("conda_build_string", casatools_build),
    CHARS("channel", casatools_channel),
    CHARS("subdir", casatools_subdir),
    CHARS("record", casatools_folder),
};
static const pcl_json_struct casatools = {TABLE(casatools_rows), .given = has_casatools};
#undef STRUCT

#define STRUCT pclean_adios2_info
static const pcl_json_field adios2_rows[] = {
    ROW("supported", BOOL, supported),
    CHARS("reason", reason),
    CHARS("plugin", plugin),
    CHARS("adios2_version", adios2_version),
    CHARS("engines", engines),
    CHARS("casacore_version", casacore_version),
    CHARS("casacore_library", casacore_library),
    CHARS("casacore_origin", casacore_origin),
    {.name = "casatools", .type = PCL_JSON_STRUCT, .of = &casatools},
};
const pcl_json_struct pcl_json_adios2 = {TABLE(adios2_rows)};
#undef STRUCT

/* ---- text ---- */

int pcl_json_text(const pcl_json_struct *s, const void *from, char **out, pclean_err *err) {
    json_t *json = pcl_json_write(s, from);
    *out = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
    json_decref(json);
    return *out ? 0 : PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for the text of a result");
}

int pclean_result_json(const pclean_result *result, char **json, pclean_err *err) {
    PCL_REQUIRE(err, json);
    *json = NULL;
    PCL_REQUIRE(err, result);
    return pcl_json_text(&pcl_json_result, result, json, err);
}

int pclean_plan_json(const pclean_plan *plan, char **json, pclean_err *err) {
    PCL_REQUIRE(err, json);
    *json = NULL;
    PCL_REQUIRE(err, plan);
    return pcl_json_text(&pcl_json_plan, plan, json, err);
}

int pclean_partition_json(const pclean_partition *partition, char **json, pclean_err *err) {
    PCL_REQUIRE(err, json);
    *json = NULL;
    PCL_REQUIRE(err, partition);
    return pcl_json_text(&pcl_json_partition, partition, json, err);
}

int pclean_concat_json(const pclean_concat_result *result, char **json, pclean_err *err) {
    PCL_REQUIRE(err, json);
    *json = NULL;
    PCL_REQUIRE(err, result);
    return pcl_json_text(&pcl_json_concat, result, json, err);
}

int pclean_verify_json(const pclean_verify_result *result, char **json, pclean_err *err) {
    PCL_REQUIRE(err, json);
    *json = NULL;
    PCL_REQUIRE(err, result);
    return pcl_json_text(&pcl_json_verify, result, json, err);
}

int pclean_memory_json(const pclean_memory_estimate *estimate, char **json, pclean_err *err) {
    PCL_REQUIRE(err, json);
    *json = NULL;
    PCL_REQUIRE(err, estimate);
    return pcl_json_text(&pcl_json_memory, estimate, json, err);
}

int pclean_adios2_json(const pclean_adios2_info *info, char **json, pclean_err *err) {
    PCL_REQUIRE(err, json);
    *json = NULL;
    PCL_REQUIRE(err, info);
    return pcl_json_text(&pcl_json_adios2, info, json, err);
}
