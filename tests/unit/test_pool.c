#include "exec/pool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <omp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "unit/check.h"

/* How workers come to what they share with the tests: by being forked, or from the job, which is
 * the path of a file; forked too, or as processes of this program. */
static enum { INHERIT, ATTACH, PROGRAM } way;
static const char job[] = PCLEAN_TEST_TMP "/pool.shared", build[] = "test";

/* What tests and workers share. */
static struct shared {
    volatile int begun[4096]; /* how often each task was begun */
    volatile int pid[16], npid;
    volatile int stop;
} * shared;

typedef struct task {
    int number;
    enum {
        SQUARE,
        DIE_ONCE,
        DIE,
        DIE_DIFFERENTLY,
        LEAVE,
        FAIL,
        SLEEP,
        LOG,
        COUNT,
        OPENMP,
        STOP,
        FILES,
        TELL,
        TELL_AND_DIE_ONCE
    } what;
} task;

typedef struct result {
    int number, square, pid, count;
} result;

/* What the coordinator hears. */
static struct heard {
    result result[4096];
    int order[4096], ndone, nagain, nlost;
    char how[200];
    int note[100][8], nnote[100]; /* of each task */
} heard;

/* Of a worker. */
static const pcl_pool_line *line;

static void attach(void *worker, const pcl_pool_line *its_line) {
    (void)worker;
    line = its_line;
}

static void tell(int number, int n) {
    for (int i = 0; i < n; i++)
        pcl_pool_tell(line, &(result){.number = number, .square = i}, sizeof(result));
}

static int parallel_sum(void) {
    int sum = 0;
#pragma omp parallel for reduction(+ : sum) num_threads(2)
    for (int i = 0; i < 1000; i++)
        sum += i & 1;
    return sum;
}

static struct shared *map_shared(const char *path) {
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(fd, sizeof *shared), 0);
    void *map = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return map == MAP_FAILED ? NULL : map;
}

static int open_worker(const void *from, size_t size, void *inherited, void **worker,
                       pclean_err *err) {
    if (!inherited && size != sizeof job)
        return PCL_FAIL(err, PCLEAN_EDATA, "a job of %zu bytes", size);
    shared = inherited ? inherited : map_shared(from);
    pcl_log(PCL_LOG_WARNING, "never heard");
    int *count = calloc(1, sizeof *count);
    *worker = count;
    return count && shared ? 0 : PCL_FAIL(err, PCLEAN_ENOMEM, "calloc");
}

static int cannot_open(const void *from, size_t size, void *inherited, void **worker,
                       pclean_err *err) {
    (void)from;
    (void)worker;
    return PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for a worker, inherited %d, %zu bytes",
                    inherited != NULL, size);
}

static void close_worker(void *worker) {
    free(worker);
}

