#include "base/quantity.h"
#include "config/config.h"
#include "config/options.h"
#include "config/problems.h"
#include "config/unserved.h"
#include "config/value.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Every check adds its own line; "value" texts are as a user would have written them. Comparisons
 * are written so that a NaN fails them. */

static void value_text(const pclean_config *c, const char *name, char *buf, size_t size) {
    struct pcl_texts texts;
    buf[0] = '\0';
    if (pcl_value_get(pcl_option_find(name), c, &texts, NULL) != 0)
        return;
    pcl_texts_join(&texts, buf, size);
    pcl_texts_clear(&texts);
}

static void complain(struct pcl_problems *r, const pclean_config *c, const char *name,
                     const char *todo) {
    char value[160];
    value_text(c, name, value, sizeof value);
    pcl_problems_add(r, PCLEAN_EPARAM, "%s=%s: %s", name, value[0] ? value : "\"\"", todo);
}

static void require(bool ok, struct pcl_problems *r, const pclean_config *c, const char *name,
                    const char *todo) {
    if (!ok)
        complain(r, c, name, todo);
}

/* Choices and words can be wrong only in a config that a program filled by hand. */
static void check_choices(const pclean_config *c, struct pcl_problems *r) {
    char choices[400];
    for (size_t i = 0; i < pcl_option_count(); i++) {
        const struct pcl_option *o = pcl_option_at(i);
        const void *field = pcl_option_const_field(o, c);
        char word[64];
        bool ok = true;
        if (o->type == PCL_CHOICE)
            ok = *(const int *)field >= 0 &&
                 pcl_words_at(o->choices, (size_t) * (const int *)field, word, sizeof word);
        else if (o->type == PCL_WORD)
            ok = pcl_words_index(o->choices, *(char *const *)field) >= 0;
        pcl_words_join(o->choices, choices, sizeof choices);
        if (!ok)
            pcl_problems_add(r, PCLEAN_EPARAM, "%s: choose one of %s", o->name, choices);
    }
}

static void check_names(const pclean_config *c, struct pcl_problems *r) {
    size_t n = strlen(c->imagename);
    if (c->vis.n == 0)
        pcl_problems_add(r, PCLEAN_EPARAM, "vis is not given: name the MeasurementSet to image");
    if (n == 0)
        pcl_problems_add(r, PCLEAN_EPARAM,
                         "imagename is not given: say what the products shall be called");
    else if (c->imagename[n - 1] == '/')
        complain(r, c, "imagename", "this is a folder; add the beginning of a file name");
    if (strpbrk(c->imagename, "\n\r\t"))
        pcl_problems_add(r, PCLEAN_EPARAM, "imagename holds a line break or a tab: leave it out");
}

static void check_per_ms(const pclean_config *c, struct pcl_problems *r) {
    for (size_t i = 0; i < pcl_option_count(); i++) {
        const struct pcl_option *o = pcl_option_at(i);
        const pclean_strlist *list = pcl_option_const_field(o, c);
        if (o->type == PCL_PERMS)
            require(list->n <= 1 || list->n == c->vis.n, r, c, o->name,
                    "one text, or a list of as many as there are MeasurementSets in vis");
    }
}

static void check_image(const pclean_config *c, struct pcl_problems *r) {
    require(c->imsize[0] >= 1 && c->imsize[1] >= 1, r, c, "imsize", "at least 1 pixel in x and y");
    require(c->cell_rad[0] > 0 && c->cell_rad[1] > 0, r, c, "cell", "a pixel size above 0");
    require(c->cell_rad[0] < 1 && c->cell_rad[1] < 1, r, c, "cell",
            "a pixel size below one radian");
    require(c->startmodel.n <= 1, r, c, "startmodel", "give one image");
}

static bool is_zero(double x) {
    return !(x < 0) && !(x > 0);
}

