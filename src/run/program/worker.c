/* worker.c: the program pclean-worker. libpclean starts it and gives it a line and a job
 * (exec/worker.h); it is of no use by hand. */
#include <stdio.h>
#include <sys/socket.h>

#include "exec/worker.h"
#include "run/tasks.h"

int main(void) {
    int type;
    socklen_t size = sizeof type;
    if (getsockopt(PCL_WORKER_LINE, SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
        type != SOCK_SEQPACKET) {
        fputs("pclean-worker: pclean itself starts this program, to image a part of the planes of "
              "a run\n",
              stderr);
        return 2;
    }
    pcl_tasks_serve();
    return 0;
}
