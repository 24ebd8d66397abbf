#include "config/effect.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "config/config.h"
#include "config/options.h"
#include "config/unserved.h"
#include "config/value.h"
#include <string.h>

/* ---- the conditions ---- */

/* Is the parameter, a choice, one of "a|b"? What was asked for counts, also where this version lacks it. */
static bool is_one_of(const pclean_config *c, const char *name, const char *words) {
    const struct pcl_option *o = pcl_option_find(name);
    const char *asked = pcl_asked(c, name);
    char word[64];
    if (asked)
        return pcl_words_index(words, asked) >= 0;
    return pcl_words_at(o->choices, (size_t) * (const int *)pcl_option_const_field(o, c), word, sizeof word) && pcl_words_index(words, word) >= 0;
}

static bool makes_one_channel(const pclean_config *c) {
    return is_one_of(c, "specmode", "mfs") || (c->nchan == 1 && c->part_channel == -1);
}

const char *pcl_idle_always_w(const pclean_config *c) {
    return is_one_of(c, "gridder", "standard") ? "gridder=standard" : "the accuracy decides on the w planes";
}

const char *pcl_idle_one_channel(const pclean_config *c) {
    return makes_one_channel(c) ? "an image of one channel takes the samples as they are" : NULL;
}

/* The line in the log is all that tells somebody who forgot specmode=cube. */
const char *pcl_idle_no_grid(const pclean_config *c) {
    return is_one_of(c, "specmode", "mfs") ? "specmode=mfs makes one plane of all selected channels; a cube is specmode=cube" : NULL;
}

const char *pcl_idle_no_frame(const pclean_config *c) {
    return is_one_of(c, "specmode", "cubedata") ? "specmode=cubedata" : NULL;
}

static bool is_velocity(const char *text) {
    pcl_quantity q;
    return pcl_quantity_parse(text, &q, NULL) == 0 && q.dim == PCL_DIM_VELOCITY;
}

const char *pcl_idle_no_velocity(const pclean_config *c) {
    return is_velocity(c->start) || is_velocity(c->width) ? NULL : "neither start nor width is a velocity";
}

const char *pcl_idle_no_density(const pclean_config *c) {
    return is_one_of(c, "weighting", "natural") ? "weighting=natural" : NULL;
}

const char *pcl_idle_no_planes_density(const pclean_config *c) {
    return is_one_of(c, "specmode", "mfs") ? "specmode=mfs" : pcl_idle_no_density(c);
}

const char *pcl_idle_not_briggs(const pclean_config *c) {
    return is_one_of(c, "weighting", "briggs|briggsabs|briggsbwtaper") ? NULL : "weighting is not briggs";
}

const char *pcl_idle_not_briggsabs(const pclean_config *c) {
    return is_one_of(c, "weighting", "briggsabs") ? NULL : "weighting is not briggsabs";
}

const char *pcl_idle_joint_gridder(const pclean_config *c) {
    return is_one_of(c, "gridder", "standard|wproject|widefield") ? "only for gridder mosaic and awproject" : NULL;
}

const char *pcl_idle_no_clean(const pclean_config *c) {
    return c->niter == 0 ? "niter=0" : NULL;
}

/* mtmfs makes other products also without CLEAN. */
const char *pcl_idle_any_deconvolver(const pclean_config *c) {
    return is_one_of(c, "deconvolver", "mtmfs") ? NULL : pcl_idle_no_clean(c);
}

const char *pcl_idle_not_mtmfs(const pclean_config *c) {
    return is_one_of(c, "deconvolver", "mtmfs") ? NULL : "deconvolver is not mtmfs";
}

const char *pcl_idle_not_multiscale(const pclean_config *c) {
    return is_one_of(c, "deconvolver", "multiscale|mtmfs") ? pcl_idle_no_clean(c) : "deconvolver is not multiscale or mtmfs";
}

const char *pcl_idle_not_asp(const pclean_config *c) {
    return is_one_of(c, "deconvolver", "asp") ? pcl_idle_no_clean(c) : "deconvolver is not asp";
}

