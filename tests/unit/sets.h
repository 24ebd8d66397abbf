/* sets.h: what the tests of casa/ms_*.cpp share: the MeasurementSets of tests/data, opened. */
#ifndef TEST_SETS_H
#define TEST_SETS_H
#include "base/log.h"
#include "casa/casa.h"
#include "check.h"
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>

static pclean_err err;
static char warnings[4096]; /* what has been warned of */

static inline void keep_warnings(enum pcl_log_level level, const char *text, void *user) {
    (void)user;
    if (level == PCL_LOG_WARNING)
        strncat(warnings, text, sizeof warnings - strlen(warnings) - 1);
}

static inline int start(void **state) {
    (void)state;
    mkdir(PCLEAN_TEST_TMP, 0777);
    pcl_log_set_sink(keep_warnings, NULL);
    return casa_init(&err);
}

static inline const char *data(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", PCLEAN_TEST_DATA, name);
    return path;
}

static inline casa_ms *opened(const char *name, casa_ms_selection sel) {
    casa_ms *ms = NULL;
    if (casa_ms_open(data(name), &sel, &ms, &err) != 0)
        fail_msg("%s", err.msg);
    return ms;
}

static inline bool near(double a, double b, double relative) {
    return fabs(a - b) <= relative * fmax(fabs(a), fabs(b));
}

#define assert_near(a, b, relative)                                                                \
    do {                                                                                           \
        if (!near((a), (b), (relative)))                                                           \
            fail_msg("%s is %.17g, not %.17g", #a, (double)(a), (double)(b));                      \
    } while (0)

/* Rows that a selection leaves. */
static inline size_t count(const char *name, casa_ms_selection sel) {
    casa_ms *ms = opened(name, sel);
    const size_t n = casa_ms_get_info(ms)->nrow;
    casa_ms_close(ms);
    return n;
}

/* A copy of an MS, to be changed. */
static inline void copy_set(const char *name, const char *to) {
    char command[1200];
    snprintf(command, sizeof command, "rm -rf '%s' && cp -r '%s' '%s' && chmod -R u+w '%s'", to,
             data(name), to, to);
    assert_int_equal(system(command), 0);
}

/* casacore leaks a few words in its expression parsers; LeakSanitizer asks for this by name. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void) {
    return "leak:libcasa_";
}

#endif
