#include "base/fsutil.h"
#include "base/mem.h"
#include "base/sysinfo.h"
#include "unit/check.h"
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* A machine made of files. */
static char root[256];
static const uint64_t MIB = 1024 * 1024;

static void clear_slurm(void) {
    static const char *const names[] = {"SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE",
                                        "SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

static int enter(void **state) {
    (void)state;
    mkdir(PCLEAN_TEST_TMP, 0777);
    snprintf(root, sizeof root, "%s", PCLEAN_TEST_TMP "/sysinfo.XXXXXX");
    clear_slurm();
    return mkdtemp(root) ? 0 : -1;
}

static int leave(void **state) {
    (void)state;
    clear_slurm();
    return pcl_fs_remove_tree(root, NULL);
}

static void put(const char *name, const char *text) {
    char path[1024];
    pclean_err err;
    snprintf(path, sizeof path, "%s/%s", root, name);
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        mkdir(path, 0777);
    }
    assert_ok(pcl_fs_write_text(path, text, strlen(text), &err));
}

static pcl_sysinfo look(void) {
    pcl_sysinfo s;
    pcl_sysinfo_read(root, &s);
    return s;
}

/* The limit counts what this process has already. */
static void assert_memory(const pcl_sysinfo *s, uint64_t free_bytes, const char *from) {
    const uint64_t own = pcl_mem_anonymous();
    if (s->memory_bytes + 4 * MIB < free_bytes + own ||
        s->memory_bytes > free_bytes + own + 4 * MIB || !strstr(s->memory_from, from))
        fail_msg("%llu bytes from %s, not %llu from %s", (unsigned long long)s->memory_bytes,
                 s->memory_from, (unsigned long long)(free_bytes + own), from);
}

static void assert_capacity(const pcl_sysinfo *s, uint64_t bytes, const char *from) {
    if (s->capacity_bytes != bytes || strcmp(s->capacity_from, from) != 0)
        fail_msg("%llu bytes from %s, not %llu from %s", (unsigned long long)s->capacity_bytes,
                 s->capacity_from, (unsigned long long)bytes, from);
}

static const char meminfo[] =
    "MemTotal:       32000000 kB\nMemFree:         100 kB\nMemAvailable:   16777216 kB\n";

static void test_nothing(void **state) {
    (void)state;
    const pcl_sysinfo s = look();
    assert_true(s.memory_bytes == UINT64_MAX && s.capacity_bytes == UINT64_MAX);
    assert_true(s.process_bytes == UINT64_MAX);
    assert_true(s.cores >= 1);
    assert_string_equal(s.cores_from, "scheduling affinity");
}

static void test_machine(void **state) {
    (void)state;
    put("proc/meminfo", meminfo);
    const pcl_sysinfo s = look();
    assert_memory(&s, 16384 * MIB, "free memory of the machine");
    assert_capacity(&s, (uint64_t)32000000 * 1024, "physical memory");
    pcl_sysinfo here;
    pcl_sysinfo_read("", &here);
    assert_true(here.memory_bytes > MIB && here.memory_bytes < UINT64_MAX);
}

static void test_cgroup_v2(void **state) {
    (void)state;
    put("proc/meminfo", meminfo);
    put("proc/self/cgroup", "0::/user.slice/job_7/step\n");
    put("proc/self/mountinfo", "25 1 0:23 / /proc rw - proc proc rw\n29 24 0:26 / /sys/fs/cgroup "
                               "rw shared:4 - cgroup2 cgroup2 rw\n");
    put("sys/fs/cgroup/user.slice/job_7/step/memory.max", "max\n");
    put("sys/fs/cgroup/user.slice/job_7/step/memory.current", "1048576\n");
    put("sys/fs/cgroup/user.slice/job_7/memory.max", "4294967296\n");
    put("sys/fs/cgroup/user.slice/job_7/memory.current", "3221225472\n");
    put("sys/fs/cgroup/user.slice/job_7/memory.stat",
        "anon 1073741824\nfile 2147483648\ninactive_file 1073741824\nactive_file 1073741824\n");
    put("sys/fs/cgroup/user.slice/memory.max", "8589934592\n");
    put("sys/fs/cgroup/user.slice/memory.current", "0\n");
    put("sys/fs/cgroup/user.slice/job_7/step/cpu.max", "max 100000\n");
    put("sys/fs/cgroup/user.slice/cpu.max", "50000 100000\n");
    pcl_sysinfo s = look();
    /* 4 GiB - 1 GiB that is no file's - 24 MiB */
    assert_memory(&s, 3048 * MIB, "memory.max of cgroup /user.slice/job_7");
    assert_capacity(&s, 4096 * MIB, "memory.max of cgroup /user.slice/job_7");
    assert_int_equal(s.cores, 1);
    assert_string_equal(s.cores_from, "CPU quota of the cgroup");
    put("sys/fs/cgroup/user.slice/job_7/step/memory.high", "27262976\n");
    s = look();
    assert_memory(&s, MIB, "memory.high of cgroup /user.slice/job_7/step");
    /* over its limit: nothing is left */
    put("sys/fs/cgroup/user.slice/job_7/memory.current", "9999999999\n");
    s = look();
    assert_memory(&s, 0, "memory.max of cgroup /user.slice/job_7");
}

/* A container without a cgroup name space of its own: the mount shows its part of the hierarchy. */
static void test_cgroup_v1_in_container(void **state) {
    (void)state;
    put("proc/meminfo", meminfo);
    put("proc/self/cgroup",
        "9:name=systemd:/\n4:memory:/docker/ab\n2:cpu,cpuacct:/docker/ab\n0::/\n");
    put("proc/self/mountinfo",
        "32 31 0:29 /docker/ab /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
        "35 31 0:32 /docker/ab /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
    put("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n");
    put("sys/fs/cgroup/memory/memory.usage_in_bytes", "536870912\n");
    put("sys/fs/cgroup/memory/memory.stat",
        "cache 1\ntotal_inactive_file 0\ntotal_active_file 0\n");
    put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n");
    put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    pcl_sysinfo s = look();
    assert_memory(&s, 488 * MIB, "memory.limit_in_bytes of cgroup /");
    assert_capacity(&s, 1024 * MIB, "memory.limit_in_bytes of cgroup /");
    assert_int_equal(s.cores, 1);
    put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"); /* no limit */
    put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    s = look();
    assert_memory(&s, 16384 * MIB, "free memory");
    assert_string_equal(s.cores_from, "scheduling affinity");
}

static void test_slurm(void **state) {
    (void)state;
    put("proc/meminfo", meminfo);
    setenv("SLURM_CPUS_ON_NODE", "1", 1);
    setenv("SLURM_MEM_PER_CPU", "2000", 1);
    pcl_sysinfo s = look();
    assert_int_equal(s.memory_bytes, 2000 * MIB);
    assert_string_equal(s.memory_from, "SLURM_MEM_PER_CPU x 1 cores");
    assert_capacity(&s, 2000 * MIB, "SLURM_MEM_PER_CPU x 1 cores");
    assert_int_equal(s.cores, 1);
    setenv("SLURM_CPUS_ON_NODE", "4294967296", 1); /* no wrap-around */
    setenv("SLURM_MEM_PER_CPU", "4294967296", 1);
    s = look();
    assert_capacity(&s, (uint64_t)32000000 * 1024, "physical memory");
    setenv("SLURM_CPUS_ON_NODE", "1", 1);
    setenv("SLURM_MEM_PER_NODE", "1500", 1);
    s = look();
    assert_int_equal(s.memory_bytes, 1500 * MIB);
    setenv("SLURM_MEM_PER_NODE", "0", 1); /* the whole node */
    setenv("SLURM_MEM_PER_CPU", "junk", 1);
    s = look();
    assert_memory(&s, 16384 * MIB, "free memory");
    setenv("SLURM_CPUS_PER_TASK", "4096", 1); /* more than there are */
    s = look();
    assert_string_equal(s.cores_from, "scheduling affinity");
}

static void test_rlimit(void **state) {
    (void)state;
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    limit = before;
    limit.rlim_cur = (rlim_t)1 << 46;
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    const pcl_sysinfo s = look();
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    /* sanitizers map terabytes */
    assert_true(s.process_bytes < (uint64_t)1 << 47 && s.process_bytes > (uint64_t)1 << 36);
    assert_string_equal(s.process_from, "ulimit -v");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing, enter, leave),
        cmocka_unit_test_setup_teardown(test_machine, enter, leave),
        cmocka_unit_test_setup_teardown(test_cgroup_v2, enter, leave),
        cmocka_unit_test_setup_teardown(test_cgroup_v1_in_container, enter, leave),
        cmocka_unit_test_setup_teardown(test_slurm, enter, leave),
        cmocka_unit_test_setup_teardown(test_rlimit, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