/* What pclean partition writes; a file may have been edited since. */
static void check_part(const pclean_config *c, struct pcl_problems *r) {
    const bool mfs = c->specmode == PCLEAN_SPECMODE_MFS;
    if (c->part_channel == -1)
        return;
    require(c->part_channel >= 0, r, c, "part_channel", "-1 (not a part), 0 or more");
    require(c->part_nchan >= 1 && (!mfs || c->part_nchan == 1), r, c, "part_nchan",
            "the channels of the whole image, at least 1");
    require(mfs || c->nchan >= 1, r, c, "nchan", "a part of a cube needs its number of channels");
    require((long)c->part_channel + (mfs ? 1 : c->nchan) <= c->part_nchan, r, c, "part_channel",
            "the part ends beyond the whole image");
    require(c->part_start_hz > 0, r, c, "part_start", "a frequency above 0");
    require(mfs ? c->part_width_hz > 0 : !is_zero(c->part_width_hz), r, c, "part_width",
            "a step that is not 0");
    require(c->part_samples >= 0, r, c, "part_samples", "0 or more");
    require(c->part_wmax_lambda >= 0, r, c, "part_wmax", "0 or more");
    require(c->cyclecontrol == PCLEAN_CYCLECONTROL_CHANNEL || c->niter == 0 || c->part_nchan == 1,
            r, c, "cyclecontrol",
            "global cleans a cube as one problem, which cannot be done in parts");
}

/* Objects whose places casacore computes. */
static bool moves(const char *name) {
    static const char *const object[] = {"TRACKFIELD", "MERCURY", "VENUS",  "MARS",
                                         "JUPITER",    "SATURN",  "URANUS", "NEPTUNE",
                                         "PLUTO",      "SUN",     "MOON",   "COMET"};
    for (size_t i = 0; i < sizeof object / sizeof *object; i++)
        if (strcasecmp(name, object[i]) == 0)
            return true;
    return false;
}

/* "" | field number | field name | [frame] longitude latitude */
static bool phasecenter_ok(const char *text) {
    char word[3][64] = {"", "", ""}, more[2];
    int n = sscanf(text, "%63s %63s %63s %1s", word[0], word[1], word[2], more), field;
    double rad;
    if (n == 1)
        return pcl_parse_int(word[0], &field) ? field >= 0 : !moves(word[0]);
    if (n < 2 || n > 3)
        return n <= 0;
    return pcl_parse_longitude(word[n - 2], &rad, NULL) == 0 &&
           pcl_parse_latitude(word[n - 1], &rad, NULL) == 0;
}

enum form { FORM_EMPTY, FORM_INT, FORM_FREQ, FORM_VELOCITY, FORM_BAD };

static enum form spectral_form(const char *text, double *value) {
    pcl_quantity q;
    int i;
    *value = 0;
    if (text[strspn(text, " ")] == '\0')
        return FORM_EMPTY;
    if (pcl_quantity_parse(text, &q, NULL) != 0)
        return FORM_BAD;
    *value = q.value;
    if (q.dim == PCL_DIM_NONE)
        return pcl_parse_int(text, &i) ? FORM_INT : FORM_BAD;
    if (q.dim == PCL_DIM_FREQ)
        return FORM_FREQ;
    return q.dim == PCL_DIM_VELOCITY ? FORM_VELOCITY : FORM_BAD;
}

/* A measure of CASA names its frame, or the convention of its velocity. */
static void check_measure(const pclean_config *c, const char *name, const char *text,
                          struct pcl_problems *r) {
    char word[24], todo[120];
    pcl_spectral_amount(text, word, sizeof word);
    if (!*word)
        return;
    const bool convention = pcl_words_index("radio|optical", word) >= 0;
    const char *other = convention ? "radio" : c->outframe;
    if (convention && c->veltype == PCLEAN_VELTYPE_OPTICAL)
        other = "optical";
    snprintf(todo, sizeof todo, "the %s is not %s=%s", convention ? "convention" : "frame",
             convention ? "veltype" : "outframe", other);
    require(strcasecmp(word, other) == 0, r, c, name, todo);
}