const char *pcl_idle_not_automask(const pclean_config *c) {
    return is_one_of(c, "usemask", "auto-multithresh") ? pcl_idle_no_clean(c) : "usemask is not auto-multithresh";
}

const char *pcl_idle_not_pbmask(const pclean_config *c) {
    return is_one_of(c, "usemask", "pb") ? pcl_idle_no_clean(c) : "usemask is not pb";
}

const char *pcl_idle_no_restoration(const pclean_config *c) {
    return c->restoration ? NULL : "restoration=false";
}

/* The common beam of one plane is its own. */
const char *pcl_idle_beam(const pclean_config *c) {
    const char *asked = pcl_asked(c, "restoringbeam");
    const bool one_pol = pcl_words_index("I|Q|U|V|RR|LL|RL|LR|XX|YY|XY|YX|pseudoI", c->stokes) >= 0;
    if (c->restoration && asked && makes_one_channel(c) && one_pol)
        return "the image has one plane";
    return pcl_idle_no_restoration(c);
}

/* ---- what is said about it ---- */

struct note {
    const char *why;
    char *names; /* "a=1, b=2" */
    size_t n;
};

struct notes {
    struct note note[32]; /* there are fewer reasons than that */
    size_t n;
};

static int add_note(struct notes *notes, const char *why, const char *name, const char *value, pclean_err *err) {
    size_t i = 0;
    while (i < notes->n && strcmp(notes->note[i].why, why) != 0)
        i++;
    if (i == sizeof notes->note / sizeof *notes->note)
        return 0;
    struct note *note = &notes->note[i];
    char *longer = NULL;
    int rc = pcl_asprintf(&longer, err, "%s%s%s=%s", note->n ? note->names : "", note->n ? ", " : "", name, value[0] ? value : "\"\"");
    if (rc)
        return rc;
    pcl_free(note->names);
    *note = (struct note){why, longer, note->n + 1};
    notes->n += i == notes->n;
    return 0;
}

static int note_option(struct notes *notes, const struct pcl_option *o, const pclean_config *c, const pclean_config *usual, pclean_err *err) {
    const char *why = o->idle ? o->idle(c) : NULL;
    struct pcl_texts set = {0}, def = {0};
    char value[4200]; /* a path has 4096 at most */
    if (!why || pcl_asked(c, o->name))
        return 0;
    int rc = pcl_value_get(o, c, &set, err);
    if (!rc && !(rc = pcl_value_get(o, usual, &def, err)) && !pcl_texts_equal(&set, &def)) {
        pcl_texts_join(&set, value, sizeof value);
        rc = add_note(notes, why, o->name, value, err);
    }
    pcl_texts_clear(&set);
    pcl_texts_clear(&def);
    return rc;
}

static int note_asked(struct notes *notes, const pclean_config *c, pclean_err *err) {
    int rc = 0;
    for (size_t i = 0; i < c->asked.n && !rc; i++) {
        char name[64];
        const char *value = pcl_asked_at(c, i, name, sizeof name);
        const char *why = pcl_asked_idle(c, name);
        if (why)
            rc = add_note(notes, why, name, value, err);
    }
    return rc;
}

int pcl_effect_notes(const pclean_config *config, struct pcl_texts *lines, pclean_err *err) {
    struct notes notes = {0};
    pclean_config usual;
    *lines = (struct pcl_texts){0};
    int rc = pclean_config_init(&usual, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < pcl_option_count() && !rc; i++)
        rc = note_option(&notes, pcl_option_at(i), config, &usual, err);
    rc = rc ? rc : note_asked(&notes, config, err);
    for (size_t i = 0; i < notes.n; i++) {
        const struct note *note = &notes.note[i];
        char *line = NULL;
        if (!rc && !(rc = pcl_asprintf(&line, err, "%s: without effect on this run (%s)", note->names, note->why)))
            rc = pcl_texts_add(lines, line, strlen(line), err);
        pcl_free(line);
        pcl_free(note->names);
    }
    if (rc)
        pcl_texts_clear(lines);
    pclean_config_clear(&usual);
    return rc;
}
