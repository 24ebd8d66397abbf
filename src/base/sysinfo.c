#include "base/sysinfo.h"
#include "base/mem.h"
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PATH = 4096 };

static const uint64_t MIB = 1024 * 1024;

/* Room in a cgroup's memory for what counts there and is in no plan: code, a window on mapped
 * files, page tables. Measured: with 8 MiB a run is killed, with 16 it waits for its own pages,
 * with 28 it is as fast as without a limit. */
enum { FILE_ROOM_MIB = 24 };

/* ---- limits that only go down ---- */

/* left: for this process and its children now; all: whatever is in use. */
__attribute__((format(printf, 4, 5))) static void limit_memory(pcl_sysinfo *s, uint64_t left,
                                                               uint64_t all, const char *fmt, ...) {
    char from[sizeof s->memory_from];
    va_list args;
    va_start(args, fmt);
    vsnprintf(from, sizeof from, fmt, args);
    va_end(args);
    if (left < s->memory_bytes) {
        s->memory_bytes = left;
        memcpy(s->memory_from, from, sizeof from);
    }
    if (all < s->capacity_bytes) {
        s->capacity_bytes = all;
        memcpy(s->capacity_from, from, sizeof from);
    }
}

static void limit_process(pcl_sysinfo *s, uint64_t bytes, const char *from) {
    if (bytes >= s->process_bytes)
        return;
    s->process_bytes = bytes;
    snprintf(s->process_from, sizeof s->process_from, "%s", from);
}

static void limit_cores(pcl_sysinfo *s, uint64_t cores, const char *from) {
    if (cores == 0 || (s->cores > 0 && cores >= (uint64_t)s->cores))
        return;
    s->cores = (int)cores;
    snprintf(s->cores_from, sizeof s->cores_from, "%s", from);
}

/* ---- reading numbers ---- */

/* A file of one number; false: no file, or a word ("max"). */
static bool read_number(const char *folder, const char *name, uint64_t *out) {
    char path[PATH + 64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    const bool ok = fscanf(f, "%" SCNu64, out) == 1;
    fclose(f);
    return ok;
}

/* The number after `key` in a file of lines "key number"; 0: absent. */
static uint64_t read_key(const char *folder, const char *name, const char *key) {
    char path[PATH + 64], line[256];
    uint64_t value = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "r");
    const size_t n = strlen(key);
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, n) == 0 && (line[n] == ' ' || line[n] == ':')) {
            value = strtoull(line + n + 1, NULL, 10);
            break;
        }
    if (f)
        fclose(f);
    return value;
}

static bool env_number(const char *name, uint64_t *out) {
    const char *text = getenv(name);
    char *end;
    if (!text || *text < '0' || *text > '9')
        return false;
    *out = strtoull(text, &end, 10);
    return *end == '\0' && *out > 0;
}

static uint64_t minus(uint64_t a, uint64_t b) {
    return a > b ? a - b : 0;
}

/* ---- cgroups ---- */

/* true when `word` is in a list separated by commas. */
static bool in_list(const char *list, const char *word) {
    const size_t n = strlen(word);
    for (const char *p = list; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (strncmp(p, word, n) == 0 && (p[n] == ',' || p[n] == '\0'))
            return true;
    }
    return false;
}

/* Path of this process's cgroup; controller "": the one of v2. */
static bool own_cgroup(const char *root, const char *controller, char *out, size_t size) {
    char path[PATH], line[PATH];
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *f = fopen(path, "r");
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f)) { /* hierarchy:controllers:path */
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':'),
             *where = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!where)
            continue;
        *where = '\0';
        found = *controller ? in_list(controllers + 1, controller) : controllers[1] == '\0';
        if (found)
            snprintf(out, size, "%s", where + 1);
    }
    if (f)
        fclose(f);
    return found;
}

/* Where a hierarchy is mounted, and which cgroup is at its top there (a container sees a part
 * only). */
