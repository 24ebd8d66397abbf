#include "config/options.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define AT(member) offsetof(pclean_config, member)

static const struct pcl_option table[] = {
    /* ---- selection ---- */
    {.group = "selection",
     .name = "vis",
     .type = PCL_TEXTLIST,
     .offset = AT(vis),
     .def = "",
     .is_path = true,
     .help = "Path of the MeasurementSet, or of several that are imaged together."},
    {.group = "selection",
     .name = "field",
     .type = PCL_PERMS,
     .offset = AT(field),
     .def = "",
     .help = "Fields to image, by number or name, as in CASA (\"\": all); a list has one for each "
             "MeasurementSet, so for all selections."},
    {.group = "selection",
     .name = "spw",
     .type = PCL_PERMS,
     .offset = AT(spw),
     .def = "",
     .help = "Spectral windows and channels, e.g. 0:10~20, 0:0~60^2 (every second), 1:1.41~1.42GHz "
             "(\"\": all; -1: none); a list has one for each MeasurementSet."},
    {.group = "selection",
     .name = "timerange",
     .type = PCL_PERMS,
     .offset = AT(timerange),
     .def = "",
     .idle = pcl_idle_no_selection,
     .help = "Times to use, e.g. 09:14:00~09:54:00 (\"\": all)."},
    {.group = "selection",
     .name = "uvrange",
     .type = PCL_PERMS,
     .offset = AT(uvrange),
     .def = "",
     .idle = pcl_idle_no_selection,
     .help = "Baseline lengths to use, e.g. 0~1000m or >2klambda (\"\": all)."},
    {.group = "selection",
     .name = "antenna",
     .type = PCL_PERMS,
     .offset = AT(antenna),
     .def = "",
     .idle = pcl_idle_no_selection,
     .help = "Antennas or baselines to use, e.g. DV01&DV02 or !ea05 (\"\": all)."},
    {.group = "selection",
     .name = "scan",
     .type = PCL_PERMS,
     .offset = AT(scan),
     .def = "",
     .idle = pcl_idle_no_selection,
     .help = "Scan numbers to use, e.g. 3,5~9 (\"\": all)."},
    {.group = "selection",
     .name = "observation",
     .type = PCL_PERMS,
     .offset = AT(observation),
     .def = "",
     .idle = pcl_idle_no_selection,
     .help = "Observation numbers to use (\"\": all)."},
    {.group = "selection",
     .name = "intent",
     .type = PCL_PERMS,
     .offset = AT(intent),
     .def = "",
     .idle = pcl_idle_no_selection,
     .help = "Scan intents to use, e.g. *TARGET* (\"\": all)."},
    {.group = "selection",
     .name = "taql",
     .type = PCL_PERMS,
     .offset = AT(taql),
     .def = "",
     .help = "Condition on rows in casacore's query language, e.g. ANTENNA1 != 3, besides all "
             "others (\"\": none); a list has one for each MeasurementSet."},
    {.group = "selection",
     .name = "selectdata",
     .type = PCL_BOOL,
     .offset = AT(selectdata),
     .def = "true",
     .help = "false: pass over timerange, uvrange, antenna, scan, observation and intent."},
    {.group = "selection",
     .name = "datacolumn",
     .type = PCL_CHOICE,
     .offset = AT(datacolumn),
     .def = "corrected",
     .choices = "corrected|data|model",
     .alias = "observed=data|corrected_data=corrected|model_data=model",
     .help = "Column to image; corrected falls back to data where there is no CORRECTED_DATA (in "
             "none of the MeasurementSets: see mix_columns); observed is another word for data."},
    {.group = "selection",
     .name = "mix_columns",
     .type = PCL_BOOL,
     .offset = AT(mix_columns),
     .def = "false",
     .help = "Of several MeasurementSets, let datacolumn=corrected image CORRECTED_DATA of some "
             "and DATA of those without it (else an error)."},
    /* ---- image ---- */
    {.group = "image",
     .name = "imagename",
     .type = PCL_TEXT,
     .offset = AT(imagename),
     .def = "",
     .help = "Beginning of the names of all products: NAME.image, NAME.psf and so on."},
    {.group = "image",
     .name = "imsize",
     .type = PCL_INTPAIR,
     .offset = AT(imsize),
     .def = "100",
     .unit = "pixel",
     .help = "Image size in x and y; one number makes a square."},
    {.group = "image",
     .name = "cell",
     .type = PCL_ANGLEPAIR,
     .offset = AT(cell_rad),
     .def = "1arcsec",
     .unit = "arcsec",
     .help = "Pixel size in x and y; take a third to a fifth of the beam's minor axis."},
    {.group = "image",
     .name = "phasecenter",
     .type = PCL_TEXT,
     .offset = AT(phasecenter),
     .def = "",
     .unavailable = "TRACKFIELD",
     .help = "Direction of the image centre: \"\" (the first field's), the number or name of a "
             "field, or e.g. J2000 12h56m44 +21d41m05. Other fields are rotated to it."},
    {.group = "image",
     .name = "stokes",
     .type = PCL_WORD,
     .offset = AT(stokes),
     .def = "I",
     .choices = "I|Q|U|V|IV|IQ|QU|UV|IQU|IUV|IQUV|RR|LL|RL|LR|XX|YY|XY|YX|RRLL|XXYY|pseudoI",
     .help = "Polarization planes to image; pseudoI uses a sample also where one of its two hands "
             "is flagged."},
    {.group = "image",
     .name = "projection",
     .type = PCL_WORD,
     .offset = AT(projection),
     .def = "SIN",
     .choices = "SIN",
     .unavailable = "NCP|TAN|ARC|STG|ZEA|AIT|CAR|HPX",
     .help = "Projection of the sky onto the image."},
    {.group = "image",
     .name = "startmodel",
     .type = PCL_TEXTLIST,
     .offset = AT(startmodel),
     .def = "",
     .is_path = true,
     .help = "Image to start the model from (\"\": empty)."},
    {.group = "image",
     .name = "specmode",
     .type = PCL_CHOICE,
     .offset = AT(specmode),
     .def = "mfs",
     .choices = "mfs|cube|cubedata",
     .alias = "cont=mfs",
     .unavailable = "cubesource|mvc",
     .help = "mfs makes one continuum plane of all channels; cube makes a plane per channel in "
             "outframe; cubedata does so without following the frame."},
    {.group = "image",
     .name = "nchan",
     .type = PCL_INT,
     .offset = AT(nchan),
     .def = "-1",
     .unit = "channel",
     .idle = pcl_idle_no_grid,
     .help = "Number of channels of the cube; -1: from start to the end of the data."},
    {.group = "image",
     .name = "start",
     .type = PCL_TEXT,
     .offset = AT(start),
     .def = "",
     .idle = pcl_idle_no_grid,
     .help = "First channel of the cube: a data channel number, a frequency or a velocity (\"\": "
             "the first selected one)."},
    {.group = "image",
     .name = "width",
     .type = PCL_TEXT,
     .offset = AT(width),
     .def = "",
     .idle = pcl_idle_no_grid,
     .help = "Channel width of the cube: a number of data channels, a frequency or a velocity "
             "(\"\": that of the data)."},
    {.group = "image",
     .name = "outframe",
     .type = PCL_WORD,
     .offset = AT(outframe),
     .def = "LSRK",
     .choices = "LSRK|LSRD|BARY|GEO|TOPO|GALACTO|LGROUP|CMB",
     .alias = "=LSRK",
     .unavailable = "REST|SOURCE",
     .idle = pcl_idle_no_frame,
     .help = "Frame of the image's frequencies, and of start and width."},
    {.group = "image",
     .name = "veltype",
     .type = PCL_CHOICE,
     .offset = AT(veltype),
     .def = "radio",
     .choices = "radio|optical",
     .unavailable = "z|ratio|beta|gamma|relativistic|true",
     .idle = pcl_idle_no_velocity,
     .help = "Definition of velocity for start and width given in km/s."},
    {.group = "image",
     .name = "restfreq",
     .type = PCL_TEXTLIST,
     .offset = AT(restfreq),
     .def = "",
     .help = "Rest frequency of the line, e.g. 1.420405752GHz (\"\": the data's own, else the "
             "middle of the selected data); the first of a list counts."},
    {.group = "image",
     .name = "interpolation",
     .type = PCL_CHOICE,
     .offset = AT(interpolation),
     .def = "linear",
     .choices = "linear|nearest",
     .unavailable = "cubic",
     .idle = pcl_idle_one_channel,
     .help = "How data channels are brought onto image channels."},
    {.group = "image",
     .name = "perchanweightdensity",
     .type = PCL_BOOL,
     .offset = AT(perchanweightdensity),
     .def = "true",
     .idle = pcl_idle_no_planes_density,
     .help = "Cubes: density of uniform and briggs weights for each channel by itself; false: one "
             "of all channels, which superuniform always takes."},
    /* ---- grid ---- */
    {.group = "grid",
     .name = "gridder",
     .type = PCL_CHOICE,
     .offset = AT(gridder),
     .def = "standard",
     .choices = "standard|wproject|widefield",
     .alias = "ft=standard|gridft=standard|wprojectft=wproject",
     .unavailable = "mosaic|mosaicft|ftmosaic|imagemosaic|awproject|awprojectft|awphpg|awp2",
     .help = "standard takes the array and the sky as flat; wproject and widefield (the same here) "
             "correct for w to the accuracy below."},
    {.group = "grid",
     .name = "wprojplanes",
     .type = PCL_INT,
     .offset = AT(wprojplanes),
     .def = "1",
     .idle = pcl_idle_always_w,
     .help = "Read for tclean's sake: pclean makes as many w planes as the accuracy needs."},
    {.group = "grid",
     .name = "accuracy",
     .type = PCL_REAL,
     .offset = AT(accuracy),
     .def = "1e-5",
     .unit = "of the peak",
     .help = "Gridding error allowed: rms over the dirty image over its peak, 1e-6 to 1e-2; a "
             "larger one is faster."},
    /* ---- weight ---- */
    {.group = "weight",
     .name = "weighting",
     .type = PCL_CHOICE,
     .offset = AT(weighting),
     .def = "natural",
     .choices = "natural|uniform|briggs|briggsabs|briggsbwtaper|radial|superuniform",
     .help = "natural is the most sensitive, uniform has the smallest beam, briggs lies between by "
             "robust, briggsabs by robust and noise; briggsbwtaper (cubes) is briggs with the "
             "densities that the whole band has together; radial is times the distance in the uv "
             "plane, "
             "superuniform by the density of a box of cells."},
    {.group = "weight",
     .name = "robust",
     .type = PCL_REAL,
     .offset = AT(robust),
     .def = "0.5",
     .idle = pcl_idle_not_briggs,
     .help = "For briggs: from -2 (nearly uniform) to 2 (nearly natural). For briggsabs: 0 is "
             "natural, further from 0 nearer to uniform."},
    {.group = "weight",
     .name = "noise",
     .type = PCL_FLUX,
     .offset = AT(noise_jy),
     .def = "1Jy",
     .unit = "Jy",
     .idle = pcl_idle_not_briggsabs,
     .help = "For briggsabs: weights are w / (robust^2 density + 2 noise^2)."},
    {.group = "weight",
     .name = "npixels",
     .type = PCL_INT,
     .offset = AT(npixels),
     .def = "0",
     .idle = pcl_idle_no_density,
     .help = "For superuniform: a sample counts in the density of all cells up to so many away; "
             "0: 3. So too for the others with a density for each channel; with one for all "
             "channels: cells of its grid on a side, 0: imsize."},
    {.group = "weight",
     .name = "uvtaper",
     .type = PCL_TEXTLIST,
     .offset = AT(uvtaper),
     .def = "",
     .unit = "lambda",
     .help = "Gaussian taper, e.g. 5klambda (half width at half maximum in uv), 100m (the same in "
             "metres of baseline) or 10arcsec (full width on the sky); or major, minor, position "
             "angle."},
    {.group = "weight",
     .name = "fracbw",
     .type = PCL_TEXT,
     .offset = AT(fracbw),
     .def = "",
     .idle = pcl_idle_not_briggsbwtaper,
     .help =
         "For briggsbwtaper: fractional bandwidth of the whole cube, above 0 and below 2 (\"\", "
         "0: that of its channels); pclean partition writes it for each part."},
    /* ---- deconvolution ---- */
    {.group = "deconvolution",
     .name = "deconvolver",
     .type = PCL_CHOICE,
     .offset = AT(deconvolver),
     .def = "hogbom",
     .choices = "hogbom|clark|clarkstokes",
     .unavailable = "clark_exp|clarkstokes_exp|multiscale|mtmfs|mem|asp",
     .idle = pcl_idle_any_deconvolver,
     .help = "Minor-cycle algorithm; clark cleans the Stokes planes of a channel together."},
    {.group = "deconvolution",
     .name = "restoration",
     .type = PCL_BOOL,
     .offset = AT(restoration),
     .def = "true",
     .help = "Make NAME.image: the model seen with the clean beam, plus the residual."},
    {.group = "deconvolution",
     .name = "restoringbeam",
     .type = PCL_TEXTLIST,
     .offset = AT(restoringbeam),
     .def = "",
     .idle = pcl_idle_beam,
     .help = "Clean beam: \"\" (each plane's fitted one), common (the smallest that holds those of "
             "all planes), e.g. 10arcsec, or major, minor, position angle."},
    {.group = "deconvolution",
     .name = "pbcor",
     .type = PCL_BOOL,
     .offset = AT(pbcor),
     .def = "false",
     .idle = pcl_idle_no_restoration,
     .help = "Also make NAME.image.pbcor, corrected for the primary beam."},
    {.group = "deconvolution",
     .name = "usemask",
     .type = PCL_CHOICE,
     .offset = AT(usemask),
     .def = "user",
     .choices = "user|pb|auto-multithresh",
     .idle = pcl_idle_no_clean,
     .help = "Where CLEAN looks: in mask (user; everywhere if there is none), where the primary "
             "beam exceeds pbmask (pb), or in what it finds to stand out, anew after each cycle "
             "(auto-multithresh)."},
    {.group = "deconvolution",
     .name = "mask",
     .type = PCL_WHOLES,
     .offset = AT(mask),
     .def = "",
     .is_path = true,
     .idle = pcl_idle_no_user_mask,
     .help = "CASA image, region file, or region text, e.g. circle[[100pix,100pix],20pix], "
             "range=[1.41GHz,1.42GHz] (\"\": none); of a list all together."},
    {.group = "deconvolution",
     .name = "pbmask",
     .type = PCL_REAL,
     .offset = AT(pbmask),
     .def = "0",
     .unit = "of the primary beam",
     .idle = pcl_idle_not_pbmask,
     .help = "CLEAN where the primary beam is above this (usemask pb), or look for masks there "
             "(auto-multithresh; 0: above pblimit)."},
    {.group = "deconvolution",
     .name = "sidelobethreshold",
     .type = PCL_REAL,
     .offset = AT(sidelobethreshold),
     .def = "3",
     .unit = "of the sidelobes",
     .idle = pcl_idle_not_automask,
     .help =
         "New regions of an automatic mask are above this times the highest sidelobe of the peak."},
    {.group = "deconvolution",
     .name = "noisethreshold",
     .type = PCL_REAL,
     .offset = AT(noisethreshold),
     .def = "5",
     .unit = "rms",
     .idle = pcl_idle_not_automask,
     .help = "New regions of an automatic mask are above this times the noise."},
    {.group = "deconvolution",
     .name = "lownoisethreshold",
     .type = PCL_REAL,
     .offset = AT(lownoisethreshold),
     .def = "1.5",
     .unit = "rms",
     .idle = pcl_idle_not_automask,
     .help = "An automatic mask grows into what is above this times the noise."},
    {.group = "deconvolution",
     .name = "negativethreshold",
     .type = PCL_REAL,
     .offset = AT(negativethreshold),
     .def = "0",
     .unit = "rms",
     .idle = pcl_idle_not_automask,
     .help = "Regions below minus this times the noise join an automatic mask; 0: none."},
    {.group = "deconvolution",
     .name = "smoothfactor",
     .type = PCL_REAL,
     .offset = AT(smoothfactor),
     .def = "1",
     .unit = "of the beam",
     .idle = pcl_idle_not_automask,
     .help = "Regions of an automatic mask are smoothed with a Gaussian this times as wide as the "
             "beam; 0: not at all."},
    {.group = "deconvolution",
     .name = "minbeamfrac",
     .type = PCL_REAL,
     .offset = AT(minbeamfrac),
     .def = "0.3",
     .unit = "of the beam",
     .idle = pcl_idle_not_automask,
     .help = "Regions of an automatic mask smaller than this part of the beam's area are left out; "
             "0: none."},
    {.group = "deconvolution",
     .name = "cutthreshold",
     .type = PCL_REAL,
     .offset = AT(cutthreshold),
     .def = "0.01",
     .unit = "of the peak",
     .idle = pcl_idle_not_automask,
     .help =
         "Of a smoothed automatic mask what is above this fraction of its largest value stays."},
    {.group = "deconvolution",
     .name = "growiterations",
     .type = PCL_INT,
     .offset = AT(growiterations),
     .def = "75",
     .unit = "pixel",
     .idle = pcl_idle_not_automask,
     .help = "Steps of one pixel by which an automatic mask grows in a cycle at most; 0: it does "
             "not grow."},
    {.group = "deconvolution",
     .name = "dogrowprune",
     .type = PCL_BOOL,
     .offset = AT(dogrowprune),
     .def = "true",
     .idle = pcl_idle_not_automask,
     .help =
         "Leave out small regions (minbeamfrac) of what an automatic mask has grown into, too."},
    {.group = "deconvolution",
     .name = "minpercentchange",
     .type = PCL_REAL,
     .offset = AT(minpercentchange),
     .def = "-1",
     .unit = "percent",
     .idle = pcl_idle_not_automask,
     .help = "A channel's automatic mask stays as it is once the noise decides on it, the cycle "
             "goes down to threshold, and its pixels change by less than this; negative: never."},
    {.group = "iteration",
     .name = "niter",
     .type = PCL_INT,
     .offset = AT(niter),
     .def = "0",
     .help = "CLEAN components at most; 0 makes the dirty image only."},
    {.group = "iteration",
     .name = "gain",
     .type = PCL_REAL,
     .offset = AT(gain),
     .def = "0.1",
     .idle = pcl_idle_no_clean,
     .help = "Fraction of the peak that each CLEAN component takes away."},
    {.group = "iteration",
     .name = "threshold",
     .type = PCL_FLUX,
     .offset = AT(threshold_jy),
     .def = "0Jy",
     .unit = "Jy",
     .idle = pcl_idle_no_clean,
     .help = "Stop when the largest residual is below this, e.g. 5mJy."},
    {.group = "iteration",
     .name = "nsigma",
     .type = PCL_REAL,
     .offset = AT(nsigma),
     .def = "0",
     .unit = "rms",
     .idle = pcl_idle_no_clean,
     .help = "Stop when the largest residual is below this many times the residual's robust rms; "
             "0: off."},
    {.group = "iteration",
     .name = "fastnoise",
     .type = PCL_BOOL,
     .offset = AT(fastnoise),
     .def = "true",
     .also_group = "deconvolution",
     .idle = pcl_idle_no_noise,
     .help =
         "The noise for nsigma and automatic masks: the whole image's; false: that of the image "
         "outside the mask, or without its outliers where the mask leaves nothing."},
    {.group = "iteration",
     .name = "noiselimit",
     .type = PCL_REAL,
     .offset = AT(noiselimit),
     .def = "4.5",
     .unit = "rms",
     .help =
         "Planes whose dirty peak, where CLEAN looks, is below this many times the robust rms are "
         "named as noise alone; 0: none."},
    {.group = "iteration",
     .name = "skipnoise",
     .type = PCL_BOOL,
     .offset = AT(skipnoise),
     .def = "false",
     .idle = pcl_idle_no_clean,
     .help = "Leave planes of noise alone (noiselimit) uncleaned."},
    {.group = "iteration",
     .name = "cycleniter",
     .type = PCL_INT,
     .offset = AT(cycleniter),
     .def = "-1",
     .idle = pcl_idle_no_clean,
     .help = "CLEAN components of one minor cycle and plane at most; -1: niter."},
    {.group = "iteration",
     .name = "cyclefactor",
     .type = PCL_REAL,
     .offset = AT(cyclefactor),
     .def = "1",
     .idle = pcl_idle_no_clean,
     .help = "A minor cycle stops at cyclefactor times the highest sidelobe of the peak; a larger "
             "one means more major cycles."},
    {.group = "iteration",
     .name = "minpsffraction",
     .type = PCL_REAL,
     .offset = AT(minpsffraction),
     .def = "0.05",
     .unit = "of the peak",
     .idle = pcl_idle_no_clean,
     .help = "A minor cycle never goes deeper than this fraction of its first peak."},
    {.group = "iteration",
     .name = "maxpsffraction",
     .type = PCL_REAL,
     .offset = AT(maxpsffraction),
     .def = "0.8",
     .unit = "of the peak",
     .idle = pcl_idle_no_clean,
     .help = "A minor cycle always goes at least down to this fraction of its first peak, also "
             "where minpsffraction is larger."},
    {.group = "iteration",
     .name = "nmajor",
     .type = PCL_INT,
     .offset = AT(nmajor),
     .def = "-1",
     .idle = pcl_idle_no_clean,
     .help = "Major cycles at most; -1: no limit."},
    {.group = "iteration",
     .name = "nretry",
     .type = PCL_INT,
     .offset = AT(nretry),
     .def = "2",
     .idle = pcl_idle_no_clean,
     .help = "How often a plane that diverges goes back to its best residual and on with half the "
             "gain and minor cycles half as deep, at most 2; 0: it ends, as in tclean."},
    {.group = "iteration",
     .name = "fullsummary",
     .type = PCL_BOOL,
     .offset = AT(fullsummary),
     .def = "false",
     .help = "The record has all numbers of each plane's minor cycles (summaryminor), not four of "
             "them."},
    {.group = "iteration",
     .name = "cyclecontrol",
     .type = PCL_CHOICE,
     .offset = AT(cyclecontrol),
     .def = "channel",
     .choices = "channel|global",
     .idle = pcl_idle_no_clean,
     .help = "channel: niter and the cycle's depth hold for each channel by itself; global: for "
             "the whole cube, as tclean."},
    /* ---- normalization ---- */
    {.group = "normalization",
     .name = "pblimit",
     .type = PCL_REAL,
     .offset = AT(pblimit),
     .def = "0.2",
     .also_group = "grid",
     .unit = "of the primary beam",
     .help = "The image is masked where the primary beam is below this; negative: no mask, the "
             "value still limits divisions."},
    {.group = "normalization",
     .name = "psfcutoff",
     .type = PCL_REAL,
     .offset = AT(psfcutoff),
     .def = "0.35",
     .also_group = "misc",
     .unit = "of the PSF's peak",
     .help = "The clean beam is fitted to the main lobe of the PSF above this."},
    /* ---- misc ---- */
    {.group = "misc",
     .name = "overwrite",
     .type = PCL_BOOL,
     .offset = AT(overwrite),
     .def = "false",
     .help = "Replace products of the same name, once the new ones are complete."},
    {.group = "misc",
     .name = "restart",
     .type = PCL_BOOL,
     .offset = AT(restart),
     .def = "false",
     .help = "Continue from NAME.model, in NAME.mask, of an earlier run (tclean's default is true; "
             "here existing products are kept)."},
    {.group = "misc",
     .name = "allow_empty",
     .type = PCL_BOOL,
     .offset = AT(allow_empty),
     .def = "false",
     .idle = pcl_idle_no_clean,
     .help = "A run in which no plane has anything to clean, its mask being empty, is no failure "
             "(exit status 0, with a warning), as a pipeline may want it."},
    {.group = "misc",
     .name = "progress",
     .type = PCL_CHOICE,
     .offset = AT(progress),
     .def = "auto",
     .choices = "auto|bar|lines|json|none",
     .help = "How progress is shown: a bar on a terminal, a line now and then, JSON for machines, "
             "or not at all."},
    {.group = "misc",
     .name = "verbose",
     .type = PCL_BOOL,
     .offset = AT(verbose),
     .def = "false",
     .also_group = "deconvolution",
     .help = "Say more in the log."},
    /* ---- cluster ---- */
    {.group = "cluster",
     .name = "nworkers",
     .type = PCL_INT,
     .offset = AT(nworkers),
     .def = "0",
     .help = "Processes that image planes side by side; 0: as many as planes, cores and memory "
             "allow. The pixels are the same for any number."},
    {.group = "cluster",
     .name = "threads",
     .type = PCL_INT,
     .offset = AT(threads),
     .def = "0",
     .help = "Threads of each worker; 0: the processor cores that this process may use, divided "
             "among the workers."},
    {.group = "cluster",
     .name = "scratch",
     .type = PCL_TEXT,
     .offset = AT(scratch),
     .def = "",
     .help =
         "Folder for scratch files, best on a fast local disk; the visibilities are then kept "
         "there, not in memory (\"\": in memory while they fit, else in the folder of imagename)."},
    {.group = "cluster",
     .name = "memory",
     .type = PCL_TEXT,
     .offset = AT(memory),
     .def = "",
     .help = "Memory that the run may use, all workers together, e.g. 16GiB (\"\": what the "
             "machine, cgroup, Slurm and ulimit leave)."},
    {.group = "cluster",
     .name = "memory_limit",
     .type = PCL_TEXT,
     .offset = AT(memory_limit),
     .def = "0",
     .help = "Memory that each worker may use, with what it shares, in Dask's notation: 4GB, 4GiB, "
             "or 0.5 for half of what the run may use; 0 or auto: no limit but the run's."},
    {.group = "cluster",
     .name = "keep_subcubes",
     .type = PCL_BOOL,
     .offset = AT(keep_subcubes),
     .def = "false",
     .help = "Cubes: leave the products of parts of the band as NAME.subcube.0.image and so on."},
    {.group = "cluster",
     .name = "concat_mode",
     .type = PCL_CHOICE,
     .offset = AT(concat_mode),
     .def = "auto",
     .choices = "auto|paged|virtual|movevirtual",
     .alias = "nomovevirtual=virtual",
     .help = "Cubes: paged holds all pixels itself; virtual is a list of the sub-cubes beside it, "
             "which are kept; movevirtual a list of sub-cubes inside it; auto is virtual with "
             "keep_subcubes, else paged."},
    {.group = "cluster",
     .name = "cube_chunksize",
     .type = PCL_INT,
     .offset = AT(cube_chunksize),
     .def = "-1",
     .unit = "channel",
     .help = "Channels of a sub-cube, or of a part made by pclean partition, at most; -1: as many "
             "sub-cubes as workers, or parts as asked for. How the work is divided does not depend "
             "on it."},
    /* ---- part ---- */
    {.group = "part",
     .name = "part_channel",
     .type = PCL_INT,
     .offset = AT(part_channel),
     .def = "-1",
     .help = "This image is a part: number of its first channel in the whole image; -1: it is no "
             "part. pclean partition writes this group; start and width are only labels then."},
    {.group = "part",
     .name = "part_nchan",
     .type = PCL_INT,
     .offset = AT(part_nchan),
     .def = "0",
     .unit = "channel",
     .help = "Channels of the whole image."},
    {.group = "part",
     .name = "part_start",
     .type = PCL_REAL,
     .offset = AT(part_start_hz),
     .def = "0",
     .unit = "Hz",
     .help = "Frequency of the whole image's channel 0 in outframe."},
    {.group = "part",
     .name = "part_width",
     .type = PCL_REAL,
     .offset = AT(part_width_hz),
     .def = "0",
     .unit = "Hz",
     .help = "Step from channel to channel of the whole image; negative: descending."},
    {.group = "part",
     .name = "part_epoch",
     .type = PCL_REAL,
     .offset = AT(part_epoch_s),
     .def = "0",
     .unit = "s",
     .help = "TIME of the first row of the whole selection, at which frequencies were brought to "
             "outframe."},
    {.group = "part",
     .name = "part_samples",
     .type = PCL_REAL,
     .offset = AT(part_samples),
     .def = "0",
     .help = "Samples of each plane of the whole image, flagged ones too: with it the gridding "
             "kernel is the whole image's; 0: the part's own."},
    {.group = "part",
     .name = "part_wmax",
     .type = PCL_REAL,
     .offset = AT(part_wmax_lambda),
     .def = "0",
     .unit = "lambda",
     .help = "Largest w of the whole image, which decides on its w planes; 0: the part's own."},
    {.group = "part",
     .name = "part_density",
     .type = PCL_TEXT,
     .offset = AT(part_density),
     .def = "",
     .is_path = true,
     .help = "File with the density of weights of the whole selection, made by pclean partition "
             "(\"\": the part's own)."},
};
#define NTABLE (sizeof table / sizeof table[0])

