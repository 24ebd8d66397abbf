#include "wire/records.h"
#include "base/mem.h"

/* ---- selections ---- */

void pcl_wire_put_selection(pcl_wire *w, const casa_ms_selection *s) {
    const char *const text[] = {s->field, s->spw,         s->timerange, s->uvrange, s->antenna,
                                s->scan,  s->observation, s->intent,    s->taql,    s->datacolumn};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        pcl_wire_put_text(w, text[i]);
}

void pcl_wire_get_selection(pcl_wire *w, casa_ms_selection *s) {
    const char **const text[] = {&s->field,   &s->spw,       &s->timerange,   &s->uvrange,
                                 &s->antenna, &s->scan,      &s->observation, &s->intent,
                                 &s->taql,    &s->datacolumn};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        *text[i] = pcl_wire_get_text(w);
}

/* ---- what an MS says of itself ---- */

static void put_dd(pcl_wire *w, const casa_ms_dd *dd) {
    pcl_wire_put_struct(w, dd, sizeof *dd);
    pcl_wire_put_array(w, dd->chan_freq_hz, dd->nchan, sizeof *dd->chan_freq_hz);
    pcl_wire_put_array(w, dd->chan_width_hz, dd->nchan, sizeof *dd->chan_width_hz);
    pcl_wire_put_array(w, dd->number, dd->number ? dd->nchan : 0, sizeof *dd->number);
    pcl_wire_put_array(w, dd->chansel, dd->nchansel, sizeof *dd->chansel);
    pcl_wire_put_array(w, dd->corr, dd->ncorr, sizeof *dd->corr);
}

static void get_dd(pcl_wire *w, casa_ms_dd *dd) {
    pcl_wire_get_struct(w, dd, sizeof *dd);
    const bool numbered = dd->number != NULL;
    dd->chan_freq_hz = pcl_wire_get_exactly(w, dd->nchan, sizeof *dd->chan_freq_hz);
    dd->chan_width_hz = pcl_wire_get_exactly(w, dd->nchan, sizeof *dd->chan_width_hz);
    dd->number = pcl_wire_get_exactly(w, numbered ? dd->nchan : 0, sizeof *dd->number);
    dd->chansel = pcl_wire_get_exactly(w, dd->nchansel, sizeof *dd->chansel);
    dd->corr = pcl_wire_get_exactly(w, dd->ncorr, sizeof *dd->corr);
}

void pcl_wire_put_info(pcl_wire *w, const casa_ms_info *info) {
    const char *const text[] = {info->path, info->telescope, info->observer, info->time_ref,
                                info->datacolumn};
    pcl_wire_put_struct(w, info, sizeof *info);
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        pcl_wire_put_text(w, text[i]);
    pcl_wire_put_u64(w, info->ndd);
    for (size_t i = 0; i < info->ndd; i++)
        put_dd(w, &info->dd[i]);
    pcl_wire_put_u64(w, info->nfield);
    for (size_t i = 0; i < info->nfield; i++) {
        pcl_wire_put_struct(w, &info->field[i], sizeof info->field[i]);
        pcl_wire_put_text(w, info->field[i].name);
    }
    pcl_wire_put_array(w, info->antenna_dish_m, info->antenna_dish_m ? info->nantenna : 0,
                       sizeof *info->antenna_dish_m);
    pcl_wire_put_texts(w, info->warning, info->nwarning);
}

/* Room for as many structs as the rest of the message can hold; NULL makes the message bad. */
static void *room_for(pcl_wire *w, uint64_t n, size_t size) {
    void *list = NULL;
    if (pcl_wire_bad(w) || n > (w->n - w->at) / size ||
        pcl_zalloc(&list, (size_t)n, size, "a message", NULL) != 0)
        w->bad = true;
    return list;
}

static void get_dds(pcl_wire *w, casa_ms_info *info) {
    const uint64_t n = pcl_wire_get_u64(w);
    casa_ms_dd *dd = room_for(w, n, sizeof *dd);
    for (size_t i = 0; dd && i < n; i++)
        get_dd(w, &dd[i]);
    info->dd = dd;
    info->ndd = dd ? (size_t)n : 0;
}