static void check_start_width(const pclean_config *c, struct pcl_problems *r) {
    double start, width;
    const enum form fs = spectral_form(pcl_spectral_amount(c->start, NULL, 0), &start),
                    fw = spectral_form(pcl_spectral_amount(c->width, NULL, 0), &width);
    check_measure(c, "start", c->start, r);
    check_measure(c, "width", c->width, r);
    require(fs != FORM_BAD, r, c, "start",
            "a data channel number, or a frequency or velocity with its unit");
    require(fw != FORM_BAD, r, c, "width",
            "a number of data channels, or a frequency or velocity with its unit");
    require(fs != FORM_INT || start >= 0, r, c, "start", "data channels count from 0");
    require(fs != FORM_FREQ || start > 0, r, c, "start", "a frequency above 0");
    require(fw < FORM_INT || fw > FORM_VELOCITY || !is_zero(width), r, c, "width",
            "anything but 0");
    if ((fs == FORM_FREQ && fw == FORM_VELOCITY) || (fs == FORM_VELOCITY && fw == FORM_FREQ))
        complain(r, c, "width", "start and width must both be frequencies or both be velocities");
}

/* A bare number is in Hz; a small one has lost its unit. */
static bool restfreq_ok(const char *text) {
    pcl_quantity q;
    if (pcl_quantity_parse(text, &q, NULL) != 0)
        return false;
    return q.dim == PCL_DIM_FREQ ? q.value > 0 : q.dim == PCL_DIM_NONE && q.value >= 1e6;
}

static void check_spectral(const pclean_config *c, struct pcl_problems *r) {
    require(c->niter == 0 || (c->imsize[0] > 1 && c->imsize[1] > 1), r, c, "imsize",
            "at least 2 pixels a side to clean (niter > 0)");
    require(c->wprojplanes == -1 || c->wprojplanes >= 1, r, c, "wprojplanes",
            "-1 (automatic) or at least 1");
    require(c->nchan == -1 || c->nchan >= 1, r, c, "nchan", "-1 (all) or at least 1");
    check_start_width(c, r);
    bool ok = true;
    for (size_t i = 0; i < c->restfreq.n; i++)
        ok = ok && restfreq_ok(c->restfreq.item[i]);
    require(ok, r, c, "restfreq", "a frequency with its unit, e.g. 1.420405752GHz");
}

static bool position_angle_ok(const pclean_strlist *list) {
    double rad;
    return list->n < 3 ||
           pcl_quantity_parse_as(list->item[2], PCL_DIM_ANGLE, "deg", &rad, NULL) == 0;
}

static void check_uvtaper(const pclean_config *c, struct pcl_problems *r) {
    enum pcl_dimension dim[2] = {PCL_DIM_NONE, PCL_DIM_NONE};
    require(c->uvtaper.n <= 3, r, c, "uvtaper", "one size, or major, minor, position angle");
    for (size_t i = 0; i < c->uvtaper.n && i < 2; i++) {
        pcl_quantity q;
        bool parsed = pcl_quantity_parse(c->uvtaper.item[i], &q, NULL) == 0;
        /* as tclean takes a bare number */
        dim[i] = parsed && q.dim == PCL_DIM_NONE ? PCL_DIM_LAMBDA : q.dim;
        const bool size =
            dim[i] == PCL_DIM_LAMBDA || dim[i] == PCL_DIM_ANGLE || dim[i] == PCL_DIM_LENGTH;
        if (!parsed || !size || !(q.value > 0)) {
            complain(r, c, "uvtaper", "sizes above 0 in lambda, klambda, m, arcsec ...");
            return;
        }
    }
    require(c->uvtaper.n < 2 || dim[0] == dim[1], r, c, "uvtaper",
            "both axes in wavelengths, both in lengths or both in angles");
    require(position_angle_ok(&c->uvtaper), r, c, "uvtaper",
            "the position angle with its unit, e.g. 45deg");
}

/* As tclean refuses, and what its formula cannot be. */
static void check_briggsbwtaper(const pclean_config *c, struct pcl_problems *r) {
    pcl_quantity q = {.value = 0};
    const bool number =
        !*c->fracbw || (pcl_quantity_parse(c->fracbw, &q, NULL) == 0 && q.dim == PCL_DIM_NONE);
    require(number && q.value >= 0 && q.value < 2, r, c, "fracbw",
            "a number above 0 and below 2, or nothing for that of the cube");
    if (c->weighting != PCLEAN_WEIGHTING_BRIGGSBWTAPER)
        return;
    require(c->specmode != PCLEAN_SPECMODE_MFS, r, c, "weighting",
            "briggsbwtaper is for cubes; take briggs");
    require(c->npixels == 0, r, c, "npixels", "0 with weighting=briggsbwtaper");
}

