/* fds.h: file descriptors that a forked child must close first thing, because another process takes
 * their end for ours (the line to casacore's process). Those that are opened for exec have
 * O_CLOEXEC. */
#ifndef PCL_FDS_H
#define PCL_FDS_H

/* At most 64 at a time in a process, of all threads together; more are forgotten. Thread-safe. */
void pcl_fds_close_in_children(int fd);
void pcl_fds_close_in_children_not(int fd);

/* In a child that has just been forked: closes them. Takes no lock. */
void pcl_fds_close(void);

#endif
