/**
 * What to tell people when the machine has no more watches to give.
 *
 * @since 1.0.0
 */

/** Directories on a machine that a limit should do for, at least. */
const ENOUGH = 1_048_576

/** ENOSPC of inotify_add_watch. */
export const watchesExhausted =
  `ENOSPC: this machine allows its user no more inotify watches. Raise the limit: ` +
  `sudo sysctl -w fs.inotify.max_user_watches=${ENOUGH} (and put fs.inotify.max_user_watches=${ENOUGH} ` +
  `into /etc/sysctl.d/60-file-conveyor.conf so that it lasts)`

/** EMFILE of inotify_init1. */
export const instancesExhausted =
  `EMFILE: this machine allows its user no more inotify instances (or this process no more open files). Raise the limit: ` +
  `sudo sysctl -w fs.inotify.max_user_instances=1024`
