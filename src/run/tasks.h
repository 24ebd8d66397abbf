/* tasks.h: what a worker does to a plane, as tasks of exec/pool.h. A task takes what is known of
 * the plane (a record that travels to the worker and back) and does one thing to it; the pixels
 * stay in the products on disk. Where the deconvolver judges the Stokes planes of a channel
 * together (pcl_target_npol), a task is of all of them.
 *
 * cyclecontrol=channel: one task makes the plane. cyclecontrol=global: one makes the dirty image,
 * one the first automatic mask (which needs the sidelobes of all planes), one each cycle, one the
 * products. Where all planes get a common beam, which is known when all
 * have a PSF, cyclecontrol=channel has a second task that restores the plane from its products. A
 * task may be begun twice when a worker dies, so it never writes what it reads: residual and model
 * have two places on disk (the products, and a scratch file beside them) and a cycle goes from one
 * to the other. */
#ifndef PCL_TASKS_H
#define PCL_TASKS_H
#include "exec/pool.h"
#include "imager/state.h"
#include "imager/target.h"
#include "pclean/run.h"
#include "run/workplace.h"

/* The cycle with the lowest residual, to which CLEAN goes back when it diverges. */
typedef struct pcl_best {
    bool known;
    double peak; /* Jy/beam */
    int niter;
} pcl_best;

/* All that is known of a plane but its pixels. */
typedef struct pcl_plane_state {
    pclean_plane plane; /* as the run's result shows it */
    pcl_plane numbers;  /* as its target left it */
    pcl_progress_state progress;
    bool in_spare; /* where residual and model are */
    pcl_best best; /* of the planes of a task together, in the first of them */
} pcl_plane_state;

/* A plane of which nothing is left but its place, and why. */
void pcl_plane_state_fail(pcl_plane_state *s, int stop);
/* Its stop code where its cleaning, together with that of other planes, ended with this one. */
void pcl_plane_state_stop(pcl_plane_state *s, int stop);
/* It is not cleaned any more, whatever others do: noise alone, or diverged for good. */
bool pcl_plane_settled(const pclean_plane *p);

/* What the control sees of planes as one: the worst of each number, of those that are still
 * cleaned. */
typedef struct pcl_worst {
    pcl_standing at;
    double sidelobe;
    uint64_t nvis; /* 0: all are blank */
} pcl_worst;
void pcl_worst_of(size_t n, const pcl_plane_state *s, pcl_worst *out);

enum pcl_task_kind {
    PCL_TASK_IMAGE,
    PCL_TASK_DIRTY,
    PCL_TASK_MASK,
    PCL_TASK_CYCLE,
    PCL_TASK_FINISH,
    PCL_TASK_RESTORE
};

typedef struct pcl_task {
    enum pcl_task_kind kind;
    double peak, sidelobe; /* MASK, CYCLE: the largest of all planes, that say how deep, */
    int cycleniter;        /* and how long */
    pcl_beam common;       /* FINISH, RESTORE: the common beam; zero: there is none */
    double cost;           /* expected, in any unit: longest first */
    size_t nplane;
    pcl_plane_state state[]; /* [nplane] of one channel */
} pcl_task;

/* Bytes of a task of this many planes. */
size_t pcl_task_bytes(size_t nplane);

/* The result of a task, and its bytes that count. */
enum { PCL_TASK_CYCLES = 512 };
typedef struct pcl_task_result {
    pcl_plane_state state[PCL_TARGET_NPOL]; /* [nplane] */
    size_t ncycle, nleft; /* minor cycles of the first plane; and how many more there were */
    pclean_cycle cycle[PCL_TASK_CYCLES];
} pcl_task_result;
size_t pcl_task_result_used(const void *result);

/* Where the next minor cycle of planes s[nplane] ends, with the largest peak and sidelobe of all
 * that are cleaned as one; *cyclethreshold: without n-sigma. */
double pcl_task_level(const pcl_control *control, double peak, double sidelobe, size_t nplane,
                      const pcl_plane_state *s, double *cyclethreshold);

/* Whether a CYCLE task cleans its planes s[nplane]; of those it does not clean it updates the
 * masks, as tclean. */
bool pcl_task_cleans(const pcl_control *control, const pcl_task *task, const pcl_plane_state *s);

/* A cycle in which these planes rest, below the level of the others, as tclean tells it. */
pclean_cycle pcl_task_rest(const pcl_control *control, const pcl_task *task,
                           const pcl_plane_state *s, int round);

/* How workers come to their workplace. */
enum pcl_tasks_way {
    PCL_TASKS_INHERIT, /* forked, they find it in memory */
    PCL_TASKS_ATTACH,  /* forked, they make it anew from the job */
    PCL_TASKS_PROGRAM  /* likewise, as processes of the program pclean-worker */
};

/* What the environment variable PCLEAN_WORKERS says: "forked" (also where it is not set),
 * "attached", "program". The result of a run does not depend on it. -PCLEAN_EPARAM: none of
 * them. */
int pcl_tasks_find_way(enum pcl_tasks_way *way, pclean_err *err) PCL_CHECK;

/* Whether this process may fork: another thread would be left behind with its locks taken. Where it
 * has other threads *way becomes the program, and *may false; where that is not found either the
 * answer is -PCLEAN_EIO: one worker then, in this process. OpenMP's idle threads are given up. */
int pcl_tasks_may_fork(enum pcl_tasks_way *way, bool *may, pclean_err *err) PCL_CHECK;

typedef struct pcl_tasks_crew {
    size_t nworker;
    enum pcl_tasks_way way;
    pcl_workplace *place; /* borrowed, as the next */
    const void *job;      /* of pcl_workplace_put; NULL where workers inherit */
    size_t job_size;
} pcl_tasks_crew;

/* A pool whose tasks are pcl_task, of pcl_target_npol planes each; workers tell each pclean_cycle.
 * -PCLEAN_EIO: there is no program
 * pclean-worker. */
int pcl_tasks_pool(const pcl_tasks_crew *crew, pcl_pool **out, pclean_err *err) PCL_CHECK;

/* The life of a process of pclean-worker. */
void pcl_tasks_serve(void);

#endif