/* A box that no cell of the density grid has room for, or a grid of one cell, leaves no sample. */
static void check_npixels(const pclean_config *c, struct pcl_problems *r) {
    const bool super = c->weighting == PCLEAN_WEIGHTING_SUPERUNIFORM,
               each = c->specmode != PCLEAN_SPECMODE_MFS && c->perchanweightdensity;
    const long n = super && c->npixels == 0 ? 3 : c->npixels;
    const int side = c->imsize[0] < c->imsize[1] ? c->imsize[0] : c->imsize[1];
    if (n < 0 || n > 65535)
        complain(r, c, "npixels", "0 (usual) to 65535 cells");
    if (n <= 0 || n > 65535 || side < 1 || c->weighting == PCLEAN_WEIGHTING_NATURAL ||
        c->weighting == PCLEAN_WEIGHTING_RADIAL)
        return;
    if (super || each)
        require(2 * n + 1 < side, r, c, "npixels",
                "the box of 2 npixels + 1 cells must be smaller than imsize");
    else
        require(n > 1, r, c, "npixels",
                "0, or at least 2: cells on a side of the one density for all channels");
}

static void check_weight(const pclean_config *c, struct pcl_problems *r) {
    require(c->robust >= -2 && c->robust <= 2, r, c, "robust", "from -2 to 2");
    require(c->noise_jy > 0 || c->weighting != PCLEAN_WEIGHTING_BRIGGSABS, r, c, "noise",
            "above 0, e.g. 1mJy");
    check_npixels(c, r);
    check_briggsbwtaper(c, r);
    /* A single-precision grid has an rms floor of about 1e-6. */
    require(c->accuracy >= 1e-6 && c->accuracy <= 1e-2, r, c, "accuracy", "from 1e-6 to 1e-2");
    check_uvtaper(c, r);
}

static void check_restoringbeam(const pclean_config *c, struct pcl_problems *r) {
    const pclean_strlist *beam = &c->restoringbeam;
    double rad[2] = {0, 0};
    if (pcl_config_has_common_beam(c))
        return;
    require(beam->n <= 3, r, c, "restoringbeam", "one size, or major, minor, position angle");
    for (size_t i = 0; i < beam->n && i < 2; i++)
        if (pcl_quantity_parse_as(beam->item[i], PCL_DIM_ANGLE, NULL, &rad[i], NULL) != 0 ||
            !(rad[i] > 0)) {
            complain(r, c, "restoringbeam", "common, or sizes above 0 with their unit (10arcsec)");
            return;
        }
    require(beam->n < 2 || rad[0] >= rad[1], r, c, "restoringbeam", "the major axis comes first");
    require(rad[0] <= fmax(c->imsize[0] * c->cell_rad[0], c->imsize[1] * c->cell_rad[1]), r, c,
            "restoringbeam", "the beam is larger than the image: a smaller beam, or more pixels");
    require(position_angle_ok(beam), r, c, "restoringbeam",
            "the position angle with its unit, e.g. 45deg");
}

/* Infinity and NaN are none. */
static bool is_factor(double x) {
    return x >= 0 && x < 1e30;
}

static void check_automask(const pclean_config *c, struct pcl_problems *r) {
    require(is_factor(c->sidelobethreshold), r, c, "sidelobethreshold", "0 or more");
    require(is_factor(c->noisethreshold), r, c, "noisethreshold", "0 or more");
    require(is_factor(c->lownoisethreshold), r, c, "lownoisethreshold", "0 or more");
    require(is_factor(c->negativethreshold), r, c, "negativethreshold", "0 (off) or more");
    require(c->smoothfactor >= 0 && c->smoothfactor <= 1000, r, c, "smoothfactor",
            "0 (off) to 1000");
    require(is_factor(c->minbeamfrac), r, c, "minbeamfrac", "0 (off) or more");
    require(c->cutthreshold >= 0 && c->cutthreshold < 1, r, c, "cutthreshold", "from 0 to below 1");
    require(c->growiterations >= 0, r, c, "growiterations", "0 (off) or more");
    require(c->minpercentchange >= -1e30 && c->minpercentchange < 1e30, r, c, "minpercentchange",
            "a percentage, or -1 (off)");
}

