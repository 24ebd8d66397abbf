/* CLEAN's controls against tclean's return records (tests/golden/controls.tsv, controls_minor.tsv):
 * stop codes and words, iterations, and the minor cycles of each plane. Our dirty images are
 * tclean's to some 1e-4, so a peak may pass a threshold one component earlier or later: iterations
 * within five or 2 %, one major cycle more or less, and of the minor cycles the first to the digit,
 * the others to a few percent. */
#include "config/config.h"
#include "golden.h"

static int complaints;
#define COMPLAIN(...) (complaints++, print_error(__VA_ARGS__))

static char *header[GOLDEN_FIELDS];
static size_t nfield;
#define FIELD(name) f[golden_column(header, nfield, name)]

static bool near(double have, double want, double least, double part) {
    return fabs(have - want) <= fmax(least, part * fabs(want));
}

/* Every pixel of the channels but 0, 4 and 8. */
static const char *write_holes(void) {
    static const char path[] = PCLEAN_TEST_TMP "/golden_controls.crtf";
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fprintf(out, "#CRTFv0\n"
                 "box[[-1pix,-1pix],[128pix,128pix]], range=[1chan,3chan]\n"
                 "box[[-1pix,-1pix],[128pix,128pix]], range=[5chan,7chan]\n");
    fclose(out);
    return path;
}

static void configure(pclean_config *c, char *const f[]) {
    static const char *const same[] = {
        "specmode",    "niter",          "threshold",      "nsigma", "fastnoise", "cycleniter",
        "cyclefactor", "minpsffraction", "maxpsffraction", "nmajor", "pblimit",   "pbmask"};
    golden_config(c, "vla_ngc5921.ms", FIELD("name"));
    golden_set(c, "imsize", "128");
    golden_set(c, "cell", "15arcsec");
    golden_set(c, "weighting", "briggs");
    golden_set(c, "restoration", "false");
    golden_set(c, "threads", "1");
    golden_set(c, "fullsummary", "true");
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        golden_set(c, same[i], FIELD(same[i]));
    if (strcmp(FIELD("specmode"), "cube") == 0) {
        golden_set(c, "start", "34");
        golden_set(c, "nchan", "9");
        golden_set(c, "cyclecontrol", "global");
    }
    if (strcmp(FIELD("mask"), "circle") == 0)
        golden_set(c, "mask", "circle[[64pix,64pix],20pix]");
    if (strcmp(FIELD("mask"), "holes") == 0)
        golden_set(c, "mask", write_holes());
}

/* ---- the minor cycles ---- */

static const pclean_cycle *find_cycle(const pclean_result *r, size_t chan, int icycle) {
    for (size_t i = 0; i < r->ncycle; i++)
        if (r->cycle[i].chan == chan && r->cycle[i].icycle == icycle)
            return &r->cycle[i];
    return NULL;
}

/* want: the columns of controls_minor.tsv from startIterDone on. last: of the run, where the two
 * may end for another reason. */
static void check_cycle(const char *name, const pclean_cycle *c, const double *want, bool last) {
    const bool first = c->icycle == 0;
    const double part = 0.03; /* where a threshold ended them */
    const double have[] = {
        (double)c->start_iter_done,   (double)c->iter_done,        (double)c->start_peak_res,
        (double)c->peak_res,          (double)c->start_model_flux, (double)c->model_flux,
        (double)c->start_peak_res_nm, (double)c->peak_res_nm,      (double)c->cycle_thresh,
        (double)c->cycle_start_iters, (double)c->masksum,          (double)c->stop_code};
    static const bool counts[] = {true,  true,  false, false, false, false,
                                  false, false, false, true,  true,  true};
    for (size_t i = 0; i < 10 && !(last && !first); i++)
        if (!near(have[i], want[i], counts[i] ? 3 : 0, counts[i] ? 0.03 : part))
            COMPLAIN("%s: channel %zu, cycle %d: column %zu is %g, tclean's %g\n", name, c->chan,
                     c->icycle, i, have[i], want[i]);
    if (first && (!near(have[2], want[2], 0, 1e-3) || !near(have[8], want[8], 0, 1e-3)))
        COMPLAIN("%s: channel %zu begins otherwise\n", name, c->chan);
    if (!near(have[10], want[10], 0, 0))
        COMPLAIN("%s: channel %zu: mask of %g pixels, tclean's %g\n", name, c->chan, have[10],
                 want[10]);
    if (!last && !near(have[11], want[11], 0, 0))
        COMPLAIN("%s: channel %zu, cycle %d: code %g, tclean's %g\n", name, c->chan, c->icycle,
                 have[11], want[11]);
}