static bool find_mount(const char *root, const char *controller, char *top, char *mount,
                       size_t size) {
    char path[PATH], line[2 * PATH];
    snprintf(path, sizeof path, "%s/proc/self/mountinfo", root);
    FILE *f = fopen(path, "r");
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f)) { /* id parent dev TOP MOUNT options ... -
                                                          * TYPE source OPTIONS */
        char type[32], options[512], a[PATH], b[PATH];
        const char *tail = strstr(line, " - ");
        if (!tail || sscanf(line, "%*s %*s %*s %4095s %4095s", a, b) != 2 ||
            sscanf(tail + 3, "%31s %*s %511s", type, options) != 2)
            continue;
        found = *controller ? strcmp(type, "cgroup") == 0 && in_list(options, controller)
                            : strcmp(type, "cgroup2") == 0;
        if (found) {
            snprintf(top, size, "%s", strcmp(a, "/") == 0 ? "" : a);
            snprintf(mount, size, "%s", b);
        }
    }
    if (f)
        fclose(f);
    return found;
}

/* Calls `look` on the folder of this process's cgroup and on those above it. */
static void walk_up(const char *root, const char *controller,
                    void (*look)(pcl_sysinfo *, const char *folder, const char *name),
                    pcl_sysinfo *s) {
    char group[PATH], top[PATH], mount[PATH], folder[3 * PATH];
    if (!own_cgroup(root, controller, group, sizeof group) ||
        !find_mount(root, controller, top, mount, sizeof top))
        return;
    char *below = group;
    if (strncmp(group, top, strlen(top)) == 0)
        below += strlen(top);
    else
        *below = '\0'; /* outside what is mounted here: its top is the best there is */
    while (1) {
        if (strcmp(below, "/") == 0)
            *below = '\0';
        snprintf(folder, sizeof folder, "%s%s%s", root, mount, below);
        look(s, folder, *below ? below : "/");
        char *slash = strrchr(below, '/');
        if (!slash)
            return;
        *slash = '\0';
    }
}

/* Pages of files count as used there but make room when room is wanted, all but those at hand. */
static void look_at_memory(pcl_sysinfo *s, const char *folder, const char *name,
                           const char *limit_file, const char *usage_file, const char *prefix) {
    uint64_t limit, used;
    char key[2][32];
    if (!read_number(folder, limit_file, &limit) || !read_number(folder, usage_file, &used) ||
        limit >= UINT64_MAX / 4)
        return;
    snprintf(key[0], sizeof key[0], "%sactive_file", prefix);
    snprintf(key[1], sizeof key[1], "%sinactive_file", prefix);
    const uint64_t files =
        read_key(folder, "memory.stat", key[0]) + read_key(folder, "memory.stat", key[1]);
    limit_memory(s, minus(limit, minus(used, files) + FILE_ROOM_MIB * MIB) + pcl_mem_now(), limit,
                 "%s of cgroup %.100s", limit_file, name);
}

static void look_at_memory_v2(pcl_sysinfo *s, const char *folder, const char *name) {
    look_at_memory(s, folder, name, "memory.max", "memory.current", "");
    look_at_memory(s, folder, name, "memory.high", "memory.current", "");
}

