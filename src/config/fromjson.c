/* fromjson.c: parameters from a JSON object. JSON that has been proven to be well-formed is YAML,
 * too, so its values mean what they mean in a parameter file. */
#include "base/mem.h"
#include "config/config.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int pclean_config_set_json(pclean_config *config, const char *json, pclean_err *err) {
    PCL_REQUIRE(err, config);
    PCL_REQUIRE(err, json);
    json_error_t why;
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        return PCL_FAIL(err, PCLEAN_EPARAM, "parameters in JSON: line %d: %s", why.line, why.text);
    int rc = json_is_object(root) ? 0
                                  : PCL_FAIL(err, PCLEAN_EPARAM,
                                             "parameters in JSON: an object is expected, such as "
                                             "{\"niter\": 100, \"imsize\": [512, 256]}");
    /* without escapes that YAML lacks: letters beyond 16 bits as pairs of them */
    char *text = json_dumps(root, 0);
    if (!rc && !text)
        rc = PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for the parameters in JSON");
    if (!rc)
        rc = pcl_yaml_read_text(config, "JSON", text, strlen(text), 0, err);
    free(text);
    json_decref(root);
    return rc;
}