/* Returns how many tclean has. */
static size_t check_cycles(const char *name, const pclean_result *r) {
    char text[1024], *f[GOLDEN_FIELDS];
    size_t n = 0;
    FILE *in = fopen(PCLEAN_TEST_GOLDEN "/controls_minor.tsv", "r");
    assert_non_null(in);
    while (fgets(text, sizeof text, in)) {
        double want[12];
        if (golden_split(text, f) != 15 || strcmp(f[0], name) != 0)
            continue;
        const size_t chan = strtoul(f[1], NULL, 10);
        const int icycle = atoi(f[2]);
        for (size_t i = 0; i < 12; i++)
            want[i] = strtod(f[3 + i], NULL);
        n++;
        const pclean_cycle *c = find_cycle(r, chan, icycle);
        if (c)
            check_cycle(name, c, want, icycle + 2 >= r->nmajordone);
        else if (icycle + 1 < r->nmajordone)
            COMPLAIN("%s: channel %zu has no cycle %d\n", name, chan, icycle);
    }
    fclose(in);
    return n;
}

/* ---- the run ---- */

static bool in_record(const pclean_result *r, const char *words) {
    pclean_err err = {0};
    char *text = NULL;
    if (pclean_result_json(r, &text, &err))
        fail_msg("%s", err.msg);
    const bool there = strstr(text, words) != NULL;
    free(text);
    return there;
}

static void check_run(char *const f[]) {
    const char *name = FIELD("name");
    pclean_config c;
    pclean_result *r = NULL;
    pclean_err err = {0};
    char words[200];
    configure(&c, f);
    if (pclean_image(&c, NULL, &r, &err))
        fail_msg("%s: %s", name, err.msg);
    const size_t n = check_cycles(name, r);
    print_message("%-26s stop %d (%s), iterations %d (%s), major cycles %d (%s), cyclethreshold %g "
                  "(%s), minor cycles %zu (%zu)\n",
                  name, r->stop, FIELD("stopcode"), (int)r->iterdone, FIELD("iterdone"),
                  r->nmajordone, FIELD("nmajordone"), r->cyclethreshold, FIELD("cyclethreshold"),
                  r->ncycle, n);
    if (r->stop != atoi(FIELD("stopcode")))
        COMPLAIN("%s: another stop code\n", name);
    snprintf(words, sizeof words, "\"stopDescription\": \"%s\"", FIELD("stopDescription"));
    if (!in_record(r, words))
        COMPLAIN("%s: no %s in the record\n", name, words);
    if (!near((double)r->iterdone, strtod(FIELD("iterdone"), NULL), 5, 0.02))
        COMPLAIN("%s: another number of iterations\n", name);
    if (!near(r->nmajordone, strtod(FIELD("nmajordone"), NULL), 1, 0))
        COMPLAIN("%s: another number of major cycles\n", name);
    if (!near(r->cyclethreshold, strtod(FIELD("cyclethreshold"), NULL), 0, 0.02))
        COMPLAIN("%s: another cyclethreshold\n", name);
    if (!near(r->maxpsfsidelobe, strtod(FIELD("maxpsfsidelobe"), NULL), 0, 2e-3))
        COMPLAIN("%s: another sidelobe\n", name);
    golden_remove(&c);
    pclean_result_free(r);
    pcl_config_clear(&c);
}

static void controls_are_tcleans(void **state) {
    (void)state;
    char head[2048], text[2048], *f[GOLDEN_FIELDS];
    FILE *in = fopen(PCLEAN_TEST_GOLDEN "/controls.tsv", "r");
    assert_non_null(in);
    assert_non_null(fgets(head, sizeof head, in));
    nfield = golden_split(head, header);
    size_t n = 0;
    for (; fgets(text, sizeof text, in); n++) {
        assert_int_equal(golden_split(text, f), nfield);
        check_run(f);
    }
    fclose(in);
    (void)remove(PCLEAN_TEST_TMP "/golden_controls.crtf");
    assert_true(n >= 20);
    assert_int_equal(complaints, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(controls_are_tcleans)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
