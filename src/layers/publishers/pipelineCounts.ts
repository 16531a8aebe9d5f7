/**
 * The counts on a CMS's status page: it counts rows, so there are as many rows as there is work, without contents.
 *
 * @since 1.0.0
 */
import { PIPELINE_ROWS } from "../../domain/Limits.ts"
import type { Database } from "../ledger/driver.ts"

export interface PipelineCounts {
  /**
   * Brings the tables nearer to these counts, in one transaction of at most {@link PIPELINE_ROWS} rows; true when they
   * are reached.
   */
  readonly approach: (counts: { readonly waiting: number; readonly inFlight: number }) => boolean
}

const table = (database: Database, name: string) => {
  const add = database.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO ${name} (item) SELECT '' FROM n`,
  )
  const remove = database.prepare(`DELETE FROM ${name} WHERE id IN (SELECT id FROM ${name} ORDER BY id DESC LIMIT ?)`)
  const count = database.prepare(`SELECT count(*) FROM ${name}`)
  let rows = Number(count.get()?.[0])
  return {
    distance: (wanted: number) => wanted - rows,
    step: (by: number) => {
      if (by > 0) add.run(by)
      else if (by < 0) remove.run(-by)
      return () => {
        rows += by
      }
    },
  }
}

const clamp = (distance: number, most: number): number => Math.max(-most, Math.min(most, distance))

export const makePipelineCounts = (database: Database): PipelineCounts => {
  const queue = table(database, "pipeline_queue")
  const list = table(database, "pipeline_list")
  return {
    approach: ({ inFlight, waiting }) => {
      const inList = clamp(list.distance(inFlight), PIPELINE_ROWS)
      const inQueue = clamp(queue.distance(waiting), PIPELINE_ROWS)
      if (inList !== 0 || inQueue !== 0) {
        const done = database.transaction(() => [list.step(inList), queue.step(inQueue)])
        for (const remember of done) remember()
      }
      return list.distance(inFlight) === 0 && queue.distance(waiting) === 0
    },
  }
}
