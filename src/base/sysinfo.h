/* sysinfo.h: how many cores and how much memory this process may use, and which limit says so. */
#ifndef PCL_SYSINFO_H
#define PCL_SYSINFO_H
#include <stdint.h>

typedef struct pcl_sysinfo {
    /* Scheduling affinity, CPU quota of the cgroups (v1, v2; a part of a core counts as one),
     * SLURM_CPUS_PER_TASK or SLURM_CPUS_ON_NODE: the smallest, at least 1. */
    int cores;
    char cores_from[80]; /* "scheduling affinity" ... */

    /* Anonymous memory that this process and its children may reach together, what it has now
     * included: free memory of the machine (MemAvailable), what the cgroups on the way up leave
     * (v1, v2; of file pages only 24 MiB count, the rest can go), SLURM_MEM_PER_NODE or
     * SLURM_MEM_PER_CPU: the smallest. UINT64_MAX: nothing says. */
    uint64_t memory_bytes;
    char memory_from[160];

    /* The same whatever is in use now: physical memory, the cgroups' limits, Slurm's allocation.
     * For jobs that run later. */
    uint64_t capacity_bytes;
    char capacity_from[160];

    /* As memory_bytes, for one process by itself: RLIMIT_AS, RLIMIT_DATA. */
    uint64_t process_bytes;
    char process_from[80];
} pcl_sysinfo;

/* root "": this machine; tests give a folder that holds proc/ and sys/. Never fails: what cannot be
 * read sets no limit. */
void pcl_sysinfo_read(const char *root, pcl_sysinfo *out);

#endif
