#include "base/mem.h"
#include "config/config.h"
#include "unit/check.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static pclean_config config;
static pclean_err err;
#define FILE_NAME PCLEAN_TEST_TMP "/test_yaml.yaml"

static int begin(void **state) {
    (void)state;
    mkdir(PCLEAN_TEST_TMP, 0777);
    return pcl_config_init(&config, &err);
}

static int end(void **state) {
    (void)state;
    pcl_config_clear(&config);
    unlink(FILE_NAME);
    return 0;
}

static void put(const char *text, size_t len) {
    unlink(FILE_NAME); /* ext4 syncs a file that is truncated and written again: slow */
    FILE *out = fopen(FILE_NAME, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, len, out), len);
    fclose(out);
}

static int read_text(const char *text) {
    put(text, strlen(text));
    return pclean_config_read_yaml(&config, FILE_NAME, &err);
}

static void test_nested_and_flat(void **state) {
    (void)state;
    assert_ok(read_text("# a comment\n"
                        "vis: [a.ms, 'b.ms']\n"
                        "image:\n"
                        "  imsize: [512, 256]\n"
                        "  cell: 0.1arcsec\n"
                        "  restfreq: [1.42GHz]\n"
                        "  start: 8\n"
                        "iteration: {niter: 100, threshold: 5mJy}\n"
                        "grid:\n"
                        "  pblimit: 0.1\n"
                        "weight:\n"
                        "  uvtaper:\n"
                        "  - 5klambda\n"
                        "  - 3klambda\n"
                        "  - 45deg\n"
                        "restoration: No\n"
                        "threads:\n"));
    assert_int_equal(config.vis.n, 2);
    assert_string_equal(config.vis.item[1], "b.ms");
    assert_int_equal(config.imsize[1], 256);
    assert_string_equal(config.restfreq.item[0], "1.42GHz");
    assert_string_equal(config.start, "8");
    assert_int_equal(config.niter, 100);
    assert_true(config.threshold_jy > 0.0049 && config.threshold_jy < 0.0051);
    assert_true(config.pblimit < 0.11);
    assert_int_equal(config.uvtaper.n, 3);
    assert_false(config.restoration);
    assert_int_equal(config.threads, 0); /* null: left alone */
}

/* A scalar is what the flag would be. */
static void test_scalars_for_lists(void **state) {
    (void)state;
    assert_ok(read_text("vis: a.ms\nimsize: 512,256\nimage: {cell: '[1arcsec, 2arcsec]'}\nuvtaper: "
                        "5klambda,3klambda,45deg\n"
                        "scales: '[0]'\n"));
    assert_int_equal(config.vis.n, 1);
    assert_int_equal(config.imsize[1], 256);
    assert_true(config.cell_rad[1] > 1.9 * config.cell_rad[0]);
    assert_int_equal(config.uvtaper.n, 3);
    assert_ok(read_text("vis: ['a,b.ms']\n")); /* an item of a sequence is left alone */
    assert_int_equal(config.vis.n, 1);
    assert_string_equal(config.vis.item[0], "a,b.ms");
}

/* Values as other programs write them: PyYAML's aliases and tuples, dictionaries of CASA, lists in
 * lists. */
static void test_values_of_other_programs(void **state) {
    (void)state;
    assert_ok(read_text("vis: &v [a.ms, b.ms]\nfield: *v\nspw: [null, '0']\n"
                        "imsize: !!python/tuple\n- 64\n- 32\n"
                        "cell: [{value: 2.0, unit: arcsec}, {value: 4, unit: arcsec}]\n"
                        "start:\n  m0: {value: 1.4, unit: GHz}\n  refer: LSRK\n  type: frequency\n"
                        "width: {value: -1.0e+3, unit: Hz}\n"
                        "restoringbeam:\n  major: {unit: arcsec, value: 3.0}\n"
                        "  minor: {unit: arcsec, value: 2.0}\n"
                        "  positionangle: {unit: deg, value: 10.0}\n"
                        "mask: [['circle[[1pix,2pix],3pix]', m.image], ['it''s']]\n"
                        "niter: 10_000\nrestart: on\npbcor: None\nthreshold: 1.0e-3\n"));
    assert_int_equal(config.field.n, 2);
    assert_string_equal(config.field.item[1], "b.ms");
    assert_int_equal(config.spw.n, 2);
    assert_string_equal(config.spw.item[0], "");
    assert_int_equal(config.imsize[1], 32);
    assert_true(config.cell_rad[1] > 1.9 * config.cell_rad[0]);
    assert_string_equal(config.start, "LSRK 1.4GHz");
    assert_string_equal(config.width, "-1.0e+3Hz");
    assert_int_equal(config.restoringbeam.n, 3);
    assert_string_equal(config.restoringbeam.item[2], "10.0deg");
    assert_int_equal(config.mask.n, 3);
    assert_string_equal(config.mask.item[2], "it's");
    assert_int_equal(config.niter, 10000);
    assert_true(config.restart && !config.pbcor);
    assert_true(config.threshold_jy > 0.00099 && config.threshold_jy < 0.00101);
}

