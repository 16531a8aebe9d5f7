import { readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import sharp from "sharp"
import { svg } from "../../../../src/layers/processors/minify.ts"
import { processorContract } from "../../../contract/processor.ts"
import { bytesOf, minified, packageFile } from "./run.ts"

const picture = (inner: string, attributes = 'viewBox="0 0 100 60" width="100" height="60"') =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<!-- made by a program -->\n<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${attributes}>\n  ${inner}\n</svg>\n`

processorContract(svg, {
  live: true,
  settings: undefined,
  examples: [
    {
      path: "images/dot.svg",
      bytes: bytesOf(picture('<circle cx="10" cy="10" r="5" fill="#ff0000" />')),
      output: bytesOf(
        '<svg xmlns="http://www.w3.org/2000/svg" width="100" height="60" viewBox="0 0 100 60"><circle cx="10" cy="10" r="5" fill="red"/></svg>',
      ),
    },
    { path: "utf16.svg", bytes: Uint8Array.from([0xff, 0xfe, 0x3c, 0x00]), baseName: "utf16.svg" },
    { path: "empty.svg", bytes: new Uint8Array(0), output: new Uint8Array(0) },
  ].map((example) => ({ ...example, uniqueName: false })),
})

const minify = (text: string) => minified(svg, "picture.svg", text)

/** The picture as it is drawn at 144 dots per inch. */
const drawn = async (text: string) => {
  const { data, info } = await sharp(Buffer.from(text), { density: 144 })
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
  return { data, size: `${info.width}x${info.height}` }
}

const assertDrawnTheSame = (before: string, after: string, name: string) =>
  Effect.gen(function* () {
    const left = yield* Effect.promise(() => drawn(before))
    const right = yield* Effect.promise(() => drawn(after))
    assert.strictEqual(right.size, left.size, name)
    assert.isTrue(left.data.equals(right.data), `${name} is drawn differently`)
    assert.isTrue(
      left.data.some((value) => value !== 0),
      `${name} draws nothing: it proves nothing`,
    )
  })

const pictures: Readonly<Record<string, string>> = {
  "shapes and strokes": picture(
    '<rect x="2.50" y="3.125" width="30.000" height="20" rx="4" fill="#336699" stroke="rgb(255, 0, 0)" stroke-width="1.5px"/><ellipse cx="60" cy="20" rx="10" ry="10"/><line x1="0" y1="50" x2="99.999" y2="50.333" stroke="#000000"/><polygon points="70,40 90,40 80,55" opacity=".5"/><rect width="0" height="9"/>',
  ),
  "paths of many digits": picture(
    '<path d="M 10.123456789 20.987654321 C 15.5 5.25, 30.123456 5.654321, 40 20 S 60.00001 40 70 20 Q 80 0 90 20 T 95 30 A 5.5 3.25 30 1 0 20 50 a 1 1 0 0 1 2 2 L 20 50 h 10 v -5 H 5 V 55 Z m 1 1 l 0.0001 0.0001 z"/>',
  ),
  "transforms, groups and uses": picture(
    '<defs><g id="mark"><path d="M0 0 L10 0 L10 10 Z"/></g><symbol id="sym" viewBox="0 0 10 10"><circle cx="5" cy="5" r="5"/></symbol></defs><g transform="translate(10, 5) rotate(15) scale(1.25 0.75)"><g fill="green"><use xlink:href="#mark" x="5"/><use href="#sym" width="20" height="20" x="30"/></g></g><g transform="matrix(1 0.2 -0.3 1 40 10)" stroke="blue" fill="none"><rect width="20" height="10"/></g>',
  ),
  "gradients, clips, masks, filters and patterns": picture(
    '<defs><linearGradient id="g"><stop offset="0%" stop-color="#ff0000"/><stop offset="100%" stop-color="#00f" stop-opacity="0.25"/></linearGradient><radialGradient id="r" href="#g" cx=".3"/><clipPath id="c"><circle cx="30" cy="30" r="20"/></clipPath><mask id="m"><rect width="100" height="60" fill="white"/><circle cx="70" cy="30" r="10" fill="black"/></mask><filter id="f"><feGaussianBlur stdDeviation="2"/></filter><pattern id="p" width="6" height="6" patternUnits="userSpaceOnUse"><path d="M0 6L6 0" stroke="#333333"/></pattern></defs><rect width="60" height="60" fill="url(#g)" clip-path="url(#c)"/><rect x="50" width="50" height="60" fill="url(#p)" mask="url(#m)"/><circle cx="85" cy="45" r="9" fill="url(#r)" filter="url(#f)"/>',
  ),
  "style sheets and what they win over": picture(
    '<style>/* a remark */ .a { fill : red } #b.a { fill : blue } rect[width="9"] { stroke : green } @media (min-width: 1px) { .c { fill : orange } } @layer x { .d { fill : purple } }</style><rect class="a" id="b" width="9" height="9"/><rect class="a" x="20" width="9" height="9" fill="yellow"/><rect class="c" x="40" width="9" height="9" style="stroke : black ; stroke-width : 2"/><rect class="d" y="30" width="20" height="20"/>',
  ),
  "text and its spaces": picture(
    '<text x="5" y="20" font-family="sans-serif" font-size="9">  one   <tspan fill="red"> two </tspan>  three </text><text x="5" y="40" font-size="9" xml:space="preserve">  a   b  </text><title>A title</title><desc>What it is</desc>',
  ),
  "no size of its own": picture('<rect width="50%" height="100%" fill="teal"/>', 'viewBox="0 0 100 60"'),
  "sizes in points": picture(
    '<rect width="10pt" height="1in" fill="teal"/>',
    'width="72pt" height="1in" viewBox="0 0 96 96"',
  ),
  entities: `<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" [ <!ENTITY colour "#00ff00"> ]>\n<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">  <rect width="20" height="20" fill="&colour;"/>  </svg>`,
  "an editor's remains": picture(
    '<sodipodi:namedview xmlns:sodipodi="http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd" pagecolor="#fff"/><g xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape" inkscape:label="Layer 1" inkscape:groupmode="layer"><path style="fill:#ff7f2a;stroke:none" d="M 1,1 L 50,1 L 50,50 Z" inkscape:connector-curvature="0"/></g>',
  ),
  "lines that caps make visible": picture(
    '<path d="M10 10z M20 20h0 M30 30l0 0" stroke="#000" stroke-width="6" stroke-linecap="round" fill="none"/><path d="M50 10 L60 10 L70 10 L50 40" stroke="red" marker-mid="url(#k)" fill="none"/><marker id="k" markerWidth="4" markerHeight="4" refX="2" refY="2"><circle cx="2" cy="2" r="2"/></marker>',
  ),
}

