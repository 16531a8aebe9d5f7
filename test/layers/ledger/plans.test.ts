/** No question reads more of the ledger than it has to. */
import { assert, describe, it } from "@effect/vitest"
import { changeSql } from "../../../src/layers/ledger/changes.ts"
import { companionSql } from "../../../src/layers/ledger/companions.ts"
import { debtSql } from "../../../src/layers/ledger/debts.ts"
import { deliverySql } from "../../../src/layers/ledger/deliveries.ts"
import { linkSql } from "../../../src/layers/ledger/links.ts"
import { open } from "../../../src/layers/ledger/driver.ts"
import { outboxSql } from "../../../src/layers/ledger/outbox.ts"
import { overviewSql } from "../../../src/layers/ledger/overview.ts"
import { invalidationSql } from "../../../src/layers/ledger/invalidations.ts"
import { migrate } from "../../../src/layers/ledger/schema.ts"

const database = open(":memory:")
migrate(database)

const plan = (sql: string): string =>
  database
    .prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .all()
    .map((row) => String(row[3]))
    .join("\n")

/** The access that makes each question cheap. */
const expected: Readonly<Record<string, ReadonlyArray<string>>> = {
  last: ["SEARCH outbox"],
  waiting: ["SCAN failures", "SCAN retirements"],
  deliver: [],
  forget: ["(directory=? AND name=? AND server=? AND rule=?)"],
  owe: [],
  published: ["INTEGER PRIMARY KEY (rowid<?)"],
  partly: ["INTEGER PRIMARY KEY (rowid=?)", "SEARCH outbox"],
  postpone: ["retirements_by_target (source=? AND path=? AND server=?)"],
  retire: [],
  retired: ["(server=? AND destination=?)"],
  fail: [],
  clear: ["(source=? AND path=? AND server=?)"],
  sourceDeleted: ["(directory=? AND name=?)"],
  hold: [],
  release: ["INTEGER PRIMARY KEY (rowid=?)"],
  rootSeen: [],
  isUsedBelow: ["deliveries_by_place (server=? AND destination>? AND destination<?)"],
  ofName: ["(directory=? AND name=?)"],
  deliveriesOf: ["(source=? AND path=?)", "(directory=? AND name=?)"],
  deliveriesIn: ["(source=? AND path=?)", "(directory=?)"],
  directories: ["COVERING INDEX sqlite_autoindex_directories_1 (source=? AND path>? AND path<?)"],
  count: ["(source=?)", "(directory=?)"],
  occupants: ["deliveries_by_place (server=? AND destination=?)"],
  isOccupied: ["COVERING INDEX deliveries_by_place (server=? AND destination=?)"],
  latestOf: ["PRIMARY KEY (directory=? AND name=? AND server=?)"],
  retirementsOf: ["retirements_by_target (source=? AND path=? AND server=?)"],
  doubt: ["deliveries_by_place (server=? AND destination=?)"],
  retireUnlessKnown: [],
  begin: [],
  begun: ["INTEGER PRIMARY KEY (rowid=?)"],
  end: ["INTEGER PRIMARY KEY (rowid=?)"],
  open: ["SCAN uploads"],
  retirable: [
    "retirements_by_target (source=? AND path=? AND server=?)",
    "SCAN outbox",
    "links_by_place (server=? AND place=?)",
  ],
  failureOf: ["(source=? AND path=? AND server=?)"],
  failures: ["SCAN failures USING INDEX failures_by_age"],
  failuresOn: ["failures_by_server_age (server=?)"],
  retries: ["failures_by_time (server=? AND next_try<?)"],
  nextRetry: ["COVERING INDEX failures_by_time (server=? AND next_try>?)"],
  retirements: ["retirements_by_time (server=? AND due_at<?)", "SCAN outbox", "links_by_place (server=? AND place=?)"],
  nextRetirement: ["COVERING INDEX retirements_by_time (server=? AND due_at>?)"],
  nextUnlinked: ["COVERING INDEX retirements_by_end (server=? AND linked_until>?)"],
  anyLink: ["SCAN links"],
  anyCompanion: ["INDEX deliveries_with_companions"],
  occupies: ["(directory=? AND name=? AND server=? AND rule=?)"],
  doubtCompanion: ["deliveries_by_place (server=? AND destination=?)"],
  setCompanions: ["(directory=? AND name=? AND server=? AND rule=?)"],
  isOccupiedBeside: ["deliveries_by_place (server=? AND destination=?)"],
  occupantsBeside: ["deliveries_by_place (server=? AND destination=?)"],
  link: [],
  unlink: ["(directory=? AND name=? AND server=? AND rule=?)"],
  linksOf: ["(directory=? AND name=? AND server=?)"],
  linksOfDelivery: ["(directory=? AND name=? AND server=? AND rule=?)"],
  linksTo: ["links_by_file (server=? AND to_source=? AND to_path=?)"],
  placesOf: ["(directory=? AND name=? AND server=?)"],
  makeStale: ["(directory=? AND name=? AND server=? AND rule=?)"],
  isStale: [
    "v USING PRIMARY KEY (directory=? AND name=? AND server=?)",
    "(directory=? AND name=? AND server=? AND rule=?)",
  ],
  staleReferrers: [
    "links_by_file (server=? AND to_source=? AND to_path=?)",
    "v USING PRIMARY KEY (directory=? AND name=? AND server=? AND rule=?)",
  ],
  keep: ["(server=? AND destination=?)", "(directory=? AND name=? AND server=? AND rule=?)"],
  deletable: [
    "COVERING INDEX deliveries_by_age (rule=? AND delivered_at<?)",
    "SEARCH o USING PRIMARY KEY (directory=? AND name=?)",
  ],
  nextDeletable: [
    "COVERING INDEX deliveries_by_age (rule=? AND delivered_at>?)",
    "SEARCH o USING PRIMARY KEY (directory=? AND name=?)",
  ],
  outbox: ["SCAN outbox"],
  holds: ["SCAN holds"],
  roots: ["SCAN roots"],
  deliveryTotals: ["COVERING INDEX deliveries_by_place"],
  failureTotals: ["COVERING INDEX"],
  retirementTotals: ["COVERING INDEX"],
  nextDirectory: ["(source=? AND path>?)"],
  firstDirectory: ["(source=?)"],
  page: ["(directory=? AND name>?)"],
  sources: ["COVERING INDEX"],
  outdate: [
    "COVERING INDEX deliveries_by_place (server=? AND destination=?)",
    "SEARCH retirements USING PRIMARY KEY (server=? AND destination=?)",
    "COVERING INDEX invalidations_by_order (server=?)",
  ],
  invalidated: ["invalidations_by_order (server=? AND seq<?)"],
  outdated: ["COVERING INDEX invalidations_by_order (server=?)"],
  outdatedTotal: ["(server=?)"],
  outdatedSince: ["COVERING INDEX invalidations_by_age (server=?)"],
  isOutdated: ["PRIMARY KEY (server=? AND destination=?)"],
}

describe("query plans", () => {
  for (const [name, sql] of Object.entries({
    ...changeSql,
    ...debtSql,
    ...outboxSql,
    ...deliverySql,
    ...linkSql,
    ...companionSql,
    ...overviewSql,
    ...invalidationSql,
  })) {
    it(name, () => {
      const found = plan(sql)
      assert.isDefined(expected[name], found)
      for (const access of expected[name]!) assert.include(found, access)
      const sorts = name === "page" || name === "latestOf" || name === "staleReferrers" ? 1 : 0
      assert.strictEqual(found.split("TEMP B-TREE").length - 1, sorts, found)
      // Tables that grow with the number of files are never read from end to end without an index, but once at the
      // start (`last`) and for the first row (`waiting`, `anyLink`).
      if (name === "last" || name === "waiting" || name === "anyLink") return
      assert.notMatch(
        found,
        /SCAN (?:v|d|o|l|links|deliveries|directories|failures|retirements)(?! USING)(?!\w)/,
        found,
      )
    })
  }
})
