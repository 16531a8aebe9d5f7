#!/usr/bin/env node
/** Publishes the small site beside this file, then shows what came of it. Safe to run again. */
import { spawnSync } from "node:child_process"
import { existsSync, lstatSync, readdirSync, readlinkSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"

const here = dirname(fileURLToPath(import.meta.url))
const program = join(here, "..", "..", "dist", "main.js")
const config = join(here, "config.xml")
const published = join(here, "published")
const map = join(here, ".file-conveyor", "synced_files.db")
const ROWS = 5

/** A path as it is typed here: the shorter of its two forms. */
const show = (path) => {
  const typed = relative(process.cwd(), path)
  return typed.length < path.length ? typed : path
}
const word = (text) => (/^[\w./@:+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)
const command = (...words) => ["node", show(program), ...words].map(word).join(" ")

/** The lines of a directory's tree. A file that is a link into the site says so. */
const tree = (directory, indent = "") =>
  readdirSync(directory, { withFileTypes: true })
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((entry, index, all) => {
      const path = join(directory, entry.name)
      const last = index === all.length - 1
      const branch = `${indent}${last ? "└── " : "├── "}${entry.name}`
      if (entry.isDirectory()) return [branch, ...tree(path, `${indent}${last ? "    " : "│   "}`)]
      const target = lstatSync(path).isSymbolicLink()
        ? `  -> ${relative(here, resolve(directory, readlinkSync(path)))}`
        : ""
      return [branch + target]
    })

const rows = async () => {
  const { DatabaseSync } = await import("@photostructure/sqlite")
  const database = new DatabaseSync(map, { readOnly: true })
  try {
    return {
      count: database.prepare("SELECT COUNT(*) AS count FROM synced_files").get().count,
      first: database.prepare("SELECT input_file, url, server FROM synced_files LIMIT ?").all(ROWS),
    }
  } finally {
    database.close()
  }
}

// Somebody who has seen enough (a pager, head) closes the pipe.
process.stdout.on("error", () => process.exit(0))

if (!existsSync(program)) {
  console.error(
    `${show(program)} is not there yet. Build it first, in the project's directory: npm install && npm run build`,
  )
  process.exit(2)
}

console.log(`$ ${command(show(config), "--once")}\n`)
const run = spawnSync(process.execPath, [program, config, "--once"], { stdio: "inherit" })
if (run.error !== undefined) console.error(run.error.message)
if (run.status !== 0) process.exit(run.status ?? 1)

console.log(`\nPublished in ${show(published)}:\n`)
console.log(tree(published).join("\n"))

const { count, first } = await rows()
console.log(`\nThe first ${first.length} of ${count} rows of ${show(map)}, which tells a CMS where its files are:\n`)
for (const row of first) console.log(`  ${relative(here, row.input_file)}\n      ${row.url}  (${row.server})`)

console.log(`
Left at home: HTML pages (no rule asks for them), an empty file and ${join("downloads", "drafts")} (a filter says so).

What to try next
  Run this again: nothing has changed, so nothing is done.
  Start the daemon, which publishes what you change from now on:
      ${command(show(config))}
  Meanwhile, in another terminal, edit ${show(join(here, "site", "css", "site.css"))}
  (its new version is published under a new name at once; the old one stays for a while), and ask whether all is in sync:
      ${command("status", show(config))}
  Ask which rule takes a file, through which processors, to which URL:
      ${command("explain", show(config), show(join(here, "site", "images", "crème brûlée.png")))}
  Read the configuration, with its comments: ${show(config)}
`)
