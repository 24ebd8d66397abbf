/* records.h: the structs of casa/casa.h that have pointers, as bytes and back. What is read points
 * into the message. */
#ifndef PCL_RECORDS_H
#define PCL_RECORDS_H
#include "casa/casa.h"
#include "casa/join.h"
#include "wire/wire.h"

void pcl_wire_put_selection(pcl_wire *w, const casa_ms_selection *sel);
void pcl_wire_get_selection(pcl_wire *w, casa_ms_selection *sel);

/* Everything, and the numbers of selected rows (casa_ms_selected). */
void pcl_wire_put_info(pcl_wire *w, const casa_ms_info *info);
/* *info, with arrays of structs of its own: pcl_free(info->dd), pcl_free(info->field) and
 * pcl_free(info->warning), also when the message is bad. */
void pcl_wire_get_info(pcl_wire *w, casa_ms_info *info);

void pcl_wire_put_change(pcl_wire *w, const casa_frame_change *change);
void pcl_wire_get_change(pcl_wire *w, casa_frame_change *change);

void pcl_wire_put_desc(pcl_wire *w, const casa_image_desc *desc);
void pcl_wire_get_desc(pcl_wire *w, casa_image_desc *desc);

void pcl_wire_put_copy_spec(pcl_wire *w, const casa_copy_spec *spec);
/* To pcl_wire_clear_copy_spec, also when the message is bad. */
void pcl_wire_get_copy_spec(pcl_wire *w, casa_copy_spec *spec);
void pcl_wire_clear_copy_spec(casa_copy_spec *spec);

#endif
