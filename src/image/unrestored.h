/* unrestored.h: how the parts of a cube that wait for their common beam say so: a line of the
 * history of all their images. The parts are restored when they are joined (join/restoring.h). */
#ifndef PCL_UNRESTORED_H
#define PCL_UNRESTORED_H

#define PCL_UNRESTORED       "restoringbeam=common: not restored before all parts are joined"
#define PCL_UNRESTORED_PBCOR PCL_UNRESTORED ", pbcor=true"

#endif