static void check_deconvolution(const pclean_config *c, struct pcl_problems *r) {
    check_restoringbeam(c, r);
    check_automask(c, r);
    require(c->pbmask >= 0 && c->pbmask < 1, r, c, "pbmask", "from 0 to below 1");
    require(c->usemask != PCLEAN_USEMASK_PB || c->pbmask > 0 || c->niter == 0, r, c, "pbmask",
            "usemask=pb needs a pbmask above 0, e.g. 0.2");
    require(c->pblimit > -1 && c->pblimit < 1, r, c, "pblimit", "between -1 and 1");
    require(c->psfcutoff > 0 && c->psfcutoff < 1, r, c, "psfcutoff", "between 0 and 1");
}

static void check_iteration(const pclean_config *c, struct pcl_problems *r) {
    require(c->niter >= 0, r, c, "niter", "0 or more");
    require(c->gain > 0 && c->gain <= 1, r, c, "gain", "above 0, at most 1");
    require(c->threshold_jy >= 0, r, c, "threshold", "0 or more");
    require(c->nsigma >= 0, r, c, "nsigma", "0 or more");
    require(c->cycleniter == -1 || c->cycleniter >= 1, r, c, "cycleniter",
            "-1 (niter) or at least 1");
    require(c->cyclefactor > 0, r, c, "cyclefactor", "above 0");
    require(c->minpsffraction > 0 && c->minpsffraction <= 1, r, c, "minpsffraction",
            "above 0, at most 1");
    require(c->maxpsffraction > 0 && c->maxpsffraction <= 1, r, c, "maxpsffraction",
            "above 0, at most 1");
    require(c->nmajor >= -1, r, c, "nmajor", "-1 (no limit), 0 or more");
    require(c->nretry >= 0 && c->nretry <= 2, r, c, "nretry", "0, 1 or 2");
    require(c->noiselimit >= 0 && c->noiselimit < 1e6, r, c, "noiselimit", "0 (off) or more");
}

int pclean_config_validate(const pclean_config *config, pclean_err *err) {
    PCL_REQUIRE(err, config);
    struct pcl_problems problems = {0};
    pcl_unserved_complain(config, &problems);
    check_choices(config, &problems);
    check_names(config, &problems);
    check_per_ms(config, &problems);
    check_image(config, &problems);
    require(
        phasecenter_ok(config->phasecenter), &problems, config, "phasecenter",
        "the number or name of a field, or a direction such as J2000 12h56m44 +21d41m05 (moving "
        "objects are not followed)");
    check_spectral(config, &problems);
    check_part(config, &problems);
    check_weight(config, &problems);
    check_deconvolution(config, &problems);
    check_iteration(config, &problems);
    require(config->nworkers >= 0, &problems, config, "nworkers", "0 (automatic) or more");
    require(config->threads >= 0, &problems, config, "threads", "0 (all cores) or more");
    require(config->cube_chunksize == -1 || config->cube_chunksize >= 1, &problems, config,
            "cube_chunksize", "-1 (as many parts as workers) or at least 1");
    double bytes;
    require(!config->memory[0] ||
                (pcl_quantity_parse_as(config->memory, PCL_DIM_BYTES, NULL, &bytes, NULL) == 0 &&
                 bytes >= 1),
            &problems, config, "memory", "a size with its unit, e.g. 16GiB");
    double part;
    require(pcl_parse_memory_limit(config->memory_limit, &bytes, &part), &problems, config,
            "memory_limit", "4GB, 4GiB, or 0.5 for half of what there is");
    return pcl_problems_finish(&problems, err);
}
