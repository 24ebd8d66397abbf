/* check.h: cmocka, and the two questions that most unit tests ask: did it work, and did it fail
 * with the right words. */
#ifndef TEST_CHECK_H
#define TEST_CHECK_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        if ((call) != 0)                                                                           \
            fail_msg("%s: %s", #call, err.msg);                                                    \
    } while (0)

/* Needs a pclean_err named err in scope. */
#define assert_fails(call, error_code, words)                                                      \
    do {                                                                                           \
        assert_int_equal((call), -(error_code));                                                   \
        assert_int_equal(err.code, (error_code));                                                  \
        if (!strstr(err.msg, (words)))                                                             \
            fail_msg("%s: \"%s\" lacks \"%s\"", #call, err.msg, (words));                          \
    } while (0)

#endif
