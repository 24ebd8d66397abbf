/* random.h: a small generator with a fixed seed, so that a failing test fails again. */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H
#include <math.h>
#include <stdint.h>

static uint64_t random_state = 88172645463325252u;

/* Uniform in [0, 1) (xorshift64*). */
static inline double random_uniform(void) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (double)((random_state * 2685821657736338717u) >> 11) / 9007199254740992.0;
}

static inline double random_normal(void) {
    return sqrt(-2 * log(1 - random_uniform())) *
           cos(2 * 3.14159265358979323846 * random_uniform());
}
#endif