static size_t open_files(void) {
    size_t n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static int run_task(void *worker, const void *in, void *out, pclean_err *err) {
    const task *t = in;
    const int before = __sync_fetch_and_add(&shared->begun[t->number], 1);
    switch (t->what) {
    case DIE_ONCE:
        if (before == 0)
            raise(SIGKILL);
        break;
    case DIE:
        raise(SIGKILL);
        break;
    case DIE_DIFFERENTLY:
        raise(before ? SIGKILL : SIGTERM);
        break;
    case LEAVE:
        _exit(3);
    case FAIL:
        return PCL_FAIL(err, PCLEAN_ENOSPC, "task %d: the disk is full", t->number);
    case SLEEP:
        shared->pid[__sync_fetch_and_add(&shared->npid, 1)] = getpid();
        sleep(100);
        break;
    case LOG:
        pcl_log(PCL_LOG_WARNING, "this is task %d", t->number);
        break;
    case STOP:
        raise(SIGSTOP);
        break;
    case TELL:
        tell(t->number, 3);
        break;
    case TELL_AND_DIE_ONCE:
        tell(t->number, 2);
        if (before == 0)
            raise(SIGKILL);
        tell(t->number, 1);
        break;
    case OPENMP:
        if (parallel_sum() != 500)
            abort();
        break;
    default:
        break;
    }
    *(result *)out =
        (result){.number = t->number,
                 .square = t->what == FILES ? (int)open_files() : t->number * t->number,
                 .pid = getpid(),
                 .count = ++*(int *)worker};
    return 0;
}

static int done(size_t k, const void *out, void *user, pclean_err *err) {
    (void)user;
    (void)err;
    heard.result[k] = *(const result *)out;
    heard.order[heard.ndone++] = (int)k;
    return 0;
}

static int died(size_t k, const char *how, bool again, void *user, pclean_err *err) {
    (void)k;
    (void)user;
    (void)err;
    heard.nagain += again;
    heard.nlost += !again;
    snprintf(heard.how, sizeof heard.how, "%s", how);
    return 0;
}

static void told(size_t k, const void *note, void *user) {
    result r;
    (void)user;
    memcpy(&r, note, sizeof r);
    assert_int_equal(r.number, k);
    heard.note[k][heard.nnote[k]++] = r.square;
}

static const pcl_pool_events events = {.done = done, .died = died, .told = told};

static int stop_requested(void *user) {
    (void)user;
    return shared->stop && shared->npid >= shared->stop;
}

static pcl_pool_params params_of(size_t nworker) {
    return (pcl_pool_params){.nworker = nworker,
                             .task_size = sizeof(task),
                             .result_size = sizeof(result),
                             .inherited = way == INHERIT ? shared : NULL,
                             .job = job,
                             .job_size = sizeof job,
                             .program = way == PROGRAM ? "/proc/self/exe" : NULL,
                             .build = build,
                             .open = open_worker,
                             .run = run_task,
                             .attach = attach,
                             .close = close_worker,
                             .stop_requested = stop_requested};
}

static pcl_pool *new_pool(size_t nworker) {
    pclean_err err;
    pcl_pool *pool;
    const pcl_pool_params p = params_of(nworker);
    assert_ok(pcl_pool_new(&p, &pool, &err));
    return pool;
}

/* Whether tasks are done in the calling process. */
static bool is_here(size_t nworker) {
    return nworker == 1 && way != PROGRAM;
}

static size_t files_at_start;

static int setup(void **state) {
    way = (int)(intptr_t)*state;
    memset(shared, 0, sizeof *shared);
    heard = (struct heard){0};
    files_at_start = open_files();
    return 0;
}

/* After every test: no process, no zombie, no open line. */
static int nothing_left(void **state) {
    (void)state;
    const pid_t left = waitpid(-1, NULL, WNOHANG);
    return left == -1 && errno == ECHILD && open_files() == files_at_start ? 0 : -1;
}

static void check_squares(size_t n) {
    assert_int_equal(heard.ndone, n);
    for (size_t k = 0; k < n; k++) {
        assert_int_equal(heard.result[k].number, k);
        assert_int_equal(heard.result[k].square, k * k);
    }
}

static void test_every_task_once(void **state) {
    (void)state;
    static const size_t workers[] = {1, 2, 3, 8}, tasks[] = {0, 1, 2, 50, 2000};
    static task t[2000];
    pclean_err err;
    for (int k = 0; k < 2000; k++)
        t[k] = (task){.number = k};
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 5; j++) {
            memset(shared, 0, sizeof *shared);
            heard.ndone = 0;
            pcl_pool *pool = new_pool(workers[i]);
            assert_ok(pcl_pool_run(pool, tasks[j], t, &events, &err));
            check_squares(tasks[j]);
            for (size_t k = 0; k < tasks[j]; k++) {
                assert_int_equal(shared->begun[k], 1);
                assert_int_equal(heard.result[k].pid == getpid(), is_here(workers[i]));
            }
            pcl_pool_stop(pool);
            const pcl_pool_usage *use = pcl_pool_get_usage(pool);
            const size_t most = workers[i] < tasks[j] ? workers[i] : tasks[j];
            assert_int_equal(use->nstarted, is_here(workers[i]) ? 0 : most);
            assert_int_equal(use->ndied, 0);
            pcl_pool_free(pool);
        }
}

static void test_here_in_the_order_given(void **state) {
    (void)state;
    static task t[20];
    pclean_err err;
    pcl_pool *pool = new_pool(1);
    assert_ok(pcl_pool_run(pool, 20, t, &events, &err));
    for (int k = 0; k < 20; k++)
        assert_int_equal(heard.order[k], k);
    pcl_pool_free(pool);
}

/* A worker is set up once, and then serves batch after batch. */
static void test_workers_stay(void **state) {
    (void)state;
    pclean_err err;
    for (size_t nworker = 1; nworker <= 2; nworker++) {
        static const task t[2] = {{0, COUNT}, {1, COUNT}};
        pcl_pool *pool = new_pool(nworker);
        int most = 0;
        for (int batch = 0; batch < 10; batch++) {
            heard.ndone = 0;
            assert_ok(pcl_pool_run(pool, 2, t, &events, &err));
            for (int k = 0; k < 2; k++)
                most = heard.result[k].count > most ? heard.result[k].count : most;
        }
        assert_true(most >= 10);
        pcl_pool_free(pool);
    }
}