describe("minify.SVG", () => {
  for (const [name, text] of Object.entries(pictures)) {
    it.live(`draws ${name} the same to the pixel`, () =>
      Effect.gen(function* () {
        const smaller = yield* minify(text)
        assert.isBelow(smaller.length, text.length)
        yield* assertDrawnTheSame(text, smaller, name)
      }),
    )
  }

  it.live("draws icons of Font Awesome the same to the pixel", () =>
    Effect.gen(function* () {
      const directory = "@fortawesome/fontawesome-free/svgs-full"
      const home = fileURLToPath(new URL(`../../../../node_modules/${directory}`, import.meta.url))
      const icons = readdirSync(home, { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".svg"))
        .sort()
      assert.isAbove(icons.length, 500)
      for (const icon of icons.filter((_, index) => index % 60 === 0)) {
        const text = packageFile(`${directory}/${icon}`)
        yield* assertDrawnTheSame(text, yield* minify(text), icon)
      }
    }),
  )

  it.live("keeps what pages, style sheets, scripts and people refer to", () =>
    Effect.gen(function* () {
      const text = picture(
        '<title>Name</title><desc>Description</desc><view id="v" viewBox="0 0 1 1"/><style>#unused { fill : red } @media (prefers-color-scheme: dark) { .x { fill : #fff } } .x { color : #000 }</style><script>document.querySelector( "#hidden" )</script><g id="empty"/><rect id="hidden" display="none" width="9" height="9"/><rect class="x y" id="x" data-n="1" aria-label="l" role="img" onclick="go( )" width="9" height="9"/><defs><path id="later" d="M0 0h9"/></defs>',
      )
      const smaller = yield* minify(text)
      for (const part of [
        "<title>Name",
        "<desc>Description",
        'id="v"',
        "#unused",
        "prefers-color-scheme",
        "<script>",
        'id="empty"',
        'id="hidden"',
        'class="x y"',
        'data-n="1"',
        'aria-label="l"',
        'role="img"',
        'onclick="go( )"',
        'id="later"',
      ]) {
        assert.include(smaller, part)
      }
    }),
  )

  it.live("names line and column of a mistake", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(minify('<svg xmlns="http://www.w3.org/2000/svg">\n  <g><rect></g>\n</svg>'))
      assert.match(error.message, /line 2, column \d+: Unexpected close tag/)
    }),
  )
})
