#include "config/effect.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/options.h"
#include "config/unserved.h"
#include "config/value.h"
#include <string.h>

struct note {
    const char *why;
    char *names; /* "a=1, b=2" */
    size_t n;
};

struct notes {
    struct note note[32]; /* there are fewer reasons than that */
    size_t n;
};

static int add_note(struct notes *notes, const char *why, const char *name, const char *value,
                    pclean_err *err) {
    size_t i = 0;
    while (i < notes->n && strcmp(notes->note[i].why, why) != 0)
        i++;
    if (i == sizeof notes->note / sizeof *notes->note)
        return 0;
    struct note *note = &notes->note[i];
    char *longer = NULL;
    int rc = pcl_asprintf(&longer, err, "%s%s%s=%s", note->n ? note->names : "",
                          note->n ? ", " : "", name, value[0] ? value : "\"\"");
    if (rc)
        return rc;
    pcl_free(note->names);
    *note = (struct note){why, longer, note->n + 1};
    notes->n += i == notes->n;
    return 0;
}

static int note_option(struct notes *notes, const struct pcl_option *o, const pclean_config *c,
                       const pclean_config *usual, pclean_err *err) {
    const char *why = o->idle ? o->idle(c, pcl_asked_is) : NULL;
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
    int rc = pcl_config_init(&usual, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < pcl_option_count() && !rc; i++)
        rc = note_option(&notes, pcl_option_at(i), config, &usual, err);
    rc = rc ? rc : note_asked(&notes, config, err);
    for (size_t i = 0; i < notes.n; i++) {
        const struct note *note = &notes.note[i];
        char *line = NULL;
        if (!rc && !(rc = pcl_asprintf(&line, err, "%s: without effect on this run (%s)",
                                       note->names, note->why)))
            rc = pcl_texts_add(lines, line, strlen(line), err);
        pcl_free(line);
        pcl_free(note->names);
    }
    if (rc)
        pcl_texts_clear(lines);
    pcl_config_clear(&usual);
    return rc;
}