static void look_at_memory_v1(pcl_sysinfo *s, const char *folder, const char *name) {
    look_at_memory(s, folder, name, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_");
}

static void limit_quota(pcl_sysinfo *s, uint64_t quota, uint64_t period) {
    if (quota > 0 && period > 0)
        limit_cores(s, (quota + period - 1) / period, "CPU quota of the cgroup");
}

static void look_at_cpu_v2(pcl_sysinfo *s, const char *folder, const char *name) {
    (void)name;
    char path[3 * PATH + 64];
    uint64_t quota, period;
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    FILE *f = fopen(path, "r");
    if (!f)
        return;
    if (fscanf(f, "%" SCNu64 " %" SCNu64, &quota, &period) == 2) /* "max 100000": no limit */
        limit_quota(s, quota, period);
    fclose(f);
}

static void look_at_cpu_v1(pcl_sysinfo *s, const char *folder, const char *name) {
    (void)name;
    uint64_t quota, period; /* quota -1: none, which reads as a huge number */
    if (read_number(folder, "cpu.cfs_quota_us", &quota) &&
        read_number(folder, "cpu.cfs_period_us", &period) && quota < INT64_MAX)
        limit_quota(s, quota, period);
}

/* ---- the rest ---- */

static void look_at_machine(const char *root, pcl_sysinfo *s) {
    char proc[PATH];
    snprintf(proc, sizeof proc, "%s/proc", root);
    const uint64_t available = read_key(proc, "meminfo", "MemAvailable");
    if (available)
        limit_memory(s, available * 1024 + pcl_mem_now(), UINT64_MAX, "free memory of the machine");
    const uint64_t physical = read_key(proc, "meminfo", "MemTotal");
    if (physical)
        limit_memory(s, UINT64_MAX, physical * 1024, "physical memory");
    cpu_set_t set;
    limit_cores(s,
                sched_getaffinity(0, sizeof set, &set) == 0
                    ? (uint64_t)CPU_COUNT(&set)
                    : (uint64_t)sysconf(_SC_NPROCESSORS_ONLN),
                "scheduling affinity");
}

/* n times so many MiB in bytes; UINT64_MAX for what no machine has. */
static uint64_t slurm_bytes(uint64_t mib, uint64_t n) {
    uint64_t bytes;
    return __builtin_mul_overflow(mib, n, &bytes) || __builtin_mul_overflow(bytes, MIB, &bytes)
               ? UINT64_MAX
               : bytes;
}

static void look_at_slurm(pcl_sysinfo *s) {
    uint64_t cpus = 0, mib;
    if (env_number("SLURM_CPUS_PER_TASK", &cpus))
        limit_cores(s, cpus, "SLURM_CPUS_PER_TASK");
    else if (env_number("SLURM_CPUS_ON_NODE", &cpus))
        limit_cores(s, cpus, "SLURM_CPUS_ON_NODE");
    if (env_number("SLURM_MEM_PER_NODE", &mib)) /* 0: all of the node */
        limit_memory(s, slurm_bytes(mib, 1), slurm_bytes(mib, 1), "SLURM_MEM_PER_NODE");
    uint64_t on_node = cpus;
    (void)env_number("SLURM_CPUS_ON_NODE", &on_node);
    if (on_node > 0 && env_number("SLURM_MEM_PER_CPU", &mib))
        limit_memory(s, slurm_bytes(mib, on_node), slurm_bytes(mib, on_node),
                     "SLURM_MEM_PER_CPU x %" PRIu64 " cores", on_node);
}

/* A limit on all mapped or writable memory: what is left of it comes on top of the anonymous memory
 * in use. */
static void look_at_rlimit(pcl_sysinfo *s, int resource, const char *status_key, const char *from) {
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return;
    const uint64_t used = read_key("/proc/self", "status", status_key) * 1024;
    limit_process(s, minus(limit.rlim_cur, used) + pcl_mem_now(), from);
}

void pcl_sysinfo_read(const char *root, pcl_sysinfo *s) {
    *s = (pcl_sysinfo){.memory_bytes = UINT64_MAX,
                       .capacity_bytes = UINT64_MAX,
                       .process_bytes = UINT64_MAX,
                       .memory_from = "no limit known",
                       .capacity_from = "no limit known",
                       .process_from = "no limit"};
    look_at_machine(root, s);
    walk_up(root, "", look_at_memory_v2, s);
    walk_up(root, "memory", look_at_memory_v1, s);
    walk_up(root, "", look_at_cpu_v2, s);
    walk_up(root, "cpu", look_at_cpu_v1, s);
    look_at_slurm(s);
    look_at_rlimit(s, RLIMIT_AS, "VmSize", "ulimit -v");
    look_at_rlimit(s, RLIMIT_DATA, "VmData", "ulimit -d");
}