/* Each anchor ten times the one before it. */
static void test_aliases_do_not_multiply(void **state) {
    (void)state;
    char text[2000] = "vis: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    static const char *const names[] = {"field", "spw", "timerange", "uvrange", "antenna", "scan"};
    for (int i = 0; i < 6; i++) {
        size_t at = strlen(text);
        at += (size_t)sprintf(text + at, "%s: &a%d [", names[i], i + 1);
        for (int k = 0; k < 10; k++)
            at += (size_t)sprintf(text + at, "*a%d%s", i, k < 9 ? "," : "]\n");
    }
    assert_fails(read_text(text), PCLEAN_EPARAM, "a list of more than 10000 values");
}

/* The shape of what the Python pclean writes: everything, with its own defaults. */
static void test_files_of_the_python_pclean(void **state) {
    (void)state;
    assert_ok(read_text(
        "selection: {vis: my.ms, field: '0', spw: '', datacolumn: data}\n"
        "image:\n  imagename: out\n  imsize:\n  - 100\n  cell: 1arcsec\n  startmodel: ''\n  "
        "reffreq: ''\n"
        "  restfreq: []\n  nterms: 2\n"
        "grid:\n  gridder: standard\n  facets: 1\n  wprojplanes: 1\n  vptable: ''\n  mosweight: "
        "true\n"
        "  computepastep: 360.0\n  pointingoffsetsigdev: []\n  pblimit: 0.2\n  normtype: "
        "flatnoise\n"
        "weight:\n  noise: 1.0Jy\n  npixels: 0\n  uvtaper: []\n  fracbw: null\n"
        "deconvolution:\n  scales: []\n  nterms: 2\n  restoringbeam: []\n  growiterations: 100\n"
        "  minpercentchange: 0.0\n  verbose: false\n  python_automask: true\n"
        "iteration:\n  threshold: 0.0mJy\n  interactive: false\n"
        "normalization:\n  pblimit: 0.2\n  normtype: flatnoise\n  psfcutoff: 0.35\n"
        "misc:\n  restart: true\n  savemodel: none\n  psfcutoff: 0.35\n"
        "cluster:\n  type: local\n  nworkers: null\n  memory_limit: '0'\n  concat_mode: auto\n"
        "  slurm:\n    queue: null\n    walltime: 24:00:00\n    job_extra_directives: []\n"
        "  submit:\n    workdir: null\n    extra_sbatch: []\n"));
    assert_string_equal(config.vis.item[0], "my.ms");
    assert_true(config.restart);
}

