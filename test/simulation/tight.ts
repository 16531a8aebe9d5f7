/**
 * Limits so low that worlds of a few dozen files go past them: what happens where more waits, is due or refers to others
 * than is remembered one by one. Put into src/domain/Limits.ts while the simulation is bundled.
 */
export const tightLimits: Readonly<Record<string, number>> = {
  BACKLOG_PATHS: 3,
  BACKLOG_DIRECTORIES: 2,
  SETTLE_PATHS: 3,
  SETTLE_LOOKS: 2,
  SCAN_BATCH: 2,
  REMOVAL_FILES: 2,
  REMOVAL_LOOKS: 1,
  AGENDA_BATCH: 2,
  LANE_AGENDA: 2,
  EXPAND_BATCH: 2,
  COMMIT_BATCH: 3,
  PUBLISH_BATCH: 2,
  INVALIDATION_BATCH: 3,
  BATCH_FILES: 4,
  BATCH_CROWD: 2,
  LISTED_AHEAD: 3,
  WAITING_REFERRERS: 12,
  WAITED_FOR: 40,
  STALE_REFERRERS: 2,
}
