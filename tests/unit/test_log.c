#include "base/log.h"
#include "unit/check.h"
#include <pthread.h>

struct heard {
    int n;
    enum pcl_log_level level;
    char text[3000];
};

static void listen(enum pcl_log_level level, const char *text, void *user) {
    struct heard *h = user;
    h->n++;
    h->level = level;
    snprintf(h->text, sizeof h->text, "%s", text);
}

static void test_log(void **state) {
    (void)state;
    struct heard h = {0};
    pcl_log(PCL_LOG_INFO, "nobody listens");
    pcl_log_set_sink(listen, &h);
    pcl_log(PCL_LOG_WARNING, "channel %d", 7);
    assert_int_equal(h.n, 1);
    assert_int_equal(h.level, PCL_LOG_WARNING);
    assert_string_equal(h.text, "channel 7");
    pcl_log(PCL_LOG_INFO, "%2999s", "x");
    assert_int_equal(strlen(h.text), 2047);
    assert_string_equal(h.text + 2044, "...");
    pcl_log_set_sink(NULL, NULL);
    pcl_log(PCL_LOG_INFO, "nobody listens");
    assert_int_equal(h.n, 2);
}

static void *say_a_word(void *heard) {
    pcl_log(PCL_LOG_INFO, "nobody listens in this thread");
    pcl_log_set_sink(listen, heard);
    pcl_log(PCL_LOG_INFO, "theirs");
    return NULL;
}

static void test_two_threads(void **state) {
    (void)state;
    struct heard mine = {0}, theirs = {0};
    pthread_t other;
    pcl_log_set_sink(listen, &mine);
    assert_int_equal(pthread_create(&other, NULL, say_a_word, &theirs), 0);
    pthread_join(other, NULL);
    assert_int_equal(mine.n, 0);
    assert_string_equal(theirs.text, "theirs");
    pcl_log(PCL_LOG_INFO, "mine");
    assert_string_equal(mine.text, "mine");
    assert_int_equal(theirs.n, 1);
    pcl_log_set_sink(NULL, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_log),
                                       cmocka_unit_test(test_two_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
