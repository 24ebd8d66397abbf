/* tasks.h: what a worker does to a plane, as tasks of exec/pool.h. A task takes what is known of
 * the plane (a record that travels to the worker and back) and does one thing to it; the pixels
 * stay in the products on disk.
 *
 * cyclecontrol=channel: one task makes the plane. cyclecontrol=global: one makes the dirty image,
 * one each cycle, one the products. A task may be begun twice when a worker dies, so it never
 * writes what it reads: residual and model have two places on disk (the products, and a scratch
 * file beside them) and a cycle goes from one to the other. */
#ifndef PCL_TASKS_H
#define PCL_TASKS_H
#include "exec/pool.h"
#include "imager/state.h"
#include "imager/target.h"
#include "pclean/run.h"
#include "run/products.h"
#include "run/startmodel.h"
#include "run/usermask.h"

/* All that is known of a plane but its pixels. */
typedef struct pcl_plane_state {
    pclean_plane plane; /* as the run's result shows it */
    pcl_plane numbers;  /* as its target left it */
    pcl_progress_state progress;
    bool in_spare; /* where residual and model are */
} pcl_plane_state;

/* A plane of which nothing is left but its place, and why. */
void pcl_plane_state_fail(pcl_plane_state *s, int stop);

enum pcl_task_kind { PCL_TASK_IMAGE, PCL_TASK_DIRTY, PCL_TASK_CYCLE, PCL_TASK_FINISH };

typedef struct pcl_task {
    enum pcl_task_kind kind;
    double peak, sidelobe; /* CYCLE: the largest of all planes, that say how deep, */
    int cycleniter;        /* and how long */
    double cost;           /* expected, in any unit: longest first */
    pcl_plane_state state;
} pcl_task;

/* What the tasks find in memory: made before the workers are, const from then on. */
typedef struct pcl_tasks {
    const pcl_setup *setup;
    const pcl_store *vis;
    pcl_products *products;
    const pcl_usermask *mask;         /* NULL: none */
    const pcl_startmodel *startmodel; /* NULL: none */
    const pcl_state_file *spare;      /* residuals and models; NULL unless cyclecontrol=global */
    size_t nthread;
    int (*stop_requested)(void *user); /* NULL: never */
    void *stop_user;
} pcl_tasks;

/* Where the minor cycle of a CYCLE task ends. */
double pcl_task_level(const pcl_control *control, const pcl_task *task, const pcl_plane_state *s);

/* A pool whose tasks are pcl_task and whose results are pcl_plane_state. `tasks` is borrowed. */
int pcl_tasks_pool(pcl_tasks *tasks, size_t nworker, pcl_pool **out, pclean_err *err) PCL_CHECK;

#endif