static void run_one_of(size_t nworker, int what, size_t n) {
    pclean_err err;
    task *t = calloc(n, sizeof *t);
    for (size_t k = 0; k < n; k++)
        t[k] = (task){.number = (int)k, .what = k == n / 2 ? (unsigned)what : SQUARE};
    pcl_pool *pool = new_pool(nworker);
    assert_ok(pcl_pool_run(pool, n, t, &events, &err));
    pcl_pool_free(pool);
    free(t);
}

static void test_a_worker_that_dies_once(void **state) {
    (void)state;
    run_one_of(2, DIE_ONCE, 9);
    check_squares(9);
    assert_int_equal(shared->begun[4], 2);
    assert_int_equal(heard.nagain, 1);
    assert_int_equal(heard.nlost, 0);
    assert_string_equal(heard.how, "was killed by SIGKILL");
}

static void check_lost(int what, const char *how) {
    heard = (struct heard){0};
    memset(shared, 0, sizeof *shared);
    run_one_of(3, what, 9);
    assert_int_equal(heard.ndone, 8);
    assert_int_equal(shared->begun[4], 2);
    assert_int_equal(heard.nagain, 1);
    assert_int_equal(heard.nlost, 1);
    assert_string_equal(heard.how, how);
    assert_int_equal(heard.result[4].square, 0);
}

static void test_a_worker_that_dies_twice(void **state) {
    (void)state;
    check_lost(DIE, "was killed by SIGKILL twice");
    check_lost(DIE_DIFFERENTLY,
               "was killed by SIGTERM, the one that tried again was killed by SIGKILL");
    check_lost(LEAVE, "ended with exit status 3 twice");
}

static void test_all_die(void **state) {
    (void)state;
    static task t[30];
    pclean_err err;
    for (int k = 0; k < 30; k++)
        t[k] = (task){k, k % 2 ? DIE : DIE_ONCE};
    pcl_pool *pool = new_pool(4);
    assert_ok(pcl_pool_run(pool, 30, t, &events, &err));
    assert_int_equal(heard.ndone, 15);
    assert_int_equal(heard.nlost, 15);
    assert_int_equal(heard.nagain, 30);
    pcl_pool_stop(pool);
    assert_int_equal(pcl_pool_get_usage(pool)->ndied, 45);
    pcl_pool_free(pool);
}

static void let_go_on(enum pcl_log_level level, const char *text, void *user) {
    const char *process = strstr(text, "process number ");
    assert_int_equal(level, PCL_LOG_WARNING);
    assert_non_null(process);
    ++*(int *)user;
    kill((pid_t)atol(process + strlen("process number ")), SIGCONT);
}

static void test_a_stopped_worker_is_told(void **state) {
    (void)state;
    int nlines = 0;
    pcl_log_set_sink(let_go_on, &nlines);
    run_one_of(2, STOP, 9);
    pcl_log_set_sink(NULL, NULL);
    check_squares(9);
    assert_int_equal(nlines, 1);
    assert_int_equal(shared->begun[4], 1);
}

/* One that dies between two batches is replaced without a word about any task. */
static void test_an_idle_worker_dies(void **state) {
    (void)state;
    static const task t[2] = {{0, SQUARE}, {1, SQUARE}};
    pclean_err err;
    pcl_pool *pool = new_pool(2);
    for (int batch = 0; batch < 20; batch++) {
        heard.ndone = 0;
        assert_ok(pcl_pool_run(pool, 2, t, &events, &err));
        check_squares(2);
        kill(heard.result[batch % 2].pid, SIGKILL);
        if (batch % 3)
            usleep(3000); /* dead before the next task is sent, or by and by: then the task is
                           * begun again */
    }
    assert_int_equal(heard.nlost, 0);
    pcl_pool_free(pool);
}

static void test_an_error_ends_the_batch(void **state) {
    (void)state;
    static const task t[4] = {{0, SQUARE}, {1, FAIL}, {2, SLEEP}, {3, SLEEP}};
    pclean_err err;
    for (size_t nworker = 1; nworker <= 3; nworker++) {
        pcl_pool *pool = new_pool(nworker);
        assert_fails(pcl_pool_run(pool, 4, t, &events, &err), PCLEAN_ENOSPC,
                     "task 1: the disk is full");
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        pcl_pool_free(pool);
    }
}