static void test_meaning_errors(void **state) {
    (void)state;
    static const struct {
        const char *text, *words;
        int code;
    } bad[] = {
        {"nitter: 5\n", "test_yaml.yaml:1: there is no parameter \"nitter\"; did you mean niter?",
         PCLEAN_EPARAM},
        {"image:\n  niter: 5\n", ":2: niter belongs to the group iteration, not to image",
         PCLEAN_EPARAM},
        {"image:\n  wprojplanes: 1\n", ":2: wprojplanes belongs to the group grid", PCLEAN_EPARAM},
        {"imge:\n  imsize: 5\n", ":1: there is no group \"imge\"; did you mean image?",
         PCLEAN_EPARAM},
        {"image: 5\n", ":1: image is a group", PCLEAN_EPARAM},
        {"imsize: {x: 5}\n", ":1: imsize: {'x': '5'}: of dictionaries only quantities",
         PCLEAN_EPARAM},
        {"image: &i\n  stokes: I\ngrid:\n  <<: *i\n", ":4: groups are not merged (<<)",
         PCLEAN_EPARAM},
        {"niter: *x\n", ":1: *x: there is no value &x above", PCLEAN_EPARAM},
        {"cell: [{value: 1, unit: *x}]\n", ":1: *name is read as a whole value only",
         PCLEAN_EPARAM},
        {"image:\n  slurm: {queue: x}\n", "there is no group \"slurm\"", PCLEAN_EPARAM},
        {"niter: 5\nniter: 5\n", ":2: niter is given here and in line 1", PCLEAN_EPARAM},
        {"grid: {pblimit: 0.2}\nnormalization: {pblimit: 0.1}\n",
         ":2: pblimit is given here and in line 1", PCLEAN_EPARAM},
        {"niter: many\n", ":1: niter=many", PCLEAN_EPARAM},
        {"gain: [1, 2]\n", ":1: gain takes one value", PCLEAN_EPARAM},
        {"niter: many\ngridder: mosaic\nnitter: 1\n", ":1: niter=many", PCLEAN_EPARAM},
        {"niter: many\ngridder: mosaic\nnitter: 1\n", "\ngridder=mosaic is not available",
         PCLEAN_EPARAM},
        {"niter: many\ngridder: mosaic\nnitter: 1\n", "\ntest_yaml.yaml:3: there is no",
         PCLEAN_EPARAM},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_fails(read_text(bad[i].text), bad[i].code, bad[i].words);
    assert_ok(read_text("grid:\n  gridder: mosaic\nmisc: {savemodel: virtual}\nfield: [a, b]\n"));
    assert_fails(pclean_config_served(&config, &err), PCLEAN_EUNSUPPORTED,
                 "gridder=mosaic, savemodel=virtual are not available");
    assert_ok(read_text("grid:\n  gridder: standard\nmisc: {savemodel: none}\n"));
    assert_ok(pclean_config_served(&config, &err));
}

static void test_grammar_errors(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        {"niter: [1\n", ":2: not valid YAML"},  {"- niter\n", ":1: not a list of"},
        {"just text\n", ":1: not a list of"},   {"niter: 1\n---\nniter: 2\n", "second document"},
        {"[1]: 2\n", "name of a parameter"},    {"field: \"a\\0b\"\n", "NUL"},
        {"\x80\x81\n", "not a YAML text file"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_fails(read_text(bad[i][0]), PCLEAN_EPARAM, bad[i][1]);
    assert_ok(read_text(""));
    assert_ok(read_text("# nothing\n"));
    assert_ok(read_text("---\n"));
    assert_fails(pclean_config_read_yaml(&config, PCLEAN_TEST_TMP "/absent.yaml", &err), PCLEAN_EIO,
                 "absent.yaml");
    assert_fails(pclean_config_read_yaml(&config, PCLEAN_TEST_TMP, &err), PCLEAN_EIO, "directory");
}

static void test_a_failed_read_changes_nothing(void **state) {
    (void)state;
    assert_fails(read_text("niter: 5\nfield: x\ngain: much\n"), PCLEAN_EPARAM, "gain");
    assert_int_equal(config.niter, 0);
    assert_int_equal(config.field.n, 0);
}

static void test_too_large(void **state) {
    (void)state;
    size_t n = 2U << 20;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, '#', n);
    put(text, n);
    free(text);
    assert_fails(pclean_config_read_yaml(&config, FILE_NAME, &err), PCLEAN_EPARAM, "too large");
}

static void test_preset_comes_first(void **state) {
    (void)state;
    assert_ok(read_text("niter: 7\npreset: continuum\n"));
    assert_int_equal(config.niter, 7);
    assert_int_equal(config.weighting, PCLEAN_WEIGHTING_BRIGGS);
    assert_fails(read_text("preset: nonesuch\n"), PCLEAN_EPARAM,
                 ":1: there is no preset \"nonesuch\"");
    assert_fails(read_text("preset: test_yaml.yaml\n"), PCLEAN_EPARAM, "presets that name presets");
}

static void test_out_of_memory(void **state) {
    (void)state;
    int rc = -1;
    static const char text[] =
        "preset: continuum\nvis: [a, b]\nimage: {outframe: TOPO, cell: 2arcsec}\n";
    put(text, sizeof text - 1);
    for (long n = 1; rc != 0; n++) {
        pcl_mem_fail_after(n);
        rc = pclean_config_read_yaml(&config, FILE_NAME, &err);
        pcl_mem_fail_after(0);
        assert_true(rc == 0 || rc == -PCLEAN_ENOMEM);
        assert_true(rc == 0 || config.vis.n == 0);
        assert_true(n < 5000);
    }
    assert_int_equal(config.vis.n, 2);
}

/* Any bytes: an error or not, but never a crash (the sanitizers look). Fixed seed. */
static void test_noise(void **state) {
    (void)state;
    static const char seed[] = "vis: [a.ms, 'b']\nimage:\n  imsize: [512, 256]\n  cell: "
                               "\"0.1arcsec\"\ncluster: {slurm: {queue: x}}\n";
    srand(3);
    for (int i = 0; i < 3000; i++) {
        char text[sizeof seed];
        memcpy(text, seed, sizeof seed);
        for (int k = rand() % 6; k >= 0; k--)
            text[(size_t)rand() % (sizeof seed - 1)] =
                (char)(rand() % 4 ? " :[]{}-'\"\n&*!|>%@#,?0ax"[rand() % 24] : rand() % 256);
        put(text, (size_t)rand() % sizeof seed);
        (void)pclean_config_read_yaml(&config, FILE_NAME, &err);
    }
}

#define with_config(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {with_config(test_nested_and_flat),
                                       with_config(test_scalars_for_lists),
                                       with_config(test_values_of_other_programs),
                                       with_config(test_aliases_do_not_multiply),
                                       with_config(test_files_of_the_python_pclean),
                                       with_config(test_meaning_errors),
                                       with_config(test_grammar_errors),
                                       with_config(test_a_failed_read_changes_nothing),
                                       with_config(test_too_large),
                                       with_config(test_preset_comes_first),
                                       with_config(test_out_of_memory),
                                       with_config(test_noise)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