static void get_fields(pcl_wire *w, casa_ms_info *info) {
    const uint64_t n = pcl_wire_get_u64(w);
    casa_ms_field *field = room_for(w, n, sizeof *field);
    for (size_t i = 0; field && i < n; i++) {
        pcl_wire_get_struct(w, &field[i], sizeof field[i]);
        field[i].name = pcl_wire_get_text(w);
    }
    info->field = field;
    info->nfield = field ? (size_t)n : 0;
}

void pcl_wire_get_info(pcl_wire *w, casa_ms_info *info) {
    const char **const text[] = {&info->path, &info->telescope, &info->observer, &info->time_ref,
                                 &info->datacolumn};
    pcl_wire_get_struct(w, info, sizeof *info);
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        *text[i] = pcl_wire_get_text(w);
    get_dds(w, info);
    get_fields(w, info);
    const bool dishes = info->antenna_dish_m != NULL;
    info->antenna_dish_m =
        pcl_wire_get_exactly(w, dishes ? info->nantenna : 0, sizeof *info->antenna_dish_m);
    info->warning = pcl_wire_get_texts(w, &info->nwarning);
}

/* ---- changes of spectral frame ---- */

void pcl_wire_put_change(pcl_wire *w, const casa_frame_change *change) {
    pcl_wire_put_struct(w, change, sizeof *change);
    pcl_wire_put_text(w, change->time_ref);
}

void pcl_wire_get_change(pcl_wire *w, casa_frame_change *change) {
    pcl_wire_get_struct(w, change, sizeof *change);
    change->time_ref = pcl_wire_get_text(w);
}

/* ---- what an image is to be, or is ---- */

void pcl_wire_put_desc(pcl_wire *w, const casa_image_desc *d) {
    pcl_wire_put_struct(w, d, sizeof *d);
    pcl_wire_put_array(w, d->chan_freq_hz, d->chan_freq_hz ? d->nchan : 0, sizeof(double));
    const char *const text[] = {d->projection, d->telescope, d->observer,
                                d->object,     d->time_ref,  d->unit};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        pcl_wire_put_text(w, text[i]);
}

void pcl_wire_get_desc(pcl_wire *w, casa_image_desc *d) {
    pcl_wire_get_struct(w, d, sizeof *d);
    const bool tabular = d->chan_freq_hz != NULL;
    d->chan_freq_hz = pcl_wire_get_exactly(w, tabular ? d->nchan : 0, sizeof(double));
    const char **const text[] = {&d->projection, &d->telescope, &d->observer,
                                 &d->object,     &d->time_ref,  &d->unit};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        *text[i] = pcl_wire_get_text(w);
}

/* ---- what is to be copied ---- */

static void put_list(pcl_wire *w, const char *const *list) {
    size_t n = 0;
    while (list && list[n])
        n++;
    pcl_wire_put_u64(w, list != NULL);
    pcl_wire_put_texts(w, list, n);
}

static const char *const *get_list(pcl_wire *w) {
    size_t n;
    const bool given = pcl_wire_get_u64(w) != 0;
    const char **list = pcl_wire_get_texts(w, &n);
    if (!given) {
        pcl_free(list);
        list = NULL;
    }
    return list;
}

void pcl_wire_put_copy_spec(pcl_wire *w, const casa_copy_spec *s) {
    pcl_wire_put_struct(w, s, sizeof *s);
    const char *const text[] = {s->path, s->engine, s->xml_file, s->taql};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        pcl_wire_put_text(w, text[i]);
    put_list(w, s->columns);
    put_list(w, s->params);
    pcl_wire_put_array(w, s->ddid, s->ddid ? s->nddid : 0, sizeof *s->ddid);
}

void pcl_wire_get_copy_spec(pcl_wire *w, casa_copy_spec *s) {
    pcl_wire_get_struct(w, s, sizeof *s);
    const char **const text[] = {&s->path, &s->engine, &s->xml_file, &s->taql};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        *text[i] = pcl_wire_get_text(w);
    s->columns = get_list(w);
    s->params = get_list(w);
    s->ddid = pcl_wire_get_array(w, &s->nddid, sizeof *s->ddid);
}

void pcl_wire_clear_copy_spec(casa_copy_spec *s) {
    pcl_free((void *)(uintptr_t)s->columns);
    pcl_free((void *)(uintptr_t)s->params);
    *s = (casa_copy_spec){0};
}