static void test_a_worker_that_cannot_be_set_up(void **state) {
    (void)state;
    static const task t[2] = {{0, SQUARE}, {1, SQUARE}};
    pclean_err err;
    for (size_t nworker = 1; nworker <= 2; nworker++) {
        pcl_pool *pool;
        pcl_pool_params p = params_of(nworker);
        p.open = cannot_open;
        setenv("PCL_TEST_WORKER", "cannot open", 1);
        assert_ok(pcl_pool_new(&p, &pool, &err));
        assert_fails(pcl_pool_run(pool, 2, t, &events, &err), PCLEAN_ENOMEM,
                     way == INHERIT ? "inherited 1" : "inherited 0, ");
        setenv("PCL_TEST_WORKER", "1", 1);
        pcl_pool_free(pool);
    }
}

/* A program that is none, and one of another build: the sentence arrives, whoever is first. */
static void test_a_program_that_does_not_fit(void **state) {
    (void)state;
    static const task t[2] = {{0, SQUARE}, {1, SQUARE}};
    pclean_err err;
    for (int k = 0; k < 40; k++) {
        pcl_pool *pool;
        pcl_pool_params p = params_of(1 + (size_t)k % 2);
        p.program = k % 4 < 2 ? "/no/such/program" : "/proc/self/exe";
        p.build = "another";
        assert_ok(pcl_pool_new(&p, &pool, &err));
        if (k % 4 < 2)
            assert_fails(pcl_pool_run(pool, 2, t, &events, &err), PCLEAN_EFAILED,
                         "cannot start the program /no/such/program: No such file");
        else
            assert_fails(pcl_pool_run(pool, 2, t, &events, &err), PCLEAN_EFAILED,
                         "another build of pclean (another; this worker is of test)");
        pcl_pool_free(pool);
    }
}

/* It holds no file of its coordinator's open but the three that it is given, and its line. */
static void test_a_program_inherits_no_files(void **state) {
    (void)state;
    static const task t[2] = {{0, FILES}, {1, FILES}};
    pclean_err err;
    const int kept = dup(1); /* without O_CLOEXEC */
    pcl_pool *pool = new_pool(2);
    assert_ok(pcl_pool_run(pool, 2, t, &events, &err));
    for (int k = 0; k < 2; k++) /* 0, 1, 2, and three that listing them takes */
        assert_int_equal(heard.result[k].square, 6);
    pcl_pool_free(pool);
    close(kept);
}

static void test_interruption(void **state) {
    (void)state;
    static const task t[4] = {{0, SLEEP}, {1, SLEEP}, {2, SLEEP}, {3, SLEEP}};
    pclean_err err;
    const time_t start = time(NULL);
    shared->stop = 3;
    pcl_pool *pool = new_pool(3);
    assert_fails(pcl_pool_run(pool, 4, t, &events, &err), PCLEAN_EINTERRUPTED, "interrupted");
    assert_true(time(NULL) - start < 10);
    for (int i = 0; i < 3; i++)
        assert_int_equal(kill(shared->pid[i], 0), -1);
    pcl_pool_free(pool);
}