static const char *const groups[] = {"selection",     "image",     "grid",          "weight",
                                     "deconvolution", "iteration", "normalization", "misc",
                                     "cluster",       "part"};
#define NGROUP (sizeof groups / sizeof groups[0])

size_t pcl_group_count(void) {
    return NGROUP;
}

const char *pcl_group_name(size_t i) {
    return i < NGROUP ? groups[i] : NULL;
}

size_t pcl_option_count(void) {
    return NTABLE;
}

const struct pcl_option *pcl_option_at(size_t i) {
    return i < NTABLE ? &table[i] : NULL;
}

const struct pcl_option *pcl_option_find(const char *name) {
    for (size_t i = 0; i < NTABLE; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

bool pcl_option_in_group(const struct pcl_option *option, const char *group) {
    return strcmp(option->group, group) == 0 ||
           (option->also_group && pcl_words_index(option->also_group, group) >= 0);
}

bool pcl_option_is_list(const struct pcl_option *option) {
    return option->type == PCL_TEXTLIST || option->type == PCL_PERMS ||
           option->type == PCL_WHOLES || option->type == PCL_INTPAIR ||
           option->type == PCL_ANGLEPAIR;
}

void *pcl_option_field(const struct pcl_option *option, pclean_config *config) {
    return (char *)config + option->offset;
}

const void *pcl_option_const_field(const struct pcl_option *option, const pclean_config *config) {
    return (const char *)config + option->offset;
}

size_t pclean_config_count(void) {
    return NTABLE;
}

const char *pclean_config_name(size_t i) {
    return i < NTABLE ? table[i].name : NULL;
}

bool pclean_config_is_bool(const char *name) {
    const struct pcl_option *option = name ? pcl_option_find(name) : NULL;
    return option && option->type == PCL_BOOL;
}

/* ---- lists of words ---- */

/* ---- the nearest name ---- */

#define LONGEST 40

static size_t min3(size_t a, size_t b, size_t c) {
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Optimal string alignment: three rows of the table suffice. Names longer than any of ours are far
 * from all of them. */
size_t pcl_edit_distance(const char *a, const char *b) {
    size_t na = strlen(a), nb = strlen(b);
    if (na > LONGEST || nb > LONGEST)
        return na > nb ? na : nb;
    size_t rows[3][LONGEST + 1];
    for (size_t j = 0; j <= nb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (ca != cb));
            if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
                cb == tolower((unsigned char)a[i - 2]) && above2[j - 2] + 1 < row[j])
                row[j] = above2[j - 2] + 1;
        }
    }
    return rows[na % 3][nb];
}

bool pcl_near_enough(const char *name, size_t distance) {
    size_t n = strlen(name);
    return distance <= (n < 6 ? 2 : n / 3 + 1) && distance < n;
}

/* Only served names: whoever mistypes one of the others learns of that soon enough. */
const char *pcl_option_nearest(const char *name) {
    const char *best = NULL;
    size_t least = 0;
    for (size_t i = 0; i < NTABLE; i++) {
        size_t d = pcl_edit_distance(name, table[i].name);
        if (!best || d < least) {
            best = table[i].name;
            least = d;
        }
    }
    return pcl_near_enough(name, least) ? best : NULL;
}