/* kill -9 of the coordinator: its workers go with it, busy or idle. */
static void test_the_coordinator_dies(void **state) {
    (void)state;
    static const task t[3] = {{0, SLEEP}, {1, SLEEP}, {2, SQUARE}};
    pclean_err err;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* orphans come to us */
    const pid_t coordinator = fork();
    if (coordinator == 0) {
        pcl_pool *pool = new_pool(3);
        _exit(pcl_pool_run(pool, 3, t, &events, &err));
    }
    while (shared->npid < 2 || !shared->begun[2])
        usleep(1000);
    kill(coordinator, SIGKILL);
    int n = 0; /* one more where the leak sanitizer's own process lost its parent */
    pid_t ended = 0;
    for (int tries = 0; ended >= 0 && tries < 5000; tries++) {
        n += (ended = waitpid(-1, NULL, WNOHANG)) > 0;
        usleep(1000);
    }
    assert_int_equal(ended, -1);
    assert_true(n == 4 || n == 5);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* What a worker says while it is set up is not heard. */
static void hear_line(enum pcl_log_level level, const char *text, void *user) {
    int *n = user;
    int number;
    *n += level == PCL_LOG_WARNING && sscanf(text, "this is task %d", &number) == 1;
}

static void test_log_lines_arrive(void **state) {
    (void)state;
    static task t[100];
    pclean_err err;
    for (size_t nworker = 1; nworker <= 3; nworker++) {
        int n = 0;
        for (int k = 0; k < 100; k++)
            t[k] = (task){k, LOG};
        pcl_log_set_sink(hear_line, &n);
        pcl_pool *pool = new_pool(nworker);
        assert_ok(pcl_pool_run(pool, 100, t, &events, &err));
        pcl_pool_free(pool);
        pcl_log_set_sink(NULL, NULL);
        assert_int_equal(n, 100);
    }
}

/* Notes are heard with their task, in order; of a task that is done again, again. */
static void test_notes_arrive(void **state) {
    (void)state;
    static task t[100];
    pclean_err err;
    for (size_t nworker = 1; nworker <= 3; nworker++) {
        memset(heard.nnote, 0, sizeof heard.nnote);
        memset(shared, 0, sizeof *shared);
        heard.ndone = 0;
        for (int k = 0; k < 100; k++)
            t[k] = (task){k, k == 7 && !is_here(nworker) ? TELL_AND_DIE_ONCE : TELL};
        pcl_pool *pool = new_pool(nworker);
        assert_ok(pcl_pool_run(pool, 100, t, &events, &err));
        const pcl_pool_events deaf = {.done = done, .died = died};
        heard.ndone = 0;
        assert_ok(pcl_pool_run(pool, 100, t, &deaf, &err));
        check_squares(100);
        pcl_pool_free(pool);
        for (int k = 0; k < 100; k++) {
            const bool again = t[k].what == TELL_AND_DIE_ONCE;
            const int want[] = {0, 1, again ? 0 : 2, 1, 0};
            assert_int_equal(heard.nnote[k], again ? 5 : 3);
            assert_memory_equal(heard.note[k], want, (again ? 5 : 3) * sizeof *want);
        }
    }
}

/* A program that has used OpenMP before (another run in this process) must not hang its workers. */
static void test_openmp_before_and_after(void **state) {
    (void)state;
    static const task t[4] = {{0, OPENMP}, {1, OPENMP}, {2, OPENMP}, {3, OPENMP}};
    pclean_err err;
    alarm(60);
    for (int i = 0; i < 3; i++) {
        heard.ndone = 0;
        assert_int_equal(parallel_sum(), 500);
        pcl_pool *pool = new_pool(2);
        assert_ok(pcl_pool_run(pool, 4, t, &events, &err));
        assert_int_equal(parallel_sum(), 500);
        check_squares(4);
        pcl_pool_free(pool);
    }
    alarm(0);
}

/* A host program may ignore its children's deaths: the kernel then reaps them itself. */
static void test_sigchld_ignored(void **state) {
    (void)state;
    signal(SIGCHLD, SIG_IGN);
    run_one_of(2, DIE_ONCE, 9);
    check_squares(9);
    signal(SIGCHLD, SIG_DFL);
    assert_string_equal(heard.how, "ended, nobody knows how");
}

/* As a worker. */
static void serve(const char *which) {
    pcl_pool_params p = params_of(1);
    if (strcmp(which, "cannot open") == 0)
        p.open = cannot_open;
    pcl_pool_serve(&p);
}

int main(void) {
    const char *worker = getenv("PCL_TEST_WORKER");
    if (worker) {
        serve(worker);
        return 0;
    }
    setenv("PCL_TEST_WORKER", "1", 1);
    shared = map_shared(job);
#define TEST(name, way)                                                                            \
    { #name ", " #way, test_##name, setup, nothing_left, (void *)(intptr_t)(way) }
#define EACH_WAY(name) TEST(name, INHERIT), TEST(name, ATTACH), TEST(name, PROGRAM)
    const struct CMUnitTest tests[] = {EACH_WAY(every_task_once),
                                       EACH_WAY(here_in_the_order_given),
                                       EACH_WAY(workers_stay),
                                       EACH_WAY(a_worker_that_dies_once),
                                       EACH_WAY(a_worker_that_dies_twice),
                                       EACH_WAY(all_die),
                                       EACH_WAY(a_stopped_worker_is_told),
                                       EACH_WAY(an_idle_worker_dies),
                                       EACH_WAY(an_error_ends_the_batch),
                                       EACH_WAY(a_worker_that_cannot_be_set_up),
                                       TEST(a_program_that_does_not_fit, PROGRAM),
                                       TEST(a_program_inherits_no_files, PROGRAM),
                                       EACH_WAY(interruption),
                                       EACH_WAY(the_coordinator_dies),
                                       EACH_WAY(log_lines_arrive),
                                       EACH_WAY(notes_arrive),
                                       EACH_WAY(openmp_before_and_after),
                                       EACH_WAY(sigchld_ignored)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
